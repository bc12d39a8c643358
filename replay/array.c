#include "replay/array.h"

#include "replay/exit_code.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 16 };

void *array_reserve(void *items, size_t *capacity, size_t wanted, size_t item_size)
{
    if (wanted <= *capacity) {
        return items;
    }
    size_t grown = *capacity < CAPACITY_MIN ? CAPACITY_MIN : *capacity;
    while (grown < wanted && grown <= SIZE_MAX / 2) {
        grown *= 2;
    }
    void *moved = grown < wanted ? NULL : reallocarray(items, grown, item_size);
    if (moved == NULL) {
        fputs("readstates-replay: the system gives no more memory for this trace\n", stderr);
        exit(EXIT_BAD_INPUT);
    }
    *capacity = grown;
    return moved;
}
