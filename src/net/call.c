#include "net/call.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/ids.h"

#include <string.h>

/* Before the user in a channel of the feed. */
#define FEED_PREFIX "rs:"

/* Which arguments follow the name. */
struct shape {
    bool has_subcommand; /* MEMORY USAGE. */
    bool is_feed;        /* The user's channel stands for the user. */
    bool has_channel;
    bool has_number;
};

static struct shape shape_of(enum command_kind kind, uint64_t number)
{
    switch (kind) {
    case COMMAND_ACK:
    case COMMAND_JOIN:
    case COMMAND_PIN:
        return (struct shape){.has_channel = true, .has_number = true};
    case COMMAND_LEAVE:
        return (struct shape){.has_channel = true, .has_number = number != 0};
    case COMMAND_INSPECT_CHANNEL:
        return (struct shape){.has_channel = true};
    case COMMAND_LIST:
    case COMMAND_FLUSH_USER:
    case COMMAND_EVICT:
    case COMMAND_FORGET:
    case COMMAND_INSPECT_USER:
        return (struct shape){0};
    case COMMAND_SUBSCRIBE:
        return (struct shape){.is_feed = true};
    case COMMAND_MEASURE_USER:
        return (struct shape){.has_subcommand = true};
    case COMMAND_BULKACK:
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
    case COMMAND_DEL:
    case COMMAND_GET:
    case COMMAND_BADGE:
    case COMMAND_FLUSH_ALL:
    case COMMAND_UNSUBSCRIBE:
        break;
    }
    UNREACHABLE("a command with a list, or of no user");
}

bool call_is_made_of_numbers(const struct command *command, const struct slice *arguments,
                             uint32_t count)
{
    const struct shape shape = shape_of(command->kind, command->number);
    /* With a type written where none is needed it is the same channel, in other words. */
    if (shape.has_channel && command->channel.type == 0 && arguments[2].size > 1 &&
        arguments[2].bytes[1] == ':') {
        return false;
    }
    /* More than these are options. */
    return count == 2U + shape.has_subcommand + shape.has_channel + shape.has_number;
}

struct call_numbers call_get_numbers(const struct command *command)
{
    return (struct call_numbers){.is_known = true,
                                 .kind = (uint8_t)command->kind,
                                 .channel_type = command->channel.type,
                                 .user = command->user.value,
                                 .channel_id = command->channel.id,
                                 .number = command->number};
}

static struct slice print_number(char to[static DECIMAL_SIZE_MAX], uint64_t number)
{
    return (struct slice){.bytes = to, .size = decimal_print_u64(to, number)};
}

static struct slow_command *print(const struct call *self, const struct call_numbers *numbers)
{
    char name[COMMAND_NAME_SIZE];
    char user[sizeof FEED_PREFIX - 1 + DECIMAL_SIZE_MAX] = FEED_PREFIX;
    char channel[CHANNEL_KEY_SIZE_MAX];
    char number[DECIMAL_SIZE_MAX];
    struct slice arguments[5];
    uint32_t count = 0;
    const struct shape shape = shape_of((enum command_kind)numbers->kind, numbers->number);
    memcpy(name, command_table_get((enum command_id)self->command)->name, sizeof name);
    for (size_t i = 0; i < sizeof name; i++) {
        const bool is_letter = name[i] >= 'a' && name[i] <= 'z';
        name[i] = (char)(is_letter && !self->is_lower ? name[i] - 'a' + 'A' : name[i]);
    }
    arguments[count++] = (struct slice){.bytes = name, .size = strnlen(name, sizeof name)};
    if (shape.has_subcommand) {
        arguments[count++] = slice_from_text(self->is_lower ? "usage" : "USAGE");
    }
    const size_t prefix_size = sizeof FEED_PREFIX - 1;
    const struct slice digits = print_number(user + prefix_size, numbers->user);
    arguments[count++] = (struct slice){.bytes = shape.is_feed ? user : digits.bytes,
                                        .size = digits.size + (shape.is_feed ? prefix_size : 0)};
    if (shape.has_channel) {
        const struct channel_key key = {.id = numbers->channel_id, .type = numbers->channel_type};
        arguments[count++] =
            (struct slice){.bytes = channel, .size = channel_key_print(channel, key)};
    }
    if (shape.has_number) {
        arguments[count++] = print_number(number, numbers->number);
    }
    return slow_command_create(arguments, count);
}

struct slow_command *call_take_arguments(struct call *self, const struct call_numbers *numbers)
{
    struct slow_command *copied = self->copied;
    self->copied = NULL;
    return copied == NULL && numbers->is_known ? print(self, numbers) : copied;
}
