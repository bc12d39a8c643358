/* How well this machine lets the generator measure: its clock, and how late it wakes up.
 *
 * Memory: plain data.  Thread: any; precision_measure takes some 50 ms.
 */
#ifndef LOAD_PRECISION_H
#define LOAD_PRECISION_H

#include <stdint.h>

struct precision {
    uint64_t clock_step_ns;  /* The least that two readings differ by. */
    uint64_t clock_cost_ns;  /* Of one reading. */
    uint64_t wake_up_p50_ns; /* How much later than asked for. */
    uint64_t wake_up_p99_ns;
    uint64_t wake_up_max_ns;
};

void precision_measure(struct precision *self);

#endif
