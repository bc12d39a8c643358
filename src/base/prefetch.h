/* Brings memory nearer before it is needed. */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

/* A cache line, which will be read or written. Any address. */
static inline void prefetch_line(const void *address)
{
    __builtin_prefetch(address);
    /* To compilers a function that only prefetches does nothing, and a call of it goes. */
    __asm__ volatile("");
}

#endif
