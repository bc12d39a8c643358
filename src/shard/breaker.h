/* A circuit breaker: when is the store asked, so that one that does not answer is not asked by
 * everybody, and nobody waits for it?
 *
 *              BREAKER_FAILURES in a row                    time is over
 *     CLOSED ─────────────────────────────► OPEN ──────────────────────────► HALF_OPEN: one probe
 *        ▲                                    ▲                                │   │
 *        └──────────────── it answers ────────┼────────────────────────────────┘   │
 *                                             └──────────── it fails ──────────────┘
 *
 * It opens for BREAKER_DELAY_MIN_MS, and for twice as long with each probe that fails, up to
 * BREAKER_DELAY_MAX_MS; each time less a part that chance decides, so that many do not ask at once.
 *
 * Memory: the caller's.  Thread: one at a time.
 */
#ifndef SHARD_BREAKER_H
#define SHARD_BREAKER_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_FAILURES = 5,
    BREAKER_DELAY_MIN_MS = 100,
    BREAKER_DELAY_MAX_MS = 5000,
};

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_HALF_OPEN,
};

struct breaker {
    enum breaker_state state;
    uint32_t failures; /* In a row. */
    uint32_t delay_ms; /* 0: it was closed. */
    uint64_t ends_ms;  /* When it is no longer open. */
    uint64_t chance;   /* Moves on with what is drawn. */
};

void breaker_init(struct breaker *self, uint64_t seed);

/* Would breaker_begin say yes? */
bool breaker_may(const struct breaker *self, uint64_t now_ms);

/* True: the store may be asked now; what becomes of it is noted. */
NODISCARD bool breaker_begin(struct breaker *self, uint64_t now_ms);

void breaker_note_success(struct breaker *self);
void breaker_note_failure(struct breaker *self, uint64_t now_ms);

#endif
