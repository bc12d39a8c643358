/* COMMAND: which commands there are, and how each is called. */
#include "base/assert.h"
#include "base/glob.h"
#include "net/command_category.h"
#include "net/net_internal.h"
#include "net/render.h"
#include "net/session_reply.h"
#include "net/syntax.h"

static void write_command_flags(struct resp_writer *to, const struct command_spec *spec)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < COMMAND_FLAGS; i++) {
        count += (spec->flags >> i & 1) != 0;
    }
    resp_write_set_head(to, count);
    for (unsigned i = 0; i < COMMAND_FLAGS; i++) {
        if ((spec->flags >> i & 1) != 0) {
            resp_write_simple(to,
                              slice_from_text(command_flag_get_name((enum command_flag)(1U << i))));
        }
    }
}

static void write_categories(struct resp_writer *to, const struct command_spec *spec)
{
    uint64_t count = 0;
    for (int i = 0; i < COMMAND_CATEGORIES; i++) {
        count += command_category_has((enum command_category)i, spec);
    }
    resp_write_set_head(to, count);
    for (int i = 0; i < COMMAND_CATEGORIES; i++) {
        const enum command_category category = (enum command_category)i;
        if (command_category_has(category, spec)) {
            resp_write_simple(to, slice_from_text(command_category_get_name(category)));
        }
    }
}

/* The ten elements of COMMAND INFO in Redis 7. */
static void write_command_info(struct resp_writer *to, const struct command_spec *spec)
{
    resp_write_array_head(to, 10);
    write_text(to, spec->name);
    resp_write_integer(to, spec->arity);
    write_command_flags(to, spec);
    resp_write_integer(to, spec->key);
    resp_write_integer(to, spec->key);
    resp_write_integer(to, spec->key == 0 ? 0 : 1);
    write_categories(to, spec);
    resp_write_set_head(to, 0);
    resp_write_array_head(to, 0);
    resp_write_array_head(to, 0);
}

static void write_command_docs(struct resp_writer *to, const struct command_spec *spec)
{
    write_text(to, spec->name);
    const bool has_arguments = syntax_has_arguments(spec->syntax);
    resp_write_map_head(to, has_arguments ? 7 : 6);
    write_text(to, "summary");
    write_text(to, spec->summary);
    write_text(to, "since");
    write_text(to, "0.1.0");
    write_text(to, "group");
    write_text(to, spec->group);
    write_text(to, "complexity");
    write_text(to, spec->complexity);
    write_text(to, "syntax");
    write_text(to, spec->syntax);
    write_text(to, "reply");
    write_text(to, spec->reply);
    if (has_arguments) {
        write_text(to, "arguments");
        syntax_write_arguments(spec->syntax, to);
    }
}

static void write_infos(struct resp_writer *to, const struct slice *names, uint32_t count)
{
    resp_write_array_head(to, count == 0 ? (uint64_t)COMMAND_IDS : count);
    for (int id = 0; count == 0 && id < COMMAND_IDS; id++) {
        write_command_info(to, command_table_get((enum command_id)id));
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct command_spec *spec = command_table_find(names[i]);
        if (spec == NULL) {
            resp_write_null_array(to);
        } else {
            write_command_info(to, spec);
        }
    }
}

static void write_docs(struct resp_writer *to, const struct slice *names, uint32_t count)
{
    uint64_t known = count == 0 ? COMMAND_IDS : 0;
    for (uint32_t i = 0; i < count; i++) {
        known += command_table_find(names[i]) != NULL;
    }
    resp_write_map_head(to, known);
    for (int id = 0; count == 0 && id < COMMAND_IDS; id++) {
        write_command_docs(to, command_table_get((enum command_id)id));
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct command_spec *spec = command_table_find(names[i]);
        if (spec != NULL) {
            write_command_docs(to, spec);
        }
    }
}

/* Which commands COMMAND LIST gives. There are no modules, and so none of a module's. */
struct list_filter {
    enum list_filter_kind { LIST_ALL, LIST_OF_MODULE, LIST_OF_CATEGORY, LIST_OF_PATTERN } kind;
    struct slice word;
};

/* [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
static bool read_list_filter(const struct slice *arguments, uint32_t count,
                             struct list_filter *out_filter)
{
    *out_filter = (struct list_filter){.kind = LIST_ALL};
    if (count == 0) {
        return true;
    }
    if (count != 3 || !slice_equal_text_nocase(arguments[0], "filterby")) {
        return false;
    }
    out_filter->word = arguments[2];
    if (slice_equal_text_nocase(arguments[1], "module")) {
        out_filter->kind = LIST_OF_MODULE;
    } else if (slice_equal_text_nocase(arguments[1], "aclcat")) {
        out_filter->kind = LIST_OF_CATEGORY;
    } else if (slice_equal_text_nocase(arguments[1], "pattern")) {
        out_filter->kind = LIST_OF_PATTERN;
    }
    return out_filter->kind != LIST_ALL;
}

static bool has_category(const struct command_spec *spec, struct slice name)
{
    for (int i = 0; i < COMMAND_CATEGORIES; i++) {
        const enum command_category category = (enum command_category)i;
        if (slice_equal_text_nocase(name, command_category_get_name(category) + 1)) {
            return command_category_has(category, spec);
        }
    }
    return false;
}

static bool is_listed(const struct command_spec *spec, const struct list_filter *filter)
{
    switch (filter->kind) {
    case LIST_ALL:
        return true;
    case LIST_OF_MODULE:
        return false;
    case LIST_OF_CATEGORY:
        return has_category(spec, filter->word);
    case LIST_OF_PATTERN:
        return glob_matches(filter->word, spec->name);
    }
    UNREACHABLE("a filter of no kind");
}

static void write_names(struct resp_writer *to, const struct list_filter *filter)
{
    uint64_t count = 0;
    for (int id = 0; id < COMMAND_IDS; id++) {
        count += is_listed(command_table_get((enum command_id)id), filter);
    }
    resp_write_array_head(to, count);
    for (int id = 0; id < COMMAND_IDS; id++) {
        const struct command_spec *spec = command_table_get((enum command_id)id);
        if (is_listed(spec, filter)) {
            write_text(to, spec->name);
        }
    }
}

/* Of a whole command, as Redis says it. */
static void write_keys(struct connection *self, const struct slice *command, uint32_t count)
{
    const struct command_spec *spec = command_table_find(command[0]);
    if (spec == NULL) {
        render_error(&self->writer, "Invalid command specified");
    } else if (spec->key == 0) {
        render_error(&self->writer, "The command has no key arguments");
    } else if (!command_spec_accepts(spec, count)) {
        render_error(&self->writer, "Invalid number of arguments specified for command");
    } else {
        resp_write_array_head(&self->writer, 1);
        resp_write_bulk(&self->writer, command[spec->key]);
    }
}

static const char *const help[] = {
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the total number of commands in this server.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple commands.",
    "GETKEYS <full-command>",
    "    Return the keys from a full command.",
    "INFO [<command-name> ...]",
    "    Return details about multiple commands.",
    "LIST [FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    Return a list of all commands in this server, or of those that are meant.",
    "HELP",
    "    Print this help.",
    NULL,
};

enum session_outcome session_run_command(struct connection *self, const struct slice *arguments,
                                         uint32_t count)
{
    struct resp_writer *to = &self->writer;
    if (count == 1) {
        write_infos(to, NULL, 0);
    } else if (slice_equal_text_nocase(arguments[1], "count")) {
        if (has_no_arguments(self, count, "command|count")) {
            resp_write_integer(to, COMMAND_IDS);
        }
    } else if (slice_equal_text_nocase(arguments[1], "list")) {
        struct list_filter filter;
        if (read_list_filter(arguments + 2, count - 2, &filter)) {
            write_names(to, &filter);
        } else {
            render_error(to, "syntax error");
        }
    } else if (slice_equal_text_nocase(arguments[1], "info")) {
        write_infos(to, arguments + 2, count - 2);
    } else if (slice_equal_text_nocase(arguments[1], "docs")) {
        write_docs(to, arguments + 2, count - 2);
    } else if (slice_equal_text_nocase(arguments[1], "getkeys")) {
        /* As Redis has it: a command of one word has no keys to be asked for. */
        if (count < 4) {
            wrong_arity(self, "command|getkeys");
        } else {
            write_keys(self, arguments + 2, count - 2);
        }
    } else if (slice_equal_text_nocase(arguments[1], "help")) {
        if (has_no_arguments(self, count, "command|help")) {
            write_help(to, help);
        }
    } else {
        unknown_subcommand(self, arguments[1], "COMMAND");
    }
    return SESSION_GOES_ON;
}
