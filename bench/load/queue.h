/* The commands of one connection that are due and not yet answered, oldest first, in a ring that
 * does not grow:
 *
 *     [ answered next │ … on their way … │ … due, not yet encoded … ]
 *                                         └── unsent ──────────────┘
 *
 * A command waits as its seed, not as its bytes: 24 bytes each, whatever it is.
 *
 * Memory: its own, from queue_init to queue_deinit.  Thread: one.
 */
#ifndef LOAD_QUEUE_H
#define LOAD_QUEUE_H

#include "base/attribute.h"
#include "load/mix.h"

#include <stdbool.h>
#include <stdint.h>

enum { QUEUE_CAPACITY_MAX = 1000000 };

struct command {
    uint64_t due_ns;
    uint64_t seed; /* Of a bulk that fills: its number. */
    uint16_t replies_left;
    uint8_t kind;
    bool filling;
    bool failed; /* One of its replies was an error. */
};

struct queue {
    struct command *commands;
    uint32_t capacity;
    uint32_t oldest;
    uint32_t count;
    uint32_t unsent; /* The newest of `count`. */
};

/* False: no memory. */
NODISCARD bool queue_init(struct queue *self, uint32_t capacity);
void queue_deinit(struct queue *self);

/* False: it is full. */
NODISCARD bool queue_insert(struct queue *self, const struct command *command);

/* The oldest that is not sent, or NULL; queue_note_sent says that it now is. */
struct command *queue_find_unsent(struct queue *self);
void queue_note_sent(struct queue *self);

/* The oldest one on its way, or NULL; queue_remove_oldest ends it. */
struct command *queue_find_oldest(struct queue *self);
void queue_remove_oldest(struct queue *self);

/* Forgets what is not sent; returns how many that were. */
uint32_t queue_remove_unsent(struct queue *self);

static inline uint32_t queue_count_on_their_way(const struct queue *self)
{
    return self->count - self->unsent;
}

#endif
