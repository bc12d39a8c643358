/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): numbers that
 * look like chance, and are the same for the same seed. What must not be guessed comes from
 * elsewhere. */
#ifndef BASE_SPLITMIX_H
#define BASE_SPLITMIX_H

#include <stdint.h>

/* The seed moves on. */
static inline uint64_t splitmix_draw(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
