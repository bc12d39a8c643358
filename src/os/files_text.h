/* Small files of text, read and replaced whole.
 *
 * Memory: the caller's.  Threads: any.
 */
#ifndef OS_FILES_TEXT_H
#define OS_FILES_TEXT_H

#include "os/files.h"

#include <stddef.h>

/* At most `size` - 1 bytes, and a terminator. Empty where a byte of value 0 stands inside: no text
 * of ours. */
struct files_result files_read_text(const struct files *files, const char *path, char *to,
                                    size_t size);

/* After it the file in that folder has either its old content or the new one, whatever happens; on
 * the disk, where it returns STATUS_OK. Makes a file beside it, with `.new` behind its name. */
struct files_result files_replace_text(const struct files *files, const char *folder,
                                       const char *name, const char *text);

#endif
