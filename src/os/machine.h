/* What may this process use of the machine it runs on?
 *
 * Memory: none.  Threads: any.
 */
#ifndef OS_MACHINE_H
#define OS_MACHINE_H

#include <stdint.h>

struct machine {
    uint64_t memory_bytes; /* Its memory, or the bound that a container sets. */
    uint32_t cores;        /* That it may run on, at least 1. */
};

struct machine machine_read(void);

#endif
