#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

int wire_connect(uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0 || connect(socket_, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) {
        fail("connecting");
    }
    return socket_;
}

void wire_write(int socket, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(socket, bytes, size);
        if (written <= 0) {
            fail("writing");
        }
        bytes += written;
        size -= (size_t)written;
    }
}

uint64_t wire_reader_take(struct wire_reader *self, const char *bytes, size_t size)
{
    const uint64_t before = self->replies;
    for (size_t at = 0; at < size;) {
        size_t taken = 0;
        if (reply_reader_take(&self->reader, bytes + at, size - at, &taken)) {
            self->replies++;
            if (self->reader.reply.failed && self->errors++ == 0) {
                memcpy(self->error, self->reader.reply.line, sizeof self->error);
            }
        }
        if (self->reader.broken) {
            fprintf(stderr, "what came is no reply\n");
            exit(1);
        }
        at += taken;
    }
    return self->replies - before;
}

void wire_read_replies(int socket, struct wire_reader *reader, uint64_t count)
{
    char bytes[64 * 1024];
    const uint64_t wanted = reader->replies + count;
    while (reader->replies < wanted) {
        const ssize_t size = read(socket, bytes, sizeof bytes);
        if (size <= 0) {
            fail("reading");
        }
        wire_reader_take(reader, bytes, (size_t)size);
    }
}

uint64_t wire_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t wire_number(const char *name, const char *text)
{
    char *end = NULL;
    errno = 0;
    const uint64_t number = strtoull(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0') {
        fprintf(stderr, "%s must be a whole number, got '%s'\n", name, text);
        exit(2);
    }
    return number;
}
