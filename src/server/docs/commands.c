#include "server/docs/commands.h"

#include "base/status.h"
#include "server/docs/general.h"
#include "server/docs/notes.h"

#include <ctype.h>
#include <string.h>

static void print_head(FILE *to)
{
    fputs(
        "# Commands\n\n"
        "Made by `readstates-docs` from the table in `src/net/command_table.c`; the tests type the "
        "examples in.\n\n"
        "What the commands mean is told in [semantics.md](semantics.md). Here is how they are "
        "written, and what comes back.\n\n"
        "## Of all commands\n\n",
        to);
    for (const char *const *rule = general_rules; *rule != NULL; rule++) {
        fprintf(to, "- %s\n", *rule);
    }
    fputc('\n', to);
}

/* Those that the commands' own tables name by their word. */
static void print_statuses(FILE *to)
{
    const unsigned failures = general_find_failures();
    for (unsigned status = 0; failures >> status != 0; status++) {
        if ((failures >> status & 1) != 0) {
            fprintf(to, "| `-%s` | %s |\n", status_word((enum status)status),
                    status_text((enum status)status));
        }
    }
    fputc('\n', to);
}

static void print_errors(FILE *to)
{
    fputs("## Errors\n\n"
          "Any command can end with these, and has then changed nothing:\n\n"
          "| error | when |\n|---|---|\n",
          to);
    for (const struct general_error *error = general_errors; error->error != NULL; error++) {
        fprintf(to, "| `%s` | %s |\n", error->error, error->when);
    }
    fprintf(to,
            "\nThese where the command's table names the word. %s\n\n"
            "| word | what it says |\n|---|---|\n",
            general_failures);
    print_statuses(to);
}

static void print_name(FILE *to, const struct command_spec *spec)
{
    for (const char *at = spec->name; *at != '\0'; at++) {
        fputc(toupper((unsigned char)*at), to);
    }
}

/* A bar would end the table's cell. */
static void print_cell(FILE *to, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        fputs(*at == '|' ? "\\" : "", to);
        fputc(*at, to);
    }
}

static void print_row(FILE *to, const char *name, const char *text)
{
    fprintf(to, "| %s | ", name);
    print_cell(to, text);
    fputs(" |\n", to);
}

static void print_arity(FILE *to, const struct command_spec *spec)
{
    const bool exact = spec->arity >= 0;
    fprintf(to, "| arguments | %s%d; arity %d |\n", exact ? "" : "at least ",
            (exact ? spec->arity : -spec->arity) - 1, spec->arity);
}

static void print_flags(FILE *to, const struct command_spec *spec)
{
    if (spec->flags == 0) {
        return;
    }
    fputs("| flags | ", to);
    const char *gap = "";
    for (unsigned i = 0; i < COMMAND_FLAGS; i++) {
        const unsigned flag = 1U << i;
        if ((spec->flags & flag) != 0) {
            fprintf(to, "%s%s", gap, command_flag_get_name((enum command_flag)flag));
            gap = ", ";
        }
    }
    fputs(" |\n", to);
}

/* Several statuses have one word: it is shown once. */
static void print_failures(FILE *to, unsigned failures)
{
    const char *shown = "";
    for (unsigned status = 0; failures >> status != 0; status++) {
        const char *word = status_word((enum status)status);
        if ((failures >> status & 1) != 0 && strcmp(word, shown) != 0) {
            fprintf(to, "%s`-%s`", shown[0] == '\0' ? "| errors | " : ", ", word);
            shown = word;
        }
    }
    fputs(failures == 0 ? "" : " |\n", to);
}

static void print_command(FILE *to, const struct command_spec *spec)
{
    const struct command_note *note = command_note_get(spec->id);
    fputs("### ", to);
    print_name(to, spec);
    fputs("\n\n`", to);
    print_name(to, spec);
    fprintf(to, "%s%s`\n\n%s\n\n| | |\n|---|---|\n", spec->syntax[0] == '\0' ? "" : " ",
            spec->syntax, spec->summary);
    print_row(to, "reply", spec->reply);
    if (note->resp3 == NULL) {
        print_row(to, "RESP2, RESP3", note->resp2);
    } else {
        print_row(to, "RESP2", note->resp2);
        print_row(to, "RESP3", note->resp3);
    }
    print_arity(to, spec);
    if (spec->key > 0) {
        fprintf(to, "| key | argument %d |\n", spec->key);
    }
    print_flags(to, spec);
    print_row(to, "complexity", spec->complexity);
    print_failures(to, note->failures);
    fprintf(to, "\n```text\n%s```\n", note->example);
}

void commands_print_markdown(FILE *to)
{
    print_head(to);
    print_errors(to);
    for (const struct general_group *group = general_groups; group->name != NULL; group++) {
        fprintf(to, "%s## %s\n", group == general_groups ? "" : "\n", group->title);
        for (int id = 0; id < COMMAND_IDS; id++) {
            const struct command_spec *spec = command_table_get((enum command_id)id);
            if (strcmp(spec->group, group->name) == 0) {
                fputc('\n', to);
                print_command(to, spec);
            }
        }
    }
}
