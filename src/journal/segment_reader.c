#include "journal/segment_reader.h"

#include "base/assert.h"

enum {
    WINDOW_SIZE = 256 * 1024,
    NEAR_SIZE = 64 * 1024, /* Farther, and of larger ones, chance would find too many. */
};

/* At least `size` bytes from `offset` on are in the window, or all that the file has. */
static enum status fill(struct segment_reader *self, size_t size, struct files_result *out_result)
{
    size_t there = buffer_peek_size(&self->window);
    if (self->offset < self->window_at || self->offset > self->window_at + there) {
        buffer_consume(&self->window, there);
        self->window_at = self->offset;
        self->is_at_end = false;
        there = 0;
    }
    const size_t passed = (size_t)(self->offset - self->window_at);
    if (passed > 0 && there - passed < size) {
        buffer_consume(&self->window, passed);
        self->window_at = self->offset;
    }
    while (!self->is_at_end &&
           buffer_peek_size(&self->window) - (size_t)(self->offset - self->window_at) < size) {
        const size_t more = size > WINDOW_SIZE ? size : WINDOW_SIZE;
        char *to = buffer_reserve(&self->window, more);
        if (to == NULL) {
            return STATUS_MEMORY;
        }
        size_t got = 0;
        *out_result = self->lent_files.ops->read_at(
            self->lent_files.self, self->file, self->window_at + buffer_peek_size(&self->window),
            to, more, &got);
        if (out_result->status != STATUS_OK) {
            return STATUS_IO;
        }
        buffer_extend(&self->window, got);
        self->is_at_end = got < more;
    }
    return STATUS_OK;
}

static const uint8_t *peek(const struct segment_reader *self, size_t *out_room)
{
    const size_t passed = (size_t)(self->offset - self->window_at);
    *out_room = buffer_peek_size(&self->window) - passed;
    return (const uint8_t *)buffer_get_bytes(&self->window) + passed;
}

static enum status read_head(struct segment_reader *self, struct files_result *out_result)
{
    const enum status status = fill(self, SEGMENT_HEAD_SIZE, out_result);
    if (status != STATUS_OK) {
        return status;
    }
    size_t room = 0;
    const uint8_t *bytes = peek(self, &room);
    if (room < SEGMENT_HEAD_SIZE) {
        return room == 0 ? STATUS_MISSING : STATUS_CORRUPT;
    }
    self->offset = SEGMENT_HEAD_SIZE;
    return segment_decode_head(bytes, &self->head);
}

enum status segment_reader_open(struct segment_reader *self, const struct files *files,
                                const char *path, struct files_result *out_result)
{
    *self = (struct segment_reader){.lent_files = *files};
    *out_result = files->ops->open(files->self, path, FILES_READ, &self->file);
    if (out_result->status != STATUS_OK) {
        return out_result->status;
    }
    const enum status status = read_head(self, out_result);
    if (status != STATUS_OK) {
        segment_reader_close(self);
    }
    return status;
}

void segment_reader_close(struct segment_reader *self)
{
    buffer_deinit(&self->window);
    self->lent_files.ops->close(self->lent_files.self, self->file);
}

/* The size of what could be an entry where the reader stands, all of it in the window; 0: nothing
 * could. */
static enum status find_candidate(struct segment_reader *self, uint32_t *out_size,
                                  struct files_result *out_result)
{
    size_t room = 0;
    enum status status = fill(self, JOURNAL_ENTRY_HEAD_SIZE, out_result);
    if (status != STATUS_OK) {
        return status;
    }
    const uint8_t *bytes = peek(self, &room);
    *out_size = journal_entry_peek_size(bytes, room);
    if (*out_size <= room) {
        return STATUS_OK;
    }
    status = fill(self, *out_size, out_result);
    (void)peek(self, &room);
    *out_size = *out_size <= room ? *out_size : 0;
    return status;
}

enum status segment_reader_next(struct segment_reader *self, struct journal_entry *out_entry,
                                struct files_result *out_result)
{
    uint32_t size = 0;
    size_t room = 0;
    const enum status status = find_candidate(self, &size, out_result);
    if (status != STATUS_OK) {
        return status;
    }
    const uint8_t *bytes = peek(self, &room);
    if (size == 0 || !journal_entry_is_behind(bytes, self->head.key, self->crc) ||
        journal_entry_decode(bytes, out_entry) != STATUS_OK) {
        return STATUS_MISSING;
    }
    self->crc = journal_entry_get_crc(bytes);
    self->offset += size;
    return STATUS_OK;
}

static bool is_higher(uint64_t segment, uint64_t offset, const struct segment_rest *than)
{
    return segment > than->synced_segment ||
           (segment == than->synced_segment && offset > than->synced_offset);
}

static void note_found(struct segment_rest *rest, const struct journal_entry *entry,
                       uint64_t offset)
{
    if (!rest->is_there) {
        rest->is_there = true;
        rest->offset = offset;
    }
    if (entry->kind == JOURNAL_SYNCED && is_higher(entry->segment, entry->offset, rest)) {
        rest->synced_segment = entry->segment;
        rest->synced_offset = entry->offset;
    }
}

/* The size of what could be an entry where the reader stands; 0: nothing could. False: nothing is
 * left. */
static enum status peek_head(struct segment_reader *self, bool *out_is_over, uint32_t *out_size,
                             struct files_result *out_result)
{
    size_t room = 0;
    const enum status status = fill(self, JOURNAL_ENTRY_HEAD_SIZE, out_result);
    const uint8_t *bytes = peek(self, &room);
    *out_is_over = room < JOURNAL_ENTRY_HEAD_SIZE;
    *out_size = *out_is_over ? 0 : journal_entry_peek_size(bytes, room);
    if (*out_size > 0) {
        self->crc = journal_entry_get_crc(bytes);
    }
    return status;
}

/* The entries that stand one behind the other from `offset` on, the first behind `before`. */
static enum status follow(struct segment_reader *self, uint64_t offset, uint32_t before,
                          struct segment_rest *rest, uint64_t *go_on_at,
                          struct files_result *out_result)
{
    enum status status = STATUS_OK;
    struct journal_entry entry;
    self->offset = offset;
    self->crc = before;
    while ((status = segment_reader_next(self, &entry, out_result)) == STATUS_OK) {
        note_found(rest, &entry, offset);
        offset = self->offset;
        *go_on_at = offset > *go_on_at ? offset : *go_on_at;
    }
    return status == STATUS_MISSING ? STATUS_OK : status;
}

/* Where the reader stands is one that is damaged: what its crc is, and what it would be if only the
 * crc were damaged. The entry behind it stands behind one of them, even if it is the last. */
struct damage {
    uint64_t offset;
    uint32_t crc;
};

static enum status look_at_damage(struct segment_reader *self, struct damage *out_damage,
                                  struct segment_rest *rest, uint64_t *go_on_at,
                                  struct files_result *out_result)
{
    uint32_t size = 0;
    size_t room = 0;
    const enum status status = find_candidate(self, &size, out_result);
    if (status != STATUS_OK) {
        return status;
    }
    const uint8_t *bytes = peek(self, &room);
    *out_damage = (struct damage){.offset = self->offset};
    if (room >= JOURNAL_ENTRY_HEAD_SIZE) {
        out_damage->crc = journal_entry_get_crc(bytes);
    }
    if (size == 0) {
        return STATUS_OK;
    }
    const uint32_t right = journal_entry_compute_crc(bytes, self->head.key, self->crc);
    return follow(self, self->offset + size, right, rest, go_on_at, out_result);
}

/* An entry counts where it stands behind what looks like one: its crc proves it, with the segment's
 * key and that one's crc. Near the damage it is enough that it stands behind the damaged one's. */
enum status segment_reader_find_rest(struct segment_reader *self, struct segment_rest *out_rest,
                                     struct files_result *out_result)
{
    *out_rest = (struct segment_rest){0};
    struct damage damage = {0};
    uint64_t at = self->offset;
    uint64_t go_on_at = at;
    enum status status = look_at_damage(self, &damage, out_rest, &go_on_at, out_result);
    at = go_on_at;
    while (status == STATUS_OK) {
        uint32_t size = 0;
        bool is_over = false;
        self->offset = at;
        status = peek_head(self, &is_over, &size, out_result);
        if (status != STATUS_OK || is_over) {
            return status;
        }
        const uint32_t crc = self->crc;
        go_on_at = at + 8;
        if (size > 0 && size <= NEAR_SIZE && at > damage.offset &&
            at - damage.offset <= NEAR_SIZE) {
            status = follow(self, at, damage.crc, out_rest, &go_on_at, out_result);
        }
        if (status == STATUS_OK && size > 0) {
            status = follow(self, at + size, crc, out_rest, &go_on_at, out_result);
        }
        at = go_on_at;
    }
    return status;
}
