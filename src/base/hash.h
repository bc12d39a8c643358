/* Hashing: which shard owns a user, and where the index looks. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/ids.h"
#include "base/slice.h"

#include <stdint.h>

#define HASH_SLOTS 16384U

/* CRC16-CCITT (XMODEM) of the key's text modulo 16384: the slot of Redis Cluster's specification,
 * so that a cluster client and the server agree. The key is the user's canonical decimal, nothing
 * but 1 to 20 digits. */
uint16_t hash_slot_of_decimal(struct slice digits);
uint16_t hash_slot_of_user(struct user_id user);

/* A well mixed 64-bit hash of a user's id (the finalizer of MurmurHash3: a bijection). */
static inline uint64_t hash_user(struct user_id user)
{
    uint64_t h = user.value;
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;
    return h;
}

#endif
