/* The file with the hottest users' ids, as bytes: what a start loads without a client asking.
 *
 *      0  8  "RSWARM\r\n"
 *      8  4  version of the format, 1
 *     12  4  checksum (CRC-32C) of all ids
 *     16  8  how many ids
 *     24  4  checksum of the bytes before it
 *     28  4  0
 *     32  8  each: an id, the hottest first            numbers are little-endian
 *
 * Of a file that is not whole, or not of this version, nothing is used. It may be taken away at any
 * time: without it a server starts as well.
 *
 * Memory: none.  Threads: any.
 */
#ifndef SHARD_HOT_FILE_H
#define SHARD_HOT_FILE_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HOT_FILE_VERSION = 1,
    HOT_FILE_HEAD_SIZE = 32,
    HOT_FILE_ID_SIZE = 8,
};

struct hot_head {
    uint64_t count;
    uint32_t checksum;
};

void hot_head_encode(uint8_t to[static HOT_FILE_HEAD_SIZE], const struct hot_head *head);

/* Of a file that begins with `size` bytes `from`, which are all where it is shorter than a head.
 * STATUS_INVALID: another program's. STATUS_NEWER: a later version's. STATUS_CORRUPT: damaged, or
 * cut. Else *out_head is what was encoded. */
NODISCARD enum status hot_head_decode(const uint8_t *from, size_t size, struct hot_head *out_head);

static inline uint64_t hot_head_measure(const struct hot_head *self)
{
    return HOT_FILE_HEAD_SIZE + self->count * HOT_FILE_ID_SIZE;
}

void hot_id_encode(uint8_t to[static HOT_FILE_ID_SIZE], struct user_id user);
struct user_id hot_id_decode(const uint8_t from[static HOT_FILE_ID_SIZE]);

/* What follows the head, in pieces: whole ids each. */
struct hot_check {
    struct hot_head head;
    uint64_t count; /* So far. */
    uint32_t checksum;
    bool has_wrong_id;
};

void hot_check_begin(struct hot_check *self, const struct hot_head *head);
void hot_check_add(struct hot_check *self, const uint8_t *ids, size_t size);

/* All of the file was added. STATUS_CORRUPT: it is not what the head says. */
NODISCARD enum status hot_check_end(const struct hot_check *self);

#endif
