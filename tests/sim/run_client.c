/* The clients of a run: what they send. */
#include "sim/run_internal.h"

#include <inttypes.h>
#include <string.h>

enum {
    BURST = 8,
    REST_MS_MAX = 200,
    TARGETS_DRAWN = 6,
    VAGUE_USERS = 16,
    VAGUE_STEPS = 8,
    FEW_CHANNELS = 2,    /* Without memory: of how many of them have changed nothing is said. */
    LONG_BULKS = 300,    /* Of a thousand commands, where logs are to get long; */
    WIDE_MENTIONS = 500, /* and where leaves are to be cut. */
};

#define MESSAGES_FROM (UINT64_C(1) << 54)

struct weight {
    enum command_kind kind;
    uint32_t weight;
};

static const struct weight weights[] = {
    {COMMAND_ACK, 300},        {COMMAND_BULKACK, 60},     {COMMAND_MENTION, 100},
    {COMMAND_MESSAGE, 80},     {COMMAND_UNMENTION, 50},   {COMMAND_PIN, 40},
    {COMMAND_JOIN, 50},        {COMMAND_LEAVE, 60},       {COMMAND_DEL, 30},
    {COMMAND_GET, 60},         {COMMAND_LIST, 80},        {COMMAND_BADGE, 40},
    {COMMAND_FLUSH_USER, 15},  {COMMAND_FLUSH_ALL, 3},    {COMMAND_EVICT, 40},
    {COMMAND_FORGET, 6},       {COMMAND_INSPECT_USER, 8}, {COMMAND_INSPECT_CHANNEL, 40},
    {COMMAND_MEASURE_USER, 5}, {COMMAND_SUBSCRIBE, 60},   {COMMAND_UNSUBSCRIBE, 8},
};

static enum command_kind draw_kind(struct run *self)
{
    uint32_t all = 0;
    if (self->is_long && world_draw_below(&self->world, CHANCE_CLIENTS, 1000) < LONG_BULKS) {
        return COMMAND_BULKACK;
    }
    if (self->is_wide && world_draw_below(&self->world, CHANCE_CLIENTS, 1000) < WIDE_MENTIONS) {
        return COMMAND_MENTION;
    }
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        all += weights[i].weight;
    }
    uint32_t at = world_draw_below(&self->world, CHANCE_CLIENTS, all);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        if (at < weights[i].weight) {
            return weights[i].kind;
        }
        at -= weights[i].weight;
    }
    UNREACHABLE("weights add up");
}

/* As wide as snowflakes, so that a user of many channels has leaves of its own. They grow with
 * time, and come late. */
static uint64_t draw_message(struct run *self)
{
    const uint64_t newest = MESSAGES_FROM + 10 + self->counts.operations / 64;
    return newest + 2 - world_draw_below(&self->world, CHANCE_CLIENTS, 12);
}

/* Changes that are not shown take no version; where they may be lost, the store may have them and
 * the journal not, and which are newer cannot be told. */
static void drop_hidden_changes(struct run *self, struct model_operation *operation)
{
    if (run_has_cuts(self) && node_get_sync(self->node) != JOURNAL_SYNC_ALWAYS) {
        operation->options.rule.has_mentions = false;
        operation->options.rule.mentions = 0;
    }
}

static void draw_options(struct run *self, struct model_operation *operation)
{
    struct world *world = &self->world;
    struct rules_ack_options *rule = &operation->options.rule;
    operation->has_options = true;
    rule->manual = world_draw_below(world, CHANCE_CLIENTS, 3) == 0;
    const uint32_t mentions = world_draw_below(world, CHANCE_CLIENTS, 9);
    rule->has_mentions = world_draw_below(world, CHANCE_CLIENTS, 2) == 0 && rule->manual;
    rule->mentions = rule->has_mentions ? mentions : 0;
    rule->has_viewed = world_draw_below(world, CHANCE_CLIENTS, 4) == 0;
    rule->viewed = (uint16_t)(rule->has_viewed ? world_draw_below(world, CHANCE_CLIENTS, 4000) : 0);
    rule->has_flags = world_draw_below(world, CHANCE_CLIENTS, 4) == 0;
    rule->flags = (uint16_t)(rule->has_flags ? world_draw_below(world, CHANCE_CLIENTS, 5) : 0);
    operation->options.has_version = world_draw_below(world, CHANCE_CLIENTS, 4) == 0;
    const bool is_zero = world_draw_below(world, CHANCE_CLIENTS, 2) == 0;
    const uint32_t version = world_draw_below(world, CHANCE_CLIENTS, 9);
    operation->options.version = operation->options.has_version && !is_zero ? version : 0;
    operation->options.commits = world_draw_below(world, CHANCE_CLIENTS, 4) == 0;
}

static void draw_channels(struct run *self, struct model_operation *operation)
{
    struct world *world = &self->world;
    const bool is_many = operation->kind == COMMAND_BULKACK || operation->kind == COMMAND_GET ||
                         operation->kind == COMMAND_DEL;
    const uint32_t most = operation->kind == COMMAND_DEL ? 4 : MODEL_PAIRS_MAX;
    operation->count = is_many ? 1 + world_draw_below(world, CHANCE_CLIENTS, most) : 1;
    for (uint32_t i = 0; i < operation->count; i++) {
        operation->channels[i] = world_draw_below(world, CHANCE_CLIENTS, self->rules.channels);
        operation->messages[i] = draw_message(self);
    }
    operation->number = draw_message(self) - (operation->kind == COMMAND_PIN ? MESSAGES_FROM : 0);
    if (operation->kind == COMMAND_LEAVE || operation->kind == COMMAND_JOIN) {
        operation->number *= world_draw_below(world, CHANCE_CLIENTS, 4) != 0;
    }
}

/* Who is read stays in memory; where all are read that it has room for, nobody else can be served.
 */
static bool may_stay(const struct run *self, uint32_t user)
{
    const uint32_t room = self->node_options.limits.cache_users / self->node_options.shards;
    return room == 0 ? user < RUN_READERS_MAX : user == 0 && room != 1;
}

static void draw_list(struct run *self, uint32_t user, struct model_operation *operation)
{
    struct world *world = &self->world;
    const bool is_since = world_draw_below(world, CHANCE_CLIENTS, 2) == 0;
    const bool is_readers = world_draw_below(world, CHANCE_CLIENTS, 2) == 0;
    const uint32_t more = world_draw_below(world, CHANCE_CLIENTS, 4) == 0
                              ? world_draw_below(world, CHANCE_CLIENTS, 4)
                              : 0;
    operation->is_since = is_since;
    operation->since_incarnation = self->users[user].incarnation;
    operation->number = self->users[user].version + more;
    if (is_since && is_readers) {
        (void)run_draw_list(self, user, operation);
    }
}

static void draw_operation(struct run *self, uint32_t user, struct model_operation *operation)
{
    struct world *world = &self->world;
    *operation = (struct model_operation){.kind = draw_kind(self)};
    draw_channels(self, operation);
    if (operation->kind == COMMAND_SUBSCRIBE && !may_stay(self, user)) {
        operation->kind = COMMAND_GET;
    }
    if (operation->kind == COMMAND_ACK && world_draw_below(world, CHANCE_CLIENTS, 3) == 0) {
        draw_options(self, operation);
    }
    if (operation->kind == COMMAND_LIST) {
        draw_list(self, user, operation);
    }
    if (operation->kind == COMMAND_MESSAGE) {
        operation->acks = world_draw_below(world, CHANCE_CLIENTS, 4) != 0;
    }
}

static bool concerns_states(enum command_kind kind)
{
    return kind != COMMAND_FLUSH_USER && kind != COMMAND_FLUSH_ALL && kind != COMMAND_EVICT &&
           kind != COMMAND_INSPECT_USER && kind != COMMAND_MEASURE_USER &&
           kind != COMMAND_SUBSCRIBE && kind != COMMAND_UNSUBSCRIBE;
}

static bool is_for_several(enum command_kind kind)
{
    return kind == COMMAND_MENTION || kind == COMMAND_MESSAGE || kind == COMMAND_UNMENTION ||
           kind == COMMAND_BADGE;
}

/* So much may be true of the user that it is asked what is. */
static bool is_vague(const struct run *self, uint32_t user)
{
    const struct belief *belief = &self->users[user].belief;
    return belief->now.count > VAGUE_USERS || belief->steps_count - belief->taken > VAGUE_STEPS;
}

static void add_target(struct run *self, struct run_call *call, uint32_t user,
                       const struct model_operation *operation)
{
    struct model_operation own = *operation;
    own.acks = operation->acks && call->targets == 0;
    call->users[call->targets] = user;
    call->steps[call->targets] =
        concerns_states(operation->kind) ? belief_begin(&self->users[user].belief, &own) : NULL;
    self->users[user].forgettings += operation->kind == COMMAND_FORGET;
    if (operation->kind == COMMAND_FORGET && user < RUN_READERS_MAX) {
        self->readers[user].may_begin_anew = true;
    }
    call->targets++;
}

/* Further users of the same shard, each once. */
static void draw_targets(struct run *self, struct run_call *call,
                         const struct model_operation *operation)
{
    const struct node *node = self->node;
    const uint32_t shard = node_find_shard(node, self->users[call->users[0]].id);
    for (uint32_t i = 0; i < TARGETS_DRAWN; i++) {
        const uint32_t user = world_draw_below(&self->world, CHANCE_CLIENTS, self->users_count);
        bool is_fit =
            call->targets < RUN_TARGETS_MAX && node_find_shard(node, self->users[user].id) == shard;
        for (uint32_t at = 0; at < call->targets; at++) {
            is_fit = is_fit && call->users[at] != user;
        }
        if (is_fit) {
            add_target(self, call, user, operation);
        }
    }
}

static void note_flush(struct run *self, struct run_call *call)
{
    for (uint32_t i = 0; i < self->users_count; i++) {
        call->versions[i] = belief_get_version_min(&self->users[i].belief);
        call->forgettings[i] = self->users[i].forgettings;
    }
}

/* What the shard is given. */
struct dispatch {
    struct command command;
    struct channel_message pairs[MODEL_PAIRS_MAX];
    struct channel_key keys[MODEL_PAIRS_MAX];
    struct command_target targets[RUN_TARGETS_MAX];
};

static void fill_command(struct run *self, const struct run_call *call,
                         const struct model_operation *operation, struct dispatch *to)
{
    struct command *command = &to->command;
    *command = (struct command){.kind = operation->kind,
                                .token = {.connection = call->client, .sequence = call->sequence},
                                .user = self->users[call->users[0]].id,
                                .channel = model_get_channel(operation->channels[0]),
                                .number = operation->number};
    for (uint32_t i = 0; i < operation->count; i++) {
        to->keys[i] = model_get_channel(operation->channels[i]);
        to->pairs[i] =
            (struct channel_message){.channel = to->keys[i], .message = {operation->messages[i]}};
    }
    for (uint32_t i = 0; i < call->targets; i++) {
        to->targets[i] = (struct command_target){.user = self->users[call->users[i]].id,
                                                 .position = i,
                                                 .acks = i == 0 && operation->acks};
    }
    if (operation->kind == COMMAND_BULKACK) {
        command->count = operation->count;
        command->pairs = to->pairs;
    } else if (operation->kind == COMMAND_GET || operation->kind == COMMAND_DEL) {
        command->count = operation->count;
        command->channels = to->keys;
    } else if (is_for_several(operation->kind)) {
        command->count = call->targets;
        command->targets = to->targets;
    } else if (operation->has_options) {
        command->count = 1;
        command->options = &operation->options;
    } else if (operation->kind == COMMAND_LIST) {
        command->channel = (struct channel_key){0};
        command->since = (struct list_since){.incarnation = operation->since_incarnation,
                                             .is_asked = operation->is_since};
    }
}

static void issue(struct run *self, uint32_t client, uint32_t user,
                  const struct model_operation *operation) ON_SHARD_THREAD
{
    struct run_call *call = &self->calls[self->calls_count];
    *call = (struct run_call){.sequence = self->sequence++,
                              .kind = operation->kind,
                              .client = client,
                              .sent_ms = self->world.now_ms};
    add_target(self, call, user, operation);
    if (is_for_several(operation->kind)) {
        draw_targets(self, call, operation);
    }
    if (operation->kind == COMMAND_FLUSH_USER || operation->kind == COMMAND_FLUSH_ALL ||
        operation->options.commits) {
        note_flush(self, call);
    }
    self->calls_count++;
    self->clients[client].open++;
    self->counts.operations++;
    struct dispatch dispatch;
    fill_command(self, call, operation, &dispatch);
    world_note(&self->world, operation->kind);
    world_note(&self->world, dispatch.command.user.value);
    world_tell(&self->world,
               "%" PRIu64 ": command %d user %" PRIu64 " channel %" PRIu32 " number %" PRIu64,
               call->sequence, (int)operation->kind, dispatch.command.user.value,
               operation->channels[0], operation->number);
    node_execute(self->node, node_find_shard(self->node, dispatch.command.user), &dispatch.command);
}

static void send_one(struct run *self, uint32_t at) ON_SHARD_THREAD
{
    struct run_client *client = &self->clients[at];
    if (self->calls_count == RUN_CALLS_MAX || client->open >= self->depth) {
        return;
    }
    const bool is_retry = run_meets(self, FAULT_CLIENT_RETRY) && client->has_last;
    if (!is_retry) {
        client->last_user = world_draw_below(&self->world, CHANCE_CLIENTS, self->users_count);
        draw_operation(self, client->last_user, &client->last);
        client->has_last = true;
    }
    if (is_vague(self, client->last_user)) {
        client->last = (struct model_operation){.kind = COMMAND_LIST};
    }
    drop_hidden_changes(self, &client->last);
    if (self->node->weather.memory_fails > 0 && client->last.count > FEW_CHANNELS) {
        client->last.count = FEW_CHANNELS;
    }
    issue(self, at, client->last_user, &client->last);
}

/* Who has subscribed lists what is new, or all. */
static void send_readers_lists(struct run *self) ON_SHARD_THREAD
{
    for (uint32_t i = 0; i < RUN_READERS_MAX && i < self->users_count; i++) {
        struct feed_reader *reader = &self->readers[i];
        struct model_operation operation = {.kind = COMMAND_LIST};
        if (reader->is_subscribed && !reader->is_current && !reader->has_asked &&
            run_is_well(self) && self->calls_count < RUN_CALLS_MAX) {
            reader->has_asked = true;
            (void)run_draw_list(self, i, &operation);
            issue(self, 0, i, &operation);
        }
    }
}

void run_send(struct run *self)
{
    send_readers_lists(self);
    const uint32_t at = world_draw_below(&self->world, CHANCE_TIME, self->clients_count);
    struct run_client *client = &self->clients[at];
    if (run_meets(self, FAULT_CLIENT_DISCONNECT)) {
        run_drop_client(self, at);
    }
    if (run_meets(self, FAULT_CLIENT_SLOW)) {
        client->rests_until_ms =
            self->world.now_ms + run_draw(self, FAULT_CLIENT_SLOW, REST_MS_MAX);
    }
    if (client->rests_until_ms > self->world.now_ms) {
        return;
    }
    const uint32_t count = run_meets(self, FAULT_CLIENT_BURST) ? BURST : 1;
    for (uint32_t i = 0; i < count && run_is_well(self); i++) {
        send_one(self, at);
    }
}

void run_send_readers_lists(struct run *self)
{
    const struct model_operation operation = {.kind = COMMAND_LIST};
    for (uint32_t i = 0; i < RUN_READERS_MAX && i < self->users_count && run_is_well(self); i++) {
        if (self->readers[i].is_subscribed && self->calls_count < RUN_CALLS_MAX) {
            issue(self, 0, i, &operation);
        }
    }
}

void run_send_unsubscriptions(struct run *self)
{
    const struct model_operation operation = {.kind = COMMAND_UNSUBSCRIBE};
    for (uint32_t user = 0; user < self->users_count && run_is_well(self); user++) {
        issue(self, 0, user, &operation);
    }
}

void run_send_lists(struct run *self)
{
    for (uint32_t user = 0; user < self->users_count && run_is_well(self); user++) {
        struct model_operation operation = {.kind = COMMAND_LIST};
        if (self->calls_count + 2 < RUN_CALLS_MAX) {
            issue(self, 0, user, &operation);
            operation = (struct model_operation){
                .kind = COMMAND_INSPECT_CHANNEL,
                .count = 1,
                .channels = {world_draw_below(&self->world, CHANCE_TIME, self->rules.channels)}};
            issue(self, 0, user, &operation);
        }
    }
}

void run_send_flush(struct run *self)
{
    const struct model_operation operation = {.kind = COMMAND_FLUSH_ALL};
    /* Once a shard: by a user of it. */
    for (uint32_t shard = 0; shard < self->node_options.shards && run_is_well(self); shard++) {
        for (uint32_t user = 0; user < self->users_count; user++) {
            if (node_find_shard(self->node, self->users[user].id) == shard &&
                self->calls_count < RUN_CALLS_MAX) {
                issue(self, 0, user, &operation);
                break;
            }
        }
    }
}

void run_drop_client(struct run *self, uint32_t client)
{
    for (uint32_t i = 0; i < self->calls_count; i++) {
        self->calls[i].is_dropped |= self->calls[i].client == client;
    }
}

void run_drop_calls(struct run *self)
{
    self->calls_count = 0;
    for (uint32_t i = 0; i < self->clients_count; i++) {
        self->clients[i].open = 0;
    }
}
