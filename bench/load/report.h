/* What readstates-bench tells: lines for people on standard output, and a JSON file.
 *
 * Memory: borrows everything.
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "base/attribute.h"
#include "load/result.h"

#include <stdbool.h>

/* The head of the lines, and before it how precise they can be. */
void report_begin(const struct result *result);
void report_second(const struct second *second, const struct refusals *refusals);
void report_summary(const struct result *result);

/* False: errno says why it could not be written. */
NODISCARD bool report_write_json(const struct result *result, const char *path);

#endif
