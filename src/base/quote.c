#include "base/quote.h"

const char *quote_print(char to[static QUOTE_SIZE], struct slice got)
{
    static const char digits[] = "0123456789abcdef";
    const size_t size = got.size < QUOTE_BYTES_MAX ? got.size : QUOTE_BYTES_MAX;
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)got.bytes[i];
        if (byte >= ' ' && byte <= '~') {
            to[at++] = (char)byte;
        } else {
            to[at++] = '\\';
            to[at++] = 'x';
            to[at++] = digits[byte >> 4];
            to[at++] = digits[byte & 15];
        }
    }
    to[at] = '\0';
    return to;
}
