#include "journal_tool/judge.h"

#include <inttypes.h>

static void note(struct judge *self, enum exit_code code)
{
    self->code = code > self->code ? code : self->code;
}

static void say_whole(const struct judge *self, const char *path, const struct look *look)
{
    if (!self->tells_all) {
        return;
    }
    if (look->end == LOOK_NOT_BEGUN) {
        fprintf(self->lent_out, "%s was not begun: it was made ready to be written to\n", path);
    } else if (look->end == LOOK_SEALED) {
        fprintf(self->lent_out,
                "%s is whole: %" PRIu64 " entries, %" PRIu64 " bytes; segment %" PRIu64
                " follows\n",
                path, look->entries, look->offset, look->next);
    } else {
        fprintf(self->lent_out,
                "%s is whole up to byte %" PRIu64 ": %" PRIu64
                " entries; nothing that was written later follows: the log ends there\n",
                path, look->offset, look->entries);
    }
}

static const char power_cut[] =
    "; nothing says that it was on the disk: after a power cut a start cuts the log there";

static void say_damaged(struct judge *self, const char *path, const struct look *look)
{
    note(self, EXIT_DAMAGED);
    fprintf(self->lent_out,
            "%s is damaged at byte %" PRIu64 ": the %" PRIu64
            " entries before it are whole, and what stands at byte %" PRIu64
            " was written later%s\n",
            path, look->offset, look->entries, look->rest_offset,
            look->was_synced ? ", when this was on the disk" : power_cut);
}

static bool is_of_log(const struct file_list_item *item, const struct file_list_item *before)
{
    return item != NULL && item->from == before->from && item->has_name && before->has_name &&
           item->set == before->set && item->log == before->log && item->number > before->number;
}

static bool has_entries_missed(const struct look *before, const struct look *look)
{
    return look->entries > 0 && (before->end == LOOK_OPEN || before->end == LOOK_NOT_BEGUN);
}

/* What a segment and the one before it say of each other. NULL: none comes any more. */
static void judge_pair(struct judge *self, const struct file_list_item *item,
                       const struct look *look)
{
    const struct file_list_item *before = self->lent_before;
    if (before == NULL) {
        return;
    }
    const bool is_later = is_of_log(item, before);
    const bool is_next = is_later && item->number == before->number + 1;
    if (before->is_of_folder && self->before.end == LOOK_SEALED && !is_next) {
        note(self, EXIT_DAMAGED);
        fprintf(self->lent_out, "behind %s segment %" PRIu64 " is not there\n", before->path,
                self->before.next);
    } else if (is_next && self->before.end == LOOK_SEALED && look->end == LOOK_NOT_BEGUN) {
        note(self, EXIT_DAMAGED);
        fprintf(self->lent_out,
                "%s is damaged at byte 0: %s goes on in it, and its head is not there%s\n",
                item->path, before->path, power_cut);
    } else if (is_later && has_entries_missed(&self->before, look)) {
        note(self, EXIT_DAMAGED);
        fprintf(self->lent_out,
                "%s is damaged at byte %" PRIu64 ": %s, which was written later, has entries%s\n",
                before->path, self->before.offset, item->path, power_cut);
    }
}

void judge_take(struct judge *self, const struct file_list_item *lent_item, const struct look *look)
{
    const char *path = lent_item->path;
    switch (look->end) {
    case LOOK_SEALED:
    case LOOK_OPEN:
    case LOOK_NOT_BEGUN:
        say_whole(self, path, look);
        break;
    case LOOK_DAMAGED:
        say_damaged(self, path, look);
        break;
    case LOOK_HEAD_DAMAGED:
        note(self, EXIT_DAMAGED);
        fprintf(self->lent_out, "%s is damaged at byte 0: its head is not whole\n", path);
        break;
    case LOOK_NEWER:
        note(self, EXIT_BAD_INPUT);
        fprintf(stderr, "readstates-journal: %s was written by a newer version\n", path);
        break;
    case LOOK_UNREADABLE:
        note(self, EXIT_BAD_INPUT);
        fprintf(stderr, "readstates-journal: %s cannot be read: %s\n", path,
                look->result.status == STATUS_OK ? status_text(look->status)
                                                 : files_result_text(look->result));
        break;
    }
    judge_pair(self, lent_item, look);
    self->lent_before = lent_item;
    self->before = *look;
}

enum exit_code judge_end(struct judge *self)
{
    judge_pair(self, NULL, NULL);
    self->lent_before = NULL;
    return self->code;
}
