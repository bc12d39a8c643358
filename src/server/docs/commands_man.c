#include "base/status.h"
#include "server/docs/commands.h"
#include "server/docs/general.h"
#include "server/docs/notes.h"
#include "server/roff.h"

#include <ctype.h>
#include <string.h>

/* Upper case. */
static void print_name(FILE *to, const struct command_spec *spec)
{
    for (const char *at = spec->name; *at != '\0'; at++) {
        fputc(toupper((unsigned char)*at), to);
    }
}

static bool is_of(const struct command_spec *spec, const struct general_group *group)
{
    return strcmp(spec->group, group->name) == 0;
}

/* What there is, in a paragraph a group. */
static void print_index(FILE *to)
{
    for (const struct general_group *group = general_groups; group->name != NULL; group++) {
        fprintf(to, "%s.TP 14\n%s\n", group == general_groups ? "" : ".PD 0\n", group->title);
        const char *gap = "";
        for (int id = 0; id < COMMAND_IDS; id++) {
            const struct command_spec *spec = command_table_get((enum command_id)id);
            if (is_of(spec, group)) {
                fputs(gap, to);
                print_name(to, spec);
                gap = ", ";
            }
        }
        fputc('\n', to);
    }
    fputs(".PD\n", to);
}

static void print_head(FILE *to)
{
    fputs(
        ".\\\" Made by readstates-docs from the table of commands.\n"
        ".TH READSTATES\\-COMMANDS 7 \"\" readstates \"Commands of readstates\"\n"
        /* Options and names are not to be hyphenated, nor lines filled with spaces. */
        ".nh\n"
        ".ad l\n"
        ".SH NAME\n"
        "readstates\\-commands \\- what a client can ask of readstates\\-server\n"
        ".SH DESCRIPTION\n"
        ".BR readstates\\-server (1)\n"
        "speaks the Redis protocol. These are its commands, how they are written, and what comes\n"
        "back.\n",
        to);
    print_index(to);
    fputs(".SH \"OF ALL COMMANDS\"\n", to);
    for (const char *const *rule = general_rules; *rule != NULL; rule++) {
        fputs(".IP \\(bu 2\n", to);
        roff_print(to, *rule);
        fputc('\n', to);
    }
}

static void print_errors(FILE *to)
{
    fputs(".SH ERRORS\nAny command can end with these, and has then changed nothing:\n", to);
    for (const struct general_error *error = general_errors; error->error != NULL; error++) {
        fputs(".TP\n\\fB", to);
        roff_print_code(to, slice_from_text(error->error));
        fputs("\\fR\n", to);
        roff_print(to, error->when);
        fputs(".\n", to);
    }
    fputs(".PP\nThese where the command names the word.\n", to);
    roff_print(to, general_failures);
    fputc('\n', to);
    const unsigned failures = general_find_failures();
    for (unsigned status = 0; failures >> status != 0; status++) {
        if ((failures >> status & 1) != 0) {
            fprintf(to, ".TP\n\\fB\\-%s\\fR\n", status_word((enum status)status));
            roff_print(to, status_text((enum status)status));
            fputs(".\n", to);
        }
    }
}

/* Names of options, and words to choose among, are typed in as they are; others stand for a value.
 */
static bool is_typed(struct slice word)
{
    return isupper((unsigned char)word.bytes[0]) || isdigit((unsigned char)word.bytes[0]) ||
           memchr(word.bytes, '|', word.size) != NULL;
}

static void print_syntax(FILE *to, const char *syntax)
{
    while (*syntax != '\0') {
        const size_t around = strspn(syntax, " [].");
        const size_t size = strcspn(syntax + around, " [].");
        const struct slice word = {.bytes = syntax + around, .size = size};
        fprintf(to, "%.*s", (int)around, syntax);
        if (size > 0) {
            fputs(is_typed(word) ? "\\fB" : "\\fI", to);
            roff_print_code(to, word);
            fputs("\\fR", to);
        }
        syntax += around + size;
    }
    fputc('\n', to);
}

static void print_reply(FILE *to, const struct command_spec *spec, const struct command_note *note)
{
    fputs(".TP 12\nReply\n", to);
    roff_print(to, spec->reply);
    fprintf(to, "\n.PD 0\n.TP\n%s\n", note->resp3 == NULL ? "RESP2, 3" : "RESP2");
    roff_print(to, note->resp2);
    if (note->resp3 != NULL) {
        fputs("\n.TP\nRESP3\n", to);
        roff_print(to, note->resp3);
    }
    fputc('\n', to);
}

static void print_flags(FILE *to, unsigned flags)
{
    if (flags == 0) {
        return;
    }
    const char *gap = ".TP\nFlags\n";
    for (unsigned i = 0; i < COMMAND_FLAGS; i++) {
        if ((flags >> i & 1) != 0) {
            fprintf(to, "%s%s", gap, command_flag_get_name((enum command_flag)(1U << i)));
            gap = ", ";
        }
    }
    fputc('\n', to);
}

/* Several statuses have one word: it is shown once. */
static void print_failures(FILE *to, unsigned failures)
{
    const char *gap = ".TP\nErrors\n";
    const char *shown = "";
    for (unsigned status = 0; failures >> status != 0; status++) {
        const char *word = status_word((enum status)status);
        if ((failures >> status & 1) != 0 && strcmp(word, shown) != 0) {
            fprintf(to, "%s\\-%s", gap, word);
            gap = ", ";
            shown = word;
        }
    }
    fputs(failures == 0 ? "" : "\n", to);
}

/* What is typed in is bold. */
static void print_example(FILE *to, const char *example)
{
    fputs(".PD\n.IP\n.EX\n", to);
    while (*example != '\0') {
        const struct slice line = {.bytes = example, .size = strcspn(example, "\n")};
        const bool is_typed_in = *example == '>';
        fputs(is_typed_in ? "\\fB" : "", to);
        roff_print_code(to, line);
        fputs(is_typed_in ? "\\fR\n" : "\n", to);
        example += line.size + (example[line.size] == '\n');
    }
    fputs(".EE\n", to);
}

static void print_command(FILE *to, const struct command_spec *spec)
{
    const struct command_note *note = command_note_get(spec->id);
    fputs(".SS ", to);
    print_name(to, spec);
    fputs("\n.SY ", to);
    print_name(to, spec);
    fputc('\n', to);
    print_syntax(to, spec->syntax);
    fputs(".YS\n.PP\n", to);
    roff_print(to, spec->summary);
    fputc('\n', to);
    print_reply(to, spec, note);
    fputs(".TP\nComplexity\n", to);
    roff_print(to, spec->complexity);
    fputc('\n', to);
    print_failures(to, note->failures);
    if (spec->key > 0) {
        fprintf(to, ".TP\nKey\nargument %d\n", spec->key);
    }
    print_flags(to, spec->flags);
    print_example(to, note->example);
}

void commands_print_man(FILE *to)
{
    print_head(to);
    print_errors(to);
    for (const struct general_group *group = general_groups; group->name != NULL; group++) {
        fputs(".SH \"", to);
        for (const char *at = group->title; *at != '\0'; at++) {
            fputc(toupper((unsigned char)*at), to);
        }
        fputs("\"\n", to);
        for (int id = 0; id < COMMAND_IDS; id++) {
            const struct command_spec *spec = command_table_get((enum command_id)id);
            if (is_of(spec, group)) {
                print_command(to, spec);
            }
        }
    }
    fputs(".SH \"SEE ALSO\"\n"
          ".BR readstates\\-server (1),\n"
          ".BR readstates\\-replay (1)\n",
          to);
}
