#include "net/slowlog.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTE_SIZE = 64 };

struct slow_command {
    uint32_t count;
    uint32_t size;                        /* Of the bytes. */
    uint32_t ends[SLOWLOG_ARGUMENTS_MAX]; /* Of each argument. */
    char bytes[];
};

static const char redacted[] = "(redacted)";

/* Is the argument a secret: the whole of AUTH, a name and a password behind HELLO's AUTH? */
static bool is_secret(const struct slice *arguments, uint32_t index)
{
    if (index == 0) {
        return false;
    }
    if (slice_equal_text_nocase(arguments[0], "auth")) {
        return true;
    }
    return slice_equal_text_nocase(arguments[0], "hello") &&
           ((index >= 2 && slice_equal_text_nocase(arguments[index - 1], "auth")) ||
            (index >= 3 && slice_equal_text_nocase(arguments[index - 2], "auth")));
}

/* What is kept of one argument: its first bytes, and a note behind them. */
struct kept {
    struct slice bytes;
    char note[NOTE_SIZE];
};

static struct kept keep(const struct slice *arguments, uint32_t count, uint32_t index)
{
    struct kept kept = {.bytes = arguments[index]};
    if (count > SLOWLOG_ARGUMENTS_MAX && index == SLOWLOG_ARGUMENTS_MAX - 1) {
        kept.bytes.size = 0;
        snprintf(kept.note, sizeof kept.note, "... (%u more arguments)",
                 count - SLOWLOG_ARGUMENTS_MAX + 1);
    } else if (is_secret(arguments, index)) {
        kept.bytes = slice_from_text(redacted);
    } else if (kept.bytes.size > SLOWLOG_ARGUMENT_SIZE_MAX) {
        snprintf(kept.note, sizeof kept.note, "... (%zu more bytes)",
                 kept.bytes.size - SLOWLOG_ARGUMENT_SIZE_MAX);
        kept.bytes.size = SLOWLOG_ARGUMENT_SIZE_MAX;
    }
    return kept;
}

struct slow_command *slow_command_create(const struct slice *arguments, uint32_t count)
{
    ASSERT(count > 0);
    const uint32_t kept_count = count < SLOWLOG_ARGUMENTS_MAX ? count : SLOWLOG_ARGUMENTS_MAX;
    size_t size = 0;
    for (uint32_t i = 0; i < kept_count; i++) {
        const struct kept kept = keep(arguments, count, i);
        size += kept.bytes.size + strlen(kept.note);
    }
    struct slow_command *self = malloc(sizeof *self + size);
    if (self == NULL) {
        return NULL;
    }
    self->count = kept_count;
    self->size = 0;
    for (uint32_t i = 0; i < kept_count; i++) {
        const struct kept kept = keep(arguments, count, i);
        const size_t note_size = strlen(kept.note);
        if (kept.bytes.size > 0) {
            memcpy(self->bytes + self->size, kept.bytes.bytes, kept.bytes.size);
            self->size += (uint32_t)kept.bytes.size;
        }
        memcpy(self->bytes + self->size, kept.note, note_size);
        self->size += (uint32_t)note_size;
        self->ends[i] = self->size;
    }
    return self;
}

void slow_command_destroy(struct slow_command **taken_command)
{
    free(*taken_command);
    *taken_command = NULL;
}

size_t slow_command_get_size(const struct slow_command *self)
{
    return sizeof *self + self->size;
}

uint32_t slow_command_count(const struct slow_command *self)
{
    return self->count;
}

struct slice slow_command_get(const struct slow_command *self, uint32_t index)
{
    ASSERT(index < self->count);
    const uint32_t begin = index == 0 ? 0 : self->ends[index - 1];
    return (struct slice){.bytes = self->bytes + begin, .size = self->ends[index] - begin};
}

void slowlog_init(struct slowlog *self)
{
    *self = (struct slowlog){0};
    pthread_mutex_init(&self->lock, NULL);
}

/* Under the lock: all but the newest so many. */
static void shrink(struct slowlog *self, uint32_t kept)
{
    struct slow_entry **place = &self->newest;
    for (uint32_t i = 0; i < kept && *place != NULL; i++) {
        place = &(*place)->older;
    }
    while (*place != NULL) {
        struct slow_entry *entry = *place;
        *place = entry->older;
        slow_command_destroy(&entry->command);
        free(entry);
        self->count--;
    }
}

void slowlog_deinit(struct slowlog *self)
{
    shrink(self, 0);
    pthread_mutex_destroy(&self->lock);
}

void slowlog_set_limits(struct slowlog *self, uint64_t threshold_ns, uint32_t entries_max)
{
    atomic_store_explicit(&self->threshold_ns, threshold_ns, memory_order_relaxed);
    pthread_mutex_lock(&self->lock);
    atomic_store_explicit(&self->entries_max, entries_max, memory_order_relaxed);
    shrink(self, entries_max);
    pthread_mutex_unlock(&self->lock);
}

void slowlog_insert(struct slowlog *self, struct slow_command **taken_command, uint64_t time_s,
                    uint64_t taken_ns, const struct slow_client *client)
{
    struct slow_entry *entry = *taken_command == NULL ? NULL : malloc(sizeof *entry);
    if (entry == NULL) {
        slow_command_destroy(taken_command);
        return;
    }
    *entry = (struct slow_entry){.time_s = time_s,
                                 .taken_us = taken_ns / 1000,
                                 .command = *taken_command,
                                 .client = *client};
    *taken_command = NULL;
    pthread_mutex_lock(&self->lock);
    entry->id = self->next_id++;
    entry->older = self->newest;
    self->newest = entry;
    self->count++;
    const uint32_t entries_max = atomic_load_explicit(&self->entries_max, memory_order_relaxed);
    if (self->count > entries_max) {
        shrink(self, entries_max);
    }
    pthread_mutex_unlock(&self->lock);
}

uint32_t slowlog_count(struct slowlog *self)
{
    pthread_mutex_lock(&self->lock);
    const uint32_t count = self->count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

void slowlog_clear(struct slowlog *self)
{
    pthread_mutex_lock(&self->lock);
    shrink(self, 0);
    pthread_mutex_unlock(&self->lock);
}

void slowlog_list(struct slowlog *self, uint64_t most, void (*begin)(void *to, uint32_t count),
                  void (*take)(void *to, const struct slow_entry *entry), void *to)
{
    pthread_mutex_lock(&self->lock);
    uint32_t left = most < self->count ? (uint32_t)most : self->count;
    begin(to, left);
    for (const struct slow_entry *entry = self->newest; left > 0; entry = entry->older, left--) {
        take(to, entry);
    }
    pthread_mutex_unlock(&self->lock);
}
