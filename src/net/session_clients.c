/* CLIENT INFO, LIST and KILL: what is said of connections, of this and of all other loops. */
#include "base/quote.h"
#include "net/client_list.h"
#include "net/errand.h"
#include "net/net_internal.h"
#include "net/render.h"
#include "net/session_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of CLIENT LIST. */
struct client_line {
    uint64_t id;
    struct slice text;
};

static void refuse_value(struct connection *self, const char *what, struct slice got)
{
    char shown[QUOTE_SIZE];
    char text[REQUEST_ERROR_SIZE];
    snprintf(text, sizeof text, "%s '%s'", what, quote_print(shown, got));
    render_error(&self->writer, text);
}

static bool read_type(struct connection *self, struct slice name, enum client_type *out_type)
{
    if (slice_equal_text_nocase(name, "normal")) {
        *out_type = CLIENT_NORMAL;
    } else if (slice_equal_text_nocase(name, "pubsub")) {
        *out_type = CLIENT_PUBSUB;
    } else if (slice_equal_text_nocase(name, "master") || slice_equal_text_nocase(name, "slave") ||
               slice_equal_text_nocase(name, "replica")) {
        *out_type = CLIENT_PEER;
    } else {
        refuse_value(self, "Unknown client type", name);
        return false;
    }
    return true;
}

void session_client_info(struct connection *self)
{
    struct buffer line;
    buffer_init(&line);
    if (client_print(self, &line) == STATUS_OK) {
        resp_write_verbatim(&self->writer, buffer_peek(&line));
    } else {
        render_status(&self->writer, STATUS_MEMORY);
    }
    buffer_deinit(&line);
}

static int compare_ids(const void *a, const void *b)
{
    const struct client_line *left = (const struct client_line *)a;
    const struct client_line *right = (const struct client_line *)b;
    return (left->id > right->id) - (left->id < right->id);
}

/* Each begins with "id=". Returns how many there are. */
static size_t split_lines(struct slice text, struct client_line *out_lines)
{
    size_t count = 0;
    while (text.size > 0) {
        const char *end = memchr(text.bytes, '\n', text.size);
        const size_t size = (size_t)(end - text.bytes) + 1;
        if (out_lines != NULL) {
            out_lines[count].id = strtoull(text.bytes + strlen("id="), NULL, 10);
            out_lines[count].text = (struct slice){.bytes = text.bytes, .size = size};
        }
        count++;
        text.bytes += size;
        text.size -= size;
    }
    return count;
}

/* Those of the ids, in their order; a repeated one again, and none for nobody's. */
static enum status pick_lines(const struct client_line *lines, size_t count,
                              const struct slice *ids, uint32_t ids_count, struct buffer *to)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < ids_count && status == STATUS_OK; i++) {
        int64_t id = 0;
        const bool is_number = session_parse_integer(ids[i], &id);
        const struct client_line wanted = {.id = (uint64_t)id};
        const struct client_line *line =
            is_number ? bsearch(&wanted, lines, count, sizeof *lines, compare_ids) : NULL;
        if (line != NULL) {
            status = buffer_append(to, line->text);
        }
    }
    return status;
}

/* The oldest connection first, as in Redis. */
static enum status order_lines(struct slice text, const struct slice *ids, uint32_t ids_count,
                               struct buffer *to)
{
    const size_t count = split_lines(text, NULL);
    struct client_line *lines = calloc(count + 1, sizeof *lines);
    enum status status = lines == NULL ? STATUS_MEMORY : STATUS_OK;
    if (status == STATUS_OK) {
        (void)split_lines(text, lines);
        qsort(lines, count, sizeof *lines, compare_ids);
    }
    if (ids_count > 0 && status == STATUS_OK) {
        status = pick_lines(lines, count, ids, ids_count, to);
    }
    for (size_t i = 0; ids_count == 0 && i < count && status == STATUS_OK; i++) {
        status = buffer_append(to, lines[i].text);
    }
    free(lines);
    return status;
}

/* CLIENT LIST [TYPE type | ID id [id ...]] */
static bool read_list(struct connection *self, const struct slice *arguments, uint32_t count,
                      struct client_filter *filter)
{
    if (count == 4 && slice_equal_text_nocase(arguments[2], "type")) {
        return read_type(self, arguments[3], &filter->type);
    }
    if (count > 3 && slice_equal_text_nocase(arguments[2], "id")) {
        int64_t id = 0;
        for (uint32_t i = 3; i < count; i++) {
            if (!session_parse_integer(arguments[i], &id)) {
                render_error(&self->writer, "Invalid client ID");
                return false;
            }
        }
    } else if (count != 2) {
        render_error(&self->writer, "syntax error");
        return false;
    }
    return true;
}

static void write_list(struct connection *self, const struct slice *ids, uint32_t ids_count)
{
    struct buffer lines;
    buffer_init(&lines);
    if (!self->findings->has_failed &&
        order_lines(buffer_peek(&self->findings->lines), ids, ids_count, &lines) == STATUS_OK) {
        resp_write_verbatim(&self->writer, buffer_peek(&lines));
    } else {
        render_status(&self->writer, STATUS_MEMORY);
    }
    buffer_deinit(&lines);
}

/* At the first execution the errand begins. False: it was told why not. */
static bool has_begun(struct connection *self, enum errand_kind kind,
                      const struct client_filter *filter)
{
    if (self->findings == NULL && errand_begin(self, kind, filter) != STATUS_OK) {
        render_status(&self->writer, STATUS_MEMORY);
        return false;
    }
    return true;
}

enum session_outcome session_client_list(struct connection *self, const struct slice *arguments,
                                         uint32_t count)
{
    struct client_filter filter = {0};
    if (!read_list(self, arguments, count, &filter) || !has_begun(self, ERRAND_LIST, &filter)) {
        return SESSION_GOES_ON;
    }
    if (!errand_is_over(self)) {
        return SESSION_CONTINUES;
    }
    const bool has_ids = filter.type == CLIENT_ANY && count > 3;
    write_list(self, arguments + 3, has_ids ? count - 3 : 0);
    errand_end(self);
    return SESSION_GOES_ON;
}

/* An address that is too long for any connection is nobody's. */
static void read_address(struct slice address, char to[static ADDRESS_SIZE])
{
    const bool fits = address.size > 0 && address.size < ADDRESS_SIZE;
    snprintf(to, ADDRESS_SIZE, "%.*s", fits ? (int)address.size : 1, fits ? address.bytes : "?");
}

/* One option of CLIENT KILL. False: it was told why not. */
static bool read_kill_option(struct connection *self, struct slice name, struct slice value,
                             struct client_filter *filter)
{
    int64_t id = 0;
    if (slice_equal_text_nocase(name, "id")) {
        if (!session_parse_integer(value, &id) || id <= 0) {
            render_error(&self->writer, "client-id should be greater than 0");
            return false;
        }
        filter->id = (uint64_t)id;
    } else if (slice_equal_text_nocase(name, "type")) {
        return read_type(self, value, &filter->type);
    } else if (slice_equal_text_nocase(name, "addr")) {
        read_address(value, filter->address);
    } else if (slice_equal_text_nocase(name, "laddr")) {
        read_address(value, filter->local_address);
    } else if (slice_equal_text_nocase(name, "user")) {
        if (!slice_equal(value, slice_from_text("default"))) {
            refuse_value(self, "No such user", value);
            return false;
        }
    } else if (slice_equal_text_nocase(name, "skipme") && slice_equal_text_nocase(value, "yes")) {
        filter->skipped = self->id;
    } else if (slice_equal_text_nocase(name, "skipme") && slice_equal_text_nocase(value, "no")) {
        filter->skipped = 0;
    } else {
        render_error(&self->writer, "syntax error");
        return false;
    }
    return true;
}

/* CLIENT KILL address, or CLIENT KILL option value [option value ...] */
static bool read_kill(struct connection *self, const struct slice *arguments, uint32_t count,
                      struct client_filter *filter)
{
    if (count == 3) {
        read_address(arguments[2], filter->address);
        return true;
    }
    filter->skipped = self->id;
    for (uint32_t i = 2; i < count; i += 2) {
        if (i + 1 == count) {
            render_error(&self->writer, "syntax error");
            return false;
        }
        if (!read_kill_option(self, arguments[i], arguments[i + 1], filter)) {
            return false;
        }
    }
    return true;
}

enum session_outcome session_client_close(struct connection *self, const struct slice *arguments,
                                          uint32_t count)
{
    struct client_filter filter = {0};
    if (!read_kill(self, arguments, count, &filter) || !has_begun(self, ERRAND_KILL, &filter)) {
        return SESSION_GOES_ON;
    }
    if (!errand_is_over(self)) {
        return SESSION_CONTINUES;
    }
    if (count > 3) {
        resp_write_integer(&self->writer, (int64_t)self->findings->killed);
    } else if (self->findings->killed > 0) {
        write_ok(self);
    } else {
        render_error(&self->writer, "No such client");
    }
    const bool is_killed = self->findings->is_asker_killed;
    errand_end(self);
    return is_killed ? SESSION_ENDS : SESSION_GOES_ON;
}
