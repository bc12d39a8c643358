/* Memory that may not be touched, told to AddressSanitizer; without it, nothing happens.
 *
 * Memory: none.  Thread: whoever owns the bytes.
 */
#ifndef MEMORY_POISON_H
#define MEMORY_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define POISON_IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_IS_CHECKED 1
#endif
#endif

#ifdef POISON_IS_CHECKED
#include <sanitizer/asan_interface.h>
#endif

/* Any access to these bytes is an error from now on. */
static inline void memory_poison(const void *bytes, size_t size)
{
#ifdef POISON_IS_CHECKED
    __asan_poison_memory_region(bytes, size);
#else
    (void)bytes;
    (void)size;
#endif
}

static inline void memory_unpoison(const void *bytes, size_t size)
{
#ifdef POISON_IS_CHECKED
    __asan_unpoison_memory_region(bytes, size);
#else
    (void)bytes;
    (void)size;
#endif
}

#endif
