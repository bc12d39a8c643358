#include "net/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

enum { STEPS = 30000, TEXT_STEPS = 6000, ELEMENTS = 3, PASSED = 20000 };
enum { LINK_COMMANDS_MAX = 512, LINK_REPLIES_MAX = LINK_COMMANDS_MAX * LINK_REPLIES_A_COMMAND };

/* Of every third no list: such commands own nothing. */
static struct command command_of(uint64_t number, struct channel_key *list)
{
    struct command command = {.kind = number % 3 == 0 ? COMMAND_ACK : COMMAND_GET,
                              .user = {.value = number + 1}};
    if (command.kind == COMMAND_GET) {
        for (uint64_t i = 0; i < ELEMENTS; i++) {
            list[i] = (struct channel_key){.id = number + i};
        }
        command.channels = list;
        command.count = ELEMENTS;
    }
    return command;
}

static void check_command(const struct command *command, uint64_t number)
{
    assert_int_equal(command->user.value, number + 1);
    assert_int_equal(command->count, number % 3 == 0 ? 0 : ELEMENTS);
    for (uint64_t i = 0; i < command->count; i++) {
        assert_int_equal(command->channels[i].id, number + i);
    }
}

static struct reply reply_of(uint64_t number, struct reply_badge *badges)
{
    struct reply reply = {.kind = number % 3 == 0 ? REPLY_DONE : REPLY_BADGES, .number = number};
    if (reply.kind == REPLY_BADGES) {
        for (uint64_t i = 0; i < ELEMENTS; i++) {
            badges[i] = (struct reply_badge){.mentions = number + i};
        }
        reply.badges = badges;
        reply.count = ELEMENTS;
    }
    return reply;
}

static void check_reply(const struct reply *reply, uint64_t number)
{
    assert_int_equal(reply->number, number);
    assert_int_equal(reply->count, number % 3 == 0 ? 0 : ELEMENTS);
    for (uint64_t i = 0; i < reply->count; i++) {
        assert_int_equal(reply->badges[i].mentions, number + i);
    }
}

/* What is sent, and then overwritten by the sender. */
static void send_command(struct link *link, uint64_t number)
{
    struct channel_key list[ELEMENTS];
    const struct command command = command_of(number, list);
    link_begin_command(link);
    assert_int_equal(link_send_command(link, &command), STATUS_OK);
    memset(list, 0xff, sizeof list);
}

static void send_reply(struct link *link, uint64_t number)
{
    struct reply_badge badges[ELEMENTS];
    const struct reply reply = reply_of(number, badges);
    assert_int_equal(link_send_reply(link, &reply), STATUS_OK);
    memset(badges, 0xff, sizeof badges);
}

static bool receive_command(struct link *link, uint64_t number)
{
    struct command command;
    if (!link_receive_command(link, &command)) {
        return false;
    }
    check_command(&command, number);
    command_deinit(&command);
    return true;
}

static bool receive_reply(struct link *link, uint64_t number)
{
    struct reply reply;
    if (!link_receive_reply(link, &reply)) {
        return false;
    }
    check_reply(&reply, number);
    reply_deinit(&reply);
    return true;
}

static struct link *create_link(void)
{
    struct link *link = aligned_alloc(alignof(struct link), sizeof *link);
    assert_non_null(link);
    assert_int_equal(link_init(link, LINK_COMMANDS_MAX), STATUS_OK);
    return link;
}

static void destroy_link(struct link *link)
{
    link_deinit(link);
    free(link);
}

/* The model is numbers: how many were sent, published, received and answered of each. */
static void a_link_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct link *link = create_link();
    uint64_t commands = 0;
    uint64_t published = 0;
    uint64_t received = 0;
    uint64_t ended = 0;
    uint64_t replies = 0;
    uint64_t replies_published = 0; /* At most: the ring may not have taken all. */
    uint64_t replies_received = 0;
    for (int step = 0; step < STEPS; step++) {
        const int way = rand() % 8;
        assert_int_equal(link_has_room(link), commands - ended < LINK_COMMANDS_MAX);
        assert_int_equal(link_is_drained(link), commands == received);
        assert_int_equal(link_is_quiet(link), replies == replies_received);
        if (way < 2 && link_has_room(link)) {
            send_command(link, commands++);
        } else if (way < 5) {
            for (int i = rand() % 40; i > 0; i--) {
                send_reply(link, replies++);
            }
        } else if (way == 5) {
            const bool new_replies = replies_received + LINK_REPLIES_MAX > replies_published &&
                                     replies > replies_published;
            assert_int_equal(link_publish_commands(link), commands > published);
            assert_int_equal(link_publish_replies(link), new_replies);
            published = commands;
            const uint64_t room_to = replies_received + LINK_REPLIES_MAX;
            replies_published = replies < room_to ? replies : room_to;
        } else if (way == 6) {
            assert_int_equal(receive_command(link, received), received < published);
            received += received < published;
        } else {
            for (int i = rand() % 200; i > 0; i--) {
                assert_int_equal(receive_reply(link, replies_received),
                                 replies_received < replies_published);
                replies_received += replies_received < replies_published;
            }
        }
        if (ended < received && rand() % 2 == 0) {
            link_end_command(link);
            ended++;
        }
    }
    assert_true(replies > LINK_REPLIES_MAX && commands > LINK_COMMANDS_MAX);
    /* With what is still inside. */
    destroy_link(link);
}

static void a_slow_reader_is_noticed(void **state)
{
    (void)state;
    struct link *link = create_link();
    uint64_t sent = 0;
    while (link_has_reply_room(link)) {
        send_reply(link, sent++);
    }
    assert_int_equal(sent, LINK_REPLIES_MAX / 2);
    for (; sent < UINT64_C(3) * LINK_REPLIES_MAX; sent++) {
        send_reply(link, sent);
    }
    for (uint64_t received = 0; received < sent;) {
        assert_true(link_publish_replies(link));
        const uint64_t before = received;
        while (receive_reply(link, received)) {
            received++;
        }
        assert_int_equal(received - before, LINK_REPLIES_MAX);
    }
    assert_true(link_has_reply_room(link));
    assert_false(link_publish_replies(link));
    destroy_link(link);
}

static void send_text(struct link *link, uint64_t version)
{
    struct feed_draft draft = {.states = 0};
    struct feed_text *text = NULL;
    const struct publication head = {.user = {7}, .version = version, .cause = CAUSE_ACK};
    assert_int_equal(feed_draft_begin(&draft, "e", &head), STATUS_OK);
    assert_int_equal(feed_draft_end(&draft, &text), STATUS_OK);
    feed_draft_deinit(&draft);
    link_send_text(link, &text);
    assert_null(text);
}

/* The model is what was sent: all of it comes in order, but for gaps in which a marker stands. */
static void texts_come_in_order_or_are_said_to_be_lost(void **state)
{
    srand(*(const unsigned *)*state);
    struct link *link = create_link();
    uint64_t sent = 0;
    uint64_t seen = 0;
    uint64_t gaps = 0;
    bool was_lost = false;
    for (int step = 0; step < TEXT_STEPS || seen < sent; step++) {
        struct feed_text *text = NULL;
        if (rand() % 3 != 0 && step < TEXT_STEPS) {
            for (int i = rand() % 30; i > 0; i--) {
                send_text(link, ++sent);
            }
            if (rand() % 200 == 0) {
                link_lose_text(link);
                sent++;
            }
            continue;
        }
        (void)link_publish_texts(link);
        const bool is_slow = step / 1000 % 2 == 0;
        for (int i = rand() % (is_slow ? 8 : 80); i > 0 && link_receive_text(link, &text); i--) {
            if (text == NULL) {
                was_lost = true;
                seen = step >= TEXT_STEPS ? sent : seen;
                continue;
            }
            assert_true(text->version > seen);
            assert_true(was_lost || text->version == seen + 1);
            gaps += text->version != seen + 1;
            was_lost = false;
            seen = text->version;
            feed_text_release(&text);
        }
    }
    assert_true(gaps > 5);
    assert_true(sent > UINT64_C(4) * LINK_TEXTS_MAX);
    for (int i = 0; i < 2 * LINK_TEXTS_MAX; i++) {
        send_text(link, ++sent);
    }
    /* With what is still inside, shown or not. */
    destroy_link(link);
}

static void a_lost_text_is_told_when_there_is_room(void **state)
{
    (void)state;
    struct link *link = create_link();
    struct feed_text *text = NULL;
    for (uint64_t i = 1; i <= LINK_TEXTS_MAX + 5; i++) {
        send_text(link, i);
    }
    assert_true(link_publish_texts(link));
    assert_true(link->has_lost_texts);
    assert_false(link_publish_texts(link));
    assert_true(link_receive_text(link, &text));
    feed_text_release(&text);
    /* What comes before the marker has its place would be taken for what follows. */
    send_text(link, LINK_TEXTS_MAX + 6);
    assert_true(link_publish_texts(link));
    assert_false(link->has_lost_texts);
    for (uint64_t i = 2; i <= LINK_TEXTS_MAX; i++) {
        assert_true(link_receive_text(link, &text));
        assert_int_equal(text->version, i);
        feed_text_release(&text);
    }
    assert_true(link_receive_text(link, &text));
    assert_null(text);
    assert_false(link_receive_text(link, &text));
    destroy_link(link);
}

/* The other side: answers each command with two replies. */
static void *serve(void *context)
{
    struct link *const *links = (struct link *const *)context;
    for (uint64_t received = 0; received < PASSED;) {
        if (receive_command(links[0], received)) {
            send_reply(links[1], 2 * received);
            send_reply(links[1], 2 * received + 1);
            received++;
        } else {
            (void)link_publish_replies(links[1]);
            sched_yield();
        }
    }
    while (links[1]->waiting_replies.count > 0) {
        (void)link_publish_replies(links[1]);
        sched_yield();
    }
    (void)link_publish_replies(links[1]);
    return NULL;
}

static void two_threads_pass_commands_and_replies(void **state)
{
    (void)state;
    struct link *links[2] = {create_link(), create_link()};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, links), 0);
    uint64_t sent = 0;
    uint64_t answered = 0;
    while (answered < 2ULL * PASSED) {
        for (int i = 0; i < 64 && sent < PASSED && link_has_room(links[0]); i++) {
            send_command(links[0], sent++);
        }
        (void)link_publish_commands(links[0]);
        bool came = false;
        while (receive_reply(links[1], answered)) {
            came = true;
            if (answered++ % 2 == 1) {
                link_end_command(links[0]);
            }
        }
        if (!came) {
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(links[0]->commands_open, 0);
    destroy_link(links[0]);
    destroy_link(links[1]);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_link_behaves_like_its_model, &seed),
        cmocka_unit_test(a_slow_reader_is_noticed),
        cmocka_unit_test(two_threads_pass_commands_and_replies),
        cmocka_unit_test_prestate(texts_come_in_order_or_are_said_to_be_lost, &seed),
        cmocka_unit_test(a_lost_text_is_told_when_there_is_room),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
