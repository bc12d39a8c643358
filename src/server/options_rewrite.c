#include "server/options_rewrite.h"

#include "server/options_read.h"
#include "server/options_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char heading[] = "# Changed with CONFIG SET:\n";

/* A text while it is rewritten. */
struct rewriting {
    const struct options *lent_options;
    const bool *lent_is_changed;
    struct options in_file; /* What the text sets, and the defaults of the rest. */
    struct buffer *lent_to;
    bool is_written[OPTIONS_COUNT];
};

/* As a person would write it: CONFIG GET shows sizes in bytes. */
static void print_value(const struct options *options, const struct option *option,
                        char to[static OPTIONS_TEXT_SIZE])
{
    options_print_value(options, option, to);
    if (option->kind == OPTIONS_KIND_SIZE) {
        options_value_print_size(strtoull(to, NULL, 10), to);
    }
}

static bool is_same(const struct options *one, const struct options *other,
                    const struct option *option)
{
    char values[2][OPTIONS_TEXT_SIZE];
    options_print_value(one, option, values[0]);
    options_print_value(other, option, values[1]);
    return strcmp(values[0], values[1]) == 0;
}

static bool append(struct buffer *to, const char *bytes, size_t size)
{
    return buffer_append(to, (struct slice){.bytes = bytes, .size = size}) == STATUS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

/* Where the value of a line `name = value ; comment` stands. */
struct place {
    const struct option *option; /* NULL: it sets none. */
    size_t begin;
    size_t end;
};

static struct place find_place(struct slice line)
{
    size_t name = line.size >= 3 && memcmp(line.bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (name < line.size && is_space(line.bytes[name])) {
        name++;
    }
    size_t sign = name;
    while (sign < line.size && line.bytes[sign] != '=' && line.bytes[sign] != ':') {
        sign++;
    }
    if (sign == line.size || line.bytes[name] == '#' || line.bytes[name] == ';') {
        return (struct place){0};
    }
    size_t name_end = sign;
    while (name_end > name && is_space(line.bytes[name_end - 1])) {
        name_end--;
    }
    struct place place = {
        .option = options_find((struct slice){.bytes = line.bytes + name, .size = name_end - name}),
        .begin = sign + 1};
    while (place.begin < line.size && is_space(line.bytes[place.begin])) {
        place.begin++;
    }
    place.end = place.begin;
    while (place.end < line.size &&
           !(line.bytes[place.end] == ';' && is_space(line.bytes[place.end - 1]))) {
        place.end++;
    }
    while (place.end > place.begin && is_space(line.bytes[place.end - 1])) {
        place.end--;
    }
    return place;
}

/* With its newline, if it has one. */
static bool rewrite_line(struct rewriting *self, struct slice line)
{
    const struct place place = find_place(line);
    const size_t number = place.option == NULL ? 0 : (size_t)(place.option - options_table);
    if (place.option == NULL || !self->lent_is_changed[number]) {
        return append(self->lent_to, line.bytes, line.size);
    }
    self->is_written[number] = true;
    if (is_same(self->lent_options, &self->in_file, place.option)) {
        return append(self->lent_to, line.bytes, line.size);
    }
    char value[OPTIONS_TEXT_SIZE];
    print_value(self->lent_options, place.option, value);
    return append(self->lent_to, line.bytes, place.begin) &&
           append(self->lent_to, value, strlen(value)) &&
           append(self->lent_to, line.bytes + place.end, line.size - place.end);
}

static bool rewrite_lines(struct rewriting *self, struct slice text)
{
    while (text.size > 0) {
        const char *newline = memchr(text.bytes, '\n', text.size);
        const size_t size = newline == NULL ? text.size : (size_t)(newline - text.bytes) + 1;
        if (!rewrite_line(self, (struct slice){.bytes = text.bytes, .size = size})) {
            return false;
        }
        text = (struct slice){.bytes = text.bytes + size, .size = text.size - size};
    }
    return true;
}

/* What has no line of its own, and is not as it would be without one. A default that follows the
 * machine, or another option, may be another one tomorrow. */
static bool is_to_be_added(const struct rewriting *self, size_t number)
{
    const struct option *option = &options_table[number];
    return self->lent_is_changed[number] && !self->is_written[number] &&
           (option->default_text == NULL || !is_same(self->lent_options, &self->in_file, option));
}

static bool add_line(struct rewriting *self, const struct option *option, struct slice text,
                     bool is_first)
{
    const bool is_cut = text.size > 0 && text.bytes[text.size - 1] != '\n';
    const bool has_heading =
        text.size > 0 && memmem(text.bytes, text.size, heading, strlen(heading)) != NULL;
    char value[OPTIONS_TEXT_SIZE];
    print_value(self->lent_options, option, value);
    if (is_first && ((is_cut && !append(self->lent_to, "\n", 1)) ||
                     (!has_heading && !append(self->lent_to, heading, strlen(heading))))) {
        return false;
    }
    return append(self->lent_to, option->name, strlen(option->name)) &&
           append(self->lent_to, " = ", 3) && append(self->lent_to, value, strlen(value)) &&
           append(self->lent_to, "\n", 1);
}

/* The next start must read what is meant. */
static enum status check_text(const struct rewriting *self, const char *path,
                              struct failure *out_failure)
{
    struct options read;
    options_set_defaults(&read, self->lent_options->machine);
    const enum status status =
        options_read_text(&read, path, buffer_peek(self->lent_to), out_failure);
    for (size_t i = 0; status == STATUS_OK && i < OPTIONS_COUNT; i++) {
        if (self->lent_is_changed[i] && !is_same(self->lent_options, &read, &options_table[i])) {
            failure_set(out_failure, "%s: the value of %s cannot be written into a line", path,
                        options_table[i].name);
            return STATUS_INVALID;
        }
    }
    return status;
}

enum status options_rewrite_text(const struct options *options,
                                 const bool is_changed[static OPTIONS_COUNT], const char *path,
                                 struct slice text, struct buffer *to, struct failure *out_failure)
{
    struct rewriting self = {.lent_options = options, .lent_is_changed = is_changed, .lent_to = to};
    options_set_defaults(&self.in_file, options->machine);
    const enum status status = options_read_text(&self.in_file, path, text, out_failure);
    if (status != STATUS_OK) {
        return status;
    }
    bool good = rewrite_lines(&self, text);
    bool is_first = true;
    for (size_t i = 0; good && i < OPTIONS_COUNT; i++) {
        if (is_to_be_added(&self, i)) {
            good = add_line(&self, &options_table[i], text, is_first);
            is_first = false;
        }
    }
    if (!good) {
        failure_set(out_failure, "%s", status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    return check_text(&self, path, out_failure);
}

static void print_folder(const char *path, char to[static FILES_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        snprintf(to, FILES_PATH_SIZE, ".");
    } else {
        snprintf(to, FILES_PATH_SIZE, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    }
}

static struct files_result write_content(const struct files *files, const char *old_path,
                                         struct file file, struct slice text)
{
    struct file old;
    struct files_result result = files->ops->open(files->self, old_path, FILES_READ, &old);
    if (result.status == STATUS_OK) {
        result = files->ops->copy_rights(files->self, old, file);
        files->ops->close(files->self, old);
    } else if (result.status == STATUS_MISSING) {
        result.status = STATUS_OK;
    }
    if (result.status == STATUS_OK) {
        result = files->ops->write_at(files->self, file, 0, text.bytes, text.size);
    }
    return result.status == STATUS_OK ? files->ops->sync(files->self, file) : result;
}

static struct files_result replace_file(const struct files *files, const char *path,
                                        struct slice text)
{
    char new_path[FILES_PATH_SIZE];
    char folder[FILES_PATH_SIZE];
    struct file file;
    snprintf(new_path, sizeof new_path, "%s.new", path);
    print_folder(path, folder);
    struct files_result result = files->ops->open(files->self, new_path, FILES_REPLACE, &file);
    if (result.status != STATUS_OK) {
        return result;
    }
    result = write_content(files, path, file, text);
    files->ops->close(files->self, file);
    if (result.status == STATUS_OK) {
        result = files->ops->rename(files->self, new_path, path);
    }
    return result.status == STATUS_OK ? files->ops->sync_folder(files->self, folder) : result;
}

static enum status load(const struct files *files, const char *path, char *to, size_t *out_size,
                        struct failure *out_failure)
{
    const enum status status = options_load_file(files, path, to, out_size, out_failure);
    if (status == STATUS_MISSING) {
        *out_size = 0;
        return STATUS_OK;
    }
    return status;
}

enum status options_rewrite(const struct options *options,
                            const bool is_changed[static OPTIONS_COUNT], const struct files *files,
                            const char *path, struct failure *out_failure)
{
    if (strlen(path) + sizeof ".new" > FILES_PATH_SIZE) {
        failure_set(out_failure, "the path %s is too long", path);
        return STATUS_INVALID;
    }
    char *text = malloc(OPTIONS_FILE_SIZE_MAX + 1);
    if (text == NULL) {
        failure_set(out_failure, "%s", status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    struct buffer changed;
    buffer_init(&changed);
    size_t size = 0;
    enum status status = load(files, path, text, &size, out_failure);
    if (status == STATUS_OK) {
        status = options_rewrite_text(options, is_changed, path,
                                      (struct slice){.bytes = text, .size = size}, &changed,
                                      out_failure);
    }
    if (status == STATUS_OK) {
        const struct files_result result = replace_file(files, path, buffer_peek(&changed));
        status = result.status;
        if (status != STATUS_OK) {
            failure_set(out_failure, "%s: %s", path, files_result_text(result));
        }
    }
    buffer_deinit(&changed);
    free(text);
    return status;
}
