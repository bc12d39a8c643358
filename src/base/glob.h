/* Does a name match a pattern, as those are that Redis takes?
 *
 *     *  any bytes    ?  one byte    [abc] [a-c] [^a]  one of these, or not    \x  x itself
 *
 * Letters match without their case. Takes at most as many steps as pattern and name have bytes,
 * multiplied, whoever wrote the pattern.
 *
 * Memory: none.  Threads: any.
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stdbool.h>

NODISCARD bool glob_matches(struct slice pattern, const char *name);

#endif
