/* Commands that only look: lists, counts, and the questions of people who look for a fault. */
#include "base/hash.h"
#include "shard/shard_subject.h"

/* RS.GET names at most max-arguments channels: the answer's views are gathered on the way, a part
 * at a time. */
enum outcome shard_run_get(struct subject *subject, const struct waiter *waiter)
{
    const struct command *command = &waiter->command;
    struct shard *shard = subject->shard;
    subject_touch(subject);
    for (uint32_t i = 0; i < command->count;) {
        uint32_t count = 0;
        const bool first = i == 0;
        for (; i < command->count && count < VIEWS_MAX; i++, count++) {
            struct state_view *view = &shard->views[count];
            *view = (struct state_view){.present = false};
            if (subject->block == BLOCK_NONE) {
                continue;
            }
            const struct cache_place place =
                cache_find_state(&shard->cache, subject->block, command->channels[i]);
            if (place.there) {
                leaf_view(place.leaf, place.row, view);
                view->present = !view->deleted;
            }
        }
        const struct reply reply = {.kind = REPLY_STATES,
                                    .token = command->token,
                                    .first = first,
                                    .last = i == command->count,
                                    .number = command->count,
                                    .count = count,
                                    .views = shard->views};
        subject_send(subject, &reply);
    }
    return OUTCOME_DONE;
}

/* Of a whole list tombstones are left out; of what changed since a version, what is older. */
static uint32_t select_views(struct state_view *views, uint32_t count, bool full, uint64_t since)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (full ? !views[i].deleted : views[i].version > since) {
            views[kept++] = views[i];
        }
    }
    return kept;
}

/* Can what changed since that version be told? Tombstones that are forgotten cannot. */
static bool knows_changes(const struct subject *subject, const struct command *command)
{
    const struct list_since since = command->since;
    if (!since.is_asked) {
        return false;
    }
    if (subject->block == BLOCK_NONE) {
        return since.incarnation == shard_get_generation(subject->shard, subject->id) &&
               command->since_version == 0;
    }
    const struct user *user = cache_get(&subject->shard->cache, subject->block);
    return since.incarnation == user->incarnation && user->purged_to <= command->since_version &&
           command->since_version <= user->version;
}

/* One part of RS.LIST, from command.channel on. */
enum outcome shard_run_list(struct subject *subject, struct waiter *waiter)
{
    struct shard *shard = subject->shard;
    struct command *command = &waiter->command;
    subject_touch(subject);
    const bool full = !knows_changes(subject, command);
    if (full && command->since.is_asked) {
        /* All come; from the beginning, where tombstones went while a list of changes was given. */
        command->since.is_asked = false;
        command->channel = (struct channel_key){0};
        waiter->continues = false;
    }
    uint32_t count = 0;
    if (subject->block != BLOCK_NONE) {
        count = cache_list_states(&shard->cache, subject->block, command->channel, shard->views,
                                  VIEWS_MAX);
    }
    struct reply reply = {.kind = REPLY_LIST,
                          .token = command->token,
                          .first = !waiter->continues,
                          .last = count < VIEWS_MAX,
                          .full = full,
                          .version = subject_get_version(subject),
                          .views = shard->views};
    if (subject->block == BLOCK_NONE) {
        reply.incarnation = shard_get_generation(shard, subject->id);
    }
    if (subject->block != BLOCK_NONE) {
        const struct user *user = cache_get(&shard->cache, subject->block);
        reply.incarnation = user->incarnation;
        reply.number = user->live_states;
    }
    if (!reply.last) {
        waiter->continues = true;
        command->channel = channel_key_after(shard->views[count - 1].channel);
    }
    reply.count = select_views(shard->views, count, full, command->since_version);
    if (reply.count > 0 || reply.first || reply.last) {
        subject_send(subject, &reply);
    }
    return reply.last ? OUTCOME_DONE : OUTCOME_CONTINUES;
}

enum outcome shard_run_badge(struct subject *subject, const struct waiter *waiter)
{
    struct gathering *gathering = waiter->gathering;
    struct leaf_totals totals = {0};
    subject_touch(subject);
    if (subject->block != BLOCK_NONE) {
        totals = cache_count_totals(&subject->shard->cache, subject->block);
    }
    gathering->badges[gathering->badges_count++] =
        (struct reply_badge){.position = waiter->target.position,
                             .mentions = totals.mentions,
                             .states = totals.mentioned_states};
    gathering->counts.succeeded++;
    if (--gathering->remaining == 0) {
        shard_gathering_done(subject->shard, gathering);
    }
    return OUTCOME_DONE;
}

enum outcome shard_run_inspect_user(struct subject *subject, const struct waiter *waiter)
{
    struct shard *shard = subject->shard;
    struct inspected_user seen = {.cached = subject->block != BLOCK_NONE,
                                  .shard = shard->config.number,
                                  .slot = hash_slot_of_user(subject->id)};
    if (seen.cached) {
        const struct user *user = cache_get(&shard->cache, subject->block);
        const struct cache_save_size unsaved = cache_measure_save(&shard->cache, subject->block);
        seen.dirty = user_is(user, USER_DIRTY) || user_is(user, USER_WRITING);
        seen.waits_for =
            user_is(user, USER_WRITING) ? INSPECT_WAITS_FOR_WRITE : INSPECT_WAITS_FOR_NOTHING;
        seen.states = user->live_states;
        seen.tombstones = user->tombstones;
        seen.dirty_leaves = user_is(user, USER_LARGE) ? unsaved.leaves : seen.dirty;
        seen.incarnation = user->incarnation;
        seen.version = user->version;
        seen.bytes = cache_count_user_bytes(&shard->cache, subject->block);
        seen.idle_s = shard->now_ms / 1000 - user->used_at_s;
        if (user_is(user, USER_DIRTY)) {
            seen.write_in_ms = dirty_peek_delay_ms(&shard->cache.dirty, subject->block,
                                                   shard->limits.commit_delay_ms);
        }
    }
    const struct reply reply = {
        .kind = REPLY_INSPECTED_USER, .token = waiter->command.token, .count = 1, .user = &seen};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

enum outcome shard_run_inspect_channel(struct subject *subject, const struct waiter *waiter)
{
    struct read_state state;
    const struct cache_place place = subject_find_place(subject, waiter->command.channel);
    subject_read_state(&place, &state);
    const struct reply reply = {.kind = REPLY_INSPECTED_CHANNEL,
                                .token = waiter->command.token,
                                .count = 1,
                                .number = place.there,
                                .state = &state};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

enum outcome shard_run_measure_user(struct subject *subject, const struct waiter *waiter)
{
    const bool is_cached = subject->block != BLOCK_NONE;
    const struct reply reply = {
        .kind = REPLY_SIZE,
        .token = waiter->command.token,
        .number = is_cached ? cache_count_user_bytes(&subject->shard->cache, subject->block) : 0};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

/* The channel's state in an image; false where it is not there. */
static bool find_in_image(const struct image *image, struct channel_key channel,
                          struct read_state *out_state)
{
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        struct slice leaf = image_get_bytes(image, i);
        struct record_head head;
        if (image_get_piece(image, i).kind == IMAGE_RECORD &&
            record_decode(leaf, &head, &leaf) != STATUS_OK) {
            return false;
        }
        uint32_t row = 0;
        if (leaf.size > 0 && leaf_find((const uint8_t *)leaf.bytes, channel, &row)) {
            leaf_read((const uint8_t *)leaf.bytes, row, out_state);
            return true;
        }
    }
    return false;
}

void shard_inspect_image(struct shard *self, const struct waiter *waiter, const struct image *image)
{
    struct reply reply = {.token = waiter->command.token, .count = 1};
    if (waiter->command.kind == COMMAND_INSPECT_CHANNEL) {
        struct read_state state;
        read_state_init(&state, waiter->command.channel);
        reply.kind = REPLY_INSPECTED_CHANNEL;
        reply.number = find_in_image(image, waiter->command.channel, &state);
        reply.state = &state;
        self->config.port.reply(self->config.port.lent_context, &reply);
        return;
    }
    struct inspected_user seen = {.shard = self->config.number,
                                  .slot = hash_slot_of_user(waiter->command.user)};
    struct record_head head;
    struct slice leaf;
    if (record_decode(image_get_bytes(image, 0), &head, &leaf) == STATUS_OK) {
        seen.states = head.live_states;
        seen.tombstones = head.tombstones;
        seen.version = head.version;
        seen.incarnation = head.incarnation;
    }
    reply.kind = REPLY_INSPECTED_USER;
    reply.user = &seen;
    self->config.port.reply(self->config.port.lent_context, &reply);
}
