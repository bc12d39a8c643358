/* Growing arrays, for a program that reads a file once and may simply end where memory does.
 *
 * Memory: the caller owns the array, and frees it with free().
 */
#ifndef REPLAY_ARRAY_H
#define REPLAY_ARRAY_H

#include <stddef.h>

/* Makes room for `wanted` items of `item_size` bytes: returns `items`, moved where it had to grow,
 * and updates *capacity. Where the system gives no more memory, the program ends with a sentence
 * and exit code 2. */
void *array_reserve(void *items, size_t *capacity, size_t wanted, size_t item_size);

#endif
