#include "base/quote.h"
#include "net/request.h"
#include "net/request_play.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 4096 };

#define MAX "9223372036854775807"
#define EPOCH "e-p"
#define OVER "9223372036854775808"
#define USER_MUST "user id must be 1 to " MAX ", got "
#define MESSAGE_MUST "message id must be 1 to " MAX ", got "
#define CHANNEL_MUST "channel must be ID or TYPE:ID with TYPE 0 to 255 and ID 1 to " MAX ", got "

struct reading {
    struct slice arguments[ARGUMENTS_MAX];
    uint32_t count;
    struct buffer scratch;
    struct command command;
    char error[REQUEST_ERROR_SIZE];
};

/* The words of a line, as a client would send them. */
static void split(struct reading *self, const char *line)
{
    self->count = 0;
    while (*line != '\0') {
        const size_t size = strcspn(line, " ");
        self->arguments[self->count++] = (struct slice){.bytes = line, .size = size};
        line += size + (line[size] == ' ');
    }
}

static bool read_arguments(struct reading *self)
{
    const struct command_spec *spec = command_table_find(self->arguments[0]);
    assert_non_null(spec);
    assert_true(command_spec_accepts(spec, self->count));
    strcpy(self->error, "none");
    return request_read(spec, self->arguments, self->count, EPOCH, &self->scratch, &self->command,
                        self->error);
}

static bool read_line(struct reading *self, const char *line)
{
    split(self, line);
    return read_arguments(self);
}

static void print_options(FILE *out, const struct ack_options *options)
{
    fprintf(out, "%s", options->rule.manual ? " manual" : "");
    if (options->rule.has_mentions) {
        fprintf(out, " mentions=%" PRIu32, options->rule.mentions);
    }
    if (options->rule.has_viewed) {
        fprintf(out, " viewed=%" PRIu16, options->rule.viewed);
    }
    if (options->rule.has_flags) {
        fprintf(out, " flags=%" PRIu16, options->rule.flags);
    }
    if (options->has_version) {
        fprintf(out, " ifversion=%" PRIu64, options->version);
    }
    fprintf(out, "%s", options->commits ? " commits" : "");
}

/* What a command was understood as, in one line. */
static void print_command(const struct command *command, char *to, size_t size)
{
    static const char *const kinds[] = {
        [COMMAND_ACK] = "ack",
        [COMMAND_BULKACK] = "bulkack",
        [COMMAND_MENTION] = "mention",
        [COMMAND_MESSAGE] = "message",
        [COMMAND_UNMENTION] = "unmention",
        [COMMAND_PIN] = "pin",
        [COMMAND_JOIN] = "join",
        [COMMAND_LEAVE] = "leave",
        [COMMAND_DEL] = "del",
        [COMMAND_GET] = "get",
        [COMMAND_LIST] = "list",
        [COMMAND_BADGE] = "badge",
        [COMMAND_FLUSH_USER] = "flush-user",
        [COMMAND_FLUSH_ALL] = "flush-all",
        [COMMAND_EVICT] = "evict",
        [COMMAND_FORGET] = "forget",
        [COMMAND_INSPECT_USER] = "inspect-user",
        [COMMAND_INSPECT_CHANNEL] = "inspect-channel",
    };
    FILE *out = fmemopen(to, size, "w");
    assert_non_null(out);
    fprintf(out, "%s u%" PRIu64 " c%u:%" PRIu64 " m%" PRIu64, kinds[command->kind],
            command->user.value, command->channel.type, command->channel.id,
            command->message.value);
    if (command->kind == COMMAND_LIST && command->since.is_asked) {
        fprintf(out, " since %" PRIu32, command->since.incarnation);
    }
    for (uint32_t i = 0; i < command->count; i++) {
        if (command->kind == COMMAND_ACK) {
            print_options(out, command->options);
        } else if (command->kind == COMMAND_BULKACK) {
            const struct channel_message *pair = &command->pairs[i];
            fprintf(out, " %u:%" PRIu64 "=%" PRIu64, pair->channel.type, pair->channel.id,
                    pair->message.value);
        } else if (command->kind == COMMAND_GET || command->kind == COMMAND_DEL) {
            fprintf(out, " %u:%" PRIu64, command->channels[i].type, command->channels[i].id);
        } else {
            const struct command_target *target = &command->targets[i];
            fprintf(out, " %" PRIu32 "%s%" PRIu64, target->position, target->acks ? "!" : "@",
                    target->user.value);
        }
    }
    assert_int_equal(fclose(out), 0);
}

struct good {
    const char *line;
    const char *command;
};

static const struct good goods[] = {
    {"RS.ACK 7 42 100", "ack u7 c0:42 m100"},
    {"rs.ack " MAX " 255:" MAX " " MAX, "ack u" MAX " c255:" MAX " m" MAX},
    {"Rs.Ack 1 0:1 1", "ack u1 c0:1 m1"},
    {"RS.ACK 7 42 100 MANUAL", "ack u7 c0:42 m100 manual"},
    {"RS.ACK 7 42 100 mentions 3 Manual", "ack u7 c0:42 m100 manual mentions=3"},
    {"RS.ACK 7 42 100 MANUAL MENTIONS 2147483647", "ack u7 c0:42 m100 manual mentions=2147483647"},
    {"RS.ACK 7 42 100 VIEWED 65535 FLAGS 0", "ack u7 c0:42 m100 viewed=65535 flags=0"},
    {"RS.ACK 7 42 100 IFVERSION 0", "ack u7 c0:42 m100 ifversion=0"},
    {"RS.ACK 7 42 100 COMMIT delayed IFVERSION " MAX, "ack u7 c0:42 m100 ifversion=" MAX},
    {"RS.ACK 7 42 100 commit NOW", "ack u7 c0:42 m100 commits"},
    {"RS.PIN 7 42 9007199254740991", "pin u7 c0:42 m9007199254740991"},
    {"RS.LEAVE 7 42", "leave u7 c0:42 m0"},
    {"RS.LEAVE 7 42 0", "leave u7 c0:42 m0"},
    {"RS.LEAVE 7 2:42 100", "leave u7 c2:42 m100"},
    {"RS.DEL 7 42 1:42", "del u7 c0:0 m0 0:42 1:42"},
    {"RS.UNMENTION 42 100 7 8", "unmention u0 c0:42 m100 0@7 1@8"},
    {"RS.LIST 7 SINCE " EPOCH " 5", "list u7 c0:0 m5 since 0"},
    {"RS.LIST 7 since " EPOCH "-4294967295 " MAX, "list u7 c0:0 m" MAX " since 4294967295"},
    {"RS.LIST 7 SINCE e-q 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE e- 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE " EPOCH "- 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE " EPOCH "-0 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE " EPOCH "-01 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE " EPOCH "x1 5", "list u7 c0:0 m5"},
    {"RS.LIST 7 SINCE " EPOCH "-4294967296 5", "list u7 c0:0 m5"},
    {"RS.JOIN 7 3:42 0", "join u7 c3:42 m0"},
    {"RS.BULKACK 7 42 100 3:42 101 42 99", "bulkack u7 c0:0 m0 0:42=100 3:42=101 0:42=99"},
    {"RS.GET 7 42", "get u7 c0:0 m0 0:42"},
    {"RS.GET 7 42 1:1 42", "get u7 c0:0 m0 0:42 1:1 0:42"},
    {"RS.LIST 7", "list u7 c0:0 m0"},
    {"RS.EVICT 7", "evict u7 c0:0 m0"},
    {"RS.FLUSH", "flush-all u0 c0:0 m0"},
    {"RS.FLUSH 7", "flush-user u7 c0:0 m0"},
    {"RS.INSPECT 7", "inspect-user u7 c0:0 m0"},
    {"RS.INSPECT 7 5:42", "inspect-channel u7 c5:42 m0"},
    {"RS.BADGE 7 8 7", "badge u0 c0:0 m0 0@7 1@8 2@7"},
    {"RS.MENTION 42 100 7 8 7", "mention u0 c0:42 m100 0@7 1@8"},
    {"RS.UNMENTION 42 100 7 7 7 9", "unmention u0 c0:42 m100 0@7 1@9"},
    {"RS.MESSAGE 42 100 7 MENTIONS 9 8 9 7", "message u0 c0:42 m100 0!7 1@9 2@8"},
    {"RS.MESSAGE 42 100 7", "message u0 c0:42 m100 0!7"},
    {"RS.MESSAGE 42 100 7 NOACK", "message u0 c0:42 m100"},
    {"RS.MESSAGE 42 100 7 mentions 8 7 9", "message u0 c0:42 m100 0!7 1@8 2@9"},
    {"RS.MESSAGE 42 100 7 noack MENTIONS 8 7 9", "message u0 c0:42 m100 0@8 1@9"},
    {"RS.MESSAGE 42 100 7 NOACK MENTIONS 7", "message u0 c0:42 m100"},
};

static void good_commands_are_understood(void **state)
{
    (void)state;
    struct reading reading = {0};
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
        char text[512];
        if (!read_line(&reading, goods[i].line)) {
            fail_msg("%s: %s", goods[i].line, reading.error);
        }
        print_command(&reading.command, text, sizeof text);
        assert_string_equal(text, goods[i].command);
    }
    buffer_deinit(&reading.scratch);
}

#define ACK_OPTION_MUST                                                                            \
    "an option of RS.ACK must be MANUAL, MENTIONS, VIEWED, FLAGS, IFVERSION or COMMIT, each at "   \
    "most once, got "

#define LIST_OPTION_MUST "an option of RS.LIST must be SINCE, at most once, got "

struct bad {
    const char *line;
    const char *error;
};

static const struct bad bads[] = {
    {"RS.ACK -5 42 100", USER_MUST "'-5'"},
    {"RS.ACK 7 42 -5", MESSAGE_MUST "'-5'"},
    {"RS.ACK 7 42 0", MESSAGE_MUST "'0'"},
    {"RS.ACK 7 42 07", MESSAGE_MUST "'07'"},
    {"RS.ACK 7 42 +7", MESSAGE_MUST "'+7'"},
    {"RS.ACK 7 42 " OVER, MESSAGE_MUST "'" OVER "'"},
    {"RS.ACK 7 42 1.0", MESSAGE_MUST "'1.0'"},
    {"RS.ACK 7 256:42 1", CHANNEL_MUST "'256:42'"},
    {"RS.ACK 7 00:42 1", CHANNEL_MUST "'00:42'"},
    {"RS.ACK 7 :42 1", CHANNEL_MUST "':42'"},
    {"RS.ACK 7 1:0 1", CHANNEL_MUST "'1:0'"},
    {"RS.ACK 7 1:2:3 1", CHANNEL_MUST "'1:2:3'"},
    {"RS.ACK 0 0 0", USER_MUST "'0'"},
    {"RS.ACK 7 42 100 x", ACK_OPTION_MUST "'x'"},
    {"RS.ACK 7 42 100 MANUAL MANUAL", ACK_OPTION_MUST "'MANUAL'"},
    {"RS.ACK 7 42 100 FLAGS 1 flags 1", ACK_OPTION_MUST "'flags'"},
    {"RS.ACK 7 42 100 COMMIT now COMMIT delayed", ACK_OPTION_MUST "'COMMIT'"},
    {"RS.ACK 7 42 100 VIEWED", "VIEWED must be followed by a value"},
    {"RS.ACK 7 42 100 MANUAL mentions", "MENTIONS must be followed by a value"},
    {"RS.ACK 7 42 100 VIEWED 65536", "VIEWED must be 0 to 65535, got '65536'"},
    {"RS.ACK 7 42 100 FLAGS -1", "FLAGS must be 0 to 65535, got '-1'"},
    {"RS.ACK 7 42 100 IFVERSION 01", "IFVERSION must be 0 to " MAX ", got '01'"},
    {"RS.ACK 7 42 100 COMMIT later", "COMMIT must be now or delayed, got 'later'"},
    {"RS.ACK 7 42 100 MENTIONS 1", "MENTIONS must come with MANUAL"},
    {"RS.ACK 7 42 100 MANUAL MENTIONS 2147483648",
     "MENTIONS must be 0 to 2147483647, got '2147483648'"},
    {"RS.PIN 7 42 0", "timestamp must be 1 to 9007199254740991, got '0'"},
    {"RS.PIN 7 42 9007199254740992",
     "timestamp must be 1 to 9007199254740991, got '9007199254740992'"},
    {"RS.LEAVE 7 42 x", "message id must be 0 to " MAX ", got 'x'"},
    {"RS.LEAVE 7 42 1 2", "wrong number of arguments for 'rs.leave' command"},
    {"RS.DEL 7 42 x", CHANNEL_MUST "'x'"},
    {"RS.UNMENTION 42 0 7", MESSAGE_MUST "'0'"},
    {"RS.LIST 7 AFTER e 1", LIST_OPTION_MUST "'AFTER'"},
    {"RS.LIST 7 SINCE e", "SINCE must be followed by an epoch and a version"},
    {"RS.LIST 7 SINCE e 1 2", LIST_OPTION_MUST "'2'"},
    {"RS.LIST 7 SINCE e 1 SINCE e 1", LIST_OPTION_MUST "'SINCE'"},
    {"RS.LIST 7 SINCE e x", "version must be 0 to " MAX ", got 'x'"},
    {"RS.JOIN 7 42 -0", "message id must be 0 to " MAX ", got '-0'"},
    {"RS.JOIN 7 42 00", "message id must be 0 to " MAX ", got '00'"},
    {"RS.BULKACK 7 42 100 43", "wrong number of arguments for 'rs.bulkack' command"},
    {"RS.BULKACK 7 42 100 43 x", MESSAGE_MUST "'x'"},
    {"RS.BULKACK x 42 100", USER_MUST "'x'"},
    {"RS.GET 7 42 x", CHANNEL_MUST "'x'"},
    {"RS.LIST x", USER_MUST "'x'"},
    {"RS.EVICT " OVER, USER_MUST "'" OVER "'"},
    {"RS.FLUSH x", USER_MUST "'x'"},
    {"RS.FLUSH 7 8", "wrong number of arguments for 'rs.flush' command"},
    {"RS.INSPECT 7 x", CHANNEL_MUST "'x'"},
    {"RS.INSPECT 7 8 9", "wrong number of arguments for 'rs.inspect' command"},
    {"RS.BADGE 7 x", USER_MUST "'x'"},
    {"RS.MENTION x 100 7", CHANNEL_MUST "'x'"},
    {"RS.MENTION 42 x 7", MESSAGE_MUST "'x'"},
    {"RS.MENTION 42 100 7 0", USER_MUST "'0'"},
    {"RS.MESSAGE 42 100 x", USER_MUST "'x'"},
    {"RS.MESSAGE 42 100 7 MENTIONS", "MENTIONS must be followed by a user id"},
    {"RS.MESSAGE 42 100 7 NOACK NOACK",
     "an option of RS.MESSAGE must be NOACK or MENTIONS, each at most once, got 'NOACK'"},
    {"RS.MESSAGE 42 100 7 8",
     "an option of RS.MESSAGE must be NOACK or MENTIONS, each at most once, got '8'"},
    {"RS.MESSAGE 42 100 7 MENTIONS 8 NOACK", USER_MUST "'NOACK'"},
};

static void bad_commands_name_what_is_wrong(void **state)
{
    (void)state;
    struct reading reading = {0};
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        if (read_line(&reading, bads[i].line)) {
            fail_msg("%s: was taken", bads[i].line);
        }
        assert_string_equal(reading.error, bads[i].error);
    }
    buffer_deinit(&reading.scratch);
}

static void what_is_wrong_is_shown_cut_and_printable(void **state)
{
    (void)state;
    struct reading reading = {0};
    split(&reading, "RS.LIST x");
    reading.arguments[1] = (struct slice){.bytes = "\0\r\n\x7f\xc3\xa4 ~'", .size = 9};
    assert_false(read_arguments(&reading));
    assert_string_equal(reading.error, USER_MUST "'\\x00\\x0d\\x0a\\x7f\\xc3\\xa4 ~''");
    reading.arguments[1] = (struct slice){.bytes = NULL, .size = 0};
    assert_false(read_arguments(&reading));
    assert_string_equal(reading.error, USER_MUST "''");

    char longest[5000];
    memset(longest, 0xff, sizeof longest);
    reading.arguments[1] = (struct slice){.bytes = longest, .size = sizeof longest};
    assert_false(read_arguments(&reading));
    char expected[REQUEST_ERROR_SIZE];
    int at = snprintf(expected, sizeof expected, "%s'", USER_MUST);
    for (int i = 0; i < QUOTE_BYTES_MAX; i++) {
        at += snprintf(expected + at, sizeof expected - (size_t)at, "\\xff");
    }
    snprintf(expected + at, sizeof expected - (size_t)at, "'");
    assert_string_equal(reading.error, expected);
    buffer_deinit(&reading.scratch);
}

static void a_bulk_has_at_most_a_thousand_channels(void **state)
{
    (void)state;
    struct reading reading = {0};
    split(&reading, "RS.BULKACK 7");
    while (reading.count < 2 + 2 * COMMAND_PAIRS_MAX) {
        reading.arguments[reading.count++] = slice_from_text("5");
    }
    assert_true(read_arguments(&reading));
    assert_int_equal(reading.command.count, COMMAND_PAIRS_MAX);
    reading.arguments[reading.count++] = slice_from_text("5");
    reading.arguments[reading.count++] = slice_from_text("5");
    assert_false(read_arguments(&reading));
    assert_string_equal(reading.error, "a bulk may name at most 1000 channels, got 1001");
    buffer_deinit(&reading.scratch);
}

static void as_many_users_as_fit_into_a_command(void **state)
{
    (void)state;
    struct reading reading = {0};
    split(&reading, "RS.MESSAGE 42 100 7 MENTIONS");
    char texts[ARGUMENTS_MAX][8];
    while (reading.count < ARGUMENTS_MAX) {
        snprintf(texts[reading.count], sizeof texts[0], "%" PRIu32, reading.count + 1000);
        reading.arguments[reading.count] = slice_from_text(texts[reading.count]);
        reading.count++;
    }
    assert_true(read_arguments(&reading));
    const struct command *command = &reading.command;
    assert_int_equal(command->count, ARGUMENTS_MAX - 5 + 1);
    assert_true(command->targets[0].acks);
    for (uint32_t i = 1; i < command->count; i++) {
        assert_int_equal(command->targets[i].user.value, i + 1004);
        assert_int_equal(command->targets[i].position, i);
        assert_false(command->targets[i].acks);
    }
    buffer_deinit(&reading.scratch);
}

static bool has_argument(const struct reading *self, struct slice word)
{
    for (uint32_t i = 1; i < self->count; i++) {
        if (slice_equal(self->arguments[i], word)) {
            return true;
        }
    }
    return false;
}

/* Marks the options of the table, by their number, that a request has. */
static uint64_t find_options(const struct reading *self, const struct command_spec *spec)
{
    uint64_t found = 0;
    uint64_t option = 1;
    for (struct slice word = request_play_find_word(spec->syntax); word.size > 0;
         word = request_play_find_word(word.bytes + word.size)) {
        if (word.bytes[0] >= 'A' && word.bytes[0] <= 'Z') {
            found |= self == NULL || has_argument(self, word) ? option : 0;
            option <<= 1;
        }
    }
    return found;
}

/* What the fuzz target is given: of each command good and bad requests, and good ones with each
 * option. */
static void requests_by_chance_reach_the_whole_table(void **state)
{
    (void)state;
    enum { WALKS = 400000, CHOICES = 48 };
    static struct reading reading;
    struct slice arguments[REQUEST_PLAY_ARGUMENTS_MAX];
    uint64_t good[COMMAND_IDS] = {0};
    uint64_t options[COMMAND_IDS] = {0};
    uint64_t bad[COMMAND_IDS] = {0};
    uint64_t seed = 1;
    for (int walk = 0; walk < WALKS; walk++) {
        uint8_t choices[CHOICES];
        for (size_t i = 0; i < CHOICES; i++) {
            seed = seed * 6364136223846793005 + 1442695040888963407;
            /* Half of them lead straight on. */
            choices[i] = seed >> 63 == 0 ? 0 : (uint8_t)(seed >> 40);
        }
        choices[0] = (uint8_t)walk;
        struct request_play play = {
            .choices = choices, .choices_left = CHOICES, .arguments = arguments};
        const struct command_spec *spec = request_play_next(&play);
        if (!request_play_is_for_shards(spec) || !command_spec_accepts(spec, play.count)) {
            continue;
        }
        memcpy(reading.arguments, arguments, play.count * sizeof *arguments);
        reading.count = play.count;
        if (read_arguments(&reading)) {
            good[spec->id]++;
            options[spec->id] |= find_options(&reading, spec);
        } else {
            bad[spec->id]++;
        }
    }
    for (int id = 0; id < COMMAND_IDS; id++) {
        const struct command_spec *spec = command_table_get((enum command_id)id);
        if (request_play_is_for_shards(spec) &&
            (good[id] == 0 || bad[id] == 0 || options[id] != find_options(NULL, spec))) {
            fail_msg("%s: %" PRIu64 " good, %" PRIu64 " bad, options %" PRIx64, spec->name,
                     good[id], bad[id], options[id]);
        }
    }
    buffer_deinit(&reading.scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_commands_are_understood),
        cmocka_unit_test(bad_commands_name_what_is_wrong),
        cmocka_unit_test(what_is_wrong_is_shown_cut_and_printable),
        cmocka_unit_test(a_bulk_has_at_most_a_thousand_channels),
        cmocka_unit_test(as_many_users_as_fit_into_a_command),
        cmocka_unit_test(requests_by_chance_reach_the_whole_table),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
