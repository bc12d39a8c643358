/* A borrowed run of bytes: valid as long as the buffer it points into, never freed through it. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *bytes; /* Not terminated; NULL only where size is 0. */
    size_t size;
};

static inline struct slice slice_from_text(const char *text)
{
    return (struct slice){.bytes = text, .size = strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* ASCII letters compare without their case: command and option names. */
bool slice_equal_text_nocase(struct slice a, const char *text);

#endif
