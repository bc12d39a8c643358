#include "load/worker.h"

#include "base/assert.h"
#include "base/splitmix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    BUFFER_SIZE = 256 * 1024,
};

static bool watch(struct worker *self, int operation, uint32_t number)
{
    struct connection *connection = &self->connections[number];
    struct epoll_event event = {.events = EPOLLIN | (connection->blocked ? EPOLLOUT : 0U),
                                .data.u32 = number};
    return epoll_ctl(self->epoll, operation, connection->socket, &event) == 0;
}

/* The connections of all loops, as evenly as they go. */
static uint32_t count_share(const struct plan *plan, uint32_t number)
{
    const uint64_t threads = plan->lent_options->threads;
    const uint64_t connections = plan->lent_options->connections;
    return (uint32_t)(connections / threads + (number < connections % threads ? 1 : 0));
}

bool worker_open(struct worker *self, const struct plan *lent_plan, uint32_t number,
                 const struct addrinfo *address)
{
    const struct options *options = lent_plan->lent_options;
    const bool open_loop = options->rate > 0 && !lent_plan->filling;
    const uint64_t depth = lent_plan->filling ? 1 : options->depth;
    *self = (struct worker){.lent_plan = lent_plan, .number = number, .next = number};
    self->seed = options->seed + ((uint64_t)number << 32);
    (void)pthread_mutex_init(&self->lock, NULL);
    const uint32_t count = count_share(lent_plan, number);
    self->connections = calloc(count, sizeof *self->connections);
    self->touched = calloc(count, sizeof *self->touched);
    self->tally = calloc(1, sizeof *self->tally);
    self->buffer = malloc(BUFFER_SIZE);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->connections == NULL || self->touched == NULL || self->tally == NULL ||
        self->buffer == NULL || self->epoll < 0) {
        return false;
    }
    for (; self->connections_count < count; self->connections_count++) {
        struct connection *connection = &self->connections[self->connections_count];
        if (!connection_open(connection, address, (uint32_t)(open_loop ? options->queue : depth)) ||
            !watch(self, EPOLL_CTL_ADD, self->connections_count)) {
            const int number_of_error = errno;
            connection_close(connection);
            errno = number_of_error;
            return false;
        }
        self->alive++;
    }
    return true;
}

void worker_close(struct worker *self)
{
    for (uint32_t at = 0; at < self->connections_count; at++) {
        connection_close(&self->connections[at]);
    }
    if (self->epoll >= 0) {
        (void)close(self->epoll);
    }
    free(self->connections);
    free(self->touched);
    free(self->tally);
    free(self->buffer);
    (void)pthread_mutex_destroy(&self->lock);
}

static void touch(struct worker *self, uint32_t number)
{
    if (!self->connections[number].touched) {
        self->connections[number].touched = true;
        self->touched[self->touched_count++] = number;
    }
}

static bool is_open_loop(const struct worker *self)
{
    return self->lent_plan->lent_options->rate > 0 && !self->lent_plan->filling;
}

static void note_lost(struct worker *self, struct connection *connection)
{
    const uint32_t unsent = queue_remove_unsent(&connection->queue);
    self->tally->not_sent += is_open_loop(self) ? unsent : 0;
    self->tally->unanswered += connection_count_on_their_way(connection);
    self->tally->lost_connections++;
    self->alive--;
    connection_close(connection);
}

/* ---- what is due */

/* False: there is nothing more to fill. */
static bool make_command(struct worker *self, uint64_t due_ns, struct command *out_command)
{
    const struct options *options = self->lent_plan->lent_options;
    *out_command = (struct command){.due_ns = due_ns, .kind = KIND_BULK};
    if (self->lent_plan->filling) {
        out_command->seed = self->next;
        out_command->filling = true;
        self->next += options->threads;
        return out_command->seed < population_count_bulks(&options->population);
    }
    out_command->kind = (uint8_t)mix_draw(&options->mix, &self->seed);
    out_command->seed = splitmix_draw(&self->seed);
    return true;
}

/* In the closed loop: so many more on this connection. */
static void release_next(struct worker *self, uint32_t number, uint64_t count, uint64_t now_ns)
{
    struct command command;
    for (; count > 0 && !self->ending && make_command(self, now_ns, &command); count--) {
        const bool fits = connection_release(&self->connections[number], &command);
        ASSERT(fits);
        touch(self, number);
    }
}

static uint32_t find_next_alive(struct worker *self)
{
    uint32_t number = self->turn;
    while (self->connections[number].socket < 0) {
        number = (number + 1) % self->connections_count;
    }
    self->turn = (number + 1) % self->connections_count;
    return number;
}

/* In the open loop: all that is due by now. */
static void release_due(struct worker *self, uint64_t now_ns)
{
    const struct plan *plan = self->lent_plan;
    while (self->alive > 0) {
        const uint64_t due_ns = plan_get_due_ns(plan, self->next);
        if (due_ns > now_ns || due_ns >= plan->end_ns) {
            return;
        }
        struct command command;
        const uint32_t number = find_next_alive(self);
        (void)make_command(self, due_ns, &command);
        self->next += plan->lent_options->threads;
        histogram_insert(&self->tally->lateness, now_ns - due_ns);
        if (connection_release(&self->connections[number], &command)) {
            touch(self, number);
        } else {
            self->tally->not_sent++;
        }
    }
}

/* ---- turns */

static void flush_touched(struct worker *self)
{
    for (uint32_t at = 0; at < self->touched_count; at++) {
        struct connection *connection = &self->connections[self->touched[at]];
        connection->touched = false;
        if (connection->socket < 0) {
            continue;
        }
        const bool was_blocked = connection->blocked;
        if (!connection_flush(connection, self->lent_plan, self->tally) ||
            (connection->blocked != was_blocked &&
             !watch(self, EPOLL_CTL_MOD, self->touched[at]))) {
            note_lost(self, connection);
        }
    }
    self->touched_count = 0;
}

static void meet_event(struct worker *self, const struct epoll_event *event)
{
    const uint32_t number = event->data.u32;
    struct connection *connection = &self->connections[number];
    if (connection->socket < 0) {
        return;
    }
    if ((event->events & EPOLLOUT) != 0) {
        touch(self, number);
    }
    if ((event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) {
        return;
    }
    uint32_t ended = 0;
    if (!connection_receive(connection, self->lent_plan, self->tally, self->buffer, BUFFER_SIZE,
                            &ended)) {
        note_lost(self, connection);
        return;
    }
    if (!is_open_loop(self)) {
        release_next(self, number, ended, clock_read_ns());
    }
}

/* From now on nothing new is sent; what was never sent was not sent in time. */
static void begin_end(struct worker *self)
{
    self->ending = true;
    for (uint32_t at = 0; at < self->connections_count; at++) {
        const uint32_t unsent = queue_remove_unsent(&self->connections[at].queue);
        self->tally->not_sent += is_open_loop(self) ? unsent : 0;
    }
}

static uint64_t count_on_their_way(const struct worker *self)
{
    uint64_t count = 0;
    for (uint32_t at = 0; at < self->connections_count; at++) {
        if (self->connections[at].socket >= 0) {
            count += self->connections[at].queue.count;
        }
    }
    return count;
}

/* Until when there is nothing to do but what the sockets bring. */
static uint64_t find_next_moment(const struct worker *self)
{
    const struct plan *plan = self->lent_plan;
    if (self->ending) {
        return plan->end_ns + plan->lent_options->drain_s * CLOCK_SECOND_NS;
    }
    const uint64_t due_ns = is_open_loop(self) ? plan_get_due_ns(plan, self->next) : plan->end_ns;
    return due_ns < plan->end_ns ? due_ns : plan->end_ns;
}

static int wait_for_events(struct worker *self, struct epoll_event *events)
{
    const uint64_t now_ns = clock_read_ns();
    const uint64_t next_ns = find_next_moment(self);
    const uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / CLOCK_SECOND_NS),
                                     .tv_nsec = (long)(wait_ns % CLOCK_SECOND_NS)};
    return epoll_pwait2(self->epoll, events, EVENTS_MAX, &timeout, NULL);
}

/* False: it is over. */
static bool make_turn(struct worker *self, const struct epoll_event *events, int count)
{
    for (int at = 0; at < count; at++) {
        meet_event(self, &events[at]);
    }
    const uint64_t now_ns = clock_read_ns();
    if (is_open_loop(self) && !self->ending) {
        release_due(self, now_ns);
    }
    flush_touched(self);
    if (!self->ending && now_ns >= self->lent_plan->end_ns) {
        begin_end(self);
    }
    if (self->alive == 0) {
        return false;
    }
    if (self->ending || self->lent_plan->filling) {
        return count_on_their_way(self) > 0 && (!self->ending || now_ns < find_next_moment(self));
    }
    return true;
}

static void *run(void *context)
{
    struct worker *self = context;
    struct epoll_event events[EVENTS_MAX];
    /* Wake-ups when they are due, and not when it suits the kernel (50 us later by default). */
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    if (!is_open_loop(self)) {
        const uint64_t depth = self->lent_plan->filling ? 1 : self->lent_plan->lent_options->depth;
        for (uint32_t at = 0; at < self->connections_count; at++) {
            release_next(self, at, depth, clock_read_ns());
        }
        (void)pthread_mutex_lock(&self->lock);
        flush_touched(self);
        (void)pthread_mutex_unlock(&self->lock);
    }
    for (bool going_on = true; going_on;) {
        const int count = wait_for_events(self, events);
        (void)pthread_mutex_lock(&self->lock);
        going_on = make_turn(self, events, count);
        (void)pthread_mutex_unlock(&self->lock);
    }
    (void)pthread_mutex_lock(&self->lock);
    self->tally->unanswered += count_on_their_way(self);
    (void)pthread_mutex_unlock(&self->lock);
    return NULL;
}

bool worker_start(struct worker *self)
{
    errno = pthread_create(&self->thread, NULL, run, self);
    return errno == 0;
}

void worker_join(struct worker *self)
{
    (void)pthread_join(self->thread, NULL);
}

struct tally *worker_exchange(struct worker *self, struct tally *taken_empty)
{
    (void)pthread_mutex_lock(&self->lock);
    struct tally *full = self->tally;
    self->tally = taken_empty;
    (void)pthread_mutex_unlock(&self->lock);
    return full;
}

uint64_t worker_read_cpu_ns(const struct worker *self)
{
    clockid_t clock = 0;
    struct timespec time = {0};
    if (pthread_getcpuclockid(self->thread, &clock) != 0 || clock_gettime(clock, &time) != 0) {
        return 0;
    }
    return clock_convert_ns(&time);
}
