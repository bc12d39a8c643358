/* The world of a loop's feed, for tests: a shard whose answers and messages come when the test says
 * so, or are lost on the way, and clients who read or do not.
 *
 *     change ──► texts, some lost ──┐
 *     batch ──► commands ──► replies ─┴──► feed ──► client, who keeps what it is told
 *
 * One loop, one shard, no sockets. Answers and messages are two queues, of which either may be
 * behind.
 *
 * Memory: a struct world owns all of it.  Thread: the shard's.
 */
#ifndef NET_FEED_PLAY_H
#define NET_FEED_PLAY_H

#include "net/feed_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    USERS_MAX = 300,
    CHANNELS_MAX = 64,
    CLIENTS_MAX = 4,
    FIFO_MAX = 1 << 14,
    LISTINGS_MAX = 64,
    SENDING_MAX = FEED_QUEUE_SLICES_MAX,
};

struct kept_state {
    uint64_t version; /* 0: nothing is there. */
    bool deleted;
};

struct kept {
    uint32_t incarnation;
    uint64_t version;
    uint64_t purged_to;
    bool is_read; /* The loop reads it. */
    struct kept_state states[CHANNELS_MAX];
};

/* What a client has of one user. */
struct follower {
    bool is_confirmed;
    struct feed_mark last; /* That a message told of. */
    uint32_t merged;
    uint32_t messages;
    struct kept kept;
};

struct client {
    struct connection *connection;
    struct follower followers[USERS_MAX];
};

struct listing {
    struct command command;
    uint32_t next;
    bool has_begun;
};

struct world {
    struct net *net;
    struct loop *loop;
    struct kept users[USERS_MAX];
    struct client *clients[CLIENTS_MAX];
    struct command commands[FIFO_MAX];
    uint32_t commands_first;
    uint32_t commands_last;
    struct reply replies[FIFO_MAX];
    uint32_t replies_first;
    uint32_t replies_last;
    struct feed_text *texts[FIFO_MAX];
    uint32_t texts_first;
    uint32_t texts_last;
    bool has_lost_texts;
    struct listing listings[LISTINGS_MAX];
    uint32_t listings_count;
};

static inline struct user_id id_of(uint32_t user)
{
    return (struct user_id){1 + user};
}

static inline struct client *world_connect(struct world *self, uint32_t number)
{
    struct client *client = calloc(1, sizeof *client);
    struct connection *connection = calloc(1, sizeof *connection);
    assert_non_null(client);
    assert_non_null(connection);
    connection->lent_loop = self->loop;
    connection->number = number;
    connection->generation = ++self->loop->generation_last;
    connection->is_open = true;
    answers_init(&connection->answers, self->net->epoch);
    connection->writer = resp_writer_over(&connection->out);
    connection->writer.version = number % 2 == 0 ? RESP_VERSION_2 : RESP_VERSION_3;
    self->loop->connections[number] = connection;
    client->connection = connection;
    self->clients[number] = client;
    return client;
}

static inline struct world *world_create(void)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->net = aligned_alloc(alignof(struct net), sizeof *self->net);
    self->loop = aligned_alloc(alignof(struct loop), sizeof *self->loop);
    assert_non_null(self->net);
    assert_non_null(self->loop);
    memset(self->net, 0, sizeof *self->net);
    memset(self->loop, 0, sizeof *self->loop);
    memcpy(self->net->epoch, "e", 2);
    self->net->threads = 1;
    self->net->loops = self->loop;
    slowlog_init(&self->net->slowlog);
    latency_init(&self->net->latency);
    self->loop->lent_net = self->net;
    assert_int_equal(stats_create(&self->loop->stats), STATUS_OK);
    self->loop->settings.output_max = UINT64_MAX;
    self->loop->connections = calloc(CLIENTS_MAX, sizeof(struct connection *));
    assert_non_null(self->loop->connections);
    self->loop->connections_capacity = CLIENTS_MAX;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        world_connect(self, i);
    }
    return self;
}

/* As connection.c does it, at once. */
static inline void world_disconnect(struct world *self, uint32_t number)
{
    struct client *client = self->clients[number];
    struct connection *connection = client->connection;
    feed_leave(connection);
    self->loop->connections[number] = NULL;
    buffer_deinit(&connection->out);
    answers_deinit(&connection->answers);
    feed_release_subscriber(connection);
    free(connection);
    free(client);
    self->clients[number] = NULL;
}

static inline void world_destroy(struct world *self)
{
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (self->clients[i] != NULL) {
            world_disconnect(self, i);
        }
    }
    feed_deinit(&self->loop->feed);
    for (; self->replies_first != self->replies_last; self->replies_first++) {
        reply_deinit(&self->replies[self->replies_first % FIFO_MAX]);
    }
    for (; self->texts_first != self->texts_last; self->texts_first++) {
        feed_text_release(&self->texts[self->texts_first % FIFO_MAX]);
    }
    stats_destroy(&self->loop->stats);
    slowlog_deinit(&self->net->slowlog);
    latency_deinit(&self->net->latency);
    free(self->loop->connections);
    free(self->loop);
    free(self->net);
    free(self);
}

/* ---- the shard */

static inline void world_reply(struct world *self, const struct reply *reply)
{
    assert_true(self->replies_last - self->replies_first < FIFO_MAX);
    struct reply *copy = &self->replies[self->replies_last++ % FIFO_MAX];
    assert_int_equal(reply_copy(reply, copy), STATUS_OK);
}

static inline struct state_view view_of(uint32_t channel, const struct kept_state *state)
{
    return (struct state_view){.channel = {.id = 1 + channel},
                               .present = true,
                               .deleted = state->deleted,
                               .version = state->version};
}

static inline void world_send(struct world *self, struct feed_text *taken_text)
{
    assert_true(self->texts_last - self->texts_first < FIFO_MAX);
    self->texts[self->texts_last++ % FIFO_MAX] = taken_text;
}

static inline void world_publish(struct world *self, uint32_t user, enum publication_cause cause,
                                 uint64_t version, bool is_lost)
{
    const struct kept *kept = &self->users[user];
    if (!kept->is_read) {
        return;
    }
    self->has_lost_texts |= is_lost;
    if (self->has_lost_texts) {
        return;
    }
    struct feed_draft draft = {.states = 0};
    const struct publication head = {
        .user = id_of(user), .incarnation = kept->incarnation, .cause = cause, .version = version};
    assert_int_equal(feed_draft_begin(&draft, "e", &head), STATUS_OK);
    for (uint32_t i = 0; i < CHANNELS_MAX; i++) {
        if (kept->states[i].version == version) {
            const struct state_view view = view_of(i, &kept->states[i]);
            assert_int_equal(feed_draft_add(&draft, &view, 1), STATUS_OK);
        }
    }
    struct feed_text *text = NULL;
    assert_int_equal(feed_draft_end(&draft, &text), STATUS_OK);
    feed_draft_deinit(&draft);
    world_send(self, text);
}

/* Room in the ring again: what says that some were lost. */
static inline void world_tell_loss(struct world *self)
{
    if (self->has_lost_texts) {
        self->has_lost_texts = false;
        world_send(self, NULL);
    }
}

/* Channels from `first` on change as one. */
static inline void world_change(struct world *self, uint32_t user, uint32_t first, uint32_t count,
                                bool deletes, bool is_lost)
{
    struct kept *kept = &self->users[user];
    kept->version++;
    for (uint32_t i = first; i < first + count && i < CHANNELS_MAX; i++) {
        kept->states[i] = (struct kept_state){.version = kept->version, .deleted = deletes};
    }
    world_publish(self, user, deletes ? CAUSE_LEAVE : CAUSE_ACK, kept->version, is_lost);
}

static inline void world_forget(struct world *self, uint32_t user, bool is_lost)
{
    struct kept *kept = &self->users[user];
    if (kept->version > 0) {
        world_publish(self, user, CAUSE_FORGET, kept->version + 1, is_lost);
        *kept = (struct kept){.incarnation = kept->incarnation + 1, .is_read = kept->is_read};
    }
}

static inline void world_purge(struct world *self, uint32_t user)
{
    struct kept *kept = &self->users[user];
    for (uint32_t i = 0; i < CHANNELS_MAX; i++) {
        if (kept->states[i].deleted) {
            kept->purged_to = kept->states[i].version > kept->purged_to ? kept->states[i].version
                                                                        : kept->purged_to;
            kept->states[i] = (struct kept_state){0};
        }
    }
}

/* The batch is sent: it is behind what was sent before. */
static inline void world_take_batch(struct world *self)
{
    struct batch *batch = &self->loop->batch;
    for (uint32_t i = 0; i < batch->count; i++) {
        assert_true(self->commands_last - self->commands_first < FIFO_MAX);
        self->commands[self->commands_last++ % FIFO_MAX] = batch->commands[i];
    }
    batch->count = 0;
}

/* The next of the commands; false: there is none. `fails`: no user can be subscribed to. */
static inline bool world_execute(struct world *self, bool fails)
{
    if (self->commands_first == self->commands_last) {
        return false;
    }
    const struct command command = self->commands[self->commands_first++ % FIFO_MAX];
    struct kept *kept = &self->users[command.user.value - 1];
    if (command.kind == COMMAND_LIST) {
        assert_true(self->listings_count < LISTINGS_MAX);
        self->listings[self->listings_count++] = (struct listing){.command = command};
    } else if (command.kind == COMMAND_UNSUBSCRIBE) {
        kept->is_read = false;
    } else if (fails && !kept->is_read) {
        const struct reply failed = {
            .kind = REPLY_FAILED, .status = STATUS_CACHE_FULL, .token = command.token};
        world_reply(self, &failed);
    } else {
        kept->is_read = true;
        const struct reply reply = {.kind = REPLY_SUBSCRIBED,
                                    .token = command.token,
                                    .count = (uint32_t)command.subscriptions,
                                    .number = command.user.value,
                                    .incarnation = kept->incarnation,
                                    .version = kept->version};
        world_reply(self, &reply);
    }
    return true;
}

/* A part of `count` channels of one of the lists, as shard_run_list gives it. */
static inline void world_list(struct world *self, uint32_t at, uint32_t count)
{
    struct listing *listing = &self->listings[at];
    struct command *command = &listing->command;
    const struct kept *kept = &self->users[command->user.value - 1];
    const bool full =
        !(command->since.is_asked && command->since.incarnation == kept->incarnation &&
          kept->purged_to <= command->since_version && command->since_version <= kept->version);
    if (full && command->since.is_asked) {
        command->since.is_asked = false;
        listing->next = 0;
        listing->has_begun = false;
    }
    struct state_view views[CHANNELS_MAX];
    uint32_t found = 0;
    for (; count > 0 && listing->next < CHANNELS_MAX; listing->next++, count--) {
        const struct kept_state *state = &kept->states[listing->next];
        if (state->version != 0 &&
            (full ? !state->deleted : state->version > command->since_version)) {
            views[found++] = view_of(listing->next, state);
        }
    }
    const struct reply reply = {.kind = REPLY_LIST,
                                .token = command->token,
                                .count = found,
                                .incarnation = kept->incarnation,
                                .first = !listing->has_begun,
                                .last = listing->next == CHANNELS_MAX,
                                .full = full,
                                .version = kept->version,
                                .views = views};
    listing->has_begun = true;
    world_reply(self, &reply);
    if (reply.last) {
        self->listings[at] = self->listings[--self->listings_count];
    }
}

/* ---- what comes to the loop */

static inline bool world_take_reply(struct world *self)
{
    if (self->replies_first == self->replies_last) {
        return false;
    }
    struct reply *reply = &self->replies[self->replies_first++ % FIFO_MAX];
    connection_take_reply(self->loop, reply);
    reply_deinit(reply);
    return true;
}

static inline bool world_take_text(struct world *self)
{
    if (self->texts_first == self->texts_last) {
        return false;
    }
    feed_take_text(self->loop, 0, self->texts[self->texts_first++ % FIFO_MAX]);
    return true;
}

static inline void world_turn(struct world *self) ON_SHARD_THREAD
{
    feed_turn(self->loop);
    world_take_batch(self);
    self->loop->flush_first = NULL;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (self->clients[i] != NULL) {
            self->clients[i]->connection->is_in_flush = false;
        }
    }
}

/* ---- the client */

static inline void world_ask(struct world *self, struct client *client,
                             uint32_t user) ON_SHARD_THREAD
{
    struct connection *connection = client->connection;
    struct command command = {.kind = COMMAND_SUBSCRIBE, .user = id_of(user)};
    uint32_t number = 0;
    assert_non_null(feed_acquire_subscriber(connection));
    assert_true(answers_insert(&connection->answers, &number));
    assert_int_equal(feed_ask(connection, id_of(user), number), STATUS_OK);
    command.token = connection_make_token(connection, number);
    command.token.purpose = TOKEN_SUBSCRIPTION;
    command.subscriptions = feed_count_subscriptions(connection);
    dispatch_add(self->loop, 0, &command, NULL);
    world_take_batch(self);
}

/* The client lists: all that is there now. */
static inline void follower_list(const struct world *world, struct follower *self, uint32_t user)
{
    self->kept = world->users[user];
    for (uint32_t i = 0; i < CHANNELS_MAX; i++) {
        if (self->kept.states[i].deleted) {
            self->kept.states[i] = (struct kept_state){0};
        }
    }
}

static inline struct feed_mark mark_of(const struct kept *kept)
{
    return (struct feed_mark){kept->incarnation, kept->version};
}

static inline uint64_t number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 10);
}

static inline void follower_apply(struct follower *self, const char *json, uint64_t version)
{
    if (strstr(json, "\"cause\":\"forget\"") != NULL) {
        memset(self->kept.states, 0, sizeof self->kept.states);
    }
    const char *at = strstr(json, "\"states\":[");
    self->kept.version = version;
    if (strncmp(at, "\"states\":[]", strlen("\"states\":[]")) == 0) {
        self->kept.version = 0; /* What comes next is of another epoch. */
    }
    while ((at = strstr(at, "{\"channel\":\"")) != NULL) {
        const uint64_t channel = number_after(at, "{\"channel\":\"");
        const char *end = strchr(at, '}');
        const struct kept_state state = {.version = number_after(at, "\"version\":"),
                                         .deleted =
                                             memmem(at, (size_t)(end - at), "deleted", 7) != NULL};
        if (state.version >= self->kept.states[channel - 1].version) {
            self->kept.states[channel - 1] = state;
        }
        at = end;
    }
}

/* One message, from the head of its channel on. */
static inline void client_take_message(const struct world *world, struct client *self,
                                       const char *text)
{
    const char *json = strchr(text, '{');
    const uint32_t user = (uint32_t)number_after(json, "\"user\":\"") - 1;
    struct follower *follower = &self->followers[user];
    const char *epoch = strstr(json, "\"epoch\":\"e");
    assert_non_null(epoch);
    const struct feed_mark mark = {
        epoch[10] == '-' ? (uint32_t)strtoul(epoch + 11, NULL, 10) : 0,
        number_after(json, ",\"version\":"),
    };
    assert_true(follower->is_confirmed);
    const bool is_merged = strstr(json, "\"cause\":\"merged\"") != NULL;
    const bool is_whole = strstr(json, "\"cause\":\"forget\"") != NULL;
    follower->messages++;
    follower->merged += is_merged;
    /* Newer than all before; and nothing between it and what the client knows, or it says so. */
    assert_true(feed_is_newer(mark, follower->last));
    const struct feed_mark known = feed_is_newer(follower->last, mark_of(&follower->kept))
                                       ? follower->last
                                       : mark_of(&follower->kept);
    assert_true(is_merged || is_whole || mark.incarnation != known.incarnation ||
                mark.version <= known.version + 1);
    follower->last = mark;
    const bool is_foreign = mark.incarnation != follower->kept.incarnation;
    if (is_foreign && follower->kept.version > 0) {
        follower_list(world, follower, user);
    } else if (is_foreign || mark.version > follower->kept.version) {
        follower->kept.incarnation = mark.incarnation;
        follower_apply(follower, json, mark.version);
    }
}

static inline void client_take_answers(const struct world *world, struct client *self,
                                       const char *text)
{
    for (const char *at = text; (at = strstr(at, "subscribe\r\n")) != NULL; at++) {
        const bool ends = at > text + 1 && at[-1] == 'n' && at[-2] == 'u';
        const char *channel = at + strlen("subscribe\r\n");
        if (strncmp(channel, "$-1", 3) == 0 || *channel == '_') {
            continue; /* It read nobody. */
        }
        const uint64_t user = number_after(at, "rs:");
        struct follower *follower = &self->followers[user - 1];
        if (!ends && !follower->is_confirmed) {
            follower_list(world, follower, (uint32_t)user - 1);
            follower->last = (struct feed_mark){0};
        }
        follower->is_confirmed = !ends;
    }
}

/* As connection.c sends: answers first, then messages, of which the system has some for a while
 * where `is_slow`. */
static inline void client_read(const struct world *world, struct client *self, bool is_slow)
{
    struct connection *connection = self->connection;
    if (connection->is_writing) {
        return;
    }
    const struct slice out = buffer_peek(&connection->out);
    if (out.size > 0) {
        char *text = strndup(out.bytes, out.size);
        assert_non_null(text);
        client_take_answers(world, self, text);
        free(text);
        buffer_consume(&connection->out, out.size);
    }
    if (connection->subscriber == NULL || connection->subscriber->queue.count == 0 ||
        answers_is_midway(&connection->answers)) {
        return;
    }
    struct slice slices[FEED_QUEUE_SLICES_MAX];
    uint32_t count = 0;
    size_t size = 0;
    feed_queue_peek(&connection->subscriber->queue, connection->writer.version, UINT32_MAX, slices,
                    &count, &size);
    assert_int_equal(count % 2, 0);
    for (uint32_t i = 0; i < count; i += 2) {
        assert_memory_equal(slices[i].bytes, feed_text_get_head(connection->writer.version).bytes,
                            FEED_HEAD_SIZE);
        char *text = strndup(slices[i + 1].bytes, slices[i + 1].size);
        assert_non_null(text);
        client_take_message(world, self, text);
        free(text);
    }
    if (is_slow) {
        connection->texts_sending = size;
        connection->is_writing = true;
    } else {
        feed_queue_consume(&connection->subscriber->queue, size);
        feed_note_room(connection->subscriber);
    }
}

/* Not who has fallen behind: that one must come forward by itself. */
static inline bool client_has_more(const struct client *self)
{
    const struct subscriber *subscriber = self->connection->subscriber;
    return buffer_peek_size(&self->connection->out) > 0 ||
           (subscriber != NULL && subscriber->queue.count > 0);
}

static inline void client_end_writing(struct client *self)
{
    struct connection *connection = self->connection;
    if (connection->is_writing) {
        connection->is_writing = false;
        feed_queue_consume(&connection->subscriber->queue, connection->texts_sending);
        connection->texts_sending = 0;
        feed_note_room(connection->subscriber);
    }
}

static inline void client_check(const struct world *world, const struct client *self, uint32_t user)
{
    const struct follower *follower = &self->followers[user];
    const struct kept *kept = &world->users[user];
    if (!follower->is_confirmed) {
        return;
    }
    for (uint32_t i = 0; i < CHANNELS_MAX; i++) {
        const struct kept_state *has = &follower->kept.states[i];
        const struct kept_state *is = &kept->states[i];
        const bool is_live = is->version != 0 && !is->deleted;
        assert_int_equal(has->version != 0 && !has->deleted, is_live);
        if (is_live) {
            assert_int_equal(has->version, is->version);
        }
    }
}

#endif
