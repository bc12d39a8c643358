#include "base/assert.h"
#include "load/driver.h"

static void begin(struct text *to, const char *name, uint32_t arguments, uint64_t first)
{
    text_append_head(to, 1 + arguments);
    text_append_word(to, name);
    text_append_number(to, first);
}

static void append_users(struct text *to, struct subject *subject)
{
    for (uint32_t user = 0; user < subject->lent_population->mentions; user++) {
        text_append_number(to, subject_draw_user(subject));
    }
}

static void append_bulk(struct text *to, struct subject *subject)
{
    begin(to, "RS.BULKACK", 1 + 2 * subject->pairs, subject->user);
    for (uint32_t pair = 0; pair < subject->pairs; pair++) {
        text_append_number(to, subject_draw_channel(subject));
        text_append_number(to, subject->message);
    }
}

static uint32_t encode(enum kind kind, struct subject *subject, struct text *to)
{
    const uint32_t mentions = subject->lent_population->mentions;
    switch (kind) {
    case KIND_ACK:
        begin(to, "RS.ACK", 3, subject->user);
        text_append_number(to, subject_draw_channel(subject));
        text_append_number(to, subject->message);
        return 1;
    case KIND_MENTION:
        begin(to, "RS.MENTION", 2 + mentions, subject_draw_channel(subject));
        text_append_number(to, subject->message);
        append_users(to, subject);
        return 1;
    case KIND_MESSAGE:
        begin(to, "RS.MESSAGE", 4 + mentions, subject_draw_channel(subject));
        text_append_number(to, subject->message);
        text_append_number(to, subject->user);
        text_append_word(to, "MENTIONS");
        append_users(to, subject);
        return 1;
    case KIND_LIST:
        begin(to, "RS.LIST", 1, subject->user);
        return 1;
    case KIND_GET:
        begin(to, "RS.GET", 2, subject->user);
        text_append_number(to, subject_draw_channel(subject));
        return 1;
    case KIND_BULK:
        append_bulk(to, subject);
        return 1;
    case KINDS:
        break;
    }
    UNREACHABLE("a kind is one of the table");
}

/* All of them answer with an array. */
static bool judge(enum kind kind, char type)
{
    (void)kind;
    return type == '*';
}

const struct driver driver_readstates = {
    .name = "readstates", .port = 6677, .encode = encode, .judge = judge};
