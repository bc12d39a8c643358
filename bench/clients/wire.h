/* What the load generators share: a connection, and whole replies counted without being kept.
 *
 * Memory: the caller's.  Thread: one.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "load/reply.h"

#include <stddef.h>
#include <stdint.h>

/* All zero at the start of a stream. */
struct wire_reader {
    struct reply_reader reader;
    uint64_t replies;
    uint64_t errors;             /* Of the replies. */
    char error[REPLY_LINE_SIZE]; /* The first one's text. */
};

/* A TCP connection to loopback without delay; ends the program when there is none. */
int wire_connect(uint16_t port);

/* Writes all of it; the socket blocks. Ends the program when it fails. */
void wire_write(int socket, const char *bytes, size_t size);

/* Takes what a read brought; returns how many replies became whole. */
uint64_t wire_reader_take(struct wire_reader *self, const char *bytes, size_t size);

/* Reads from a socket until so many more replies are whole. */
void wire_read_replies(int socket, struct wire_reader *reader, uint64_t count);

uint64_t wire_now_ns(void);

/* An argument that must be a whole number; ends the program when it is not. */
uint64_t wire_number(const char *name, const char *text);

#endif
