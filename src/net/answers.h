/* The answers that a connection still owes, in the order of its commands.
 *
 *     head                              next
 *      ▼                                 ▼
 *     [ waits ][ done ][ waits ][ done ]           only the head's answer may go out
 *
 * A command is named by its number, which rises by one. An answer comes whole, in parts (lists), or
 * from several shards, whose parts are put together. What belongs to the head goes straight into
 * the output.
 *
 * Memory: a ring of entries on the heap, none before the first command; another one for those that
 * had to wait, from the first of them on.  Thread: the connection's.
 */
#ifndef NET_ANSWERS_H
#define NET_ANSWERS_H

#include "message/reply.h"
#include "net/call.h"
#include "resp/writer.h"

enum { ANSWERS_OPEN_MAX = 1024 };

/* Of a command that went to several shards, or of a list in parts. */
struct answer_parts {
    uint32_t shards;    /* That have not answered. */
    uint32_t asked;     /* Users. */
    enum status failed; /* RS.FLUSH. */
    struct reply_counts counts;
    struct reply list_head;
    uint64_t list_states;
    struct reply_badge badges[]; /* `asked` of them, by position; RS.BADGE only. */
};

/* One cache line: most commands need no more. */
struct answer {
    struct buffer bytes; /* Not yet in the output. */
    struct answer_parts *parts;
    uint64_t kept_version;
    uint64_t kept_number;
    uint32_t held; /* Bytes that the command takes while it has no answer. */
    bool done;
    bool is_list; /* Of several parts: its head is written when the last is there. */
    bool is_kept; /* The commonest reply, REPLY_STATE: two numbers, written when it is its turn. */
    bool is_left; /* Its answer was not there at once: there is a call for it. */
};

_Static_assert(sizeof(struct answer) == 64, "an answer is a cache line");

/* A command that waits for its answer, to be timed and told of. */
struct answer_call {
    struct call call;
    struct call_numbers numbers;
};

struct answers {
    struct answer *ring;
    struct answer_call *calls; /* As many, of those that are left; NULL: none ever was. */
    uint32_t capacity;         /* A power of two, or 0. */
    uint32_t head;
    uint32_t next;

    bool is_midway; /* What went out last is a part of the head's answer. */
    uint64_t bytes; /* In the entries. */
    uint64_t held;
    const char *lent_epoch;
};

void answers_init(struct answers *self, const char *lent_epoch);
void answers_deinit(struct answers *self);

static inline uint32_t answers_count(const struct answers *self)
{
    return self->next - self->head;
}

/* Does the output end within an answer? Then nothing else may be put behind it. */
static inline bool answers_is_midway(const struct answers *self)
{
    return self->is_midway;
}

/* The number of a new command; its answer is to come. False without memory, or with
 * ANSWERS_OPEN_MAX open. */
NODISCARD bool answers_insert(struct answers *self, uint32_t *out_number);

/* Has the whole answer of that number, of the newest 2^31, gone to the output? */
static inline bool answers_is_out(const struct answers *self, uint32_t number)
{
    return (int32_t)(number - self->head) < 0;
}

/* The number of the newest command, of which there is one. */
static inline uint32_t answers_get_newest(const struct answers *self)
{
    return self->next - 1;
}

/* The newest command was never sent. */
void answers_remove_newest(struct answers *self);

/* Has the command no answer yet, or a part of it only? */
static inline bool answers_is_open(const struct answers *self, uint32_t number)
{
    return number - self->head < answers_count(self) &&
           !self->ring[number & (self->capacity - 1)].done;
}

/* The command has no answer yet, and waits. The call's copied arguments are taken over, and count
 * as held. Without memory nobody will time it. */
void answers_leave(struct answers *self, uint32_t number, struct call *call,
                   const struct call_numbers *numbers);

static inline bool answers_is_left(const struct answers *self, uint32_t number)
{
    return self->ring[number & (self->capacity - 1)].is_left;
}

/* Of one that was left: the caller's from here on. */
struct answer_call answers_take_call(struct answers *self, uint32_t number);

/* What the rings take, without what the entries hold. */
size_t answers_get_size(const struct answers *self);

/* Will the whole answer be there with this reply? */
static inline bool answers_ends_with(const struct answers *self, uint32_t number,
                                     const struct reply *reply)
{
    if (reply->kind == REPLY_STATE) {
        return true;
    }
    const struct answer_parts *parts = self->ring[number & (self->capacity - 1)].parts;
    return reply_ends_command(reply) && (parts == NULL || parts->shards <= 1);
}

/* Until its answer is out, its command takes so many bytes: kept in the sum `held`. */
void answers_hold(struct answers *self, uint32_t number, size_t size);

/* Its answer will come from so many shards, for so many users. */
NODISCARD bool answers_expect_parts(struct answers *self, uint32_t number, uint32_t shards,
                                    uint32_t asked, bool badges);

/* Is the next answer to go out that of this command, which neither holds anything nor was left, and
 * does no other wait behind it that is done already? */
static inline bool answers_is_alone(const struct answers *self, uint32_t number)
{
    const uint32_t mask = self->capacity - 1;
    const struct answer *answer = &self->ring[number & mask];
    return number == self->head && answer->held == 0 && !answer->is_left &&
           !self->ring[(number + 1) & mask].done;
}

/* It went out whole, and has nothing to be dropped. */
static inline void answers_skip(struct answers *self)
{
    self->head++;
}

/* An answer, or a part of one. What can go out is in the writer's output afterwards. False: the
 * system gives no more memory, and the connection is lost. */
NODISCARD bool answers_take(struct answers *self, uint32_t number, const struct reply *reply,
                            struct resp_writer *output);

#endif
