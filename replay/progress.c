#include "replay/progress.h"

#include "replay/clock.h"

#include <stdio.h>
#include <unistd.h>

enum {
    BAR_CELLS = 24,
    LOOK_EVERY = 64, /* Items: reading the clock for each would show in the latencies. */
};

static const uint64_t draw_every_ns = 100000000;

void progress_begin(struct progress *self, const char *lent_title, size_t total,
                    const char *lent_unit)
{
    *self = (struct progress){
        .lent_title = lent_title,
        .lent_unit = lent_unit,
        .total = total,
        .began_ns = clock_read_ns(),
        .visible = isatty(STDERR_FILENO) == 1,
    };
}

static void draw(const struct progress *self, size_t done, uint64_t now_ns)
{
    char bar[BAR_CELLS + 1];
    const size_t filled = done * BAR_CELLS / self->total;
    for (size_t at = 0; at < BAR_CELLS; at++) {
        bar[at] = at < filled ? '#' : '-';
    }
    bar[BAR_CELLS] = '\0';
    const double seconds = (double)(now_ns - self->began_ns) / 1e9;
    fprintf(stderr, "\r%s [%s] %3zu%%  %zu of %zu %s, %.0f a second\033[K", self->lent_title, bar,
            done * 100 / self->total, done, self->total, self->lent_unit,
            seconds > 0 ? (double)done / seconds : 0.0);
    fflush(stderr);
}

void progress_show(struct progress *self, size_t done)
{
    if (!self->visible || done % LOOK_EVERY != 0) {
        return;
    }
    const uint64_t now_ns = clock_read_ns();
    if (now_ns - self->drawn_ns >= draw_every_ns) {
        self->drawn_ns = now_ns;
        draw(self, done, now_ns);
    }
}

void progress_end(struct progress *self)
{
    if (self->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    self->visible = false;
}
