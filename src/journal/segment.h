/* A segment: one file of a log.
 *
 *     0       8        12     13  16    24       32    36     40     56    60    64
 *     ┌───────┬────────┬──────┬───┬─────┬────────┬─────┬──────┬──────┬─────┬─────┬───────┬─────
 *     │ magic │ format │ sync │ 0 │ set │ number │ log │ logs │ boot │ key │ crc │ entry │ ...
 *     │ 8     │ u32 = 1│ u8   │   │ u64 │ u64    │ u32 │ u32  │ 16   │ u32 │ u32 │       │
 *     └───────┴────────┴──────┴───┴─────┴────────┴─────┴──────┴──────┴─────┴─────┴───────┴─────
 *
 * All is little-endian. `crc` is the CRC-32C of the 60 bytes before it. `key` is drawn at random
 * and part of every entry's crc, so nothing that the file held in an earlier life counts.
 *
 * The file's name says set, log and number: `3-0-17.journal`. One whose head is all zero, or is
 * that of another number, was made ready and not begun.
 *
 * Memory: the caller's.  Threads: any.
 */
#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

#include "base/attribute.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEGMENT_FORMAT = 1,
    SEGMENT_HEAD_SIZE = 64,
    SEGMENT_BOOT_SIZE = 16,
    SEGMENT_NAME_SIZE = 64, /* With its terminator. */
    SEGMENT_LOGS_MAX = 1024,
};

/* When what is written is made to outlive a power cut. Weaker is more. */
enum journal_sync {
    JOURNAL_SYNC_ALWAYS,   /* Before it is answered. */
    JOURNAL_SYNC_EVERYSEC, /* Within about a second. */
    JOURNAL_SYNC_NO,       /* When the system likes. */
};

/* Which start of the machine: /proc/sys/kernel/random/boot_id. */
struct segment_boot {
    uint8_t bytes[SEGMENT_BOOT_SIZE];
};

struct segment_head {
    enum journal_sync sync; /* The weakest used while it was written. */
    uint64_t set;           /* Which start of the server, from 1. */
    uint64_t number;        /* In its log, from 1. */
    uint32_t log;           /* In its set, from 0. */
    uint32_t logs;          /* Of the set, 1 to SEGMENT_LOGS_MAX. */
    struct segment_boot boot;
    uint32_t key;
};

void segment_encode_head(uint8_t to[static SEGMENT_HEAD_SIZE], const struct segment_head *head);

/* Any bytes. STATUS_MISSING: all zero. STATUS_NEWER: of a later format. STATUS_CORRUPT: anything
 * else that is not a whole head. Nothing is set then. */
NODISCARD enum status segment_decode_head(const uint8_t bytes[static SEGMENT_HEAD_SIZE],
                                          struct segment_head *out_head);

void segment_print_name(char to[static SEGMENT_NAME_SIZE], uint64_t set, uint32_t log,
                        uint64_t number);

/* False: it is no segment's. */
bool segment_parse_name(const char *name, uint64_t *out_set, uint32_t *out_log,
                        uint64_t *out_number);

bool segment_boot_is(const struct segment_boot *self, const struct segment_boot *other);

#endif
