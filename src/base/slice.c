#include "base/slice.h"

static unsigned char lower(char c)
{
    const unsigned char byte = (unsigned char)c;
    return (unsigned char)(byte - 'A') < 26 ? (unsigned char)(byte | 0x20) : byte;
}

bool slice_equal_text_nocase(struct slice a, const char *text)
{
    for (size_t i = 0; i < a.size; i++) {
        if (text[i] == '\0' || lower(a.bytes[i]) != lower(text[i])) {
            return false;
        }
    }
    return text[a.size] == '\0';
}
