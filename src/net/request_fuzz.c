/* Any bytes, as a client sends them, or a walk through the command table, to commands for the
 * shards: what is understood is within the contract's bounds, and what is refused is refused in one
 * printable line. */
#include "base/assert.h"
#include "memory/buffer.h"
#include "net/command_table.h"
#include "net/request.h"
#include "net/request_play.h"
#include "resp/parser.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 64, ARGUMENT_SIZE_MAX = 256 };

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer asks for this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_id(uint64_t value)
{
    return value >= 1 && value <= INT64_MAX;
}

static void check_options(const struct ack_options *options)
{
    ASSERT(options->rule.manual || !options->rule.has_mentions);
    ASSERT(options->rule.mentions <= MENTIONS_MAX && options->version <= INT64_MAX);
}

static void check_list(const struct command *command)
{
    for (uint32_t i = 0; i < command->count; i++) {
        switch (command->kind) {
        case COMMAND_BULKACK:
            ASSERT(is_id(command->pairs[i].channel.id) && is_id(command->pairs[i].message.value));
            break;
        case COMMAND_GET:
        case COMMAND_DEL:
            ASSERT(is_id(command->channels[i].id));
            break;
        case COMMAND_ACK:
            check_options(&command->options[i]);
            break;
        case COMMAND_MENTION:
        case COMMAND_MESSAGE:
        case COMMAND_UNMENTION:
        case COMMAND_BADGE:
            ASSERT(is_id(command->targets[i].user.value) && command->targets[i].position == i);
            ASSERT(!command->targets[i].acks || i == 0);
            break;
        case COMMAND_PIN:
        case COMMAND_JOIN:
        case COMMAND_LEAVE:
        case COMMAND_LIST:
        case COMMAND_FLUSH_USER:
        case COMMAND_FLUSH_ALL:
        case COMMAND_EVICT:
        case COMMAND_FORGET:
        case COMMAND_INSPECT_USER:
        case COMMAND_INSPECT_CHANNEL:
        case COMMAND_MEASURE_USER:
        case COMMAND_SUBSCRIBE:
        case COMMAND_UNSUBSCRIBE:
            UNREACHABLE("a command without a list");
        }
    }
}

static void check_error(const char *error)
{
    const size_t size = strnlen(error, REQUEST_ERROR_SIZE);
    ASSERT(size > 0 && size < REQUEST_ERROR_SIZE);
    for (size_t i = 0; i < size; i++) {
        ASSERT(error[i] >= ' ' && error[i] <= '~');
    }
}

static void read_feeds(const struct slice *arguments, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        char error[REQUEST_ERROR_SIZE] = "";
        struct user_id user;
        if (request_read_feed(arguments[i], &user, error)) {
            ASSERT(is_id(user.value));
        } else {
            check_error(error);
        }
    }
}

static void read_request(const struct slice *arguments, uint32_t count, struct buffer *scratch)
{
    const struct command_spec *spec = command_table_find(arguments[0]);
    if (spec == NULL || !command_spec_accepts(spec, count)) {
        return;
    }
    if (!request_is_for_shards(spec, arguments)) {
        read_feeds(arguments, count);
        return;
    }
    struct command read;
    char error[REQUEST_ERROR_SIZE] = "";
    if (!request_read(spec, arguments, count, "e", scratch, &read, error)) {
        check_error(error);
        return;
    }
    const struct command *command = &read;
    ASSERT(command->count <= count);
    ASSERT(command_get_list_size(command) == 0 || command->list != NULL);
    check_list(command);
    ASSERT(command->kind != COMMAND_PIN || (command->pin_ms >= 1 && command->pin_ms <= PIN_MS_MAX));
    ASSERT(command->kind != COMMAND_LIST || command->since_version <= INT64_MAX);
    ASSERT(command->user.value == 0 || is_id(command->user.value));
    /* A copy has a list of its own. */
    struct command copy;
    if (command_copy(command, &copy) == STATUS_OK) {
        ASSERT(memcmp(&copy.token, &command->token, sizeof copy.token) == 0);
        command_deinit(&copy);
    }
}

static void play_bytes(char *bytes, size_t size, struct buffer *scratch)
{
    const struct resp_limits limits = {.arguments_max = ARGUMENTS_MAX,
                                       .argument_size_max = ARGUMENT_SIZE_MAX};
    struct slice arguments[ARGUMENTS_MAX];
    struct resp_parser parser;
    resp_parser_reset(&parser);
    size_t done = 0;
    struct resp_request request;
    while (resp_parser_read(&parser, &limits, bytes + done, size - done, arguments, ARGUMENTS_MAX,
                            &request) == RESP_COMMAND) {
        done += request.size;
        read_request(arguments, request.arguments_count, scratch);
    }
}

static void play_walks(const char *bytes, size_t size, struct buffer *scratch)
{
    struct slice arguments[REQUEST_PLAY_ARGUMENTS_MAX];
    struct request_play play = {
        .choices = (const uint8_t *)bytes, .choices_left = size, .arguments = arguments};
    while (play.choices_left > 0) {
        (void)request_play_next(&play);
        read_request(arguments, play.count, scratch);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    /* The first byte says what the others are. They are in a block of their exact size: what is
     * read beyond it is found. */
    const size_t rest = size - 1;
    char *bytes = malloc(rest + (rest == 0));
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data + 1, rest);
    struct buffer scratch = {0};
    if (data[0] % 2 == 0) {
        play_walks(bytes, rest, &scratch);
    } else {
        play_bytes(bytes, rest, &scratch);
    }
    buffer_deinit(&scratch);
    free(bytes);
    return 0;
}
