#include "base/ids.h"

#include "base/decimal.h"

#include <string.h>

static bool parse_positive(struct slice text, uint64_t *out_value)
{
    uint64_t value = 0;
    if (!decimal_parse_u63(text, &value) || value == 0) {
        return false;
    }
    *out_value = value;
    return true;
}

bool user_id_parse(struct slice text, struct user_id *out_user)
{
    return parse_positive(text, &out_user->value);
}

bool message_id_parse(struct slice text, struct message_id *out_message)
{
    return parse_positive(text, &out_message->value);
}

bool message_id_parse_or_zero(struct slice text, struct message_id *out_message)
{
    return decimal_parse_u63(text, &out_message->value);
}

bool channel_key_parse(struct slice text, struct channel_key *out_channel)
{
    enum { TYPE_MAX = 255, TYPE_DIGITS_MAX = 3 };
    struct channel_key key = {0};
    const size_t head = text.size < TYPE_DIGITS_MAX + 1 ? text.size : TYPE_DIGITS_MAX + 1;
    const char *colon = text.size == 0 ? NULL : memchr(text.bytes, ':', head);
    if (colon != NULL) {
        const struct slice type = {.bytes = text.bytes, .size = (size_t)(colon - text.bytes)};
        uint64_t value = 0;
        if (!decimal_parse_u63(type, &value) || value > TYPE_MAX) {
            return false;
        }
        key.type = (uint8_t)value;
        text = (struct slice){.bytes = colon + 1, .size = text.size - type.size - 1};
    }
    if (!parse_positive(text, &key.id)) {
        return false;
    }
    *out_channel = key;
    return true;
}

size_t channel_key_print(char to[static CHANNEL_KEY_SIZE_MAX], struct channel_key channel)
{
    char digits[DECIMAL_SIZE_MAX];
    size_t size = 0;
    if (channel.type != 0) {
        size = decimal_print_u64(digits, channel.type);
        memcpy(to, digits, size);
        to[size++] = ':';
    }
    const size_t id_size = decimal_print_u64(digits, channel.id);
    memcpy(to + size, digits, id_size);
    return size + id_size;
}
