#include "net/request.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool refuse(char *error, const char *what, const char *must, struct slice got)
{
    char shown[QUOTE_SIZE];
    snprintf(error, REQUEST_ERROR_SIZE, "%s must be %s, got '%s'", what, must,
             quote_print(shown, got));
    return false;
}

static bool read_user(struct slice text, const char *what, struct user_id *out_user, char *error)
{
    return user_id_parse(text, out_user) || refuse(error, what, "1 to 9223372036854775807", text);
}

static bool read_message(struct slice text, struct message_id *out_message, char *error)
{
    return message_id_parse(text, out_message) ||
           refuse(error, "message id", "1 to 9223372036854775807", text);
}

static bool read_message_or_zero(struct slice text, struct message_id *out_message, char *error)
{
    return message_id_parse_or_zero(text, out_message) ||
           refuse(error, "message id", "0 to 9223372036854775807", text);
}

static bool read_channel(struct slice text, struct channel_key *out_channel, char *error)
{
    return channel_key_parse(text, out_channel) ||
           refuse(error, "channel",
                  "ID or TYPE:ID with TYPE 0 to 255 and ID 1 to 9223372036854775807", text);
}

static bool no_memory(char *error)
{
    snprintf(error, REQUEST_ERROR_SIZE, "the system gives no more memory");
    return false;
}

/* Room for a list in the scratch, empty before. */
static void *reserve_list(struct buffer *scratch, size_t size)
{
    buffer_consume(scratch, buffer_peek_size(scratch));
    return buffer_reserve(scratch, size);
}

static bool read_pairs(const struct slice *arguments, uint32_t count, struct buffer *scratch,
                       struct command *command, char *error)
{
    if (count % 2 != 0) {
        snprintf(error, REQUEST_ERROR_SIZE, "wrong number of arguments for 'rs.bulkack' command");
        return false;
    }
    if (count / 2 > COMMAND_PAIRS_MAX) {
        snprintf(error, REQUEST_ERROR_SIZE, "a bulk may name at most %d channels, got %u",
                 COMMAND_PAIRS_MAX, count / 2);
        return false;
    }
    struct channel_message *pairs = reserve_list(scratch, (size_t)(count / 2) * sizeof *pairs);
    if (pairs == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        const struct slice *pair = &arguments[(size_t)2 * i];
        if (!read_channel(pair[0], &pairs[i].channel, error) ||
            !read_message(pair[1], &pairs[i].message, error)) {
            return false;
        }
    }
    command->pairs = pairs;
    command->count = count / 2;
    return true;
}

static bool read_channels(const struct slice *arguments, uint32_t count, struct buffer *scratch,
                          struct command *command, char *error)
{
    struct channel_key *channels = reserve_list(scratch, count * sizeof *channels);
    if (channels == NULL) {
        return no_memory(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!read_channel(arguments[i], &channels[i], error)) {
            return false;
        }
    }
    command->channels = channels;
    command->count = count;
    return true;
}

/* The users that a command names. Each changes once, however often it is named: a table of their
 * places, open addressed, 0 is free. It stands behind the targets. */
struct named_users {
    struct command_target *targets;
    uint32_t count;
    uint32_t *slots; /* NULL: as often as named. */
    uint32_t slots_count;
};

static bool named_users_init(struct named_users *self, uint32_t users, bool once,
                             struct buffer *scratch)
{
    uint32_t slots = 2;
    while (slots < 2 * users) {
        slots *= 2;
    }
    const size_t targets_size = users * sizeof *self->targets;
    const size_t slots_size = once ? slots * sizeof *self->slots : 0;
    char *room = reserve_list(scratch, targets_size + slots_size);
    *self = (struct named_users){.targets = (struct command_target *)(void *)room,
                                 .slots_count = slots};
    if (room != NULL && once) {
        self->slots = (uint32_t *)(void *)(room + targets_size);
        memset(self->slots, 0, slots_size);
    }
    return room != NULL;
}

static void named_users_insert(struct named_users *self, struct user_id user, bool acks)
{
    if (self->slots != NULL) {
        uint32_t slot = (uint32_t)hash_user(user) & (self->slots_count - 1);
        while (self->slots[slot] != 0) {
            if (self->targets[self->slots[slot] - 1].user.value == user.value) {
                return;
            }
            slot = (slot + 1) & (self->slots_count - 1);
        }
        self->slots[slot] = self->count + 1;
    }
    self->targets[self->count] =
        (struct command_target){.user = user, .position = self->count, .acks = acks};
    self->count++;
}

/* An `author` is left out: a message never mentions who wrote it. */
static bool read_targets(const struct slice *arguments, uint32_t count, struct user_id author,
                         struct named_users *named, char *error)
{
    for (uint32_t i = 0; i < count; i++) {
        struct user_id user;
        if (!read_user(arguments[i], "user id", &user, error)) {
            return false;
        }
        if (user.value != author.value) {
            named_users_insert(named, user, false);
        }
    }
    return true;
}

static bool read_users(const struct slice *arguments, uint32_t count, bool once,
                       struct buffer *scratch, struct command *command, char *error)
{
    struct named_users named;
    if (!named_users_init(&named, count, once, scratch)) {
        return no_memory(error);
    }
    if (!read_targets(arguments, count, (struct user_id){0}, &named, error)) {
        return false;
    }
    command->targets = named.targets;
    command->count = named.count;
    return true;
}

static bool read_number(struct slice text, const char *what, uint64_t lowest, uint64_t highest,
                        uint64_t *out_number, char *error)
{
    uint64_t number = 0;
    if (decimal_parse_u63(text, &number) && number >= lowest && number <= highest) {
        *out_number = number;
        return true;
    }
    char range[64];
    snprintf(range, sizeof range, "%" PRIu64 " to %" PRIu64, lowest, highest);
    return refuse(error, what, range, text);
}

enum ack_option {
    ACK_MANUAL,
    ACK_MENTIONS,
    ACK_VIEWED,
    ACK_FLAGS,
    ACK_IFVERSION,
    ACK_COMMIT,
    ACK_OPTIONS,
};

static const char *const ack_option_names[ACK_OPTIONS] = {
    [ACK_MANUAL] = "MANUAL", [ACK_MENTIONS] = "MENTIONS",   [ACK_VIEWED] = "VIEWED",
    [ACK_FLAGS] = "FLAGS",   [ACK_IFVERSION] = "IFVERSION", [ACK_COMMIT] = "COMMIT",
};

static enum ack_option find_ack_option(struct slice name)
{
    int option = 0;
    while (option < ACK_OPTIONS && !slice_equal_text_nocase(name, ack_option_names[option])) {
        option++;
    }
    return (enum ack_option)option;
}

static bool read_commit(struct slice value, struct ack_options *options, char *error)
{
    options->commits = slice_equal_text_nocase(value, "now");
    return options->commits || slice_equal_text_nocase(value, "delayed") ||
           refuse(error, "COMMIT", "now or delayed", value);
}

/* The value of any option but MANUAL, which has none. */
static bool read_ack_value(enum ack_option option, struct slice value, struct ack_options *options,
                           char *error)
{
    uint64_t number = 0;
    switch (option) {
    case ACK_MENTIONS:
        options->rule.has_mentions = true;
        if (!read_number(value, "MENTIONS", 0, MENTIONS_MAX, &number, error)) {
            return false;
        }
        options->rule.mentions = (uint32_t)number;
        return true;
    case ACK_VIEWED:
        options->rule.has_viewed = true;
        if (!read_number(value, "VIEWED", 0, UINT16_MAX, &number, error)) {
            return false;
        }
        options->rule.viewed = (uint16_t)number;
        return true;
    case ACK_FLAGS:
        options->rule.has_flags = true;
        if (!read_number(value, "FLAGS", 0, UINT16_MAX, &number, error)) {
            return false;
        }
        options->rule.flags = (uint16_t)number;
        return true;
    case ACK_IFVERSION:
        options->has_version = true;
        return read_number(value, "IFVERSION", 0, U63_MAX, &options->version, error);
    case ACK_COMMIT:
        return read_commit(value, options, error);
    case ACK_MANUAL:
    case ACK_OPTIONS:
        break;
    }
    UNREACHABLE("an option without a value");
}

/* Any order, each at most once. */
static bool read_ack_options(const struct slice *arguments, uint32_t count, struct buffer *scratch,
                             struct command *command, char *error)
{
    struct ack_options *options = reserve_list(scratch, sizeof *options);
    if (options == NULL) {
        return no_memory(error);
    }
    *options = (struct ack_options){0};
    unsigned seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        const enum ack_option option = find_ack_option(arguments[i]);
        if (option == ACK_OPTIONS || (seen & 1U << option) != 0) {
            return refuse(error, "an option of RS.ACK",
                          "MANUAL, MENTIONS, VIEWED, FLAGS, IFVERSION or COMMIT, each at most once",
                          arguments[i]);
        }
        seen |= 1U << option;
        if (option == ACK_MANUAL) {
            options->rule.manual = true;
            continue;
        }
        if (i + 1 == count) {
            snprintf(error, REQUEST_ERROR_SIZE, "%s must be followed by a value",
                     ack_option_names[option]);
            return false;
        }
        if (!read_ack_value(option, arguments[++i], options, error)) {
            return false;
        }
    }
    if (options->rule.has_mentions && !options->rule.manual) {
        snprintf(error, REQUEST_ERROR_SIZE, "MENTIONS must come with MANUAL");
        return false;
    }
    command->options = options;
    command->count = 1;
    return true;
}

/* An epoch as render_list_head writes it: the server's, and a user's incarnation behind a dash
 * where it is not 0. False: it is another one's, and nothing is known of it. */
static bool read_epoch(struct slice text, const char *epoch, uint32_t *out_incarnation)
{
    const struct slice own = slice_from_text(epoch);
    uint64_t incarnation = 0;
    if (text.size < own.size || memcmp(text.bytes, own.bytes, own.size) != 0) {
        return false;
    }
    if (text.size > own.size) {
        const struct slice rest = {.bytes = text.bytes + own.size + 1,
                                   .size = text.size - own.size - 1};
        if (text.bytes[own.size] != '-' || !decimal_parse_u63(rest, &incarnation) ||
            incarnation == 0 || incarnation > UINT32_MAX) {
            return false;
        }
    }
    *out_incarnation = (uint32_t)incarnation;
    return true;
}

/* [SINCE epoch version] */
static bool read_since(const struct slice *arguments, uint32_t count, const char *epoch,
                       struct command *command, char *error)
{
    enum { SINCE_ARGUMENTS = 3 };
    static const char what[] = "an option of RS.LIST";
    static const char must[] = "SINCE, at most once";
    if (count == 0) {
        return true;
    }
    if (!slice_equal_text_nocase(arguments[0], "since")) {
        return refuse(error, what, must, arguments[0]);
    }
    if (count < SINCE_ARGUMENTS) {
        snprintf(error, REQUEST_ERROR_SIZE, "SINCE must be followed by an epoch and a version");
        return false;
    }
    command->since.is_asked = read_epoch(arguments[1], epoch, &command->since.incarnation);
    return read_number(arguments[2], "version", 0, U63_MAX, &command->since_version, error) &&
           (count == SINCE_ARGUMENTS || refuse(error, what, must, arguments[SINCE_ARGUMENTS]));
}

/* author [NOACK] [MENTIONS user [user ...]], the options in any order and each once; MENTIONS takes
 * all that follows. */
static bool read_message_users(const struct slice *arguments, uint32_t count,
                               struct buffer *scratch, struct command *command, char *error)
{
    struct user_id author;
    if (!read_user(arguments[0], "user id", &author, error)) {
        return false;
    }
    struct named_users named;
    if (!named_users_init(&named, count, true, scratch)) {
        return no_memory(error);
    }
    uint32_t at = 1;
    const bool noack = at < count && slice_equal_text_nocase(arguments[at], "noack");
    at += noack;
    if (!noack) {
        named_users_insert(&named, author, true);
    }
    if (at < count && !slice_equal_text_nocase(arguments[at], "mentions")) {
        return refuse(error, "an option of RS.MESSAGE", "NOACK or MENTIONS, each at most once",
                      arguments[at]);
    }
    at += at < count;
    if (at == count && slice_equal_text_nocase(arguments[count - 1], "mentions")) {
        snprintf(error, REQUEST_ERROR_SIZE, "MENTIONS must be followed by a user id");
        return false;
    }
    if (!read_targets(arguments + at, count - at, author, &named, error)) {
        return false;
    }
    command->targets = named.targets;
    command->count = named.count;
    return true;
}

/* What nearly all begin with. */
static bool read_user_channel(enum command_kind kind, const struct slice *arguments,
                              struct command *command, char *error)
{
    command->kind = kind;
    return read_user(arguments[1], "user id", &command->user, error) &&
           read_channel(arguments[2], &command->channel, error);
}

static bool read_leave(const struct slice *arguments, uint32_t count, struct command *command,
                       char *error)
{
    return read_user_channel(COMMAND_LEAVE, arguments, command, error) &&
           (count == 3 || read_message_or_zero(arguments[3], &command->message, error));
}

static bool read_flush(const struct slice *arguments, uint32_t count, struct command *command,
                       char *error)
{
    command->kind = count == 1 ? COMMAND_FLUSH_ALL : COMMAND_FLUSH_USER;
    return count == 1 || read_user(arguments[1], "user id", &command->user, error);
}

static bool read_inspect(const struct slice *arguments, uint32_t count, struct command *command,
                         char *error)
{
    command->kind = count == 2 ? COMMAND_INSPECT_USER : COMMAND_INSPECT_CHANNEL;
    return read_user(arguments[1], "user id", &command->user, error) &&
           (count == 2 || read_channel(arguments[2], &command->channel, error));
}

/* MEMORY USAGE user [SAMPLES count]: a user is measured whole, so the count is only checked. */
static bool read_usage(const struct slice *arguments, uint32_t count, struct command *command,
                       char *error)
{
    uint64_t samples = 0;
    if (count < 3) {
        snprintf(error, REQUEST_ERROR_SIZE, "wrong number of arguments for 'memory|usage' command");
        return false;
    }
    if (count != 3 && (count != 5 || !slice_equal_text_nocase(arguments[3], "samples"))) {
        snprintf(error, REQUEST_ERROR_SIZE, "syntax error");
        return false;
    }
    if (count == 5 && !decimal_parse_u63(arguments[4], &samples)) {
        snprintf(error, REQUEST_ERROR_SIZE, "value is not an integer or out of range");
        return false;
    }
    command->kind = COMMAND_MEASURE_USER;
    return read_user(arguments[2], "user id", &command->user, error);
}

static bool read_channel_message(enum command_kind kind, const struct slice *arguments,
                                 struct command *command, char *error)
{
    command->kind = kind;
    return read_channel(arguments[1], &command->channel, error) &&
           read_message(arguments[2], &command->message, error);
}

static bool read_mention(enum command_kind kind, const struct slice *arguments, uint32_t count,
                         struct buffer *scratch, struct command *command, char *error)
{
    return read_channel_message(kind, arguments, command, error) &&
           read_users(arguments + 3, count - 3, true, scratch, command, error);
}

static bool read_whom(enum command_kind kind, const struct slice *arguments,
                      struct command *command, char *error)
{
    command->kind = kind;
    return read_user(arguments[1], "user id", &command->user, error);
}

static bool read_user_channels(enum command_kind kind, const struct slice *arguments,
                               uint32_t count, struct buffer *scratch, struct command *command,
                               char *error)
{
    return read_whom(kind, arguments, command, error) &&
           read_channels(arguments + 2, count - 2, scratch, command, error);
}

static bool read_ack(const struct slice *arguments, uint32_t count, struct buffer *scratch,
                     struct command *command, char *error)
{
    return read_user_channel(COMMAND_ACK, arguments, command, error) &&
           read_message(arguments[3], &command->message, error) &&
           (count == 4 || read_ack_options(arguments + 4, count - 4, scratch, command, error));
}

static bool too_many(const struct command_spec *spec, char *error)
{
    snprintf(error, REQUEST_ERROR_SIZE, "wrong number of arguments for '%s' command", spec->name);
    return false;
}

static bool read_command(const struct command_spec *spec, const struct slice *arguments,
                         uint32_t count, const char *epoch, struct buffer *scratch,
                         struct command *command, char *error)
{
    switch (spec->id) {
    case COMMAND_ID_RS_ACK:
        return read_ack(arguments, count, scratch, command, error);
    case COMMAND_ID_RS_JOIN:
        return read_user_channel(COMMAND_JOIN, arguments, command, error) &&
               read_message_or_zero(arguments[3], &command->message, error);
    case COMMAND_ID_RS_PIN:
        return read_user_channel(COMMAND_PIN, arguments, command, error) &&
               read_number(arguments[3], "timestamp", 1, PIN_MS_MAX, &command->pin_ms, error);
    case COMMAND_ID_RS_LEAVE:
        return count <= 4 ? read_leave(arguments, count, command, error) : too_many(spec, error);
    case COMMAND_ID_RS_DEL:
        return read_user_channels(COMMAND_DEL, arguments, count, scratch, command, error);
    case COMMAND_ID_RS_BULKACK:
        return read_whom(COMMAND_BULKACK, arguments, command, error) &&
               read_pairs(arguments + 2, count - 2, scratch, command, error);
    case COMMAND_ID_RS_GET:
        return read_user_channels(COMMAND_GET, arguments, count, scratch, command, error);
    case COMMAND_ID_RS_LIST:
        return read_whom(COMMAND_LIST, arguments, command, error) &&
               read_since(arguments + 2, count - 2, epoch, command, error);
    case COMMAND_ID_RS_FORGET:
        return read_whom(COMMAND_FORGET, arguments, command, error);
    case COMMAND_ID_RS_EVICT:
        return read_whom(COMMAND_EVICT, arguments, command, error);
    case COMMAND_ID_RS_FLUSH:
        return count <= 2 ? read_flush(arguments, count, command, error) : too_many(spec, error);
    case COMMAND_ID_RS_INSPECT:
        return count <= 3 ? read_inspect(arguments, count, command, error) : too_many(spec, error);
    case COMMAND_ID_RS_BADGE:
        command->kind = COMMAND_BADGE;
        return read_users(arguments + 1, count - 1, false, scratch, command, error);
    case COMMAND_ID_RS_MENTION:
        return read_mention(COMMAND_MENTION, arguments, count, scratch, command, error);
    case COMMAND_ID_RS_UNMENTION:
        return read_mention(COMMAND_UNMENTION, arguments, count, scratch, command, error);
    case COMMAND_ID_RS_MESSAGE:
        return read_channel_message(COMMAND_MESSAGE, arguments, command, error) &&
               read_message_users(arguments + 3, count - 3, scratch, command, error);
    case COMMAND_ID_MEMORY:
        return read_usage(arguments, count, command, error);
    case COMMAND_ID_AUTH:
    case COMMAND_ID_CLIENT:
    case COMMAND_ID_CLUSTER:
    case COMMAND_ID_COMMAND:
    case COMMAND_ID_CONFIG:
    case COMMAND_ID_DBSIZE:
    case COMMAND_ID_DEBUG:
    case COMMAND_ID_ECHO:
    case COMMAND_ID_HELLO:
    case COMMAND_ID_INFO:
    case COMMAND_ID_LATENCY:
    case COMMAND_ID_PING:
    case COMMAND_ID_QUIT:
    case COMMAND_ID_READONLY:
    case COMMAND_ID_READWRITE:
    case COMMAND_ID_RESET:
    case COMMAND_ID_SELECT:
    case COMMAND_ID_SHUTDOWN:
    case COMMAND_ID_SLOWLOG:
    case COMMAND_ID_SUBSCRIBE:
    case COMMAND_ID_TIME:
    case COMMAND_ID_UNSUBSCRIBE:
    case COMMAND_IDS:
        break;
    }
    UNREACHABLE("a command that is not for the shards");
}

bool request_is_for_shards(const struct command_spec *spec, const struct slice *arguments)
{
    return spec->id <= COMMAND_ID_RS_UNMENTION ||
           (spec->id == COMMAND_ID_MEMORY && slice_equal_text_nocase(arguments[1], "usage"));
}

bool request_read(const struct command_spec *spec, const struct slice *arguments, uint32_t count,
                  const char *epoch, struct buffer *scratch, struct command *out_command,
                  char error[static REQUEST_ERROR_SIZE])
{
    *out_command = (struct command){0};
    return read_command(spec, arguments, count, epoch, scratch, out_command, error);
}

bool request_read_feed(struct slice channel, struct user_id *out_user,
                       char error[static REQUEST_ERROR_SIZE])
{
    static const char prefix[] = "rs:";
    const size_t prefix_size = sizeof prefix - 1;
    const bool has_prefix =
        channel.size > prefix_size && memcmp(channel.bytes, prefix, prefix_size) == 0;
    const struct slice user = {.bytes = channel.bytes + prefix_size,
                               .size = channel.size - prefix_size};
    return (has_prefix && user_id_parse(user, out_user)) ||
           refuse(error, "channel", "rs: and a user id of 1 to 9223372036854775807", channel);
}
