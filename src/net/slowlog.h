/* The commands that took long: the last ones, of all threads together.
 *
 *     newest ─► entry ─► ... ─► entry ─► NULL        at most slowlog-max-len
 *
 * As in Redis: numbered from 0, also over a reset; an entry keeps the first arguments of its
 * command, each cut, and what is secret in them is not kept at all.
 *
 * Memory: entries on the heap. Where the system gives none, a slow command is not noted.
 * Threads: any.
 */
#ifndef NET_SLOWLOG_H
#define NET_SLOWLOG_H

#include "base/attribute.h"
#include "base/slice.h"
#include "base/status.h"
#include "net/address.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Of a command with more, the last kept one says how many there were. */
    SLOWLOG_ARGUMENTS_MAX = 32,
    /* Of a longer one so many bytes are kept, and how many there were. */
    SLOWLOG_ARGUMENT_SIZE_MAX = 128,
    SLOWLOG_NAME_SIZE = 64,
};

/* What is kept of a command: of the heap, owned by one. */
struct slow_command;

/* NULL without memory. At least one argument, the name. */
NODISCARD struct slow_command *slow_command_create(const struct slice *arguments, uint32_t count);
void slow_command_destroy(struct slow_command **taken_command);

/* Bytes on the heap. */
size_t slow_command_get_size(const struct slow_command *self);
uint32_t slow_command_count(const struct slow_command *self);

/* Lies in the command. */
struct slice slow_command_get(const struct slow_command *self, uint32_t index);

/* Who sent it: texts, terminated. */
struct slow_client {
    char address[ADDRESS_SIZE];
    char name[SLOWLOG_NAME_SIZE];
};

struct slow_entry {
    struct slow_entry *older;
    uint64_t id;
    uint64_t time_s; /* Since 1970, of its end. */
    uint64_t taken_us;
    struct slow_command *command;
    struct slow_client client;
};

struct slowlog {
    _Atomic uint64_t threshold_ns;
    _Atomic uint32_t entries_max; /* 0: nothing is noted. */
    pthread_mutex_t lock;
    struct slow_entry *newest;
    uint32_t count;
    uint64_t next_id;
};

void slowlog_init(struct slowlog *self);
void slowlog_deinit(struct slowlog *self);

/* What there is too much goes at once. */
void slowlog_set_limits(struct slowlog *self, uint64_t threshold_ns, uint32_t entries_max);

/* Is a command that took so long to be noted? */
static inline bool slowlog_is_slow(const struct slowlog *self, uint64_t taken_ns)
{
    return taken_ns >= atomic_load_explicit(&self->threshold_ns, memory_order_relaxed) &&
           atomic_load_explicit(&self->entries_max, memory_order_relaxed) > 0;
}

/* The command is the log's from here on; NULL: there was no memory for it, nothing is noted. */
void slowlog_insert(struct slowlog *self, struct slow_command **taken_command, uint64_t time_s,
                    uint64_t taken_ns, const struct slow_client *client);

uint32_t slowlog_count(struct slowlog *self);
void slowlog_clear(struct slowlog *self);

/* Gives the newest ones, `most` at most, to `take`, newest first; `begin` hears before how many. No
 * entry comes or goes meanwhile. */
void slowlog_list(struct slowlog *self, uint64_t most, void (*begin)(void *to, uint32_t count),
                  void (*take)(void *to, const struct slow_entry *entry), void *to);

#endif
