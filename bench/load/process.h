/* What the server costs: the process that its INFO names, where that is one of this machine.
 *
 * Memory: plain data.  Thread: any.
 */
#ifndef LOAD_PROCESS_H
#define LOAD_PROCESS_H

#include "base/attribute.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

struct process {
    int64_t id; /* 0: not known, or on another machine. */
};

struct process_cost {
    double cpu_s; /* User and system time of all its threads. */
    uint64_t resident_bytes;
};

/* Asks the server. False: it does not answer, errno says why; that it does not tell is no error. */
NODISCARD bool process_find(struct process *self, const struct addrinfo *address);

/* All zero where the process is not known. */
void process_read(const struct process *self, struct process_cost *out_cost);

/* Of this process. */
void process_read_own(struct process_cost *out_cost);

#endif
