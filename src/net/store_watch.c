#include "net/store_watch.h"

#include "base/assert.h"

#include <time.h>
#include <uv.h>

static void note(const struct store_watch *self, enum latency_event event, uint64_t began_ns)
{
    const uint64_t taken_ns = uv_hrtime() - began_ns;
    if (latency_is_long(self->lent_latency, taken_ns)) {
        latency_insert(self->lent_latency, event, (uint64_t)time(NULL), taken_ns);
    }
}

static enum status watched_read(void *context, struct user_id user, struct image **out_image)
{
    const struct store_watch *self = context;
    const uint64_t began_ns = uv_hrtime();
    const enum status status = self->lent_store.ops->read(self->lent_store.self, user, out_image);
    note(self, LATENCY_STORE_READ, began_ns);
    return status;
}

static enum status watched_write(void *context, const struct image *const *images, uint32_t count)
{
    const struct store_watch *self = context;
    const uint64_t began_ns = uv_hrtime();
    const enum status status = self->lent_store.ops->write(self->lent_store.self, images, count);
    note(self, LATENCY_STORE_WRITE, began_ns);
    return status;
}

static enum status watched_sync(void *context)
{
    const struct store_watch *self = context;
    return self->lent_store.ops->sync(self->lent_store.self);
}

static enum status watched_read_generations(void *context, uint32_t generations[static HASH_SLOTS])
{
    const struct store_watch *self = context;
    return self->lent_store.ops->read_generations(self->lent_store.self, generations);
}

static enum status watched_read_identity(void *context, char *to, size_t size)
{
    const struct store_watch *self = context;
    return self->lent_store.ops->read_identity(self->lent_store.self, to, size);
}

static enum status watched_write_identity(void *context, const char *identity)
{
    const struct store_watch *self = context;
    return self->lent_store.ops->write_identity(self->lent_store.self, identity);
}

static uint64_t watched_count_memory(void *context)
{
    const struct store_watch *self = context;
    return self->lent_store.ops->count_memory(self->lent_store.self);
}

static void refuse_close(void *context)
{
    (void)context;
    UNREACHABLE("who opened a store closes it");
}

static const struct store_ops watched_ops = {
    .name = "watched",
    .read = watched_read,
    .write = watched_write,
    .sync = watched_sync,
    .read_generations = watched_read_generations,
    .read_identity = watched_read_identity,
    .write_identity = watched_write_identity,
    .count_memory = watched_count_memory,
    .close = refuse_close,
};

struct store store_watch_get(struct store_watch *self)
{
    return (struct store){.ops = &watched_ops, .self = self};
}
