/* The same states in Redis, as somebody would keep them there: a hash a user, with a field for what
 * was last read of a channel, and one for the mentions there. */
#include "base/assert.h"
#include "load/driver.h"

static const char key_prefix[] = "rs:";
static const char mentions_prefix[] = "m:";

static void begin(struct text *to, const char *name, uint32_t arguments, uint64_t user)
{
    text_append_head(to, 1 + arguments);
    text_append_word(to, name);
    text_append_key(to, key_prefix, user);
}

static void append_ack(struct text *to, uint64_t user, uint64_t channel, uint64_t message)
{
    begin(to, "HSET", 3, user);
    text_append_number(to, channel);
    text_append_number(to, message);
}

/* A command for each user: Redis has none for several keys. */
static uint32_t append_mentions(struct text *to, struct subject *subject, uint64_t channel)
{
    const uint32_t mentions = subject->lent_population->mentions;
    for (uint32_t user = 0; user < mentions; user++) {
        begin(to, "HINCRBY", 3, subject_draw_user(subject));
        text_append_key(to, mentions_prefix, channel);
        text_append_word(to, "1");
    }
    return mentions;
}

static void append_bulk(struct text *to, struct subject *subject)
{
    begin(to, "HSET", 1 + 2 * subject->pairs, subject->user);
    for (uint32_t pair = 0; pair < subject->pairs; pair++) {
        text_append_number(to, subject_draw_channel(subject));
        text_append_number(to, subject->message);
    }
}

static uint32_t encode(enum kind kind, struct subject *subject, struct text *to)
{
    uint64_t channel = 0;
    switch (kind) {
    case KIND_ACK:
        append_ack(to, subject->user, subject_draw_channel(subject), subject->message);
        return 1;
    case KIND_MENTION:
        return append_mentions(to, subject, subject_draw_channel(subject));
    case KIND_MESSAGE:
        channel = subject_draw_channel(subject);
        append_ack(to, subject->user, channel, subject->message);
        return 1 + append_mentions(to, subject, channel);
    case KIND_LIST:
        begin(to, "HGETALL", 1, subject->user);
        return 1;
    case KIND_GET:
        channel = subject_draw_channel(subject);
        begin(to, "HMGET", 3, subject->user);
        text_append_number(to, channel);
        text_append_key(to, mentions_prefix, channel);
        return 1;
    case KIND_BULK:
        append_bulk(to, subject);
        return 1;
    case KINDS:
        break;
    }
    UNREACHABLE("a kind is one of the table");
}

static bool judge(enum kind kind, char type)
{
    return type == (kind == KIND_LIST || kind == KIND_GET ? '*' : ':');
}

const struct driver driver_redis = {
    .name = "redis", .port = 6379, .encode = encode, .judge = judge};
