#include "net/guest.h"

#include "base/assert.h"
#include "net/net_internal.h"

enum {
    /* What is measured is the last so long. */
    WINDOW_NS = 20 * 1000 * 1000,
    /* A loop is lent after so many low ones in a row. */
    CALM_MIN = 10,
    /* The host is near the end of its time: after so many such in a row, since a single one may
     * only mean that another process had the core. */
    CROWDED_PERCENT = 92,
    CROWDED_MIN = 3,
};

static struct loop *get_host(const struct loop *self)
{
    return &self->lent_net->loops[0];
}

static uint64_t bit_of(const struct loop *guest)
{
    return UINT64_C(1) << guest->number;
}

static uint32_t get_percent_busy(const struct loop *self)
{
    return atomic_load_explicit(&self->load.percent, memory_order_relaxed);
}

static void on_timer(uv_timer_t *timer);

/* libuv tells the system at the next run only of what is to be watched from now on (a new
 * connection, a write of which a part is left): until then nothing of it is seen. */
static bool has_unarmed(const uv_loop_t *uv)
{
    return uv->watcher_queue[0] != (const void *)&uv->watcher_queue;
}

/* One turn, on the host's thread. */
static void run(struct loop *guest)
{
    struct loop *host = get_host(guest);
    (void)uv_run(&guest->uv, UV_RUN_NOWAIT);
    (void)timing_end_turn(guest);
    loop_rest(guest);
    const int timeout_ms = uv_backend_timeout(&guest->uv);
    if (timeout_ms > 0) {
        uv_timer_start(&guest->guest.timer, on_timer, (uint64_t)timeout_ms, 0);
    } else {
        uv_timer_stop(&guest->guest.timer);
    }
    /* One with more to do has its next turn with the host's own: a timer that is due at once would
     * run again and again before the host's sockets. */
    host->guests_busy &= ~bit_of(guest);
    host->guests_busy |= timeout_ms == 0 || has_unarmed(&guest->uv) ? bit_of(guest) : 0;
}

static void on_timer(uv_timer_t *timer)
{
    run((struct loop *)timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* Whatever it is, the guest's own wait will see it. */
    (void)events;
    run((struct loop *)poll->data);
}

enum status guests_init(struct net *self)
{
    uv_loop_t *host = &self->loops[0].uv;
    for (uint32_t i = 1; i < self->threads; i++) {
        struct loop *loop = &self->loops[i];
        if (uv_poll_init(host, &loop->guest.poll, uv_backend_fd(&loop->uv)) != 0 ||
            uv_timer_init(host, &loop->guest.timer) != 0) {
            return STATUS_MEMORY;
        }
        loop->guest.poll.data = loop;
        loop->guest.timer.data = loop;
    }
    self->lending.is_open = true;
    return STATUS_OK;
}

void guest_begin_wait(struct loop *self, uint64_t now_ns)
{
    if (self->lent_net->threads > 1 && !self->guest.is_run) {
        self->load.wait_began_ns = now_ns;
    }
}

/* A window has ended: is this loop to be lent? */
static void consider(struct loop *self, uint32_t percent)
{
    struct loop *host = get_host(self);
    const uint32_t together = percent + get_percent_busy(host);
    const bool low = self->phase == STOP_NOT && together <= self->settings.gather_below_percent &&
                     self->settings.gather_below_percent > 0;
    self->load.calm = low ? self->load.calm + 1 : 0;
    if (self->load.calm == CALM_MIN) {
        /* Until the host has measured it: others count with it as well. */
        atomic_fetch_add_explicit(&host->load.percent, percent, memory_order_relaxed);
        self->guest.is_lent = true;
        uv_stop(&self->uv);
    }
}

static void begin_window(struct load *load, uint64_t now_ns)
{
    load->since_ns = now_ns;
    load->waited_ns = 0;
}

void guest_end_wait(struct loop *self)
{
    struct load *load = &self->load;
    if (self->lent_net->threads == 1 || self->guest.is_run) {
        return;
    }
    const uint64_t now_ns = uv_hrtime();
    load->waited_ns += now_ns - load->wait_began_ns;
    const uint64_t passed_ns = now_ns - load->since_ns;
    if (passed_ns < WINDOW_NS) {
        return;
    }
    const uint64_t waited = load->waited_ns < passed_ns ? load->waited_ns : passed_ns;
    const uint32_t percent = 100 - (uint32_t)(100 * waited / passed_ns);
    atomic_store_explicit(&load->percent, percent, memory_order_relaxed);
    begin_window(load, now_ns);
    load->crowded = percent > CROWDED_PERCENT ? load->crowded + 1 : 0;
    if (self != get_host(self)) {
        consider(self, percent);
    }
}

bool guest_stay(struct loop *self)
{
    struct lending *lending = &self->lent_net->lending;
    if (!self->guest.is_lent || self->phase == STOP_ENDING) {
        return false;
    }
    self->guest.is_lent = false;
    pthread_mutex_lock(&lending->lock);
    if (lending->is_open) {
        self->guest.is_away = true;
        atomic_fetch_or_explicit(&lending->coming, bit_of(self), memory_order_relaxed);
        loop_wake(get_host(self));
        while (self->guest.is_away) {
            pthread_cond_wait(&self->guest.came_back, &lending->lock);
        }
    }
    pthread_mutex_unlock(&lending->lock);
    self->load.calm = 0;
    begin_window(&self->load, uv_hrtime());
    return self->phase != STOP_ENDING;
}

static void send_home(struct loop *host, struct loop *guest)
{
    struct lending *lending = &host->lent_net->lending;
    uv_poll_stop(&guest->guest.poll);
    uv_timer_stop(&guest->guest.timer);
    host->guests &= ~bit_of(guest);
    host->guests_busy &= ~bit_of(guest);
    pthread_mutex_lock(&lending->lock);
    guest->guest.is_run = false;
    guest->guest.is_away = false;
    pthread_cond_signal(&guest->guest.came_back);
    pthread_mutex_unlock(&lending->lock);
}

static void take_in(struct loop *host, struct loop *guest)
{
    guest->guest.is_run = true;
    host->guests |= bit_of(guest);
    if (uv_poll_start(&guest->guest.poll, UV_READABLE, on_ready) != 0) {
        send_home(host, guest);
        return;
    }
    run(guest);
}

static void send_all_home(struct loop *host)
{
    for (uint64_t left = host->guests; left != 0; left &= left - 1) {
        send_home(host, &host->lent_net->loops[__builtin_ctzll(left)]);
    }
}

static void take_coming(struct loop *host)
{
    struct lending *lending = &host->lent_net->lending;
    pthread_mutex_lock(&lending->lock);
    uint64_t coming = atomic_exchange_explicit(&lending->coming, 0, memory_order_relaxed);
    pthread_mutex_unlock(&lending->lock);
    for (; coming != 0; coming &= coming - 1) {
        take_in(host, &host->lent_net->loops[__builtin_ctzll(coming)]);
    }
}

void guests_turn(struct loop *host)
{
    for (uint64_t left = host->guests_busy; left != 0; left &= left - 1) {
        run(&host->lent_net->loops[__builtin_ctzll(left)]);
    }
    if (atomic_load_explicit(&host->lent_net->lending.coming, memory_order_relaxed) != 0) {
        take_coming(host);
    }
    if (host->guests != 0 &&
        (host->load.crowded >= CROWDED_MIN || host->settings.gather_below_percent == 0)) {
        send_all_home(host);
    }
    metrics_set(&host->metrics, METRIC_RESTING_THREADS,
                (uint64_t)__builtin_popcountll(host->guests));
}

void guests_close(struct loop *host)
{
    struct lending *lending = &host->lent_net->lending;
    pthread_mutex_lock(&lending->lock);
    lending->is_open = false;
    pthread_mutex_unlock(&lending->lock);
    take_coming(host);
    send_all_home(host);
}
