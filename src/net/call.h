/* A command that was taken and is not yet answered: since when, and what it was, to be told of it
 * when it took long.
 *
 * A command on one user without a list is kept as the numbers it is made of, from which its
 * arguments can be printed again: no memory is taken for what nearly every command is.
 *
 * Memory: copied arguments are on the heap.  Thread: the connection's.
 */
#ifndef NET_CALL_H
#define NET_CALL_H

#include "message/command.h"
#include "net/command_table.h"
#include "net/slowlog.h"

#include <stdbool.h>
#include <stdint.h>

struct call {
    uint64_t taken_ns;           /* The loop's clock when it was taken. */
    struct slow_command *copied; /* Its arguments; NULL: its numbers say them. Owned. */
    uint8_t command;             /* enum command_id. */
    bool is_lower;               /* Its name came in lower case. */
};

_Static_assert(COMMAND_IDS <= UINT8_MAX, "a command's id fits into a byte");

/* What a command without a list is made of. */
struct call_numbers {
    bool is_known; /* Else there are none. */
    uint8_t kind;  /* enum command_kind. */
    uint8_t channel_type;
    uint64_t user;
    uint64_t channel_id;
    uint64_t number; /* A message, or a pin's timestamp. */
};

/* Can the arguments, the name with them, be printed from the command as they came? It has no list.
 */
bool call_is_made_of_numbers(const struct command *command, const struct slice *arguments,
                             uint32_t count);

/* Of a command without a list. */
struct call_numbers call_get_numbers(const struct command *command);

/* The arguments, copied or printed: the caller's from here on, and no longer the call's. NULL where
 * there is no memory for them. */
NODISCARD struct slow_command *call_take_arguments(struct call *self,
                                                   const struct call_numbers *numbers);

#endif
