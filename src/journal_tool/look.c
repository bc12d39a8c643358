#include "journal_tool/look.h"

#include "journal/segment_reader.h"

static bool is_of_an_earlier_life(const struct segment_head *head,
                                  const struct file_list_item *item)
{
    return item->has_name &&
           (head->number != item->number || head->set != item->set || head->log != item->log);
}

/* As far as it is whole. */
static enum status read_entries(struct segment_reader *reader, struct look *look,
                                const struct look_taker *taker)
{
    struct journal_entry entry;
    look->end = LOOK_OPEN;
    for (;;) {
        look->offset = reader->offset;
        const enum status status = segment_reader_next(reader, &entry, &look->result);
        if (status != STATUS_OK) {
            return status;
        }
        look->entries++;
        look->by_kind[entry.kind]++;
        if (taker != NULL) {
            taker->take(taker->lent_context, &entry, look->offset, reader->offset - look->offset);
        }
        if (entry.kind == JOURNAL_SEALED) {
            look->offset = reader->offset;
            look->next = entry.segment;
            look->end = LOOK_SEALED;
            return STATUS_OK;
        }
    }
}

static enum status find_rest(struct segment_reader *reader, struct look *look)
{
    struct segment_rest rest;
    const enum status status = segment_reader_find_rest(reader, &rest, &look->result);
    if (status == STATUS_OK && rest.is_there) {
        look->end = LOOK_DAMAGED;
        look->rest_offset = rest.offset;
        look->was_synced =
            rest.synced_segment > look->head.number ||
            (rest.synced_segment == look->head.number && rest.synced_offset > look->offset);
    }
    return status;
}

static void note_unreadable(struct look *look, enum status status)
{
    look->end = LOOK_UNREADABLE;
    look->status = status;
}

void look_at(struct look *out_look, const struct files *files, const struct file_list_item *item,
             const struct look_taker *taker)
{
    struct segment_reader reader;
    struct look *look = out_look;
    *look = (struct look){.result = {.status = STATUS_OK}};
    enum status status = segment_reader_open(&reader, files, item->path, &look->result);
    if (status == STATUS_NEWER) {
        look->end = LOOK_NEWER;
        return;
    }
    if (look->result.status == STATUS_OK && status == STATUS_MISSING) {
        look->end = LOOK_NOT_BEGUN;
        return;
    }
    if (status == STATUS_CORRUPT) {
        look->end = LOOK_HEAD_DAMAGED;
        return;
    }
    if (status != STATUS_OK) {
        note_unreadable(look, status);
        return;
    }
    look->head = reader.head;
    if (is_of_an_earlier_life(&look->head, item)) {
        look->end = LOOK_NOT_BEGUN;
    } else {
        status = read_entries(&reader, look, taker);
        status = status == STATUS_MISSING ? find_rest(&reader, look) : status;
    }
    if (status != STATUS_OK) {
        note_unreadable(look, status);
    }
    segment_reader_close(&reader);
}
