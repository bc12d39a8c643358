/* All numbers that look random, and the hash of a run. */
#include "sim/disk_internal.h"

#include "base/assert.h"
#include "base/splitmix.h"

#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/* FNV-1a by words; the shift brings the high bits down, which a product never does. */
static uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * HASH_PRIME;
    return hash ^ (hash >> 32);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *next = bytes;
    hash = hash_word(hash, size);
    for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, next, sizeof word);
        hash = hash_word(hash, word);
        next += sizeof word;
    }
    for (; size > 0; size--) {
        hash = hash_word(hash, *next++);
    }
    return hash;
}

void disk_hash_number(struct disk *self, uint64_t number)
{
    self->hash = hash_word(self->hash, number);
}

void disk_hash_bytes(struct disk *self, const void *bytes, size_t size)
{
    self->hash = hash_bytes(self->hash, bytes, size);
}

uint64_t disk_hash_path(const char *path, size_t size)
{
    return hash_bytes(HASH_START, path, size);
}

/* Twice, so that neighbours of both numbers have nothing in common. */
static uint64_t mix(uint64_t z)
{
    return splitmix_draw(&z);
}

uint64_t disk_mix(uint64_t seed, uint64_t number)
{
    return mix(mix(seed) ^ number);
}

uint64_t disk_draw(struct disk *self, uint64_t below)
{
    ASSERT(below > 0);
    return disk_mix(self->seed++, 0) % below;
}
