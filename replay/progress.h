/* A progress bar for a person at a terminal, drawn over itself; nothing is written anywhere else.
 *
 *     playing  [##############----------------]  47%  101235 of 214988 events  96012 a second
 *
 * Memory: plain data.
 */
#ifndef REPLAY_PROGRESS_H
#define REPLAY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *lent_title;
    const char *lent_unit;
    size_t total;
    uint64_t began_ns;
    uint64_t drawn_ns;
    bool visible;
};

/* Visible where standard error is a terminal. `total` is 1 or more; `lent_unit` in the plural. */
void progress_begin(struct progress *self, const char *lent_title, size_t total,
                    const char *lent_unit);

/* Cheap enough to be called for each item: it draws at most ten times a second. */
void progress_show(struct progress *self, size_t done);

/* Wipes the bar away. */
void progress_end(struct progress *self);

#endif
