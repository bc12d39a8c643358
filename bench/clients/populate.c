/* Fills a server with read states, and keeps changing them.
 *
 *     bench_populate PORT USERS STATES                         load: so many users, so many states each
 *     bench_populate PORT USERS STATES churn SECONDS RATE      change states of random users, so many a second
 *
 * Ids are as Discord's: milliseconds since 2015 shifted by 22 bits, at random from 2015 to 2026, and made from the user's
 * number alone, so that both modes mean the same states. One state in ten has 1 to 3 unread mentions, also after it was
 * changed. Each connection has one pipeline of PIPELINE commands under way, so memory and load are bounded.
 */
#include "wire.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECTIONS = 4, PIPELINE = 64, STATES_MAX = 512, COMMAND_SIZE_MAX = 64 * STATES_MAX };

#define SPAN_MS (UINT64_C(11) * 365 * 86400 * 1000) /* 2015 to 2026. */

struct pipeline {
    int socket;
    struct wire_reader reader;
    uint64_t waiting;
    char *bytes; /* PIPELINE commands and some. */
    size_t size;
    uint64_t commands;
};

struct populate {
    struct pipeline pipelines[CONNECTIONS];
    uint32_t turn;
    uint64_t users;
    uint64_t states;
    uint64_t random;
    uint64_t commands;
};

/* splitmix64: from any number one that looks random. */
static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint64_t snowflake(uint64_t ms, uint64_t random)
{
    return ms << 22 | (random & ((1 << 22) - 1));
}

static uint64_t user_id(uint64_t number)
{
    const uint64_t random = mix(number);
    return snowflake(1 + random % SPAN_MS, random >> 42);
}

static uint64_t channel_id(uint64_t user, uint64_t state)
{
    const uint64_t random = mix(mix(user) + state + 1);
    return snowflake(1 + random % SPAN_MS, random >> 42);
}

/* The last message read at first: between the channel's beginning and 2026. */
static uint64_t message_id(uint64_t channel)
{
    const uint64_t since = channel >> 22;
    const uint64_t random = mix(channel);
    return snowflake(since + random % (SPAN_MS - since + 1), random >> 42) + 1;
}

static unsigned count_mentions(uint64_t channel)
{
    const uint64_t random = mix(~channel);
    return random % 10 == 0 ? 1 + (unsigned)(random / 10 % 3) : 0;
}

static void drain(struct pipeline *pipeline)
{
    wire_read_replies(pipeline->socket, &pipeline->reader, pipeline->waiting);
    pipeline->waiting = 0;
}

/* Sends what has gathered, and goes on to the connection that has waited longest. */
static void send_gathered(struct populate *self)
{
    struct pipeline *pipeline = &self->pipelines[self->turn];
    wire_write(pipeline->socket, pipeline->bytes, pipeline->size);
    pipeline->waiting = pipeline->commands;
    self->commands += pipeline->commands;
    pipeline->size = 0;
    pipeline->commands = 0;
    self->turn = (self->turn + 1) % CONNECTIONS;
    drain(&self->pipelines[self->turn]);
}

static void add_argument(struct pipeline *to, const char *text)
{
    to->size += (size_t)sprintf(to->bytes + to->size, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void add_number(struct pipeline *to, uint64_t number)
{
    char text[24];
    sprintf(text, "%" PRIu64, number);
    add_argument(to, text);
}

static struct pipeline *begin_command(struct populate *self, const char *name, uint64_t arguments)
{
    struct pipeline *to = &self->pipelines[self->turn];
    to->size += (size_t)sprintf(to->bytes + to->size, "*%" PRIu64 "\r\n", arguments + 1);
    to->commands++;
    add_argument(to, name);
    return to;
}

static void add_mentions(struct populate *self, uint64_t user, uint64_t channel, uint64_t message)
{
    for (unsigned i = count_mentions(channel); i > 0; i--) {
        struct pipeline *to = begin_command(self, "RS.MENTION", 3);
        add_number(to, channel);
        add_number(to, message + i);
        add_number(to, user_id(user));
    }
}

static void load_user(struct populate *self, uint64_t user)
{
    struct pipeline *to = begin_command(self, "RS.BULKACK", 1 + 2 * self->states);
    add_number(to, user_id(user));
    for (uint64_t state = 0; state < self->states; state++) {
        const uint64_t channel = channel_id(user, state);
        add_number(to, channel);
        add_number(to, message_id(channel));
    }
    for (uint64_t state = 0; state < self->states; state++) {
        const uint64_t channel = channel_id(user, state);
        add_mentions(self, user, channel, message_id(channel));
    }
}

static void load(struct populate *self)
{
    for (uint64_t user = 1; user <= self->users; user++) {
        load_user(self, user);
        if (self->pipelines[self->turn].commands >= PIPELINE) {
            send_gathered(self);
        }
    }
}

/* Somebody reads on in one channel, and is mentioned there again where they were. */
static void change_one(struct populate *self, uint64_t passed_ms)
{
    self->random = mix(self->random);
    const uint64_t user = 1 + self->random % self->users;
    const uint64_t channel = channel_id(user, self->random / self->users % self->states);
    const uint64_t message = snowflake(SPAN_MS + passed_ms, self->random);
    struct pipeline *to = begin_command(self, "RS.ACK", 3);
    add_number(to, user_id(user));
    add_number(to, channel);
    add_number(to, message);
    add_mentions(self, user, channel, message);
}

static void churn(struct populate *self, uint64_t seconds, uint64_t rate)
{
    const uint64_t begin = wire_now_ns();
    uint64_t passed_ms = 0;
    while (passed_ms < seconds * 1000) {
        while (self->pipelines[self->turn].commands < PIPELINE) {
            change_one(self, passed_ms);
        }
        send_gathered(self);
        const uint64_t due_ns = begin + self->commands * 1000000000 / rate;
        const uint64_t now_ns = wire_now_ns();
        if (due_ns > now_ns) {
            const struct timespec wait = {.tv_sec = (time_t)((due_ns - now_ns) / 1000000000),
                                          .tv_nsec = (long)((due_ns - now_ns) % 1000000000)};
            nanosleep(&wait, NULL);
        }
        passed_ms = (wire_now_ns() - begin) / 1000000;
    }
}

int main(int count, char **arguments)
{
    const bool churns = count == 7 && strcmp(arguments[4], "churn") == 0;
    if (count != 4 && !churns) {
        fprintf(stderr, "usage: bench_populate PORT USERS STATES [churn SECONDS RATE]\n");
        return 2;
    }
    struct populate self = {.users = wire_number("USERS", arguments[2]),
                            .states = wire_number("STATES", arguments[3]),
                            .random = wire_now_ns()};
    if (self.users == 0 || self.states == 0 || self.states > STATES_MAX) {
        fprintf(stderr, "USERS must be at least 1, STATES 1 to %d\n", STATES_MAX);
        return 2;
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        self.pipelines[i].socket = wire_connect((uint16_t)wire_number("PORT", arguments[1]));
        self.pipelines[i].bytes = malloc((PIPELINE + 4 * STATES_MAX) * (size_t)COMMAND_SIZE_MAX);
        if (self.pipelines[i].bytes == NULL) {
            return 1;
        }
    }
    const uint64_t begin = wire_now_ns();
    if (churns) {
        churn(&self, wire_number("SECONDS", arguments[5]), wire_number("RATE", arguments[6]));
    } else {
        load(&self);
    }
    send_gathered(&self);
    uint64_t errors = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        drain(&self.pipelines[i]);
        errors += self.pipelines[i].reader.errors;
        if (self.pipelines[i].reader.errors > 0) {
            fprintf(stderr, "first error: %s\n", self.pipelines[i].reader.error);
        }
    }
    const double seconds = (double)(wire_now_ns() - begin) / 1e9;
    printf("{\"commands\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"seconds\": %.1f}\n",
           self.commands, errors, seconds);
    return errors > 0;
}
