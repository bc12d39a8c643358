/* Which start of the machine is this?
 *
 * Memory: none.  Threads: any.
 */
#ifndef OS_BOOT_H
#define OS_BOOT_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stdint.h>

enum { BOOT_ID_SIZE = 16 };

/* The system's boot id: another one after each start of the machine. False: it does not say. */
NODISCARD bool boot_read_id(uint8_t to[static BOOT_ID_SIZE]);

#endif
