/* The feed of one loop: whatever is late, lost or slow, a client ends with the shard's states, is
 * told of each change once and in order, and of nobody it does not read. */
#include "net/feed_play.h"

enum { STEPS = 4000, RUNS = 12, USERS = 5 };

static struct world *begin(void) THREAD_ATTRIBUTE(acquire_capability(shard_thread))
{
    shard_thread_enter();
    return world_create();
}

static void end(struct world *world) THREAD_ATTRIBUTE(release_capability(shard_thread))
{
    world_destroy(world);
    shard_thread_leave();
}

/* All that is on its way arrives, and everybody reads. */
static void settle(struct world *world) ON_SHARD_THREAD
{
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 10000);
        world_tell_loss(world);
        more = world_execute(world, false);
        while (world->listings_count > 0) {
            world_list(world, 0, CHANNELS_MAX);
            more = true;
        }
        more |= world_take_reply(world);
        more |= world_take_text(world);
        for (uint32_t at = 0; at < CLIENTS_MAX; at++) {
            if (world->clients[at] != NULL) {
                client_end_writing(world->clients[at]);
                client_read(world, world->clients[at], false);
                more |= client_has_more(world->clients[at]);
            }
        }
        const struct feed *feed = &world->loop->feed;
        more |= feed->behind_first != NULL || (feed->lost | feed->lost_since) != 0 ||
                feed->dropped != NULL || feed->gone_first != NULL;
        world_turn(world);
    }
}

static void check_all(const struct world *world)
{
    for (uint32_t at = 0; at < CLIENTS_MAX; at++) {
        for (uint32_t user = 0; user < USERS_MAX && world->clients[at] != NULL; user++) {
            client_check(world, world->clients[at], user);
        }
    }
}

/* A client that has the user's confirmation, of a version above 0. */
static struct client *follow(struct world *world, uint32_t number, uint32_t user) ON_SHARD_THREAD
{
    struct client *client = world->clients[number];
    world_change(world, user, 0, 4, false, false);
    world_ask(world, client, user);
    settle(world);
    assert_true(client->followers[user].is_confirmed);
    return client;
}

static void every_change_is_told_once(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = follow(world, 0, 0);
    for (uint32_t i = 0; i < 2000; i++) {
        world_change(world, 0, i % CHANNELS_MAX, 1, i % 7 == 0, false);
        assert_true(world_take_text(world));
        client_read(world, client, false);
        world_turn(world);
        assert_int_equal(client->followers[0].messages, i + 1);
    }
    assert_int_equal(client->followers[0].merged, 0);
    assert_int_equal(world->commands_first, world->commands_last);
    end(world);
}

static void what_is_lost_while_a_list_is_on_its_way(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = follow(world, 0, 0);
    /* A gap, so that a list is asked for; its head is made, and its rest not yet. */
    world_change(world, 0, 0, 1, false, true);
    world_tell_loss(world);
    world_take_text(world);
    world_turn(world);
    world_turn(world);
    assert_true(world_execute(world, false));
    world_list(world, 0, CHANNELS_MAX / 2);
    /* Then a state of its first half changes, and nobody is told of it but by the loss. */
    world_change(world, 0, 1, 1, false, true);
    world_tell_loss(world);
    world_take_text(world);
    world_turn(world);
    settle(world);
    client_check(world, client, 0);
    end(world);
}

static void what_is_lost_before_the_answer(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = world->clients[0];
    world_change(world, 0, 0, 4, false, false);
    world_ask(world, client, 0);
    assert_true(world_execute(world, false));
    world_change(world, 0, 1, 1, false, true);
    world_tell_loss(world);
    world_take_text(world);
    world_turn(world);
    world_take_reply(world);
    /* A client that listed before that change: its list came by another connection. */
    client_read(world, client, false);
    client->followers[0].kept.version = 1;
    client->followers[0].kept.states[1].version = 1;
    settle(world);
    client_check(world, client, 0);
    end(world);
}

static void nothing_comes_after_an_unsubscription(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = follow(world, 0, 0);
    (void)follow(world, 0, 1);
    world_change(world, 0, 0, 1, false, false);
    world_take_text(world);
    client_read(world, client, true);
    /* With the system is the first; those behind it wait. */
    for (int i = 0; i < 10; i++) {
        world_change(world, 0, 0, 1, false, false);
        world_change(world, 1, 0, 1, false, false);
        world_take_text(world);
        world_take_text(world);
    }
    const struct slice channel = slice_from_text("rs:1");
    assert_int_equal(session_unsubscribe(client->connection, &channel, 1), SESSION_GOES_ON);
    assert_int_equal(client->connection->subscriber->queue.count, 11);
    settle(world);
    assert_false(client->followers[0].is_confirmed);
    assert_int_equal(client->followers[1].messages, 10);
    assert_int_equal(client->followers[1].merged, 0);
    assert_false(world->users[0].is_read);
    end(world);
}

static void nothing_comes_before_a_confirmation(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = world->clients[0];
    uint32_t number = 0;
    world_change(world, 0, 0, 4, false, false);
    /* An answer that is owed before it takes its time. */
    assert_true(answers_insert(&client->connection->answers, &number));
    world_ask(world, client, 0);
    world_execute(world, false);
    world_take_reply(world);
    for (int i = 0; i < 5; i++) {
        world_change(world, 0, 0, 1, false, false);
        world_take_text(world);
        client_read(world, client, false);
        world_turn(world);
    }
    const struct reply done = {.kind = REPLY_DONE,
                               .token = connection_make_token(client->connection, number)};
    world_reply(world, &done);
    world_take_reply(world);
    settle(world);
    assert_true(client->followers[0].is_confirmed);
    client_check(world, client, 0);
    end(world);
}

/* What was missed of one user is longer than the queue may be, and the others' messages never let
 * it get empty. */
static void a_long_merged_message_finds_its_place(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = follow(world, 0, 0);
    (void)follow(world, 0, 1);
    /* A message is lost, and nothing says so but the version of the next. */
    world_change(world, 0, 0, CHANNELS_MAX, false, true);
    world->has_lost_texts = false;
    world_change(world, 0, 0, 1, false, false);
    world_take_text(world);
    world_turn(world);
    assert_true(world_execute(world, false));
    struct feed_queue *queue = &client->connection->subscriber->queue;
    world_change(world, 1, 0, 1, false, false);
    world_take_text(world);
    queue->bytes += FEED_QUEUE_BYTES_MAX - 1000;
    world_list(world, 0, CHANNELS_MAX);
    world_take_reply(world);
    assert_int_equal(queue->count, 2);
    queue->bytes -= FEED_QUEUE_BYTES_MAX - 1000;
    settle(world);
    assert_int_equal(client->followers[0].merged, 1);
    check_all(world);
    end(world);
}

static void losses_without_end_keep_nobody_waiting(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = world->clients[0];
    for (uint32_t user = 0; user < USERS_MAX; user++) {
        (void)follow(world, 0, user);
    }
    for (uint32_t user = 0; user < USERS_MAX; user++) {
        world_change(world, user, 0, 1, false, true);
    }
    world_tell_loss(world);
    for (int i = 0; i < 20 * USERS_MAX; i++) {
        world_take_text(world);
        world_turn(world);
        while (world_execute(world, false)) {
        }
        while (world->listings_count > 0) {
            world_list(world, 0, CHANNELS_MAX);
        }
        while (world_take_reply(world)) {
        }
        client_read(world, client, false);
        world->has_lost_texts = true;
        world_tell_loss(world);
    }
    check_all(world);
    end(world);
}

static void a_dropped_list_leaves_nothing(void **state)
{
    (void)state;
    struct world *world = begin();
    struct client *client = follow(world, 0, 0);
    world_change(world, 0, 0, CHANNELS_MAX, false, true);
    world_tell_loss(world);
    world_take_text(world);
    world_turn(world);
    world_turn(world);
    assert_true(world_execute(world, false));
    world_list(world, 0, CHANNELS_MAX / 2);
    world_take_reply(world);
    assert_true(client->connection->subscriber->draft.json.capacity > 0);
    const struct slice channel = slice_from_text("rs:1");
    (void)session_unsubscribe(client->connection, &channel, 1);
    assert_int_equal(client->connection->subscriber->draft.json.capacity, 0);
    settle(world);
    assert_int_equal(client->connection->subscriber->queue.count, 0);
    end(world);
}

static void change_something(struct world *world)
{
    const uint32_t user = (uint32_t)rand() % USERS;
    const bool is_lost = rand() % 12 == 0;
    switch (rand() % 24) {
    case 0:
        world_forget(world, user, is_lost);
        return;
    case 1:
        world_purge(world, user);
        return;
    case 2:
        for (int i = 0; i < 80; i++) {
            world_change(world, user, 0, CHANNELS_MAX, false, is_lost);
        }
        return;
    default:
        world_change(world, user, (uint32_t)rand() % CHANNELS_MAX, 1 + (uint32_t)rand() % 3,
                     rand() % 4 == 0, is_lost);
    }
}

static void act(struct world *world, struct client *client) ON_SHARD_THREAD
{
    char name[32];
    const uint32_t user = (uint32_t)rand() % USERS;
    snprintf(name, sizeof name, "rs:%u", 1 + user);
    const struct slice channel = slice_from_text(name);
    switch (rand() % 8) {
    case 0:
        if (answers_count(&client->connection->answers) < 20) {
            world_ask(world, client, user);
        }
        return;
    case 1:
        /* UNSUBSCRIBE is taken when all answers are there. */
        if (rand() % 3 == 0 && answers_count(&client->connection->answers) == 0) {
            (void)session_unsubscribe(client->connection, &channel, (uint32_t)rand() % 4 != 0);
        }
        return;
    case 2:
        client_end_writing(client);
        return;
    default:
        client_read(world, client, rand() % 3 == 0);
    }
}

static void happen(struct world *world) ON_SHARD_THREAD
{
    const uint32_t number = (uint32_t)rand() % CLIENTS_MAX;
    switch (rand() % 8) {
    case 0:
        change_something(world);
        return;
    case 1:
        (void)world_execute(world, rand() % 6 == 0);
        return;
    case 2:
        if (world->listings_count > 0) {
            world_list(world, (uint32_t)rand() % world->listings_count, 1 + (uint32_t)rand() % 40);
        }
        return;
    case 3:
        (void)world_take_reply(world);
        return;
    case 4:
        for (int i = rand() % 20; i > 0; i--) {
            (void)world_take_text(world);
        }
        return;
    case 5:
        world_turn(world);
        return;
    case 6:
        if (rand() % 4 == 0) {
            world_tell_loss(world);
        } else if (rand() % 60 == 0) {
            world_disconnect(world, number);
            (void)world_connect(world, number);
        }
        return;
    default:
        act(world, world->clients[number]);
    }
}

static void whatever_happens_all_end_with_the_shards_states(void **state)
{
    srand(*(const unsigned *)*state);
    uint64_t merged = 0;
    uint64_t messages = 0;
    for (int run = 0; run < RUNS; run++) {
        struct world *world = begin();
        for (int step = 0; step < STEPS; step++) {
            happen(world);
        }
        settle(world);
        check_all(world);
        for (uint32_t at = 0; at < CLIENTS_MAX; at++) {
            for (uint32_t user = 0; user < USERS; user++) {
                merged += world->clients[at]->followers[user].merged;
                messages += world->clients[at]->followers[user].messages;
            }
        }
        end(world);
    }
    assert_true(merged > 100 && messages > 10 * merged / 4);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_told_once),
        cmocka_unit_test(what_is_lost_while_a_list_is_on_its_way),
        cmocka_unit_test(what_is_lost_before_the_answer),
        cmocka_unit_test(nothing_comes_after_an_unsubscription),
        cmocka_unit_test(nothing_comes_before_a_confirmation),
        cmocka_unit_test(a_long_merged_message_finds_its_place),
        cmocka_unit_test(losses_without_end_keep_nobody_waiting),
        cmocka_unit_test(a_dropped_list_leaves_nothing),
        cmocka_unit_test_prestate(whatever_happens_all_end_with_the_shards_states, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
