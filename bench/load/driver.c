#include "load/driver.h"

#include "base/decimal.h"

#include <string.h>

const struct driver *driver_find(const char *name)
{
    static const struct driver *const drivers[] = {&driver_readstates, &driver_redis};
    for (size_t at = 0; at < sizeof drivers / sizeof *drivers; at++) {
        if (strcmp(drivers[at]->name, name) == 0) {
            return drivers[at];
        }
    }
    return NULL;
}

static void append_bytes(struct text *to, const char *bytes, size_t size)
{
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

/* printf would take most of the time that a command takes here. */
static void append_line(struct text *to, char type, uint64_t number)
{
    to->bytes[to->size++] = type;
    to->size += decimal_print_u64(to->bytes + to->size, number);
    append_bytes(to, "\r\n", 2);
}

void text_append_head(struct text *to, uint32_t arguments)
{
    append_line(to, '*', arguments);
}

void text_append_word(struct text *to, const char *word)
{
    const size_t size = strlen(word);
    append_line(to, '$', size);
    append_bytes(to, word, size);
    append_bytes(to, "\r\n", 2);
}

void text_append_key(struct text *to, const char *prefix, uint64_t number)
{
    char digits[DECIMAL_SIZE_MAX];
    const size_t prefix_size = strlen(prefix);
    const size_t size = decimal_print_u64(digits, number);
    append_line(to, '$', prefix_size + size);
    append_bytes(to, prefix, prefix_size);
    append_bytes(to, digits, size);
    append_bytes(to, "\r\n", 2);
}

void text_append_number(struct text *to, uint64_t number)
{
    text_append_key(to, "", number);
}
