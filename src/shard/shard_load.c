/* Loads of users, off the shard's thread: so many at a time, one for all who wait for the same
 * user, and nobody waits for one for ever. */
#include "base/assert.h"
#include "shard/shard_internal.h"

bool shard_begin_load(struct shard *self, struct waiting *waiting)
{
    if (self->loads_in_flight + self->images_held >= IMAGES_HELD_MAX) {
        /* Behind loads that do not end nobody waits. */
        if (self->loads_late > 0) {
            return false;
        }
        waiting->for_what = WAITING_TO_LOAD;
        waiting_queue_push(&self->load_queue, waiting);
        return true;
    }
    if (!breaker_begin(&self->breaker, self->now_ms)) {
        return false;
    }
    waiting->for_what = WAITING_FOR_LOAD;
    waiting->is_late = false;
    waiting->load = self->loads_in_flight;
    waiting->load_began_ms = self->now_ms;
    self->loads[self->loads_in_flight++] = waiting;
    metrics_add(self->lent_metrics, METRIC_STORE_LOADS, 1);
    const struct store_request request = {.work = STORE_WORK_READ, .user = waiting->user};
    self->config.port.send_to_store(self->config.port.lent_context, &request);
    return true;
}

void shard_end_load(struct shard *self, struct store_completion *completion)
{
    struct waiting *waiting = waiting_find(&self->waiting, completion->user);
    ASSERT(waiting != NULL);
    ASSERT(waiting->for_what == WAITING_FOR_LOAD);
    self->loads_in_flight--;
    self->loads_late -= waiting->is_late;
    self->loads[waiting->load] = self->loads[self->loads_in_flight];
    self->loads[waiting->load]->load = waiting->load;
    if (completion->status == STATUS_STORE) {
        breaker_note_failure(&self->breaker, self->now_ms);
    } else {
        breaker_note_success(&self->breaker);
    }
    switch (completion->status) {
    case STATUS_OK:
        waiting->image = completion->image;
        completion->image = NULL;
        self->images_held++;
        break;
    case STATUS_MISSING:
        waiting->absent = true;
        break;
    case STATUS_INVALID:
    case STATUS_MEMORY:
    case STATUS_CACHE_FULL:
    case STATUS_LIMIT:
    case STATUS_VERSION:
    case STATUS_UNWRITTEN:
    case STATUS_STORE:
    case STATUS_DIRTY_FULL:
    case STATUS_DISK_FULL:
    case STATUS_JOURNAL_FULL:
    case STATUS_SHUTDOWN:
    case STATUS_IO:
    case STATUS_CORRUPT:
    case STATUS_BUSY:
    case STATUS_NEWER:
        metrics_add(self->lent_metrics, METRIC_STORE_LOADS_FAILED, 1);
        shard_fail_all(self, waiting,
                       completion->status == STATUS_MEMORY ? STATUS_MEMORY : STATUS_STORE);
        return;
    }
    shard_pump(self, waiting);
}

void shard_excuse_loads(struct shard *self, uint64_t now_ms)
{
    for (uint32_t i = 0; i < self->loads_in_flight; i++) {
        self->loads[i]->load_began_ms = now_ms;
    }
}

void shard_turn_loads(struct shard *self)
{
    if (self->now_ms - self->loads_looked_ms < LOADS_LOOK_MS) {
        return;
    }
    self->loads_looked_ms = self->now_ms;
    for (uint32_t i = 0; i < self->loads_in_flight; i++) {
        struct waiting *waiting = self->loads[i];
        if (!waiting->is_late && self->now_ms - waiting->load_began_ms >= LOAD_TIMEOUT_MS) {
            waiting->is_late = true;
            self->loads_late++;
            breaker_note_failure(&self->breaker, self->now_ms);
            metrics_add(self->lent_metrics, METRIC_STORE_LOADS_FAILED, 1);
            shard_fail_waiters(self, waiting, STATUS_STORE);
        }
    }
    while (self->loads_late > 0 && self->load_queue.first != NULL) {
        shard_fail_all(self, waiting_queue_pop(&self->load_queue), STATUS_STORE);
    }
}
