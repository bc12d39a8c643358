#include "journal_tool/dump.h"

#include "readstate/leaf.h"

#include <inttypes.h>

void dump_print_text(FILE *to, const char *text)
{
    (void)putc('"', to);
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            fprintf(to, "\\%c", byte);
        } else if (byte < ' ' || byte > '~') {
            fprintf(to, "\\u%04x", byte);
        } else {
            (void)putc(byte, to);
        }
    }
    (void)putc('"', to);
}

static void print_state(FILE *to, const struct state_view *view)
{
    char channel[CHANNEL_KEY_SIZE_MAX];
    const size_t channel_size = channel_key_print(channel, view->channel);
    fprintf(to,
            "{\"channel\":\"%.*s\",\"last_read\":\"%" PRIu64 "\",\"mentions\":%" PRIu32
            ",\"version\":%" PRIu64,
            (int)channel_size, channel, view->last_read, view->mentions, view->version);
    if (view->floor != view->last_read) {
        fprintf(to, ",\"floor\":\"%" PRIu64 "\"", view->floor);
    }
    if (view->viewed_days != 0) {
        fprintf(to, ",\"viewed\":%u", view->viewed_days);
    }
    if (view->pin_ms != 0) {
        fprintf(to, ",\"pin\":%" PRIu64, view->pin_ms);
    }
    if (view->flags != 0) {
        fprintf(to, ",\"flags\":%u", view->flags);
    }
    fputs(view->approximate ? ",\"approximate\":1" : "", to);
    fputs(view->deleted ? ",\"deleted\":1" : "", to);
    (void)putc('}', to);
}

static void print_leaves(FILE *to, struct slice leaves)
{
    const char *separator = "";
    const uint8_t *leaf = (const uint8_t *)leaves.bytes;
    const uint8_t *const end = leaf + leaves.size;
    for (; leaf < end; leaf += leaf_get_size(leaf)) {
        const uint32_t rows = leaf_get_rows(leaf);
        for (uint32_t row = 0; row < rows; row++) {
            struct state_view view;
            leaf_view(leaf, row, &view);
            fputs(separator, to);
            print_state(to, &view);
            separator = ",";
        }
    }
}

static void print_plain(FILE *to, const struct journal_entry *entry)
{
    const struct state_view view = {.channel = entry->channel,
                                    .last_read = entry->last_read,
                                    .floor = entry->last_read,
                                    .version = entry->version};
    fprintf(to, ",\"incarnation\":%" PRIu32 ",\"version\":%" PRIu64 ",\"states\":[",
            entry->incarnation, entry->version);
    print_state(to, &view);
    fputs("]", to);
}

void dump_print_entry(FILE *to, const char *path, const struct journal_entry *entry,
                      uint64_t offset, uint64_t size)
{
    static const char *const kinds[] = {[JOURNAL_PLAIN] = "plain",
                                        [JOURNAL_STATES] = "states",
                                        [JOURNAL_FORGETTING] = "forgetting",
                                        [JOURNAL_SYNCED] = "synced",
                                        [JOURNAL_SEALED] = "sealed"};
    fputs("{\"file\":", to);
    dump_print_text(to, path);
    fprintf(to, ",\"offset\":%" PRIu64 ",\"size\":%" PRIu64 ",\"kind\":\"%s\"", offset, size,
            kinds[entry->kind]);
    if (entry->kind != JOURNAL_SYNCED && entry->kind != JOURNAL_SEALED) {
        fprintf(to, ",\"user\":\"%" PRIu64 "\"", entry->user.value);
    }
    switch (entry->kind) {
    case JOURNAL_PLAIN:
        print_plain(to, entry);
        break;
    case JOURNAL_STATES:
        fprintf(to,
                ",\"incarnation\":%" PRIu32 ",\"version\":%" PRIu64 ",\"purged_to\":%" PRIu64
                ",\"tombstones\":%" PRIu32 ",\"states\":[",
                entry->incarnation, entry->version, entry->purged_to, entry->tombstones);
        print_leaves(to, entry->leaves);
        fputs("]", to);
        break;
    case JOURNAL_FORGETTING:
        fprintf(to, ",\"generation\":%" PRIu32, entry->incarnation);
        break;
    case JOURNAL_SYNCED:
        fprintf(to, ",\"segment\":%" PRIu64 ",\"up_to\":%" PRIu64, entry->segment, entry->offset);
        break;
    case JOURNAL_SEALED:
        fprintf(to, ",\"segment\":%" PRIu64, entry->segment);
        break;
    }
    fputs("}\n", to);
}
