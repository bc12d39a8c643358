/* readstates-journal: looks into the journal of a server, and says what of it is whole. */
#include "journal_tool/dump.h"
#include "journal_tool/exit_code.h"
#include "journal_tool/file_list.h"
#include "journal_tool/judge.h"
#include "journal_tool/look.h"
#include "journal_tool/options.h"
#include "journal_tool/tally.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

struct tool {
    struct options options;
    struct files files;
    struct file_list list;
    struct judge judge;
    const char *path; /* Of the file that is looked into. */
    struct tally file;
    struct tally all;
};

static void dump(void *lent_context, const struct journal_entry *entry, uint64_t offset,
                 uint64_t size)
{
    const struct tool *self = lent_context;
    dump_print_entry(stdout, self->path, entry, offset, size);
}

static void count(void *lent_context, const struct journal_entry *entry, uint64_t offset,
                  uint64_t size)
{
    struct tool *self = lent_context;
    (void)offset;
    tally_take(&self->file, entry, size);
    tally_take(&self->all, entry, size);
}

static void print_stat(const struct tool *self, const struct look *look)
{
    static const char *const modes[] = {[JOURNAL_SYNC_ALWAYS] = "always",
                                        [JOURNAL_SYNC_EVERYSEC] = "everysec",
                                        [JOURNAL_SYNC_NO] = "no"};
    if (look->end == LOOK_UNREADABLE || look->end == LOOK_NEWER) {
        return;
    }
    printf("file      %s\n", self->path);
    if (look->end == LOOK_HEAD_DAMAGED || look->end == LOOK_NOT_BEGUN) {
        puts(look->end == LOOK_NOT_BEGUN ? "segment   not begun\n" : "segment   damaged head\n");
        return;
    }
    const struct segment_head *head = &look->head;
    printf("segment   set %" PRIu64 ", log %" PRIu32 " of %" PRIu32 ", number %" PRIu64
           ", format %d\n",
           head->set, head->log, head->logs, head->number, SEGMENT_FORMAT);
    printf("written   with journal-sync %s, under boot ", modes[head->sync]);
    for (int i = 0; i < SEGMENT_BOOT_SIZE; i++) {
        printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", head->boot.bytes[i]);
    }
    printf("\nwhole     up to byte %" PRIu64 "%s\n", look->offset,
           look->end == LOOK_SEALED ? ", sealed" : "");
    tally_print(&self->file, stdout);
    puts("");
}

static void look_into(struct tool *self, const struct file_list_item *item)
{
    static void (*const takers[])(void *, const struct journal_entry *, uint64_t, uint64_t) = {
        [OPTIONS_CHECK] = NULL, [OPTIONS_DUMP] = dump, [OPTIONS_STAT] = count};
    const enum options_command command = self->options.command;
    const struct look_taker taker = {.take = takers[command], .lent_context = self};
    struct look look;
    self->path = item->path;
    if (command == OPTIONS_STAT) {
        tally_reset(&self->file);
    }
    look_at(&look, &self->files, item, taker.take == NULL ? NULL : &taker);
    if (command == OPTIONS_STAT) {
        print_stat(self, &look);
    }
    /* In the order of what is said, where both go to one place. */
    fflush(stdout);
    judge_take(&self->judge, item, &look);
}

static enum exit_code run(struct tool *self)
{
    const bool checks = self->options.command == OPTIONS_CHECK;
    self->judge = (struct judge){.lent_out = checks ? stdout : stderr, .tells_all = checks};
    for (uint32_t i = 0; i < self->list.items.count && ferror(stdout) == 0; i++) {
        look_into(self, &self->list.items.items[i]);
    }
    const enum exit_code code = judge_end(&self->judge);
    if (self->options.command == OPTIONS_STAT) {
        printf("in all    %" PRIu32 " files\n", self->list.items.count);
        tally_print(&self->all, stdout);
    }
    if (checks && self->list.items.count == 0) {
        puts("there is no segment of a journal");
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fputs("readstates-journal: the answer cannot be written\n", stderr);
        return EXIT_BAD_INPUT;
    }
    return code;
}

static enum exit_code open_and_run(struct tool *self)
{
    const char *path = "";
    struct files_result result = {.status = STATUS_OK};
    enum status status = file_list_init(&self->list, &self->files, &self->options, &path, &result);
    if (status == STATUS_OK && self->options.command == OPTIONS_STAT) {
        status = tally_init(&self->file);
        status = status == STATUS_OK ? tally_init(&self->all) : status;
    }
    if (status == STATUS_MEMORY) {
        fputs("readstates-journal: the system gives no more memory\n", stderr);
        return EXIT_BAD_INPUT;
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "readstates-journal: %s cannot be read: %s\n", path,
                files_result_text(result));
        return EXIT_BAD_INPUT;
    }
    return run(self);
}

int main(int argc, char **argv)
{
    struct tool tool = {.files = files_get_system()};
    /* A reader that has gone is an error of a write. */
    (void)signal(SIGPIPE, SIG_IGN);
    switch (options_read(&tool.options, argc, argv)) {
    case OPTIONS_DONE:
        return EXIT_WHOLE;
    case OPTIONS_WRONG:
        return EXIT_BAD_INPUT;
    case OPTIONS_RUN:
        break;
    }
    const enum exit_code code = open_and_run(&tool);
    tally_deinit(&tool.all);
    tally_deinit(&tool.file);
    file_list_deinit(&tool.list);
    return (int)code;
}
