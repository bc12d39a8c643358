/* The exact bytes of messages. */
#include "net/feed_text.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 100000 };

static struct feed_text *end_draft(struct feed_draft *draft)
{
    struct feed_text *text = NULL;
    assert_int_equal(feed_draft_end(draft, &text), STATUS_OK);
    return text;
}

/* As a client gets them, without the first head. */
static void expect(const struct feed_text *text, const char *channel, const char *json)
{
    char expected[2048];
    const int size =
        snprintf(expected, sizeof expected, "$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
                 strlen(channel), channel, strlen(json), json);
    assert_in_range(size, 1, sizeof expected - 1);
    assert_int_equal(text->size, size);
    assert_memory_equal(text->bytes, expected, (size_t)size);
    assert_int_equal(feed_text_get_size(text), size + FEED_HEAD_SIZE);
}

static void every_field_where_it_is_not_zero(void **state)
{
    (void)state;
    static const struct {
        struct state_view view;
        const char *json;
    } cases[] = {
        {{.channel = {.id = 3}, .last_read = 9, .floor = 9, .version = 42},
         "{\"channel\":\"3\",\"last_read\":\"9\",\"mentions\":0,\"version\":42}"},
        {{.channel = {.id = 3, .type = 1}, .last_read = 5, .floor = 9, .version = 1, .mentions = 7},
         "{\"channel\":\"1:3\",\"last_read\":\"5\",\"mentions\":7,\"version\":1,\"floor\":\"9\"}"},
        {{.channel = {.id = INT64_MAX, .type = 255},
          .last_read = INT64_MAX - 1,
          .floor = INT64_MAX,
          .version = INT64_MAX,
          .mentions = MENTIONS_MAX,
          .viewed_days = UINT16_MAX,
          .pin_ms = PIN_MS_MAX,
          .flags = UINT16_MAX,
          .approximate = true},
         "{\"channel\":\"255:9223372036854775807\",\"last_read\":\"9223372036854775806\","
         "\"mentions\":2147483647,\"version\":9223372036854775807,"
         "\"floor\":\"9223372036854775807\",\"viewed\":65535,\"pin\":9007199254740991,"
         "\"flags\":65535,\"approximate\":1}"},
        {{.channel = {.id = 3}, .last_read = 9, .floor = 9, .version = 2, .deleted = true},
         "{\"channel\":\"3\",\"last_read\":\"9\",\"mentions\":0,\"version\":2,\"deleted\":1}"},
    };
    struct feed_draft draft = {.states = 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[1024];
        const struct publication head = {.user = {7}, .version = 42, .cause = CAUSE_ACK};
        assert_int_equal(feed_draft_begin(&draft, "abc", &head), STATUS_OK);
        assert_int_equal(feed_draft_add(&draft, &cases[i].view, 1), STATUS_OK);
        struct feed_text *text = end_draft(&draft);
        snprintf(json, sizeof json,
                 "{\"user\":\"7\",\"epoch\":\"abc\",\"version\":42,\"cause\":\"ack\",\"states\":["
                 "%s]}",
                 cases[i].json);
        expect(text, "rs:7", json);
        feed_text_release(&text);
        assert_null(text);
    }
    feed_draft_deinit(&draft);
}

static void every_cause(void **state)
{
    (void)state;
    static const char *const names[] = {
        [CAUSE_ACK] = "ack",         [CAUSE_BULKACK] = "bulkack",     [CAUSE_MENTION] = "mention",
        [CAUSE_MESSAGE] = "message", [CAUSE_UNMENTION] = "unmention", [CAUSE_PIN] = "pin",
        [CAUSE_JOIN] = "join",       [CAUSE_LEAVE] = "leave",         [CAUSE_DELETE] = "delete",
        [CAUSE_FORGET] = "forget",   [CAUSE_MERGED] = "merged",
    };
    for (size_t cause = 0; cause < sizeof names / sizeof *names; cause++) {
        struct feed_draft draft = {.states = 0};
        char json[256];
        const struct publication head = {.user = {INT64_MAX},
                                         .incarnation = (uint32_t)cause,
                                         .version = 0,
                                         .cause = (enum publication_cause)cause};
        assert_int_equal(feed_draft_begin(&draft, "abc", &head), STATUS_OK);
        struct feed_text *text = end_draft(&draft);
        char incarnation[16] = "";
        if (cause > 0) {
            snprintf(incarnation, sizeof incarnation, "-%zu", cause);
        }
        snprintf(json, sizeof json,
                 "{\"user\":\"9223372036854775807\",\"epoch\":\"abc%s\",\"version\":0,"
                 "\"cause\":\"%s\",\"states\":[]}",
                 incarnation, names[cause]);
        expect(text, "rs:9223372036854775807", json);
        assert_int_equal(text->incarnation, cause);
        feed_text_release(&text);
        feed_draft_deinit(&draft);
    }
}

/* A draft that was dropped, a long one, and a short one in the same memory. */
static void a_draft_is_used_again(void **state)
{
    (void)state;
    struct feed_draft draft = {.states = 0};
    const struct publication head = {.user = {7}, .version = 1, .cause = CAUSE_MERGED};
    const struct state_view view = {.channel = {.id = 3}, .version = 1};
    assert_int_equal(feed_draft_begin(&draft, "abc", &head), STATUS_OK);
    assert_int_equal(feed_draft_add(&draft, &view, 1), STATUS_OK);
    assert_int_equal(feed_draft_begin(&draft, "abc", &head), STATUS_OK);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(feed_draft_add(&draft, &view, 1), STATUS_OK);
    }
    struct feed_text *text = end_draft(&draft);
    const size_t json = strcspn(text->bytes, "{");
    uint32_t states = 0;
    for (uint32_t i = 0; i < text->size; i++) {
        states += text->bytes[i] == '{';
    }
    assert_int_equal(states, MANY + 1);
    char size[32];
    snprintf(size, sizeof size, "$%zu\r\n", text->size - 2 - json);
    assert_memory_equal(text->bytes + json - strlen(size), size, strlen(size));
    assert_memory_equal(text->bytes + text->size - 5, "}]}\r\n", 5);
    feed_text_release(&text);
    assert_true(draft.json.capacity <= 16384);
    assert_int_equal(feed_draft_begin(&draft, "abc", &head), STATUS_OK);
    text = end_draft(&draft);
    expect(text, "rs:7",
           "{\"user\":\"7\",\"epoch\":\"abc\",\"version\":1,\"cause\":\"merged\",\"states\":[]}");
    struct feed_text *other = feed_text_acquire(text);
    feed_text_release(&text);
    assert_int_equal(other->version, 1);
    feed_text_release(&other);
    feed_text_release(&other);
    feed_draft_deinit(&draft);
}

static void the_head_says_the_protocol(void **state)
{
    (void)state;
    assert_true(slice_equal(feed_text_get_head(RESP_VERSION_2), slice_from_text("*3\r\n")));
    assert_true(slice_equal(feed_text_get_head(RESP_VERSION_3), slice_from_text(">3\r\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_where_it_is_not_zero),
        cmocka_unit_test(every_cause),
        cmocka_unit_test(a_draft_is_used_again),
        cmocka_unit_test(the_head_says_the_protocol),
    };
    return cmocka_run_group_tests_name("feed text", tests, NULL, NULL);
}
