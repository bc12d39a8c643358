/* Addresses as `bind` has them: numeric, with spaces between.
 *
 * Memory: the caller's.  Threads: any.
 */
#ifndef SERVER_OPTIONS_ADDRESS_H
#define SERVER_OPTIONS_ADDRESS_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stdbool.h>

/* At least one, and each of them an IPv4 or IPv6 address. */
NODISCARD bool options_address_are_valid(struct slice addresses);

/* Takes the first one off, without the spaces around; false: there was none. */
NODISCARD bool options_address_take(struct slice *addresses, struct slice *out_address);

/* Can only this machine reach it? 127.0.0.0/8 and ::1. */
NODISCARD bool options_address_is_loopback(struct slice address);

#endif
