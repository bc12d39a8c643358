#include "load/process.h"

#include "base/decimal.h"
#include "base/slice.h"
#include "load/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    ANSWER_SIZE = 64 * 1024,
    ANSWER_TIMEOUT_S = 10,
};

static bool is_local(const struct addrinfo *address)
{
    if (address->ai_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address->ai_addr, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->ai_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address->ai_addr, sizeof in);
        return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
    }
    return false;
}

/* The answer to INFO: a head `$SIZE`, then so many bytes; an error is one line. */
static bool is_whole(const char *answer, size_t size)
{
    const char *end = memchr(answer, '\n', size);
    if (end == NULL) {
        return false;
    }
    const size_t head = (size_t)(end - answer) + 1;
    return answer[0] != '$' || size >= head + (size_t)strtoll(answer + 1, NULL, 10) + 2;
}

static bool ask(int socket, char *answer)
{
    static const char question[] = "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n";
    size_t size = 0;
    if (send(socket, question, sizeof question - 1, MSG_NOSIGNAL) != sizeof question - 1) {
        return false;
    }
    while (!is_whole(answer, size) && size < ANSWER_SIZE - 1) {
        const ssize_t received = recv(socket, answer + size, ANSWER_SIZE - 1 - size, 0);
        if (received <= 0) {
            errno = received == 0 ? ECONNRESET : errno;
            return false;
        }
        size += (size_t)received;
    }
    answer[size] = '\0';
    return true;
}

static void read_id(struct process *self, const char *answer)
{
    static const char field[] = "\nprocess_id:";
    const char *at = strstr(answer, field);
    uint64_t id = 0;
    if (at == NULL) {
        return;
    }
    at += sizeof field - 1;
    if (decimal_parse_u63((struct slice){.bytes = at, .size = strcspn(at, "\r\n")}, &id)) {
        self->id = (int64_t)id;
    }
}

bool process_find(struct process *self, const struct addrinfo *address)
{
    const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    *self = (struct process){0};
    char *answer = calloc(1, ANSWER_SIZE);
    const int socket_ = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool answered =
        answer != NULL && socket_ >= 0 &&
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        connect(socket_, address->ai_addr, address->ai_addrlen) == 0 && ask(socket_, answer);
    const int number = errno;
    if (answered && is_local(address)) {
        read_id(self, answer);
    }
    if (socket_ >= 0) {
        (void)close(socket_);
    }
    free(answer);
    errno = number;
    return answered;
}

/* `who` is a number, or self. */
static void read_cost(const char *who, struct process_cost *out_cost)
{
    char path[64];
    char text[1024];
    *out_cost = (struct process_cost){0};
    (void)snprintf(path, sizeof path, "/proc/%s/stat", who);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    /* Its name, the second field, may hold anything but ends at the last parenthesis. */
    const char *rest = strrchr(text, ')');
    uint64_t numbers[25] = {0};
    char *at = NULL;
    if (rest == NULL || strlen(rest) < 4) {
        return;
    }
    /* Fields 4 to 24, as proc(5) counts them. Some may be negative; none that is used. */
    at = (char *)rest + 3;
    for (int field = 4; field <= 24; field++) {
        numbers[field] = (uint64_t)strtoll(at, &at, 10);
    }
    out_cost->cpu_s = (double)(numbers[14] + numbers[15]) / (double)sysconf(_SC_CLK_TCK);
    out_cost->resident_bytes = numbers[24] * (uint64_t)sysconf(_SC_PAGESIZE);
}

void process_read(const struct process *self, struct process_cost *out_cost)
{
    char who[24];
    *out_cost = (struct process_cost){0};
    if (self->id != 0) {
        (void)snprintf(who, sizeof who, "%" PRId64, self->id);
        read_cost(who, out_cost);
    }
}

void process_read_own(struct process_cost *out_cost)
{
    read_cost("self", out_cost);
}
