#include "net/answers.h"

#include "base/assert.h"
#include "net/render.h"

#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_AT_START = 4,
    /* The epoch, two integers and two heads of arrays. */
    LIST_HEAD_ROOM = 128,
};

void answers_init(struct answers *self, const char *lent_epoch)
{
    *self = (struct answers){.lent_epoch = lent_epoch};
}

static struct answer *answer_at(const struct answers *self, uint32_t number)
{
    return &self->ring[number & (self->capacity - 1)];
}

static struct answer_call *call_at(const struct answers *self, const struct answer *answer)
{
    return &self->calls[answer - self->ring];
}

static void drop(struct answers *self, struct answer *answer)
{
    self->held -= answer->held;
    /* Most have neither: no call for them. */
    if (answer->bytes.bytes != NULL) {
        buffer_deinit(&answer->bytes);
    }
    if (answer->parts != NULL) {
        free(answer->parts);
    }
    if (answer->is_left) {
        slow_command_destroy(&call_at(self, answer)->call.copied);
    }
    *answer = (struct answer){0};
}

void answers_deinit(struct answers *self)
{
    for (uint32_t number = self->head; number != self->next; number++) {
        drop(self, answer_at(self, number));
    }
    free(self->ring);
    free(self->calls);
    *self = (struct answers){0};
}

static bool grow(struct answers *self)
{
    struct answers larger = *self;
    larger.capacity = self->capacity == 0 ? CAPACITY_AT_START : 2 * self->capacity;
    larger.ring = calloc(larger.capacity, sizeof(struct answer));
    larger.calls = self->calls == NULL ? NULL : calloc(larger.capacity, sizeof(struct answer_call));
    if (larger.ring == NULL || (self->calls != NULL && larger.calls == NULL)) {
        free(larger.ring);
        free(larger.calls);
        return false;
    }
    for (uint32_t number = self->head; number != self->next; number++) {
        struct answer *to = answer_at(&larger, number);
        *to = *answer_at(self, number);
        if (to->is_left) {
            *call_at(&larger, to) = *call_at(self, answer_at(self, number));
        }
    }
    free(self->ring);
    free(self->calls);
    *self = larger;
    return true;
}

void answers_leave(struct answers *self, uint32_t number, struct call *call,
                   const struct call_numbers *numbers)
{
    struct answer *answer = answer_at(self, number);
    if (self->calls == NULL) {
        self->calls = calloc(self->capacity, sizeof(struct answer_call));
    }
    if (self->calls == NULL) {
        slow_command_destroy(&call->copied);
        return;
    }
    if (call->copied != NULL) {
        answers_hold(self, number, slow_command_get_size(call->copied));
    }
    *call_at(self, answer) = (struct answer_call){.call = *call, .numbers = *numbers};
    call->copied = NULL;
    answer->is_left = true;
}

struct answer_call answers_take_call(struct answers *self, uint32_t number)
{
    struct answer *answer = answer_at(self, number);
    ASSERT(answer->is_left);
    answer->is_left = false;
    return *call_at(self, answer);
}

size_t answers_get_size(const struct answers *self)
{
    const size_t each =
        sizeof(struct answer) + (self->calls == NULL ? 0 : sizeof(struct answer_call));
    return self->capacity * each;
}

bool answers_insert(struct answers *self, uint32_t *out_number)
{
    if (UNLIKELY(answers_count(self) == self->capacity)) {
        if (self->capacity == ANSWERS_OPEN_MAX || !grow(self)) {
            return false;
        }
    }
    *out_number = self->next++;
    return true;
}

void answers_remove_newest(struct answers *self)
{
    self->next--;
    drop(self, answer_at(self, self->next));
}

void answers_hold(struct answers *self, uint32_t number, size_t size)
{
    ASSERT(size <= UINT32_MAX);
    answer_at(self, number)->held += (uint32_t)size;
    self->held += size;
}

bool answers_expect_parts(struct answers *self, uint32_t number, uint32_t shards, uint32_t asked,
                          bool badges)
{
    struct answer_parts *parts =
        calloc(1, sizeof *parts + (badges ? asked * sizeof(struct reply_badge) : 0));
    if (parts == NULL) {
        return false;
    }
    parts->shards = shards;
    parts->asked = asked;
    parts->counts.failed_position = UINT32_MAX;
    answer_at(self, number)->parts = parts;
    return true;
}

static void merge_counts(struct answer_parts *parts, const struct reply_counts *counts)
{
    parts->counts.risen += counts->risen;
    parts->counts.pending += counts->pending;
    parts->counts.succeeded += counts->succeeded;
    if (counts->failed_position < parts->counts.failed_position) {
        parts->counts.failed_position = counts->failed_position;
        parts->counts.failed_status = counts->failed_status;
    }
}

static void merge_badges(struct answer_parts *parts, const struct reply *reply)
{
    for (uint32_t i = 0; i < reply->count; i++) {
        const struct reply_badge *badge = &reply->badges[i];
        parts->badges[badge->position] = *badge;
        if (badge->status == STATUS_OK) {
            parts->counts.succeeded++;
        } else if (badge->position < parts->counts.failed_position) {
            parts->counts.failed_position = badge->position;
            parts->counts.failed_status = badge->status;
        }
    }
}

/* One shard's part of an answer that several give. */
static void take_shard(struct answer *answer, const struct reply *reply, struct resp_writer *to)
{
    struct answer_parts *parts = answer->parts;
    parts->shards--;
    switch (reply->kind) {
    case REPLY_COUNTS:
        merge_counts(parts, reply->counts);
        break;
    case REPLY_BADGES:
        merge_badges(parts, reply);
        break;
    case REPLY_FAILED:
        parts->failed = reply->status;
        break;
    case REPLY_DONE:
        break;
    case REPLY_STATE:
    case REPLY_BULK:
    case REPLY_STATES:
    case REPLY_LIST:
    case REPLY_INTEGER:
    case REPLY_SIZE:
    case REPLY_INSPECTED_USER:
    case REPLY_INSPECTED_CHANNEL:
    case REPLY_SUBSCRIBED:
        UNREACHABLE("an answer that one shard gives alone");
    }
    if (parts->shards > 0) {
        return;
    }
    answer->done = true;
    if (parts->failed != STATUS_OK) {
        render_status(to, parts->failed);
    } else if (reply->kind == REPLY_COUNTS) {
        render_counts(to, &parts->counts, parts->asked);
    } else if (reply->kind == REPLY_BADGES) {
        render_badges(to, parts->badges, &parts->counts, parts->asked);
    } else {
        render_reply(to, reply);
    }
}

/* The head says how many states there are, and is known last. */
static bool leave_head_room(struct answer *answer)
{
    if (buffer_reserve(&answer->bytes, LIST_HEAD_ROOM) == NULL) {
        return false;
    }
    buffer_extend(&answer->bytes, LIST_HEAD_ROOM);
    return true;
}

/* Room for all the states, judged by those of the first part: a long list that outgrew its buffer
 * would be copied whole, again and again. */
static bool expect_states(struct answer *answer, const struct reply *reply)
{
    const uint64_t sampled = reply->count == 0 ? 1 : reply->count;
    const uint64_t each = buffer_peek_size(&answer->bytes) / sampled + 1;
    const uint64_t rest = reply->number > sampled ? reply->number - sampled : 0;
    return buffer_reserve(&answer->bytes, rest * each + rest * each / 8) != NULL;
}

/* A part of a list of which more parts come, or came. Its states gather until their number is
 * known. */
static bool take_list(struct answers *self, struct answer *answer, const struct reply *reply,
                      enum resp_version version)
{
    if (answer->parts == NULL) {
        answer->parts = calloc(1, sizeof *answer->parts);
        if (answer->parts == NULL) {
            return false;
        }
        answer->is_list = true;
        answer->parts->list_head = *reply;
        answer->parts->list_head.views = NULL;
    }
    if (reply->first && answer->parts->list_states + buffer_peek_size(&answer->bytes) > 0) {
        /* The list begins anew: what changed since can no longer be told, all is given. */
        self->bytes -= buffer_peek_size(&answer->bytes);
        buffer_consume(&answer->bytes, buffer_peek_size(&answer->bytes));
        answer->parts->list_head = *reply;
        answer->parts->list_head.views = NULL;
        answer->parts->list_states = 0;
    }
    struct resp_writer to = resp_writer_over(&answer->bytes);
    to.version = version;
    const size_t before = buffer_peek_size(&answer->bytes);
    if (reply->first && !leave_head_room(answer)) {
        return false;
    }
    render_views(&to, reply->views, reply->count);
    if (reply->first && !expect_states(answer, reply)) {
        return false;
    }
    self->bytes += buffer_peek_size(&answer->bytes) - before;
    answer->parts->list_states += reply->count;
    answer->done = reply->last;
    return !to.failed;
}

/* The head goes right before the states, into the room that was left for it. */
static bool put_head(const struct answers *self, struct answer *answer, enum resp_version version)
{
    struct buffer head;
    buffer_init(&head);
    struct resp_writer to = resp_writer_over(&head);
    to.version = version;
    render_list_head(&to, self->lent_epoch, &answer->parts->list_head, answer->parts->list_states);
    const struct slice bytes = buffer_peek(&head);
    const bool good = !to.failed;
    if (good) {
        ASSERT(bytes.bytes != NULL && bytes.size <= LIST_HEAD_ROOM);
        buffer_consume(&answer->bytes, LIST_HEAD_ROOM - bytes.size);
        memcpy(buffer_get_bytes(&answer->bytes), bytes.bytes, bytes.size);
    }
    buffer_deinit(&head);
    return good;
}

/* Moves what the answer has gathered to the output: without a copy where nothing is before it. */
static void put_out(struct answers *self, struct answer *answer, struct resp_writer *output)
{
    self->bytes -= buffer_peek_size(&answer->bytes);
    if (answer->is_list && !put_head(self, answer, output->version)) {
        output->failed = true;
    }
    const struct slice bytes = buffer_peek(&answer->bytes);
    if (answer->is_list && buffer_peek_size(output->lent_output) == 0) {
        buffer_deinit(output->lent_output);
        *output->lent_output = answer->bytes;
        buffer_init(&answer->bytes);
        return;
    }
    if (bytes.size > 0 && buffer_append(output->lent_output, bytes) != STATUS_OK) {
        output->failed = true;
    }
    buffer_deinit(&answer->bytes);
}

/* From the head on, all that is done goes out. */
static void advance(struct answers *self, struct resp_writer *output)
{
    while (self->head != self->next) {
        struct answer *answer = answer_at(self, self->head);
        if (!answer->done) {
            if (!answer->is_list && buffer_peek_size(&answer->bytes) > 0) {
                put_out(self, answer, output);
                self->is_midway = true;
            }
            return;
        }
        if (answer->is_kept) {
            resp_write_pair(output, answer->kept_version, answer->kept_number);
        } else if (answer->is_list || buffer_peek_size(&answer->bytes) > 0) {
            put_out(self, answer, output);
        }
        drop(self, answer);
        self->head++;
        self->is_midway = false;
    }
}

/* A reply that needs nothing put together, or the parts of RS.GET, which come in order. */
static void take_plain(struct answers *self, struct answer *answer, const struct reply *reply,
                       struct resp_writer *to)
{
    switch (reply->kind) {
    case REPLY_LIST:
        render_list_head(to, self->lent_epoch, reply, reply->count);
        render_views(to, reply->views, reply->count);
        answer->done = true;
        return;
    case REPLY_STATES:
        if (reply->first) {
            resp_write_array_head(to, reply->number);
        }
        render_views(to, reply->views, reply->count);
        answer->done = reply->last;
        return;
    case REPLY_STATE:
    case REPLY_BULK:
    case REPLY_INTEGER:
    case REPLY_SIZE:
    case REPLY_DONE:
    case REPLY_FAILED:
    case REPLY_INSPECTED_USER:
    case REPLY_INSPECTED_CHANNEL:
    case REPLY_SUBSCRIBED:
    case REPLY_COUNTS:
    case REPLY_BADGES:
        render_reply(to, reply);
        answer->done = true;
        return;
    }
    UNREACHABLE("a reply of no kind");
}

/* The commonest reply, and the only one of its command. */
static bool take_state(struct answers *self, uint32_t number, const struct reply *reply,
                       struct resp_writer *output)
{
    if (number != self->head) {
        /* Behind a command of another shard most of a pipeline comes here: no buffer for each. */
        struct answer *answer = answer_at(self, number);
        answer->is_kept = true;
        answer->kept_version = reply->version;
        answer->kept_number = reply->number;
        answer->done = true;
        return true;
    }
    resp_write_pair(output, reply->version, reply->number);
    /* Its entry is as it was made: nothing but what it holds is to be dropped. */
    struct answer *answer = answer_at(self, number);
    if (answer->held > 0) {
        drop(self, answer);
    }
    self->head++;
    if (self->head != self->next) {
        advance(self, output);
    }
    return !output->failed;
}

bool answers_take(struct answers *self, uint32_t number, const struct reply *reply,
                  struct resp_writer *output)
{
    ASSERT(number - self->head < answers_count(self));
    if (reply->kind == REPLY_STATE) {
        return take_state(self, number, reply, output);
    }
    struct answer *answer = answer_at(self, number);
    const bool is_part_of_list = reply->kind == REPLY_LIST && !(reply->first && reply->last);
    if (is_part_of_list) {
        if (!take_list(self, answer, reply, output->version)) {
            return false;
        }
    } else {
        const bool is_head = number == self->head;
        const size_t before = buffer_peek_size(&answer->bytes);
        struct resp_writer aside = resp_writer_over(&answer->bytes);
        aside.version = output->version;
        struct resp_writer *to = is_head ? output : &aside;
        /* A list that failed after its first part: what has gathered of it is not sent. */
        if (answer->is_list) {
            buffer_deinit(&answer->bytes);
            answer->is_list = false;
            take_plain(self, answer, reply, to);
        } else if (answer->parts != NULL) {
            take_shard(answer, reply, to);
        } else {
            take_plain(self, answer, reply, to);
        }
        self->bytes += buffer_peek_size(&answer->bytes);
        self->bytes -= before;
        if (aside.failed) {
            return false;
        }
        if (aside.error_word != NULL) {
            output->error_word = aside.error_word;
        }
    }
    if (number == self->head) {
        self->is_midway = !answer->done && !answer->is_list && answer->parts == NULL;
        if (answer->done) {
            advance(self, output);
        }
    }
    return !output->failed;
}
