#include "server/options_print.h"

#include "base/assert.h"
#include "server/options.h"
#include "server/roff.h"

#include <string.h>

enum { HELP_COLUMN = 30 };

static const enum options_group groups[] = {
    OPTIONS_GROUP_NETWORK, OPTIONS_GROUP_STORE,   OPTIONS_GROUP_CACHE,
    OPTIONS_GROUP_STATES,  OPTIONS_GROUP_PROCESS,
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

static const char *group_title(enum options_group group)
{
    switch (group) {
    case OPTIONS_GROUP_NETWORK:
        return "Connections";
    case OPTIONS_GROUP_STORE:
        return "Storage";
    case OPTIONS_GROUP_CACHE:
        return "Cache";
    case OPTIONS_GROUP_STATES:
        return "Read states";
    case OPTIONS_GROUP_PROCESS:
        return "Process";
    }
    UNREACHABLE("a group of options outside its enum");
}

static const char *placeholder(const struct option *option)
{
    switch (option->kind) {
    case OPTIONS_KIND_FLAG:
        return "yes|no";
    case OPTIONS_KIND_INTEGER:
        return "N";
    case OPTIONS_KIND_SIZE:
        return "SIZE";
    case OPTIONS_KIND_TIME:
        return "TIME";
    case OPTIONS_KIND_CHOICE:
        return option->words;
    case OPTIONS_KIND_TEXT:
        return "PATH";
    case OPTIONS_KIND_ADDRESSES:
        return "ADDRESSES";
    }
    UNREACHABLE("a kind of option outside its enum");
}

static bool has_default(const struct option *option)
{
    return option->default_text != NULL && option->default_text[0] != '\0';
}

static void print_help_option(FILE *to, const struct option *option)
{
    const int width = fprintf(to, "  --%s %s", option->name, placeholder(option));
    if (width >= HELP_COLUMN) {
        fprintf(to, "\n%*s", HELP_COLUMN, "");
    } else {
        fprintf(to, "%*s", HELP_COLUMN - width, "");
    }
    fprintf(to, "%s", option->help);
    if (has_default(option)) {
        fprintf(to, " [%s]", option->default_text);
    }
    fputc('\n', to);
}

void options_print_help(FILE *to)
{
    fputs(
        "Usage: readstates-server [--config FILE] [--OPTION VALUE]...\n"
        "\n"
        "Keeps, for every user and channel, the last message read and the mentions unread.\n"
        "Speaks the Redis protocol; without options on 127.0.0.1:6677, with its data in ./data.\n",
        to);
    for (size_t group = 0; group < GROUPS; group++) {
        fprintf(to, "\n%s:\n", group_title(groups[group]));
        for (size_t i = 0; i < OPTIONS_COUNT; i++) {
            if (options_table[i].group == groups[group]) {
                print_help_option(to, &options_table[i]);
            }
        }
    }
    fputs(
        "\n"
        "Program:\n"
        "  --config FILE               read options from a file of lines like 'port = 6677'\n"
        "  --help                      show this and exit\n"
        "  --version                   show the version and exit\n"
        "\n"
        "SIZE is in bytes or with kb, mb, gb (64mb); TIME with ms, s, m, h (30s). An option is "
        "also\n"
        "taken from the environment (READSTATES_COMMIT_DELAY=30s). The command line wins over the\n"
        "environment, which wins over the file. `CONFIG SET` changes most of them live.\n"
        "\n"
        "Exit codes: 0 all changes are written; 1 it could not start (a bad option, a port in "
        "use,\n"
        "a data folder that cannot be used) or not write all changes at its end.\n",
        to);
}

static void print_man_option(FILE *to, const struct option *option)
{
    char range[OPTIONS_TEXT_SIZE];
    options_print_range(option, range);
    fputs(".TP\n\\fB\\-\\-", to);
    roff_print(to, option->name);
    fputs("\\fR \\fI", to);
    roff_print(to, placeholder(option));
    fputs("\\fR\n", to);
    roff_print(to, option->help);
    fputs(".\nValue: ", to);
    roff_print(to, range);
    if (has_default(option)) {
        fputs(". Default: ", to);
        roff_print(to, option->default_text);
    }
    fputs(option->is_live ? ".\nMay be changed live.\n" : ".\n", to);
}

static const char man_head[] =
    ".\\\" Made by readstates-docs from the table of options.\n"
    ".TH READSTATES\\-SERVER 1 \"\" readstates \"User Commands\"\n"
    ".SH NAME\n"
    "readstates\\-server \\- keeps read states and mention counts of chat users\n"
    ".SH SYNOPSIS\n"
    ".B readstates\\-server\n"
    "[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-\\fIOPTION\\fR \\fIVALUE\\fR]...\n"
    ".SH DESCRIPTION\n"
    "For every user and channel of a chat product the server keeps the last message read and the\n"
    "mentions that wait unread. Clients speak the Redis protocol to it. Without options it "
    "listens\n"
    "on 127.0.0.1, port 6677, and keeps its data with RocksDB in the folder ./data.\n"
    ".PP\n"
    "SIGTERM and SIGINT end it: commands in hand are answered, all changes are written. A second\n"
    "signal stops waiting.\n"
    ".SH OPTIONS\n"
    "Options are taken from a config file, then from the environment, then from the command line;\n"
    "the later one wins. A size is in bytes or with kb, mb or gb (powers of 1024); a time has ms, "
    "s,\n"
    "m or h. What may be changed live is changed by \\fBCONFIG SET\\fR.\n"
    ".TP\n"
    "\\fB\\-\\-config\\fR \\fIFILE\\fR\n"
    "Read options from a file, see FILES.\n"
    ".TP\n"
    "\\fB\\-\\-help\\fR\n"
    "Show all options and exit.\n"
    ".TP\n"
    "\\fB\\-\\-version\\fR\n"
    "Show the version and exit.\n";

static const char man_tail[] =
    ".SH ENVIRONMENT\n"
    "Every option can be set by a variable: READSTATES_ and its name in upper case, with _ for "
    "each\n"
    "dash, as in READSTATES_COMMIT_DELAY=30s. Other variables are left alone.\n"
    ".SH FILES\n"
    "The config file has a line for each option, as in\n"
    ".PP\n"
    ".RS\n"
    ".nf\n"
    "# all of the house\n"
    "cache\\-memory = 4gb\n"
    "commit\\-delay = 30s\n"
    ".fi\n"
    ".RE\n"
    ".PP\n"
    "Lines that begin with # or ; are comments. An unknown name, a bad value or a name set twice\n"
    "stops the start, with the file and the line.\n"
    ".SH EXIT STATUS\n"
    ".TP\n"
    "0\n"
    "It ended as told, and all changes are written; or it showed help or version.\n"
    ".TP\n"
    "1\n"
    "It could not start (a bad option, a port in use, a data folder that cannot be written or is "
    "in\n"
    "use), or could not write all changes before its end. The reason is on standard error.\n";

void options_print_man(FILE *to)
{
    fputs(man_head, to);
    for (size_t group = 0; group < GROUPS; group++) {
        fprintf(to, ".SS %s\n", group_title(groups[group]));
        for (size_t i = 0; i < OPTIONS_COUNT; i++) {
            if (options_table[i].group == groups[group]) {
                print_man_option(to, &options_table[i]);
            }
        }
    }
    fputs(man_tail, to);
}

/* A bar ends a cell of a table. */
static void print_cell(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputc('\\', to);
        }
        fputc(*text, to);
    }
}

static void print_markdown_option(FILE *to, const struct option *option)
{
    char range[OPTIONS_TEXT_SIZE];
    options_print_range(option, range);
    fprintf(to, "| `%s` | ", option->name);
    if (has_default(option)) {
        fprintf(to, "`%s`", option->default_text);
    }
    fputs(" | ", to);
    print_cell(to, range);
    fprintf(to, " | %s | ", option->is_live ? "yes" : "no");
    print_cell(to, option->help);
    fputs(" |\n", to);
}

void options_print_markdown(FILE *to)
{
    fputs("# Options\n"
          "\n"
          "Made by `readstates-docs` from the table in `src/server/options.h`.\n"
          "\n"
          "An option is taken from these places; the later one wins:\n"
          "\n"
          "1. a config file, named by `--config FILE`: `commit-delay = 30s`; lines that begin with "
          "`#` "
          "or `;` are comments\n"
          "2. the environment: `READSTATES_COMMIT_DELAY=30s`\n"
          "3. the command line: `--commit-delay 30s` or `--commit-delay=30s`\n"
          "\n"
          "Those that may change live are changed with `CONFIG SET commit-delay 10s`, several at "
          "once "
          "all or none. An unknown name or a bad value stops the start with exit code 1, and says "
          "where it is and what would be right.\n"
          "\n"
          "A size is in bytes, or with `kb`, `mb` or `gb` (powers of 1024); `CONFIG GET` shows "
          "bytes. "
          "A time has `ms`, `s`, `m` or `h` (a plain `0` needs none); `CONFIG GET` shows seconds "
          "(`30s`), or milliseconds where they are no whole seconds (`1500ms`).\n",
          to);
    for (size_t group = 0; group < GROUPS; group++) {
        fprintf(to,
                "\n## %s\n\n"
                "| option | default | value | live | what it does |\n"
                "|---|---|---|---|---|\n",
                group_title(groups[group]));
        for (size_t i = 0; i < OPTIONS_COUNT; i++) {
            if (options_table[i].group == groups[group]) {
                print_markdown_option(to, &options_table[i]);
            }
        }
    }
}
