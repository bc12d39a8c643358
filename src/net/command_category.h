/* Categories of commands, as Redis names them for its access control: COMMAND INFO shows them, and
 * COMMAND LIST FILTERBY ACLCAT asks for one. They follow from a command's flags and group.
 *
 * Memory: constant.  Thread: any.
 */
#ifndef NET_COMMAND_CATEGORY_H
#define NET_COMMAND_CATEGORY_H

#include "net/command_table.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order in which Redis shows them. */
enum command_category {
    CATEGORY_READ,
    CATEGORY_WRITE,
    CATEGORY_PUBSUB,
    CATEGORY_ADMIN,
    CATEGORY_FAST,
    CATEGORY_SLOW,
    CATEGORY_DANGEROUS,
    CATEGORY_CONNECTION,
    COMMAND_CATEGORIES,
};

/* With Redis's @ in front. */
const char *command_category_get_name(enum command_category category);

bool command_category_has(enum command_category category, const struct command_spec *spec);

#endif
