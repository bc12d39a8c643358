/* Commands that change states of one user: the rule, the version, the tombstones that go. */
#include "base/assert.h"
#include "journal/entry.h"
#include "readstate/rules.h"
#include "shard/shard_subject.h"

/* May this user take so many changes now, of states of such a size in the journal? STATUS_BUSY: not
 * yet. */
static enum status admit_sized(const struct subject *subject, uint32_t changes, size_t state_size)
{
    struct shard *shard = subject->shard;
    if (UNLIKELY(shard->journal_status != STATUS_OK)) {
        return shard->journal_status;
    }
    if (UNLIKELY(!shard_journal_reserve(shard, changes, state_size))) {
        return STATUS_MEMORY;
    }
    if (UNLIKELY(shard->cache.dirty_bytes >= shard->limits.dirty_bytes)) {
        /* A store that takes writes is waited for. */
        return shard_store_is_ailing(shard) ? STATUS_DIRTY_FULL : STATUS_BUSY;
    }
    if (subject->block == BLOCK_NONE) {
        const uint64_t room =
            shard_room_to_insert() + shard_room_to_change(shard, BLOCK_NONE, changes);
        return shard_make_room(shard, room, 1, subject->id);
    }
    subject_touch(subject);
    return shard_make_room(shard, shard_room_to_change(shard, subject->block, changes), 0,
                           subject->id);
}

static enum status admit(const struct subject *subject, uint32_t changes)
{
    return admit_sized(subject, changes, JOURNAL_STATE_SIZE_MAX);
}

/* Puts the state in its place, under its own version; the user's becomes `user_version`. */
static enum status write_state(struct subject *subject, const struct cache_place *place,
                               const struct read_state *state, uint64_t user_version)
{
    struct shard *shard = subject->shard;
    struct cache_place place_of_new;
    const bool new_user = subject->block == BLOCK_NONE;
    const bool was_empty = !new_user && subject_get_version(subject) == 0;
    if (new_user) {
        const enum status status = cache_insert(&shard->cache, subject->id, &subject->block);
        if (status != STATUS_OK) {
            return status;
        }
        cache_get(&shard->cache, subject->block)->incarnation =
            shard_get_generation(shard, subject->id);
        subject_touch(subject);
        place_of_new = subject_find_place(subject, place->channel);
        place = &place_of_new;
    }
    const enum status status = cache_write_state(&shard->cache, &subject->block, place, state);
    if (status == STATUS_OK) {
        cache_get(&shard->cache, subject->block)->version = user_version;
        shard->empty_users -= was_empty;
        metrics_add(shard->lent_metrics, METRIC_STATE_CHANGES, 1);
    } else if (new_user) {
        cache_remove(&shard->cache, subject->block);
        subject->block = BLOCK_NONE;
    }
    return status;
}

enum change_kind {
    CHANGE_ACK,
    CHANGE_MENTION,
    CHANGE_UNMENTION,
    CHANGE_PIN,
    CHANGE_JOIN,
    CHANGE_LEAVE,
};

struct change {
    enum change_kind kind;
    struct message_id message;
    uint64_t pin_ms;
    const struct rules_ack_options *options; /* Of an ack; NULL without. */
};

static enum rule_effect apply_rule(const struct shard *shard, const struct change *change,
                                   struct read_state *state)
{
    switch (change->kind) {
    case CHANGE_ACK:
        return change->options == NULL
                   ? rules_ack(state, change->message)
                   : rules_ack_with_options(state, change->message, change->options);
    case CHANGE_MENTION:
        return rules_mention(state, change->message, shard->limits.mention_ids_kept);
    case CHANGE_UNMENTION:
        return rules_unmention(state, change->message);
    case CHANGE_PIN:
        return rules_pin(state, change->pin_ms);
    case CHANGE_JOIN:
        return rules_join(state, change->message);
    case CHANGE_LEAVE:
        return rules_leave(state, change->message);
    }
    UNREACHABLE("a change of no kind");
}

/* Is a state there after it, whatever the rule says? */
static bool makes_state_of_nothing(enum change_kind kind)
{
    return kind != CHANGE_UNMENTION && kind != CHANGE_LEAVE;
}

struct changed {
    enum status status;
    bool visibly;
    bool at_all;
    bool was_live;           /* A state was there, and no tombstone. */
    bool is_live;            /* One is there now. */
    uint64_t version;        /* Of the state; 0: not there, or a tombstone. */
    uint64_t version_before; /* What it was, a tombstone's too. */
    uint32_t mentions;
};

/* One rule on one state. `version` is what a visible change takes. */
static struct changed change_state(struct subject *subject, const struct change *change,
                                   struct channel_key channel, uint64_t version)
{
    struct read_state state;
    const struct cache_place place = subject_find_place(subject, channel);
    subject_read_state(&place, &state);
    struct changed changed = {.was_live = place.there && !state.deleted,
                              .version_before = state.version};
    const enum rule_effect effect = apply_rule(subject->shard, change, &state);
    const bool is_new = !place.there && makes_state_of_nothing(change->kind);
    changed.visibly = effect == RULE_CHANGED || is_new;
    changed.at_all = changed.visibly || effect == RULE_CHANGED_HIDDEN;
    changed.is_live = !state.deleted && (place.there || is_new);
    if (!changed.was_live && changed.is_live &&
        subject_count_live(subject) >= subject->shard->limits.max_channels) {
        return (struct changed){.status = STATUS_LIMIT};
    }
    if (changed.visibly) {
        state.version = version;
        changed.status = write_state(subject, &place, &state, version);
    } else if (effect == RULE_CHANGED_HIDDEN) {
        changed.status = write_state(subject, &place, &state, subject_get_version(subject));
    }
    if (changed.is_live) {
        changed.version = state.version;
        changed.mentions = read_state_count_mentions(&state);
    }
    return changed;
}

static void publish_change(const struct subject *subject, const struct changed *changed,
                           struct channel_key channel, enum publication_cause cause)
{
    struct publishing publishing = shard_begin_publication(subject, cause);
    if (changed->visibly) {
        shard_publish_state(&publishing, channel);
    }
    shard_end_publication(&publishing);
}

/* The change of one state, and what went with it. */
static void journal_change(const struct subject *subject, const struct changed *changed,
                           struct channel_key channel)
{
    if (changed->at_all) {
        struct journaling journaling = shard_begin_journaling(subject);
        shard_journal_state(&journaling, channel);
        shard_end_journaling(&journaling);
    }
}

static void purge_tombstones(struct subject *subject)
{
    struct shard *shard = subject->shard;
    if (subject->block != BLOCK_NONE) {
        cache_purge(&shard->cache, &subject->block, shard->limits.tombstones_kept);
    }
}

static enum outcome fail(const struct subject *subject, const struct waiter *waiter,
                         enum status status)
{
    if (status == STATUS_BUSY) {
        return OUTCOME_NEEDS_ROOM;
    }
    shard_reply_status(subject->shard, &waiter->command.token, status);
    return OUTCOME_DONE;
}

/* IFVERSION: a tombstone counts as not there. */
static bool has_version(const struct subject *subject, struct channel_key channel, uint64_t version)
{
    const struct cache_place place = subject_find_place(subject, channel);
    struct state_view view = {.version = 0};
    if (place.there) {
        leaf_view(place.leaf, place.row, &view);
    }
    return version == (view.deleted ? 0 : view.version);
}

enum outcome shard_run_ack(struct subject *subject, const struct waiter *waiter)
{
    const struct command *command = &waiter->command;
    const struct ack_options *options = command->count > 0 ? command->options : NULL;
    const enum status admitted = admit(subject, 1);
    if (admitted != STATUS_OK) {
        return fail(subject, waiter, admitted);
    }
    if (options != NULL && options->has_version &&
        !has_version(subject, command->channel, options->version)) {
        return fail(subject, waiter, STATUS_VERSION);
    }
    const struct change change = {.kind = CHANGE_ACK,
                                  .message = command->message,
                                  .options = options == NULL ? NULL : &options->rule};
    const struct changed changed =
        change_state(subject, &change, command->channel, subject_get_version(subject) + 1);
    if (changed.status != STATUS_OK) {
        return fail(subject, waiter, changed.status);
    }
    journal_change(subject, &changed, command->channel);
    publish_change(subject, &changed, command->channel, CAUSE_ACK);
    const struct reply reply = {.kind = REPLY_STATE,
                                .token = command->token,
                                .version = changed.version,
                                .number = changed.mentions};
    if (options != NULL && options->commits) {
        shard_reply_written(subject->shard, subject->id, subject->block, &reply, STATUS_UNWRITTEN);
    } else {
        subject_send(subject, &reply);
    }
    return OUTCOME_DONE;
}

static struct change change_of(const struct command *command)
{
    if (command->kind == COMMAND_PIN) {
        return (struct change){.kind = CHANGE_PIN, .pin_ms = command->pin_ms};
    }
    return (struct change){.kind = command->kind == COMMAND_LEAVE ? CHANGE_LEAVE : CHANGE_JOIN,
                           .message = command->message};
}

static enum publication_cause cause_of(const struct command *command)
{
    return command->kind == COMMAND_PIN    ? CAUSE_PIN
           : command->kind == COMMAND_JOIN ? CAUSE_JOIN
                                           : CAUSE_LEAVE;
}

/* RS.PIN, RS.JOIN, RS.LEAVE. */
enum outcome shard_run_change(struct subject *subject, const struct waiter *waiter)
{
    const struct command *command = &waiter->command;
    const enum status admitted = admit(subject, 1);
    if (admitted != STATUS_OK) {
        return fail(subject, waiter, admitted);
    }
    const struct change change = change_of(command);
    const struct changed changed =
        change_state(subject, &change, command->channel, subject_get_version(subject) + 1);
    if (changed.status != STATUS_OK) {
        return fail(subject, waiter, changed.status);
    }
    publish_change(subject, &changed, command->channel, cause_of(command));
    purge_tombstones(subject);
    journal_change(subject, &changed, command->channel);
    const bool leaves = command->kind == COMMAND_LEAVE;
    const struct reply reply = {.kind = leaves ? REPLY_INTEGER : REPLY_STATE,
                                .token = command->token,
                                .version = changed.version,
                                .number = leaves ? changed.was_live : changed.mentions};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

enum outcome shard_run_del(struct subject *subject, const struct waiter *waiter)
{
    const struct command *command = &waiter->command;
    const enum status admitted =
        admit_sized(subject, command->count, LEAF_HEAD_SIZE + LEAF_ROW_SIZE_MAX);
    if (admitted != STATUS_OK) {
        return fail(subject, waiter, admitted);
    }
    /* One version for all that are removed. */
    const uint64_t version = subject_get_version(subject) + 1;
    struct publishing publishing = shard_begin_publication(subject, CAUSE_DELETE);
    struct changed changed = {.status = STATUS_OK};
    uint32_t removed = 0;
    for (uint32_t i = 0; i < command->count && changed.status == STATUS_OK; i++) {
        const struct change change = {.kind = CHANGE_LEAVE};
        changed = change_state(subject, &change, command->channels[i], version);
        if (changed.visibly && changed.status == STATUS_OK) {
            shard_publish_state(&publishing, command->channels[i]);
        }
        removed += changed.was_live;
    }
    shard_end_publication(&publishing);
    /* With the tombstones that go at once: without them what was removed would come back. */
    struct journaling journaling = shard_begin_journaling(subject);
    for (uint32_t i = 0; i < command->count; i++) {
        shard_journal_state(&journaling, command->channels[i]);
    }
    purge_tombstones(subject);
    if (subject_get_version(subject) == version) {
        shard_end_journaling(&journaling);
    }
    if (changed.status != STATUS_OK) {
        return fail(subject, waiter, changed.status);
    }
    const struct reply reply = {.kind = REPLY_INTEGER, .token = command->token, .number = removed};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

static struct change change_of_target(const struct waiter *waiter)
{
    const struct message_id message = waiter->command.message;
    if (waiter->command.kind == COMMAND_UNMENTION) {
        return (struct change){.kind = CHANGE_UNMENTION, .message = message};
    }
    return (struct change){.kind = waiter->target.acks ? CHANGE_ACK : CHANGE_MENTION,
                           .message = message};
}

static enum publication_cause cause_of_target(const struct command *command)
{
    return command->kind == COMMAND_UNMENTION ? CAUSE_UNMENTION
           : command->kind == COMMAND_MESSAGE ? CAUSE_MESSAGE
                                              : CAUSE_MENTION;
}

enum outcome shard_run_target(struct subject *subject, struct waiter *waiter)
{
    const enum status admitted = admit(subject, 1);
    if (admitted == STATUS_BUSY) {
        return OUTCOME_NEEDS_ROOM;
    }
    struct changed changed = {.status = admitted};
    if (admitted == STATUS_OK) {
        const struct change change = change_of_target(waiter);
        changed = change_state(subject, &change, waiter->command.channel,
                               subject_get_version(subject) + 1);
    }
    if (changed.status != STATUS_OK) {
        shard_reply_failed(subject->shard, waiter, changed.status);
        return OUTCOME_DONE;
    }
    journal_change(subject, &changed, waiter->command.channel);
    publish_change(subject, &changed, waiter->command.channel, cause_of_target(&waiter->command));
    struct gathering *gathering = waiter->gathering;
    gathering->counts.succeeded++;
    gathering->counts.risen += changed.visibly && !waiter->target.acks;
    if (--gathering->remaining == 0) {
        shard_gathering_done(subject->shard, gathering);
    }
    return OUTCOME_DONE;
}

/* A table of places in a bulk, open addressed; 0 is a free slot. Twice as many as pairs. */
enum { SEEN_SLOTS = 2048 };

static uint32_t slot_of(struct channel_key channel)
{
    const uint64_t mixed =
        (channel.id ^ (uint64_t)channel.type << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 53);
}

/* Would an ack of the pair make a state where there is none, or only a tombstone? */
static bool makes_state(const struct subject *subject, const struct channel_message *pair)
{
    const struct cache_place place = subject_find_place(subject, pair->channel);
    if (!place.there) {
        return true;
    }
    struct state_view view;
    leaf_view(place.leaf, place.row, &view);
    return view.deleted && pair->message.value > view.floor;
}

/* Notes the channel of pair `at`. True: no pair noted before has the same. */
static bool note_channel(uint16_t seen[static SEEN_SLOTS], const struct command *command,
                         uint32_t at)
{
    ASSERT(command->count <= COMMAND_PAIRS_MAX);
    const struct channel_key channel = command->pairs[at].channel;
    uint32_t slot = slot_of(channel);
    while (seen[slot] != 0 &&
           channel_key_compare(command->pairs[seen[slot] - 1].channel, channel) != 0) {
        slot = (slot + 1) % SEEN_SLOTS;
    }
    const bool is_first = seen[slot] == 0;
    seen[slot] = (uint16_t)(at + 1);
    return is_first;
}

/* How many states the bulk makes: each channel counted once. */
static uint32_t count_new_channels(const struct subject *subject, const struct command *command)
{
    uint16_t seen[SEEN_SLOTS] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < command->count; i++) {
        count += makes_state(subject, &command->pairs[i]) && note_channel(seen, command, i);
    }
    return count;
}

/* The states that have this version by now, each once. */
static void publish_bulk(const struct subject *subject, const struct command *command,
                         uint64_t version)
{
    struct publishing publishing = shard_begin_publication(subject, CAUSE_BULKACK);
    if (!publishing.is_wanted) {
        return;
    }
    uint16_t seen[SEEN_SLOTS] = {0};
    for (uint32_t i = 0; i < command->count; i++) {
        const struct channel_key channel = command->pairs[i].channel;
        if (has_version(subject, channel, version) && note_channel(seen, command, i)) {
            shard_publish_state(&publishing, channel);
        }
    }
    shard_end_publication(&publishing);
}

/* Those that did not change are as they were: it does no harm. */
static void journal_pairs(const struct subject *subject, const struct command *command)
{
    struct journaling journaling = shard_begin_journaling(subject);
    for (uint32_t i = 0; i < command->count; i++) {
        shard_journal_state(&journaling, command->pairs[i].channel);
    }
    shard_end_journaling(&journaling);
}

enum outcome shard_run_bulkack(struct subject *subject, const struct waiter *waiter)
{
    const struct command *command = &waiter->command;
    enum status status = admit(subject, command->count);
    const uint64_t live = subject_count_live(subject);
    const uint64_t limit = subject->shard->limits.max_channels;
    /* Only a user near the limit pays for counting. */
    if (status == STATUS_OK && live + command->count > limit) {
        const uint32_t fresh = count_new_channels(subject, command);
        status = fresh > 0 && live + fresh > limit ? STATUS_LIMIT : STATUS_OK;
    }
    if (status != STATUS_OK) {
        return fail(subject, waiter, status);
    }
    /* One version for all that changes. A channel named twice is applied twice and counts once:
     * what the first time changed already has this version. */
    const uint64_t version = subject_get_version(subject) + 1;
    uint32_t changed_states = 0;
    bool at_all = false;
    for (uint32_t i = 0; i < command->count && status == STATUS_OK; i++) {
        const struct channel_message *pair = &command->pairs[i];
        const struct change change = {.kind = CHANGE_ACK, .message = pair->message};
        const struct changed changed = change_state(subject, &change, pair->channel, version);
        changed_states += changed.visibly && changed.version_before != version;
        at_all |= changed.status == STATUS_OK && changed.at_all;
        status = changed.status;
    }
    if (at_all) {
        journal_pairs(subject, command);
    }
    publish_bulk(subject, command, version);
    if (status != STATUS_OK) {
        return fail(subject, waiter, status);
    }
    const struct reply reply = {.kind = REPLY_BULK,
                                .token = command->token,
                                .version = subject_get_version(subject),
                                .number = changed_states};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}
