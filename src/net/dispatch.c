#include "net/dispatch.h"

#include "base/assert.h"
#include "net/net_internal.h"
#include "net/visit.h"

_Static_assert(NET_THREADS_MAX <= UINT8_MAX, "a shard's number fits into a byte");

/* Sets of entries are words, a bit each. */
_Static_assert((int)BATCH_MAX <= (int)SHARD_PREFETCH_MAX, "a batch is prefetched at once");
_Static_assert(BATCH_MAX <= 64, "the entries of a batch fit into one word");

static uint64_t entries_of(const struct batch *batch, uint64_t among, uint32_t shard)
{
    uint64_t found = 0;
    for (uint64_t left = among; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        found |= (uint64_t)(batch->shards[i] == shard) << i;
    }
    return found;
}

/* One entry or more. Returns those that were answered with an error. */
static uint64_t execute(struct loop *self, struct shard *shard, uint64_t entries)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const struct batch *batch = &self->batch;
    struct user_id users[BATCH_MAX];
    uint32_t count = 0;
    uint64_t rest = entries;
    do {
        users[count++] = batch->commands[__builtin_ctzll(rest)].user;
        rest &= rest - 1;
    } while (rest != 0);
    shard_prefetch(shard, users, count);
    uint64_t failed = 0;
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const uint32_t before = self->timing.failed;
        shard_execute(shard, &batch->commands[i]);
        failed |= (uint64_t)(self->timing.failed != before) << i;
    }
    return failed;
}

static enum status mail(struct loop *self, uint32_t shard, const struct command *command)
{
    return link_send_command(net_get_link(self->lent_net, self->number, shard), command);
}

/* Entries of a batch, a bit each, that were executed or sent. */
struct run {
    uint64_t kept;   /* Not yet: they stay in the batch. */
    uint64_t left;   /* Their answers are to come. */
    uint64_t failed; /* Answered with an error. */
};

static void run_shard(struct loop *self, uint32_t shard, uint64_t entries, struct run *run)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct batch *batch = &self->batch;
    struct loop *home = &self->lent_net->loops[shard];
    if (visit_begin(self, home)) {
        const uint32_t before = self->timing.answered;
        run->failed |= execute(self, home->shard, entries);
        if (self->timing.answered - before != (uint32_t)__builtin_popcountll(entries)) {
            run->left |= timing_leave_batch(self, entries);
        }
        visit_end(self, home);
        return;
    }
    if (home == self) {
        run->kept |= entries;
        return;
    }
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const enum status status = mail(self, shard, &batch->commands[__builtin_ctzll(left)]);
        /* A command without a list takes no memory on its way. */
        ASSERT(status == STATUS_OK);
    }
    run->left |= timing_leave_batch(self, entries);
}

static void keep(struct batch *batch, uint64_t entries)
{
    uint32_t kept = 0;
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        batch->shards[kept] = batch->shards[i];
        batch->commands[kept] = batch->commands[i];
        batch->calls[kept] = batch->calls[i];
        batch->has_copied |= batch->calls[kept].copied != NULL;
        kept++;
    }
    batch->count = kept;
}

void dispatch_run(struct loop *self)
{
    struct batch *batch = &self->batch;
    if (batch->count == 0) {
        return;
    }
    const uint64_t all = UINT64_MAX >> (64 - batch->count);
    uint64_t rest = all;
    struct run run = {0};
    while (rest != 0) {
        const uint32_t shard = batch->shards[__builtin_ctzll(rest)];
        const uint64_t entries =
            self->lent_net->threads == 1 ? rest : entries_of(batch, rest, shard);
        rest &= ~entries;
        run_shard(self, shard, entries, &run);
    }
    timing_end_batch(self, all & ~run.kept, run.left, run.failed);
    keep(batch, run.kept);
}

bool dispatch_has_room(struct loop *self, uint32_t shard)
{
    if (self->batch.count == BATCH_MAX) {
        dispatch_run(self);
        if (self->batch.count == BATCH_MAX) {
            return false;
        }
    }
    return shard == self->number ||
           link_has_room(net_get_link(self->lent_net, self->number, shard));
}

/* Until its answer is there. */
static void begin(struct loop *self, uint32_t shard)
{
    if (shard != self->number) {
        link_begin_command(net_get_link(self->lent_net, self->number, shard));
        self->commands_away++;
    }
}

void dispatch_add(struct loop *self, uint32_t shard, const struct command *command,
                  struct call *call)
{
    struct batch *batch = &self->batch;
    ASSERT(batch->count < BATCH_MAX && command->count == 0);
    begin(self, shard);
    batch->shards[batch->count] = (uint8_t)shard;
    batch->commands[batch->count] = *command;
    batch->calls[batch->count] = call == NULL ? (struct call){0} : *call;
    if (call != NULL) {
        batch->has_copied |= call->copied != NULL;
        call->copied = NULL;
    }
    batch->count++;
}

enum status dispatch_now(struct loop *self, uint32_t shard, const struct command *command)
{
    struct loop *home = &self->lent_net->loops[shard];
    ASSERT(self->batch.count == 0);
    if (home == self) {
        shard_execute(home->shard, command);
        return STATUS_OK;
    }
    begin(self, shard);
    if (visit_begin(self, home)) {
        shard_execute(home->shard, command);
        visit_end(self, home);
        return STATUS_OK;
    }
    const enum status status = mail(self, shard, command);
    if (status != STATUS_OK) {
        link_end_command(net_get_link(self->lent_net, self->number, shard));
        self->commands_away--;
    }
    return status;
}
