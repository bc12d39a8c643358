/* CRC-32C (Castagnoli), as iSCSI (RFC 3720, appendix B.4) and many databases use it.
 *
 * By the processor's own instruction where it has one, else by a table of 16 words.
 *
 * Memory: none.  Threads: any.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is that of (0: of nothing), followed by these bytes. */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size);

/* The same, never by the processor's instruction. */
uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t size);

#endif
