#include "net/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct page {
    struct buffer bytes;
    struct resp_writer writer;
};

static struct resp_writer *begin(struct page *self, enum resp_version version)
{
    buffer_deinit(&self->bytes);
    self->writer = resp_writer_over(&self->bytes);
    self->writer.version = version;
    return &self->writer;
}

static void expect(struct page *self, const char *text)
{
    const struct slice bytes = buffer_peek(&self->bytes);
    assert_false(self->writer.failed);
    if (!slice_equal(bytes, slice_from_text(text))) {
        fail_msg("got\n%.*s\nnot\n%s", (int)bytes.size, bytes.bytes, text);
    }
    buffer_deinit(&self->bytes);
}

/* The same bytes in both versions of the protocol. */
static void expect_reply(const struct reply *reply, const char *text)
{
    struct page page = {0};
    render_reply(begin(&page, RESP_VERSION_2), reply);
    expect(&page, text);
    render_reply(begin(&page, RESP_VERSION_3), reply);
    expect(&page, text);
}

static void whole_replies(void **state)
{
    (void)state;
    expect_reply(&(struct reply){.kind = REPLY_STATE, .version = 5, .number = 3},
                 "*2\r\n:5\r\n:3\r\n");
    expect_reply(&(struct reply){.kind = REPLY_BULK, .version = 5, .number = 1000},
                 "*2\r\n:5\r\n:1000\r\n");
    expect_reply(&(struct reply){.kind = REPLY_INTEGER, .number = 1}, ":1\r\n");
    expect_reply(&(struct reply){.kind = REPLY_DONE}, "+OK\r\n");
    expect_reply(&(struct reply){.kind = REPLY_FAILED, .status = STATUS_LIMIT},
                 "-LIMIT the user has as many channels as max-channels allows\r\n");
    expect_reply(&(struct reply){.kind = REPLY_FAILED, .status = STATUS_STORE},
                 "-STORE the store did not answer for this user, try again\r\n");
}

static const struct state_view plain = {.channel = {.id = 42},
                                        .present = true,
                                        .last_read = UINT64_C(9223372036854775807),
                                        .floor = UINT64_C(9223372036854775807),
                                        .mentions = 2147483647,
                                        .version = 7};
static const struct state_view nil = {.present = false};
static const struct state_view full = {.channel = {.id = 42, .type = 255},
                                       .present = true,
                                       .approximate = true,
                                       .deleted = true,
                                       .viewed_days = 3,
                                       .flags = 65535,
                                       .mentions = 1,
                                       .last_read = 5,
                                       .floor = 6,
                                       .pin_ms = 1600000000000,
                                       .version = 8};

#define PLAIN_FIELDS                                                                               \
    "$7\r\nchannel\r\n$2\r\n42\r\n$9\r\nlast_read\r\n$19\r\n9223372036854775807\r\n"               \
    "$8\r\nmentions\r\n:2147483647\r\n$7\r\nversion\r\n:7\r\n"
#define FULL_FIELDS                                                                                \
    "$7\r\nchannel\r\n$6\r\n255:42\r\n$9\r\nlast_read\r\n$1\r\n5\r\n"                              \
    "$8\r\nmentions\r\n:1\r\n$7\r\nversion\r\n:8\r\n$5\r\nfloor\r\n$1\r\n6\r\n"                    \
    "$6\r\nviewed\r\n:3\r\n$3\r\npin\r\n:1600000000000\r\n$5\r\nflags\r\n:65535\r\n"               \
    "$11\r\napproximate\r\n:1\r\n$7\r\ndeleted\r\n:1\r\n"

static void states_are_maps(void **state)
{
    (void)state;
    struct page page = {0};
    const struct state_view views[] = {plain, nil, full};
    render_views(begin(&page, RESP_VERSION_2), views, 3);
    expect(&page, "*8\r\n" PLAIN_FIELDS "$-1\r\n*20\r\n" FULL_FIELDS);
    render_views(begin(&page, RESP_VERSION_3), views, 3);
    expect(&page, "%4\r\n" PLAIN_FIELDS "_\r\n%10\r\n" FULL_FIELDS);
    render_views(begin(&page, RESP_VERSION_3), NULL, 0);
    expect(&page, "");
}

static void a_list_has_an_epoch(void **state)
{
    (void)state;
    struct page page = {0};
    struct reply reply = {.kind = REPLY_LIST, .version = 9, .full = true};
    render_list_head(begin(&page, RESP_VERSION_2), "0123456789abcdef", &reply, 2);
    expect(&page, "*4\r\n$16\r\n0123456789abcdef\r\n:9\r\n:1\r\n*2\r\n");
    /* The longest there is. */
    reply.incarnation = UINT32_MAX;
    reply.full = false;
    render_list_head(begin(&page, RESP_VERSION_3), "0123456789abcdef", &reply, 0);
    expect(&page, "*4\r\n$27\r\n0123456789abcdef-4294967295\r\n:9\r\n:0\r\n*0\r\n");
}

static void several_users(void **state)
{
    (void)state;
    struct page page = {0};
    struct reply_counts counts = {
        .risen = 2, .pending = 1, .succeeded = 3, .failed_position = UINT32_MAX};
    const struct reply_badge badges[] = {{.mentions = 5, .states = 2}, {.position = 1}};
    render_counts(begin(&page, RESP_VERSION_2), &counts, 3);
    expect(&page, "*2\r\n:2\r\n:1\r\n");
    render_badges(begin(&page, RESP_VERSION_3), badges, &counts, 2);
    expect(&page, "*2\r\n*2\r\n:5\r\n:2\r\n*2\r\n:0\r\n:0\r\n");
    render_badges(begin(&page, RESP_VERSION_3), NULL, &counts, 0);
    expect(&page, "*0\r\n");

    counts.failed_position = 0;
    counts.failed_status = STATUS_STORE;
    const char *const failed =
        "-STORE succeeded 3 of 4: the store did not answer for this user, try again\r\n";
    render_counts(begin(&page, RESP_VERSION_2), &counts, 4);
    expect(&page, failed);
    render_badges(begin(&page, RESP_VERSION_3), badges, &counts, 4);
    expect(&page, failed);
}

static void errors_stay_on_their_line(void **state)
{
    (void)state;
    struct page page = {0};
    render_error(begin(&page, RESP_VERSION_2), "a\r\nb");
    expect(&page, "-ERR a  b\r\n");
    render_status(begin(&page, RESP_VERSION_2), STATUS_MEMORY);
    expect(&page, "-OOM the system gives no more memory\r\n");
}

/* Field names are not part of the contract: that the map has as many fields as its head says is. */
static void inspections_are_whole_maps(void **state)
{
    (void)state;
    struct page page = {0};
    const struct inspected_user user = {.cached = true, .waits_for = INSPECT_WAITS_FOR_WRITE};
    const struct reply of_user = {.kind = REPLY_INSPECTED_USER, .user = &user};
    render_reply(begin(&page, RESP_VERSION_3), &of_user);
    struct slice bytes = buffer_peek(&page.bytes);
    assert_memory_equal(bytes.bytes, "%14\r\n$6\r\ncached\r\n:1\r\n", 21);
    size_t lines = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        lines += bytes.bytes[i] == '\n';
    }
    /* The head; a name is two lines, a number one, a text two. */
    assert_int_equal(lines, 1 + 14 * 2 + 13 + 2);
    buffer_deinit(&page.bytes);

    struct read_state there;
    read_state_init(&there, (struct channel_key){.id = 42, .type = 3});
    there.counted = 2;
    there.counted_to = 10;
    there.mentions_kept = 3;
    there.mentions[0] = (struct mention){.message = 11};
    there.mentions[1] = (struct mention){.message = 12, .withdrawn = true};
    there.mentions[2] = (struct mention){.message = 13};
    const struct reply of_state = {.kind = REPLY_INSPECTED_CHANNEL, .state = &there, .number = 1};
    render_reply(begin(&page, RESP_VERSION_2), &of_state);
    expect(&page,
           "*28\r\n$7\r\npresent\r\n:1\r\n$7\r\nchannel\r\n$4\r\n3:42\r\n"
           "$9\r\nlast_read\r\n$1\r\n0\r\n$5\r\nfloor\r\n$1\r\n0\r\n$8\r\nmentions\r\n:4\r\n"
           "$7\r\ncounted\r\n:2\r\n$10\r\ncounted_to\r\n$2\r\n10\r\n"
           "$3\r\nids\r\n*2\r\n$2\r\n11\r\n$2\r\n13\r\n$9\r\nwithdrawn\r\n*1\r\n$2\r\n12\r\n"
           "$7\r\nversion\r\n:0\r\n$6\r\nviewed\r\n:0\r\n$3\r\npin\r\n:0\r\n$5\r\nflags\r\n:0\r\n"
           "$7\r\ndeleted\r\n:0\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_replies),
        cmocka_unit_test(states_are_maps),
        cmocka_unit_test(a_list_has_an_epoch),
        cmocka_unit_test(several_users),
        cmocka_unit_test(errors_stay_on_their_line),
        cmocka_unit_test(inspections_are_whole_maps),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
