/* Which option did someone mean who wrote it wrong? */
#include "server/options.h"

enum {
    NAME_SIZE_MAX = 40,
    /* More slips than these, and it is another word. */
    SLIPS_MAX = 3,
};

static size_t least_of(size_t a, size_t b, size_t c)
{
    const size_t less = a < b ? a : b;
    return less < c ? less : c;
}

/* How many bytes must be added, dropped, replaced, or exchanged with their neighbour (Levenshtein's
 * distance, as Damerau counts it; no byte is touched twice). */
static size_t count_slips(struct slice wrong, struct slice right)
{
    /* The last three rows of the table; a row is one byte of the wrong name. */
    size_t rows[3][NAME_SIZE_MAX + 1];
    for (size_t j = 0; j <= right.size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= wrong.size; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *two_before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= right.size; j++) {
            const char *a = &wrong.bytes[i - 1];
            const char *b = &right.bytes[j - 1];
            now[j] = least_of(before[j] + 1, now[j - 1] + 1, before[j - 1] + (*a != *b));
            if (i > 1 && j > 1 && a[0] == b[-1] && a[-1] == b[0]) {
                now[j] = least_of(now[j], now[j], two_before[j - 2] + 1);
            }
        }
    }
    return rows[wrong.size % 3][right.size];
}

const char *options_find_nearest(struct slice name)
{
    if (name.size > NAME_SIZE_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    /* A third of a short name may be wrong, not all of it. */
    const size_t third = name.size / 3;
    size_t slips_least = (third < SLIPS_MAX ? third : SLIPS_MAX) + 1;
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const struct slice known = slice_from_text(options_table[i].name);
        if (known.size > NAME_SIZE_MAX) {
            continue;
        }
        const size_t slips = count_slips(name, known);
        if (slips < slips_least) {
            slips_least = slips;
            nearest = options_table[i].name;
        }
    }
    return nearest;
}
