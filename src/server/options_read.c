#include "server/options_read.h"

#include "base/assert.h"
#include "base/quote.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* READSTATES_ and the longest name. */
enum { VARIABLE_SIZE = 64 };

/* Puts `where` in front of what went wrong. */
static void say_where(struct failure *failure, const char *where)
{
    const struct failure what = *failure;
    failure_set(failure, "%s: %s", where, what.text);
}

static void say_unknown(struct failure *failure, const char *dashes, struct slice name)
{
    char quote[QUOTE_SIZE];
    quote_print(quote, name);
    const char *nearest = options_find_nearest(name);
    if (nearest == NULL) {
        failure_set(failure, "there is no option '%s%s', --help lists them", dashes, quote);
    } else {
        failure_set(failure, "there is no option '%s%s', did you mean '%s%s'?", dashes, quote,
                    dashes, nearest);
    }
}

/* A config file while it is read. */
struct reading {
    struct options *lent_options;
    struct slice rest;
    int line;        /* The one that was read last, from 1. */
    int failed_line; /* Of the failure; 0: none yet. */
    bool is_set[OPTIONS_COUNT];
    struct failure failure;
};

static void fail_at_line(struct reading *self, const char *what)
{
    if (self->failed_line == 0) {
        self->failed_line = self->line;
        failure_set(&self->failure, "%s", what);
    }
}

/* For inih, which takes lines as fgets gives them. A line that it could not hold is left out: it
 * would go on with the rest as if that were a line of its own. */
static char *read_line(char *to, int size, void *lent_reading)
{
    struct reading *self = lent_reading;
    if (self->rest.size == 0) {
        return NULL;
    }
    self->line++;
    const char *end = memchr(self->rest.bytes, '\n', self->rest.size);
    size_t line_size = end == NULL ? self->rest.size : (size_t)(end - self->rest.bytes);
    const size_t taken = end == NULL ? line_size : line_size + 1;
    const char *line = self->rest.bytes;
    self->rest = (struct slice){.bytes = line + taken, .size = self->rest.size - taken};

    if (line_size > OPTIONS_FILE_LINE_MAX || line_size + 2 > (size_t)size) {
        fail_at_line(self, "a line has at most 198 bytes");
        line_size = 0;
    } else if (memchr(line, '\0', line_size) != NULL) {
        fail_at_line(self, "a line has a byte of value 0");
        line_size = 0;
    }
    memcpy(to, line, line_size);
    to[line_size] = '\n';
    to[line_size + 1] = '\0';
    return to;
}

/* inih's handler; 0 tells it that the line is wrong. */
static int set_from_line(void *lent_reading, const char *section, const char *name,
                         const char *value)
{
    struct reading *self = lent_reading;
    if (self->failed_line != 0) {
        return 0;
    }
    struct failure failure;
    const struct option *option = options_find(slice_from_text(name));
    if (section[0] != '\0') {
        fail_at_line(self, "there are no sections in this file, only lines like 'port = 6677'");
        return 0;
    }
    if (option == NULL) {
        say_unknown(&failure, "", slice_from_text(name));
        fail_at_line(self, failure.text);
        return 0;
    }
    bool *is_set = &self->is_set[option - options_table];
    if (*is_set) {
        failure_set(&failure,
                    "%s is set a second time (a line that begins with a space goes on with the one "
                    "before)",
                    option->name);
        fail_at_line(self, failure.text);
        return 0;
    }
    *is_set = true;
    if (options_set(self->lent_options, option, slice_from_text(value), &failure) != STATUS_OK) {
        fail_at_line(self, failure.text);
        return 0;
    }
    return 1;
}

enum status options_read_text(struct options *self, const char *path, struct slice text,
                              struct failure *out_failure)
{
    struct options changed = *self;
    struct reading reading = {.lent_options = &changed, .rest = text};
    const int wrong_line = ini_parse_stream(read_line, &reading, set_from_line, &reading);
    if (wrong_line < 0) {
        failure_set(out_failure, "%s: %s", path, status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    /* Lines that are not `name = value` are found by inih alone. */
    if (wrong_line > 0 && (reading.failed_line == 0 || wrong_line < reading.failed_line)) {
        failure_set(out_failure, "%s, line %d: a line is like 'port = 6677'", path, wrong_line);
        return STATUS_INVALID;
    }
    if (reading.failed_line != 0) {
        failure_set(out_failure, "%s, line %d: %s", path, reading.failed_line,
                    reading.failure.text);
        return STATUS_INVALID;
    }
    *self = changed;
    return STATUS_OK;
}

enum status options_load_file(const struct files *files, const char *path, char *to,
                              size_t *out_size, struct failure *out_failure)
{
    struct file file;
    struct files_result result = files->ops->open(files->self, path, FILES_READ, &file);
    if (result.status == STATUS_OK) {
        result = files->ops->read_at(files->self, file, 0, to, OPTIONS_FILE_SIZE_MAX + 1, out_size);
        files->ops->close(files->self, file);
    }
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "the config file %s cannot be read: %s", path,
                    files_result_text(result));
        return result.status;
    }
    if (*out_size > OPTIONS_FILE_SIZE_MAX) {
        failure_set(out_failure, "the config file %s has more than %d bytes", path,
                    OPTIONS_FILE_SIZE_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status options_read_file(struct options *self, const struct files *files, const char *path,
                              struct failure *out_failure)
{
    char *text = malloc(OPTIONS_FILE_SIZE_MAX + 1);
    if (text == NULL) {
        failure_set(out_failure, "%s: %s", path, status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    size_t size = 0;
    enum status status = options_load_file(files, path, text, &size, out_failure);
    if (status == STATUS_OK) {
        status =
            options_read_text(self, path, (struct slice){.bytes = text, .size = size}, out_failure);
    }
    free(text);
    return status;
}

/* commit-delay is READSTATES_COMMIT_DELAY. */
static void print_variable(const struct option *option, char to[static VARIABLE_SIZE])
{
    const size_t size = (size_t)snprintf(to, VARIABLE_SIZE, "READSTATES_%s", option->name);
    ASSERT(size < VARIABLE_SIZE);
    for (size_t i = 0; i < size; i++) {
        if (to[i] == '-') {
            to[i] = '_';
        } else if (to[i] >= 'a' && to[i] <= 'z') {
            to[i] = (char)(to[i] - 'a' + 'A');
        }
    }
}

static const char *find_variable(char *const environment[], const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, size) == 0 && environment[i][size] == '=') {
            return environment[i] + size + 1;
        }
    }
    return NULL;
}

enum status options_read_environment(struct options *self, char *const environment[],
                                     struct failure *out_failure)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        char name[VARIABLE_SIZE];
        print_variable(&options_table[i], name);
        const char *value = find_variable(environment, name);
        if (value == NULL) {
            continue;
        }
        const enum status status =
            options_set(self, &options_table[i], slice_from_text(value), out_failure);
        if (status != STATUS_OK) {
            say_where(out_failure, name);
            return status;
        }
    }
    return STATUS_OK;
}

/* A command line while it is read. */
struct walk {
    char *const *arguments;
    int count;
    int at;
};

static bool is_option(const char *argument)
{
    return strncmp(argument, "--", 2) == 0;
}

/* The value of the option named by the argument just taken: behind its `=`, or the next argument.
 * NULL: it has none. */
static const char *take_value(struct walk *self, const char *equals)
{
    if (equals != NULL) {
        return equals + 1;
    }
    if (self->at == self->count || is_option(self->arguments[self->at])) {
        return NULL;
    }
    return self->arguments[self->at++];
}

static enum status set_from_argument(struct options *self, struct walk *walk, struct slice name,
                                     const char *equals, struct failure *out_failure)
{
    const struct option *option = options_find(name);
    if (option == NULL) {
        say_unknown(out_failure, "--", name);
        return STATUS_INVALID;
    }
    const char *value = take_value(walk, equals);
    if (value == NULL && option->kind == OPTIONS_KIND_FLAG) {
        value = "yes";
    }
    if (value == NULL) {
        char range[OPTIONS_TEXT_SIZE];
        options_print_range(option, range);
        failure_set(out_failure, "--%s needs a value: %s", option->name, range);
        return STATUS_INVALID;
    }
    return options_set(self, option, slice_from_text(value), out_failure);
}

enum status options_read_arguments(struct options *self, int argument_count,
                                   char *const arguments[], struct options_wishes *out_wishes,
                                   struct failure *out_failure)
{
    struct walk walk = {.arguments = arguments, .count = argument_count, .at = 1};
    *out_wishes = (struct options_wishes){.wish = OPTIONS_WISH_SERVE};
    while (walk.at < walk.count) {
        const char *argument = walk.arguments[walk.at++];
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            out_wishes->wish = OPTIONS_WISH_HELP;
            return STATUS_OK;
        }
        if (strcmp(argument, "--version") == 0 || strcmp(argument, "-v") == 0) {
            out_wishes->wish = OPTIONS_WISH_VERSION;
            return STATUS_OK;
        }
        if (!is_option(argument)) {
            char quote[QUOTE_SIZE];
            quote_print(quote, slice_from_text(argument));
            failure_set(out_failure,
                        "'%s' is no option: they are given as --name value, a file as --config "
                        "FILE",
                        quote);
            return STATUS_INVALID;
        }
        const char *equals = strchr(argument, '=');
        const struct slice name = {
            .bytes = argument + 2,
            .size = (equals == NULL ? strlen(argument) : (size_t)(equals - argument)) - 2,
        };
        if (slice_equal(name, slice_from_text("config"))) {
            out_wishes->lent_config_path = take_value(&walk, equals);
            if (out_wishes->lent_config_path == NULL) {
                failure_set(out_failure, "--config needs a value: the path of a file");
                return STATUS_INVALID;
            }
            continue;
        }
        const enum status status = set_from_argument(self, &walk, name, equals, out_failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status options_read(struct options *self, const struct files *files, char *const environment[],
                         int argument_count, char *const arguments[],
                         struct options_wishes *out_wishes, struct failure *out_failure)
{
    /* The command line is read twice: it names the file, and it has the last word. */
    struct options scratch = *self;
    enum status status =
        options_read_arguments(&scratch, argument_count, arguments, out_wishes, out_failure);
    if (status != STATUS_OK || out_wishes->wish != OPTIONS_WISH_SERVE) {
        return status;
    }
    if (out_wishes->lent_config_path != NULL) {
        status = options_read_file(self, files, out_wishes->lent_config_path, out_failure);
    }
    if (status == STATUS_OK) {
        status = options_read_environment(self, environment, out_failure);
    }
    if (status == STATUS_OK) {
        status = options_read_arguments(self, argument_count, arguments, out_wishes, out_failure);
    }
    return status == STATUS_OK ? options_check(self, out_failure) : status;
}
