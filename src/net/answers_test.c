#include "net/answers.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    RUNS = 60,
    COMMANDS = 80,
    OPEN_MAX = 20,
    REPLIES_MAX = 8,
    VIEWS_MAX = 3,
    SHARDS_MAX = 4,
    USERS_MAX = 6,
};

#define EPOCH "0123456789abcdef"

enum shape { SHAPE_WHOLE, SHAPE_GET, SHAPE_LIST, SHAPE_COUNTS, SHAPE_BADGES, SHAPE_DONE, SHAPES };

/* A command, the replies it is going to get, and the obvious text of its answer. */
struct asked {
    uint32_t number;
    struct reply replies[REPLIES_MAX];
    uint32_t replies_count;
    uint32_t next;
    struct state_view views[REPLIES_MAX][VIEWS_MAX];
    struct reply_badge badges[SHARDS_MAX][USERS_MAX];
    struct reply_counts counts[SHARDS_MAX];
    struct buffer text;
};

struct world {
    struct answers answers;
    struct buffer output;
    struct resp_writer writer;
    struct asked *open[OPEN_MAX]; /* Oldest first. */
    uint32_t open_count;
    struct buffer expected; /* Of all commands so far. */
    size_t settled; /* So much of it must be out: the answers from the oldest on that are done. */
};

static void PRINTF_LIKE(2, 3) add(struct buffer *to, const char *format, ...)
{
    char text[256];
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    assert_in_range(size, 0, sizeof text - 1);
    assert_int_equal(buffer_append(to, slice_from_text(text)), STATUS_OK);
}

static void add_view(struct buffer *to, const struct state_view *view, bool resp3)
{
    if (!view->present) {
        add(to, resp3 ? "_\r\n" : "$-1\r\n");
        return;
    }
    char last_read[24];
    snprintf(last_read, sizeof last_read, "%" PRIu64, view->last_read);
    add(to, resp3 ? "%%4\r\n" : "*8\r\n");
    add(to, "$7\r\nchannel\r\n$1\r\n%" PRIu64 "\r\n$9\r\nlast_read\r\n$%zu\r\n%s\r\n",
        view->channel.id, strlen(last_read), last_read);
    add(to, "$8\r\nmentions\r\n:%" PRIu32 "\r\n$7\r\nversion\r\n:%" PRIu64 "\r\n", view->mentions,
        view->version);
}

static struct reply *add_reply(struct asked *asked, enum reply_kind kind)
{
    struct reply *reply = &asked->replies[asked->replies_count++];
    *reply = (struct reply){.kind = kind};
    return reply;
}

/* RS.GET and RS.LIST: in parts. */
static void plan_views(struct asked *asked, enum reply_kind kind, bool resp3)
{
    const uint32_t parts = 1 + (uint32_t)rand() % (REPLIES_MAX - 1);
    const bool fails = kind == REPLY_LIST && rand() % 4 == 0;
    const bool full = rand() % 2 == 0;
    /* A list of changes that turns into one of all. */
    const uint32_t anew = kind == REPLY_LIST && full ? (uint32_t)rand() % parts : 0;
    struct buffer states = {0};
    uint32_t total = 0;
    for (uint32_t i = 0; i < parts; i++) {
        struct reply *reply = add_reply(asked, kind);
        reply->first = i == 0 || i == anew;
        reply->last = i + 1 == parts && !fails;
        reply->full = full && i >= anew;
        reply->version = 7;
        if (i == anew) {
            total = 0;
            buffer_consume(&states, buffer_peek_size(&states));
        }
        reply->count = (uint32_t)rand() % (VIEWS_MAX + 1);
        reply->views = asked->views[i];
        for (uint32_t j = 0; j < reply->count; j++) {
            struct state_view *view = &asked->views[i][j];
            *view = (struct state_view){.channel = {.id = 1 + (uint64_t)rand() % 9},
                                        .present = kind == REPLY_LIST || rand() % 2 == 0,
                                        .last_read = (uint64_t)rand(),
                                        .mentions = (uint32_t)rand() % 100,
                                        .version = 7};
            view->floor = view->last_read;
            add_view(&states, view, resp3);
        }
        total += reply->count;
    }
    asked->replies[0].number = total;
    if (fails) {
        add_reply(asked, REPLY_FAILED)->status = STATUS_STORE;
        add(&asked->text, "-%s %s\r\n", status_word(STATUS_STORE), status_text(STATUS_STORE));
    } else {
        if (kind == REPLY_LIST) {
            add(&asked->text, "*4\r\n$16\r\n" EPOCH "\r\n:7\r\n:%d\r\n", full);
        }
        add(&asked->text, "*%" PRIu32 "\r\n", total);
        assert_int_equal(buffer_append(&asked->text, buffer_peek(&states)), STATUS_OK);
    }
    buffer_deinit(&states);
}

static void plan_whole(struct asked *asked)
{
    if (rand() % 2 == 0) {
        add_reply(asked, REPLY_FAILED)->status = STATUS_LIMIT;
        add(&asked->text, "-%s %s\r\n", status_word(STATUS_LIMIT), status_text(STATUS_LIMIT));
        return;
    }
    struct reply *reply = add_reply(asked, REPLY_STATE);
    reply->version = (uint64_t)rand();
    reply->number = (uint64_t)rand();
    add(&asked->text, "*2\r\n:%" PRIu64 "\r\n:%" PRIu64 "\r\n", reply->version, reply->number);
}

/* Users dealt out to shards; some of them fail, and the first of those leads. */
static void plan_users(struct world *world, struct asked *asked, bool badges)
{
    const uint32_t shards = 1 + (uint32_t)rand() % SHARDS_MAX;
    const uint32_t users = shards + (uint32_t)rand() % (USERS_MAX - SHARDS_MAX + 1);
    assert_true(answers_expect_parts(&world->answers, asked->number, shards, users, badges));
    for (uint32_t i = 0; i < shards; i++) {
        struct reply *reply = add_reply(asked, badges ? REPLY_BADGES : REPLY_COUNTS);
        reply->payload = badges ? (void *)asked->badges[i] : (void *)&asked->counts[i];
        asked->counts[i] = (struct reply_counts){.failed_position = UINT32_MAX};
    }
    const bool may_fail = rand() % 2 == 0;
    enum status first_failed = STATUS_OK;
    uint32_t risen = 0;
    uint32_t succeeded = 0;
    struct buffer all = {0};
    for (uint32_t position = 0; position < users; position++) {
        const uint32_t drawn = position < shards ? position : (uint32_t)rand() % SHARDS_MAX;
        const uint32_t shard = drawn < shards ? drawn : shards - 1;
        const bool fails = may_fail && rand() % 3 == 0;
        const enum status status = !fails            ? STATUS_OK
                                   : rand() % 2 == 0 ? STATUS_STORE
                                                     : STATUS_DIRTY_FULL;
        first_failed = first_failed == STATUS_OK ? status : first_failed;
        succeeded += !fails;
        risen += !fails;
        struct reply_counts *counts = &asked->counts[shard];
        counts->succeeded += !fails;
        counts->risen += !fails;
        if (fails && position < counts->failed_position) {
            counts->failed_position = position;
            counts->failed_status = status;
        }
        struct reply *reply = &asked->replies[shard];
        asked->badges[shard][badges ? reply->count++ : 0] = (struct reply_badge){
            .position = position, .status = status, .mentions = 10 + position, .states = position};
        add(&all, "*2\r\n:%" PRIu32 "\r\n:%" PRIu32 "\r\n", 10 + position, position);
    }
    if (first_failed != STATUS_OK) {
        add(&asked->text, "-%s succeeded %" PRIu32 " of %" PRIu32 ": %s\r\n",
            status_word(first_failed), succeeded, users, status_text(first_failed));
    } else if (badges) {
        add(&asked->text, "*%" PRIu32 "\r\n", users);
        assert_int_equal(buffer_append(&asked->text, buffer_peek(&all)), STATUS_OK);
    } else {
        add(&asked->text, "*2\r\n:%" PRIu32 "\r\n:0\r\n", risen);
    }
    buffer_deinit(&all);
}

/* RS.FLUSH: one that fails fails all. */
static void plan_done(struct world *world, struct asked *asked)
{
    const uint32_t shards = 1 + (uint32_t)rand() % SHARDS_MAX;
    assert_true(answers_expect_parts(&world->answers, asked->number, shards, 0, false));
    bool failed = false;
    for (uint32_t i = 0; i < shards; i++) {
        const bool fails = rand() % 4 == 0;
        add_reply(asked, fails ? REPLY_FAILED : REPLY_DONE)->status =
            fails ? STATUS_STORE : STATUS_OK;
        failed |= fails;
    }
    if (failed) {
        add(&asked->text, "-%s %s\r\n", status_word(STATUS_STORE), status_text(STATUS_STORE));
    } else {
        add(&asked->text, "+OK\r\n");
    }
}

static void ask(struct world *world)
{
    struct asked *asked = calloc(1, sizeof *asked);
    assert_non_null(asked);
    assert_true(answers_insert(&world->answers, &asked->number));
    answers_hold(&world->answers, asked->number, (size_t)rand() % 100);
    const bool resp3 = world->writer.version == RESP_VERSION_3;
    switch ((enum shape)(rand() % SHAPES)) {
    case SHAPE_WHOLE:
    case SHAPES:
        plan_whole(asked);
        break;
    case SHAPE_GET:
        plan_views(asked, REPLY_STATES, resp3);
        break;
    case SHAPE_LIST:
        plan_views(asked, REPLY_LIST, resp3);
        break;
    case SHAPE_COUNTS:
        plan_users(world, asked, false);
        break;
    case SHAPE_BADGES:
        plan_users(world, asked, true);
        break;
    case SHAPE_DONE:
        plan_done(world, asked);
        break;
    }
    assert_int_equal(buffer_append(&world->expected, buffer_peek(&asked->text)), STATUS_OK);
    world->open[world->open_count++] = asked;
}

/* One reply of any open command; what is out afterwards is a beginning of what must come, and all
 * that is done in front is out. */
static void answer(struct world *world)
{
    struct asked *asked = world->open[(uint32_t)rand() % world->open_count];
    if (asked->next == asked->replies_count) {
        return;
    }
    const struct reply *reply = &asked->replies[asked->next++];
    assert_true(answers_take(&world->answers, asked->number, reply, &world->writer));
    while (world->open_count > 0 && world->open[0]->next == world->open[0]->replies_count) {
        struct asked *oldest = world->open[0];
        world->settled += buffer_peek_size(&oldest->text);
        buffer_deinit(&oldest->text);
        free(oldest);
        world->open_count--;
        memmove(world->open, world->open + 1, world->open_count * sizeof *world->open);
    }
    const struct slice out = buffer_peek(&world->output);
    const struct slice expected = buffer_peek(&world->expected);
    assert_in_range(out.size, world->settled, expected.size);
    assert_true(out.size == 0 ||
                (expected.bytes != NULL && memcmp(out.bytes, expected.bytes, out.size) == 0));
    assert_int_equal(answers_count(&world->answers), world->open_count);
}

static void world_init(struct world *self, enum resp_version version)
{
    *self = (struct world){0};
    self->writer = resp_writer_over(&self->output);
    self->writer.version = version;
    answers_init(&self->answers, EPOCH);
}

static void world_deinit(struct world *self)
{
    for (uint32_t i = 0; i < self->open_count; i++) {
        buffer_deinit(&self->open[i]->text);
        free(self->open[i]);
    }
    answers_deinit(&self->answers);
    buffer_deinit(&self->output);
    buffer_deinit(&self->expected);
}

static void answers_come_out_in_order(void **state)
{
    srand(*(const unsigned *)*state);
    for (int run = 0; run < RUNS; run++) {
        struct world world;
        world_init(&world, run % 2 == 0 ? RESP_VERSION_2 : RESP_VERSION_3);
        for (int asked = 0; asked < COMMANDS || world.open_count > 0;) {
            if (asked < COMMANDS && world.open_count < OPEN_MAX && rand() % 3 == 0) {
                ask(&world);
                asked++;
            } else if (world.open_count > 0) {
                answer(&world);
            }
        }
        assert_true(slice_equal(buffer_peek(&world.output), buffer_peek(&world.expected)));
        assert_int_equal(world.answers.bytes, 0);
        assert_int_equal(world.answers.held, 0);
        world_deinit(&world);
    }
}

/* A connection that goes has answers in all states. */
static void what_is_owed_is_freed(void **state)
{
    srand(*(const unsigned *)*state);
    for (int run = 0; run < RUNS; run++) {
        struct world world;
        world_init(&world, RESP_VERSION_2);
        for (int i = 0; i < OPEN_MAX; i++) {
            ask(&world);
            answer(&world);
        }
        world_deinit(&world);
    }
}

static void the_number_of_open_answers_is_bounded(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, RESP_VERSION_2);
    uint32_t number = 0;
    for (uint32_t i = 0; i < ANSWERS_OPEN_MAX; i++) {
        assert_true(answers_insert(&world.answers, &number));
        assert_int_equal(number, i);
    }
    assert_false(answers_insert(&world.answers, &number));
    const struct reply done = {.kind = REPLY_DONE};
    assert_true(answers_take(&world.answers, 0, &done, &world.writer));
    assert_true(answers_insert(&world.answers, &number));
    assert_int_equal(number, ANSWERS_OPEN_MAX);
    answers_hold(&world.answers, number, 5);
    assert_int_equal(world.answers.held, 5);
    answers_remove_newest(&world.answers);
    assert_int_equal(world.answers.held, 0);
    assert_int_equal(answers_count(&world.answers), ANSWERS_OPEN_MAX - 1);
    world_deinit(&world);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(answers_come_out_in_order, &seed),
        cmocka_unit_test_prestate(what_is_owed_is_freed, &seed),
        cmocka_unit_test(the_number_of_open_answers_is_bounded),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
