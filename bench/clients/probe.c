/* A light load on an open loop, each answer timed from when its command was due.
 *
 *     bench_probe PORT RATE SECONDS USERS        RS.ACK of users 1 to USERS at random, RATE a second
 *
 * Prints a line for each command: when it was due and when its answer was whole, in nanoseconds of the monotonic clock.
 * A late answer does not delay the commands after it.
 */
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4, READ_SIZE = 64 * 1024 };

struct probe {
    struct pollfd polls[CONNECTIONS];
    struct wire_reader readers[CONNECTIONS];
    uint64_t answered[CONNECTIONS];
    uint64_t begin_ns;
    uint64_t rate;
    uint64_t users;
    uint64_t commands;
    uint64_t sent;
    uint64_t done;
};

static uint64_t due_ns(const struct probe *self, uint64_t number)
{
    return self->begin_ns + number * 1000000000 / self->rate;
}

static void send_next(struct probe *self)
{
    char user[24];
    char message[24];
    char command[128];
    const int user_size = snprintf(user, sizeof user, "%ld", 1 + random() % (long)self->users);
    const int message_size = snprintf(message, sizeof message, "%" PRIu64, self->sent + 1);
    const int size = snprintf(command, sizeof command,
                              "*4\r\n$6\r\nRS.ACK\r\n$%d\r\n%s\r\n$1\r\n7\r\n$%d\r\n%s\r\n",
                              user_size, user, message_size, message);
    wire_write(self->polls[self->sent % CONNECTIONS].fd, command, (size_t)size);
    self->sent++;
}

/* The n-th answer of a connection belongs to the n-th command sent there. */
static void take_answers(struct probe *self, int at)
{
    char bytes[READ_SIZE];
    const ssize_t size = read(self->polls[at].fd, bytes, sizeof bytes);
    if (size <= 0) {
        fprintf(stderr, "the server closed the connection: %s\n", strerror(errno));
        exit(1);
    }
    const uint64_t now = wire_now_ns();
    for (uint64_t i = wire_reader_take(&self->readers[at], bytes, (size_t)size); i > 0; i--) {
        const uint64_t number = self->answered[at]++ * CONNECTIONS + (uint64_t)at;
        printf("%" PRIu64 " %" PRIu64 "\n", due_ns(self, number), now);
        self->done++;
    }
}

static void play(struct probe *self)
{
    self->begin_ns = wire_now_ns();
    while (self->done < self->commands) {
        while (self->sent < self->commands && due_ns(self, self->sent) <= wire_now_ns()) {
            send_next(self);
        }
        struct timespec wait = {.tv_sec = 1};
        if (self->sent < self->commands) {
            const uint64_t now = wire_now_ns();
            const uint64_t due = due_ns(self, self->sent);
            const uint64_t left = due > now ? due - now : 0;
            wait = (struct timespec){.tv_sec = (time_t)(left / 1000000000),
                                     .tv_nsec = (long)(left % 1000000000)};
        }
        if (ppoll(self->polls, CONNECTIONS, &wait, NULL) <= 0) {
            continue;
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            if (self->polls[i].revents != 0) {
                take_answers(self, i);
            }
        }
    }
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: bench_probe PORT RATE SECONDS USERS\n");
        return 2;
    }
    struct probe self = {.rate = wire_number("RATE", arguments[2]),
                         .users = wire_number("USERS", arguments[4])};
    self.commands = self.rate * wire_number("SECONDS", arguments[3]);
    for (int i = 0; i < CONNECTIONS; i++) {
        self.polls[i] = (struct pollfd){
            .fd = wire_connect((uint16_t)wire_number("PORT", arguments[1])), .events = POLLIN};
    }
    play(&self);
    uint64_t errors = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        errors += self.readers[i].errors;
    }
    if (errors > 0) {
        fprintf(stderr, "%" PRIu64 " errors\n", errors);
    }
    return errors > 0;
}
