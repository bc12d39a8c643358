/* A loop: one thread, its event loop, its shard, its connections, its links to the others.
 *
 * A turn, after the sockets were read: the commands that came in; then, inside its own shard,
 * commands of other loops, what the store has done, a slice of the shard's own work; replies of
 * other shards, stalled connections; then links are published and the outputs sent, one write a
 * socket.
 */
#include "base/assert.h"
#include "net/net_internal.h"
#include "net/visit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum {
    TICK_MIN_MS = 2,
    TICK_MAX_MS = 50,
    HOLD_MS = 1,
    TICKS_PER_DELAY = 128, /* Of the shortest thing that is waited for: commit-delay. */
    STORE_READERS = 2,
    TURN_READERS = 4096, /* Of messages from one shard, before others have their turn. */
};

static void on_wake(uv_async_t *wake)
{
    (void)wake; /* It has ended the wait; the turn does the rest. */
}

static void wake_from_store(void *context)
{
    struct loop *self = (struct loop *)context;
    loop_wake(self);
}

void loop_wake(struct loop *self)
{
    uv_async_send(&self->wake);
}

static uint64_t tick_ms(const struct net_settings *settings)
{
    const uint64_t ms = settings->limits.commit_delay_ms / TICKS_PER_DELAY;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

static void on_tick(uv_timer_t *tick)
{
    struct loop *self = (struct loop *)tick->data;
    if (self->number == 0) {
        net_take_rates(self->lent_net, uv_now(&self->uv));
    }
    connections_expire(self, uv_now(&self->uv));
    net_resume_listeners(self);
}

/* True: they have changed. */
static bool take_settings(struct loop *self)
{
    struct net *net = self->lent_net;
    const uint64_t number = atomic_load_explicit(&net->settings_number, memory_order_acquire);
    if (number == self->settings_seen) {
        return false;
    }
    self->settings_seen = number;
    self->settings = net_peek_settings(net);
    return true;
}

void loop_wake_if_sleeping(struct loop *self)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&self->sleeping, memory_order_relaxed)) {
        loop_wake(self);
    }
}

/* The commands that another loop has sent here. */
static void receive_commands(struct loop *self, struct link *in)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct command commands[BATCH_MAX];
    struct user_id users[BATCH_MAX];
    uint32_t count = 0;
    do {
        for (count = 0; count < BATCH_MAX && link_receive_command(in, &commands[count]); count++) {
            users[count] = commands[count].user;
        }
        shard_prefetch(self->shard, users, count);
        for (uint32_t i = 0; i < count; i++) {
            shard_execute(self->shard, &commands[i]);
            command_deinit(&commands[i]);
        }
    } while (count == BATCH_MAX);
}

static void receive_texts(struct loop *self, const struct loop *other)
{
    struct link *in = net_get_link(self->lent_net, other->number, self->number);
    struct feed_text *text = NULL;
    uint32_t readers = 0;
    while (readers < TURN_READERS && link_receive_text(in, &text)) {
        readers += feed_take_text(self, other->number, text);
    }
    self->more |= readers >= TURN_READERS;
}

static void receive_replies(struct loop *self, struct loop *other)
{
    struct link *in = net_get_link(self->lent_net, other->number, self->number);
    uint32_t replies = 0;
    struct reply reply;
    while (link_receive_reply(in, &reply)) {
        replies++;
        visit_take_reply(self, other, &reply);
        reply_deinit(&reply);
    }
    /* Then it may be waiting for room to send more. Where this comes too early, its tick comes. */
    if (replies >= in->replies.capacity / 4) {
        loop_wake_if_sleeping(other);
    }
}

/* The way to the end, as far as this loop goes: its own shard, and the rest. */
static void turn_writing(struct loop *self) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    if (self->phase != STOP_WRITING) {
        return;
    }
    if (!self->flush_is_sent) {
        self->flush_is_sent = true;
        /* Nobody has this connection: the answer goes nowhere. */
        const struct command flush = {
            .kind = COMMAND_FLUSH_ALL,
            .token = {.shard = (uint16_t)self->number, .connection = UINT32_MAX}};
        shard_execute(self->shard, &flush);
    }
    atomic_store_explicit(&self->has_written, shard_count_unwritten(self->shard) == 0,
                          memory_order_release);
}

bool loop_turn_shard(struct loop *self)
{
    struct store_completion completion;
    while (store_workers_receive(self->workers, &completion)) {
        shard_complete(self->shard, &completion);
    }
    return shard_turn(self->shard, uv_now(&self->uv));
}

/* The own shard's turn. Not now where another thread is inside: it wakes this one when it leaves.
 */
static void turn_shard(struct loop *self) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct net *net = self->lent_net;
    self->is_kept_out = !visit_begin(self, self);
    if (self->is_kept_out) {
        return;
    }
    for (uint32_t other = 0; net->threads > 1 && other < net->threads; other++) {
        receive_commands(self, net_get_link(net, other, self->number));
    }
    durable_turn(self);
    self->more = loop_turn_shard(self);
    self->more |= loop_turn_warm(self);
    turn_writing(self);
    visit_end(self, self);
}

static void publish_commands(struct loop *self)
{
    struct net *net = self->lent_net;
    for (uint32_t other = 0; other < net->threads; other++) {
        if (other != self->number &&
            link_publish_commands(net_get_link(net, self->number, other))) {
            loop_wake_if_sleeping(&net->loops[other]);
        }
    }
}

static void turn_stop(struct loop *self)
{
    const enum stop_phase phase =
        (enum stop_phase)atomic_load_explicit(&self->lent_net->stop_phase, memory_order_acquire);
    if (phase != STOP_NOT && self->phase == STOP_NOT) {
        net_close_listeners(self);
        connections_stop_reading(self);
    }
    self->phase = phase;
    switch (phase) {
    case STOP_NOT:
    case STOP_WRITING:
        return;
    case STOP_ANSWERING:
        atomic_store_explicit(&self->has_answered, connections_are_answered(self),
                              memory_order_release);
        return;
    case STOP_ENDING:
        if (self->number == 0) {
            guests_close(self);
        }
        uv_stop(&self->uv);
        return;
    }
    UNREACHABLE("a phase of no kind");
}

static void on_hold(uv_timer_t *hold)
{
    struct loop *self = (struct loop *)hold->data;
    self->hold_is_over = true;
    connections_flush(self);
    self->hold_is_over = false;
}

static void on_check(uv_check_t *check) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct loop *self = (struct loop *)check->data;
    struct net *net = self->lent_net;
    atomic_store_explicit(&self->sleeping, false, memory_order_relaxed);
    guest_end_wait(self);
    (void)timing_begin(self);
    if (take_settings(self)) {
        uv_timer_set_repeat(&self->tick, tick_ms(&self->settings));
        uv_timer_again(&self->tick);
    }
    self->more = false;
    dispatch_run(self);
    turn_shard(self);
    for (uint32_t other = 0; net->threads > 1 && other < net->threads; other++) {
        receive_replies(self, &net->loops[other]);
    }
    errands_turn(self);
    connections_resume(self);
    feed_turn(self);
    dispatch_run(self);
    for (uint32_t other = 0; other < net->threads; other++) {
        receive_texts(self, &net->loops[other]);
    }
    turn_stop(self);
    connections_evict(self);
    metrics_set(&self->metrics, METRIC_CLIENT_BYTES, self->client_bytes);
    publish_commands(self);
    durable_end_turn(self);
    connections_flush(self);
    if (self->flush_first != NULL && self->commands_away > 0 &&
        !uv_is_active((const uv_handle_t *)&self->hold)) {
        uv_timer_start(&self->hold, on_hold, HOLD_MS, 0);
    }
    if (self->number == 0) {
        guests_turn(self);
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* That it is there keeps the loop from waiting. */
}

/* Is there anything in a ring that leads here, and can be taken out? */
static bool has_mail(struct loop *self)
{
    struct net *net = self->lent_net;
    bool mail = false;
    for (uint32_t other = 0; other < net->threads && !mail; other++) {
        struct link *in = net_get_link(net, other, self->number);
        mail = (!self->is_kept_out && ring_peek(&in->commands) != NULL) ||
               ring_peek(&in->replies) != NULL || ring_peek(&in->texts) != NULL;
    }
    return mail;
}

void loop_rest(struct loop *self)
{
    bool busy = self->more || self->guests_busy != 0;
    if (!busy) {
        atomic_store_explicit(&self->sleeping, true, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst);
        busy = has_mail(self);
    }
    if (busy) {
        uv_idle_start(&self->idle, on_idle);
    } else {
        uv_idle_stop(&self->idle);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *self = (struct loop *)prepare->data;
    loop_rest(self);
    guest_begin_wait(self, timing_end_turn(self));
}

static void *run(void *context) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct loop *self = (struct loop *)context;
    shard_thread_enter();
    do {
        uv_run(&self->uv, UV_RUN_DEFAULT);
        (void)timing_end_turn(self);
    } while (guest_stay(self));
    connections_flush(self);
    shard_thread_leave();
    return NULL;
}

static bool init_handles(struct loop *self)
{
    if (uv_async_init(&self->uv, &self->wake, on_wake) != 0 ||
        uv_prepare_init(&self->uv, &self->prepare) != 0 ||
        uv_check_init(&self->uv, &self->check) != 0 || uv_idle_init(&self->uv, &self->idle) != 0 ||
        uv_timer_init(&self->uv, &self->tick) != 0 || uv_timer_init(&self->uv, &self->hold) != 0) {
        return false;
    }
    self->prepare.data = self;
    self->check.data = self;
    self->tick.data = self;
    self->hold.data = self;
    return uv_prepare_start(&self->prepare, on_prepare) == 0 &&
           uv_check_start(&self->check, on_check) == 0 &&
           uv_timer_start(&self->tick, on_tick, tick_ms(&self->settings),
                          tick_ms(&self->settings)) == 0;
}

static enum status init_shard(struct loop *self)
{
    const struct shard_config config = {
        .number = self->number,
        .limits = visit_share_limits(self->lent_net, &self->settings.limits),
        .port = {.reply = visit_reply,
                 .has_reply_room = visit_has_reply_room,
                 .publish = visit_publish,
                 .send_to_store = visit_send_to_store,
                 .release = durable_release,
                 .note_forgetting = durable_note_forgetting,
                 .sync_journal = durable_sync_journal,
                 .lent_context = self},
        .lent_metrics = &self->shard_metrics,
        .now_ms = uv_now(&self->uv),
        .generations = self->lent_net->config.lent_generations,
        .lent_journal = self->lent_net->has_journal ? &self->durable.entries : NULL,
    };
    const struct store_workers_config workers = {
        .readers = STORE_READERS,
        .reads_max = SHARD_LOADS_MAX,
        .writes_max = SHARD_SAVES_MAX + 1, /* And a sync. */
        .lent_store = store_watch_get(&self->lent_net->store_watch),
        .wake = wake_from_store,
        .lent_context = self,
    };
    self->limits_seen = self->settings_seen;
    const enum status status = shard_create(&self->shard, &config);
    return status == STATUS_OK ? store_workers_create(&self->workers, &workers) : status;
}

enum status loop_init(struct loop *self, struct net *lent_net, uint32_t number,
                      struct failure *out_failure)
{
    self->lent_net = lent_net;
    self->number = number;
    pthread_cond_init(&self->guest.came_back, NULL);
    errand_mailbox_init(&self->mailbox);
    (void)take_settings(self);
    self->arguments_room = self->settings.arguments_max;
    self->arguments = calloc(self->arguments_room, sizeof *self->arguments);
    if (stats_create(&self->stats) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    if (self->arguments == NULL || uv_loop_init(&self->uv) != 0) {
        return STATUS_MEMORY;
    }
    self->has_uv = true;
    self->uv.data = self;
    if (!init_handles(self)) {
        return STATUS_MEMORY;
    }
    enum status status = loop_init_warm(self);
    if (status == STATUS_OK) {
        status = init_shard(self);
    }
    return status == STATUS_OK ? durable_open(self, out_failure) : status;
}

enum status loop_begin(struct loop *self)
{
    if (pthread_create(&self->thread, NULL, run, self) != 0) {
        return STATUS_MEMORY;
    }
    self->has_thread = true;
    return STATUS_OK;
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

bool loop_deinit(struct loop *self)
{
    /* First the threads that wake the loop: the store's, and the log's. */
    if (self->workers != NULL) {
        store_workers_destroy(&self->workers);
    }
    const bool is_whole = durable_close(self);
    if (self->has_uv) {
        net_close_listeners(self);
        connections_close_all(self);
        uv_walk(&self->uv, close_handle, NULL);
        uv_run(&self->uv, UV_RUN_DEFAULT);
        const int closed = uv_loop_close(&self->uv);
        ASSERT(closed == 0);
    }
    feed_deinit(&self->feed);
    feed_draft_deinit(&self->draft);
    loop_deinit_warm(self);
    if (self->shard != NULL) {
        shard_destroy(&self->shard);
    }
    pthread_cond_destroy(&self->guest.came_back);
    errand_mailbox_deinit(&self->mailbox);
    for (uint32_t i = 0; i < self->batch.count; i++) {
        slow_command_destroy(&self->batch.calls[i].copied);
    }
    stats_destroy(&self->stats);
    free(self->connections);
    free(self->arguments);
    buffer_deinit(&self->scratch);
    buffer_deinit(&self->line);
    return is_whole;
}
