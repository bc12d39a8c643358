/* The queue against the plain bytes that a client must get, however they are cut. */
#include "net/feed_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 10000, USERS = 5, TEXTS = 6 };

static struct feed_text *create_text(uint64_t user, uint64_t version, uint32_t states)
{
    struct feed_draft draft = {.states = 0};
    struct feed_text *text = NULL;
    const struct publication head = {.user = {user}, .version = version, .cause = CAUSE_ACK};
    const struct state_view view = {.channel = {.id = 3}, .version = version};
    assert_int_equal(feed_draft_begin(&draft, "e", &head), STATUS_OK);
    for (uint32_t i = 0; i < states; i++) {
        assert_int_equal(feed_draft_add(&draft, &view, 1), STATUS_OK);
    }
    assert_int_equal(feed_draft_end(&draft, &text), STATUS_OK);
    feed_draft_deinit(&draft);
    return text;
}

/* What is expected, and what came. */
struct stream {
    char *bytes;
    size_t size;
    size_t room;
};

static void append(struct stream *self, const char *bytes, size_t size)
{
    if (self->size + size >= self->room) {
        self->room = 2 * (self->size + size) + 1;
        char *grown = realloc(self->bytes, self->room);
        assert_non_null(grown);
        self->bytes = grown;
    }
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
}

static void append_text(struct stream *self, enum resp_version version,
                        const struct feed_text *text)
{
    append(self, version == RESP_VERSION_3 ? ">3\r\n" : "*3\r\n", FEED_HEAD_SIZE);
    append(self, text->bytes, text->size);
}

/* So many bytes of what is to be sent go out. Returns how many there were. */
static size_t send(struct feed_queue *queue, enum resp_version version, size_t most,
                   struct stream *got)
{
    struct slice slices[FEED_QUEUE_SLICES_MAX];
    uint32_t count = 0;
    size_t bytes = 0;
    feed_queue_peek(queue, version, UINT32_MAX, slices, &count, &bytes);
    assert_true(count <= FEED_QUEUE_SLICES_MAX);
    size_t left = most < bytes ? most : bytes;
    const size_t sent = left;
    size_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const size_t part = slices[i].size < left ? slices[i].size : left;
        assert_true(slices[i].size > 0);
        append(got, slices[i].bytes, part);
        left -= part;
        sum += slices[i].size;
    }
    assert_int_equal(sum, bytes);
    feed_queue_consume(queue, sent);
    return bytes;
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (int protocol = 2; protocol <= 3; protocol++) {
        const enum resp_version version = protocol == 2 ? RESP_VERSION_2 : RESP_VERSION_3;
        size_t size = 1;
        for (size_t cut = 0; cut < size; cut++) {
            struct feed_queue queue = {0};
            struct stream expected = {0};
            struct stream got = {0};
            for (uint64_t i = 0; i < TEXTS; i++) {
                struct feed_text *text = create_text(1 + i % USERS, i + 1, 1);
                append_text(&expected, version, text);
                assert_true(feed_queue_push(&queue, &text));
                assert_null(text);
            }
            size = expected.size;
            (void)send(&queue, version, cut, &got);
            while (queue.count > 0) {
                (void)send(&queue, version, SIZE_MAX, &got);
            }
            assert_int_equal(got.size, expected.size);
            assert_memory_equal(got.bytes, expected.bytes, expected.size);
            assert_int_equal(queue.bytes, 0);
            feed_queue_deinit(&queue);
            free(expected.bytes);
            free(got.bytes);
        }
    }
}

static void whatever_is_sent_comes_whole_and_in_order(void **state)
{
    srand(*(const unsigned *)*state);
    struct feed_queue queue = {0};
    struct stream expected = {0};
    struct stream got = {0};
    uint64_t version = 0;
    uint64_t refused = 0;
    for (int step = 0; step < STEPS; step++) {
        if (rand() % 3 != 0) {
            struct feed_text *text = create_text(1, ++version, (uint32_t)rand() % 40);
            const size_t size = feed_text_get_size(text);
            struct feed_text *lent_text = text;
            const bool is_full = queue.count >= FEED_QUEUE_TEXTS_MAX ||
                                 (queue.count > 0 && queue.bytes + size > FEED_QUEUE_BYTES_MAX);
            const bool pushed = feed_queue_push(&queue, &text);
            assert_int_equal(pushed, !is_full);
            if (pushed) {
                append_text(&expected, RESP_VERSION_3, lent_text);
            }
            refused += !pushed;
            feed_text_release(&text);
        } else {
            (void)send(&queue, RESP_VERSION_3, (size_t)rand() % (step % 5000 < 2500 ? 20 : 9000),
                       &got);
        }
        assert_true(queue.count <= FEED_QUEUE_TEXTS_MAX && queue.bytes <= FEED_QUEUE_BYTES_MAX);
        assert_true(queue.count == 0 || queue.bytes > queue.sent);
    }
    while (queue.count > 0) {
        (void)send(&queue, RESP_VERSION_3, SIZE_MAX, &got);
    }
    assert_true(refused > 100);
    assert_int_equal(got.size, expected.size);
    assert_memory_equal(got.bytes, expected.bytes, expected.size);
    assert_true(queue.room <= 4);
    feed_queue_deinit(&queue);
    free(expected.bytes);
    free(got.bytes);
}

static void only_a_merged_text_has_a_place_beyond_the_bounds(void **state)
{
    (void)state;
    struct feed_queue queue = {0};
    struct feed_text *text = create_text(1, 1, 20000);
    assert_true(feed_text_get_size(text) > 4 * (size_t)FEED_QUEUE_BYTES_MAX);
    assert_true(feed_queue_push(&queue, &text));
    text = create_text(1, 2, 0);
    assert_false(feed_queue_push(&queue, &text));
    assert_non_null(text);
    assert_true(feed_queue_push_merged(&queue, &text));
    feed_queue_deinit(&queue);
    for (uint64_t i = 0; i < FEED_QUEUE_TEXTS_MAX; i++) {
        text = create_text(1, i + 1, 0);
        assert_true(feed_queue_push(&queue, &text));
    }
    text = create_text(1, 5000, 0);
    assert_false(feed_queue_push(&queue, &text));
    assert_true(feed_queue_push_merged(&queue, &text));
    text = create_text(1, 5001, 0);
    assert_false(feed_queue_push(&queue, &text));
    feed_text_release(&text);
    feed_queue_deinit(&queue);
}

static bool is_of_an_odd_user(const void *context, const struct feed_text *text)
{
    (void)context;
    return text->user.value % 2 == 1;
}

/* What is with the system stays, as far as any of its bytes is. */
static void a_filter_leaves_what_is_being_sent(void **state)
{
    (void)state;
    size_t size = 1;
    for (size_t sending = 0; sending <= size; sending++) {
        struct feed_queue queue = {0};
        struct stream expected = {0};
        struct stream got = {0};
        size = 0;
        for (uint64_t i = 0; i < TEXTS; i++) {
            struct feed_text *text = create_text(1 + i % USERS, i + 1, 1);
            if (size < sending || is_of_an_odd_user(NULL, text)) {
                append_text(&expected, RESP_VERSION_2, text);
            }
            size += feed_text_get_size(text);
            assert_true(feed_queue_push(&queue, &text));
        }
        feed_queue_filter(&queue, sending, is_of_an_odd_user, NULL);
        assert_int_equal(queue.bytes, expected.size);
        while (queue.count > 0) {
            (void)send(&queue, RESP_VERSION_2, 70, &got);
        }
        assert_int_equal(got.size, expected.size);
        assert_memory_equal(got.bytes, expected.bytes, expected.size);
        feed_queue_deinit(&queue);
        free(expected.bytes);
        free(got.bytes);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test_prestate(whatever_is_sent_comes_whole_and_in_order, &seed),
        cmocka_unit_test(only_a_merged_text_has_a_place_beyond_the_bounds),
        cmocka_unit_test(a_filter_leaves_what_is_being_sent),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("feed queue", tests, NULL, NULL);
}
