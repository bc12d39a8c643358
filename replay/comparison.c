#include "replay/comparison.h"

#include "replay/array.h"
#include "replay/decimal_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX ((uint64_t)INT64_MAX)

enum field {
    FIELD_LAST_READ,
    FIELD_MENTIONS,
    FIELD_FLOOR,
    FIELD_APPROXIMATE,
    FIELD_VIEWED,
    FIELD_PIN,
    FIELD_FLAGS,
    FIELD_DELETED,
    FIELD_VERSION,
    FIELDS,
};

/* Ids travel as strings, counts as integers: a client in JavaScript relies on it. A field that need
 * not be there is there only where it is not zero. `channel` stands apart, as the one that is no
 * number. */
static const struct {
    const char *name;
    int type;
    bool always;
    bool compared;
} field_table[FIELDS] = {
    [FIELD_LAST_READ] = {"last_read", REDIS_REPLY_STRING, true, true},
    [FIELD_MENTIONS] = {"mentions", REDIS_REPLY_INTEGER, true, true},
    [FIELD_FLOOR] = {"floor", REDIS_REPLY_STRING, false, true},
    [FIELD_APPROXIMATE] = {"approximate", REDIS_REPLY_INTEGER, false, true},
    [FIELD_VIEWED] = {"viewed", REDIS_REPLY_INTEGER, false, true},
    [FIELD_PIN] = {"pin", REDIS_REPLY_INTEGER, false, true},
    [FIELD_FLAGS] = {"flags", REDIS_REPLY_INTEGER, false, true},
    [FIELD_DELETED] = {"deleted", REDIS_REPLY_INTEGER, false, true},
    [FIELD_VERSION] = {"version", REDIS_REPLY_INTEGER, true, false},
};

struct listed_state {
    uint64_t channel;
    uint64_t channel_type;
    char channel_text[32];
    uint64_t values[FIELDS];
};

static int compare_expected(const void *left, const void *right)
{
    const struct expected_state *a = left;
    const struct expected_state *b = right;
    if (a->state->user != b->state->user) {
        return a->state->user < b->state->user ? -1 : 1;
    }
    return (a->channel > b->channel) - (a->channel < b->channel);
}

void comparison_init(struct comparison *self, const struct model *lent_model,
                     const struct trace *lent_trace)
{
    const uint32_t users = lent_trace->users.count;
    size_t capacity = 0;
    *self = (struct comparison){.lent_trace = lent_trace,
                                .expected_count = model_get_count(lent_model)};
    self->expected =
        array_reserve(NULL, &capacity, self->expected_count + 1, sizeof *self->expected);
    for (size_t at = 0; at < self->expected_count; at++) {
        const struct model_state *state = &lent_model->states[at];
        self->expected[at] = (struct expected_state){
            .channel = id_map_get_key(&lent_trace->channels, state->channel), .state = state};
    }
    qsort(self->expected, self->expected_count, sizeof *self->expected, compare_expected);

    capacity = 0;
    self->first_of_user =
        array_reserve(NULL, &capacity, (size_t)users + 1, sizeof *self->first_of_user);
    size_t at = 0;
    for (uint32_t user = 0; user <= users; user++) {
        while (at < self->expected_count && self->expected[at].state->user < user) {
            at++;
        }
        self->first_of_user[user] = at;
    }
}

void comparison_deinit(struct comparison *self)
{
    free(self->expected);
    free(self->first_of_user);
    *self = (struct comparison){0};
}

/* The place for one more difference, or NULL where enough are kept; it is counted in either case.
 */
static struct difference *next_difference(struct comparison *self, uint32_t user,
                                          const char *channel, const char *field)
{
    struct difference *next =
        self->differences < DIFFERENCES_KEPT ? &self->first[self->differences] : NULL;
    self->differences++;
    if (next != NULL) {
        next->user = id_map_get_key(&self->lent_trace->users, user);
        next->field = field;
        snprintf(next->channel, sizeof next->channel, "%s", channel);
    }
    return next;
}

static void insert_value(struct comparison *self, uint32_t user, const char *channel,
                         const char *field, uint64_t expected, uint64_t got)
{
    struct difference *next = next_difference(self, user, channel, field);
    if (next != NULL) {
        snprintf(next->expected, sizeof next->expected, "%" PRIu64, expected);
        snprintf(next->got, sizeof next->got, "%" PRIu64, got);
    }
}

static void insert_text(struct comparison *self, uint32_t user, const char *channel,
                        const char *field, const char *expected, const char *got)
{
    struct difference *next = next_difference(self, user, channel, field);
    if (next != NULL) {
        snprintf(next->expected, sizeof next->expected, "%s", expected);
        snprintf(next->got, sizeof next->got, "%s", got);
    }
}

static void describe_expected(const struct model_state *state, char to[static DIFFERENCE_TEXT_SIZE])
{
    snprintf(to, DIFFERENCE_TEXT_SIZE, "last_read %" PRIu64 ", mentions %" PRIu64, state->last_read,
             model_state_count_mentions(state));
}

static void describe_listed(const struct listed_state *state, char to[static DIFFERENCE_TEXT_SIZE])
{
    snprintf(to, DIFFERENCE_TEXT_SIZE, "last_read %" PRIu64 ", mentions %" PRIu64,
             state->values[FIELD_LAST_READ], state->values[FIELD_MENTIONS]);
}

static bool decode_channel(const redisReply *value, struct listed_state *out_state)
{
    if (value->type != REDIS_REPLY_STRING || value->len >= sizeof out_state->channel_text) {
        return false;
    }
    const char *id = value->str;
    size_t size = value->len;
    const char *colon = memchr(value->str, ':', value->len);
    out_state->channel_type = 0;
    if (colon != NULL) {
        if (!decimal_text_parse(value->str, (size_t)(colon - value->str), UINT8_MAX,
                                &out_state->channel_type) ||
            out_state->channel_type == 0) {
            return false;
        }
        id = colon + 1;
        size = value->len - (size_t)(id - value->str);
    }
    memcpy(out_state->channel_text, value->str, value->len);
    out_state->channel_text[value->len] = '\0';
    return decimal_text_parse(id, size, ID_MAX, &out_state->channel) && out_state->channel != 0;
}

static bool decode_value(const redisReply *value, enum field field, uint64_t *out_value)
{
    if (value->type != field_table[field].type) {
        return false;
    }
    if (value->type == REDIS_REPLY_STRING) {
        return decimal_text_parse(value->str, value->len, ID_MAX, out_value);
    }
    *out_value = (uint64_t)value->integer;
    return value->integer >= 0;
}

/* NULL, or what is wrong with it. Fields with other names are left to later versions of the
 * contract. */
static const char *decode_state(const redisReply *reply, struct listed_state *out_state)
{
    bool seen[FIELDS] = {false};
    bool channel_seen = false;
    *out_state = (struct listed_state){0};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2 != 0) {
        return "a state that is not a map";
    }
    for (size_t at = 0; at < reply->elements; at += 2) {
        const redisReply *name = reply->element[at];
        const redisReply *value = reply->element[at + 1];
        if (name->type != REDIS_REPLY_STRING) {
            return "a state with a field whose name is not a string";
        }
        if (strcmp(name->str, "channel") == 0) {
            if (channel_seen || !decode_channel(value, out_state)) {
                return "a state with a wrong channel";
            }
            channel_seen = true;
        }
        for (enum field field = 0; field < FIELDS; field++) {
            if (strcmp(name->str, field_table[field].name) != 0) {
                continue;
            }
            if (seen[field] || !decode_value(value, field, &out_state->values[field])) {
                return "a state with a field of a wrong type, or twice";
            }
            if (!field_table[field].always && out_state->values[field] == 0) {
                return "a state with a field that is zero and should not be there";
            }
            seen[field] = true;
        }
    }
    for (enum field field = 0; field < FIELDS; field++) {
        if (field_table[field].always && !seen[field]) {
            return "a state that lacks a field";
        }
    }
    return channel_seen ? NULL : "a state without a channel";
}

static void compare_state(struct comparison *self, uint32_t user,
                          const struct model_state *expected, const struct listed_state *listed)
{
    const uint64_t values[FIELDS] = {
        [FIELD_LAST_READ] = expected->last_read,
        [FIELD_MENTIONS] = model_state_count_mentions(expected),
        [FIELD_APPROXIMATE] = expected->counted > 0 ? 1 : 0,
    };
    for (enum field field = 0; field < FIELDS; field++) {
        if (field_table[field].compared && values[field] != listed->values[field]) {
            insert_value(self, user, listed->channel_text, field_table[field].name, values[field],
                         listed->values[field]);
        }
    }
}

static void insert_missing(struct comparison *self, uint32_t user,
                           const struct expected_state *expected)
{
    char channel[32];
    char text[DIFFERENCE_TEXT_SIZE];
    snprintf(channel, sizeof channel, "%" PRIu64, expected->channel);
    describe_expected(expected->state, text);
    insert_text(self, user, channel, "state", text, "none");
    self->states_compared++;
}

/* Below 0: the expected one comes first in the order of a list. */
static int compare_place(const struct expected_state *expected, const struct listed_state *listed)
{
    if (expected->channel != listed->channel) {
        return expected->channel < listed->channel ? -1 : 1;
    }
    return listed->channel_type == 0 ? 0 : -1;
}

static bool ascends(const struct listed_state *last, const struct listed_state *next)
{
    return last->channel < next->channel ||
           (last->channel == next->channel && last->channel_type < next->channel_type);
}

static void compare_states(struct comparison *self, uint32_t user, const redisReply *states)
{
    size_t at = self->first_of_user[user];
    const size_t end = self->first_of_user[user + 1];
    struct listed_state last = {0};

    for (size_t place = 0; place < states->elements; place++) {
        struct listed_state listed;
        const char *complaint = decode_state(states->element[place], &listed);
        if (complaint == NULL && place > 0 && !ascends(&last, &listed)) {
            complaint = "states that do not ascend by channel";
        }
        if (complaint != NULL) {
            insert_text(self, user, "-", "reply", "states as the contract draws them", complaint);
            return;
        }
        last = listed;
        for (; at < end && compare_place(&self->expected[at], &listed) < 0; at++) {
            insert_missing(self, user, &self->expected[at]);
        }
        self->states_compared++;
        if (at < end && compare_place(&self->expected[at], &listed) == 0) {
            compare_state(self, user, self->expected[at].state, &listed);
            at++;
        } else {
            char text[DIFFERENCE_TEXT_SIZE];
            describe_listed(&listed, text);
            insert_text(self, user, listed.channel_text, "state", "none", text);
        }
    }
    for (; at < end; at++) {
        insert_missing(self, user, &self->expected[at]);
    }
}

void comparison_compare_list(struct comparison *self, uint32_t user, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        insert_text(self, user, "-", "reply", "a list of states", reply->str);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_INTEGER ||
        reply->element[2]->type != REDIS_REPLY_INTEGER || reply->element[2]->integer != 1 ||
        reply->element[3]->type != REDIS_REPLY_ARRAY) {
        insert_text(self, user, "-", "reply", "[epoch, version, 1, [state ...]]",
                    "another kind of reply");
        return;
    }
    compare_states(self, user, reply->element[3]);
}
