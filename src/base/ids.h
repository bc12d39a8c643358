/* The ids of the contract, a struct each, so that the compiler catches a swap.
 *
 * Users, channels and messages are 1 to 2^63-1; a message id of 0 only where a rule says so.
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct user_id {
    uint64_t value;
};

struct message_id {
    uint64_t value;
};

/* Type 0 is a plain channel; two types of one id are two read states. */
struct channel_key {
    uint64_t id;
    uint8_t type;
};

/* "255:" and 19 digits. */
#define CHANNEL_KEY_SIZE_MAX 23

/* Canonical decimal, 1 to 2^63-1. False leaves *out_ alone. */
NODISCARD bool user_id_parse(struct slice text, struct user_id *out_user);
NODISCARD bool message_id_parse(struct slice text, struct message_id *out_message);

/* The same, and 0. */
NODISCARD bool message_id_parse_or_zero(struct slice text, struct message_id *out_message);

/* `ID` or `TYPE:ID`, TYPE 0 to 255, each canonical. */
NODISCARD bool channel_key_parse(struct slice text, struct channel_key *out_channel);

/* Type 0 is always printed as plain `ID`. Returns the number of bytes; no terminator. */
size_t channel_key_print(char to[static CHANNEL_KEY_SIZE_MAX], struct channel_key channel);

/* By id, then by type: the order of every list. */
static inline int channel_key_compare(struct channel_key a, struct channel_key b)
{
    if (a.id != b.id) {
        return a.id < b.id ? -1 : 1;
    }
    return (int)a.type - (int)b.type;
}

/* The next key in that order. */
static inline struct channel_key channel_key_after(struct channel_key key)
{
    return key.type == UINT8_MAX
               ? (struct channel_key){.id = key.id + 1}
               : (struct channel_key){.id = key.id, .type = (uint8_t)(key.type + 1)};
}

#endif
