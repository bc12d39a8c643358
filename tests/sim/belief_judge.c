#include "sim/belief_judge.h"

#include "base/assert.h"

#include <string.h>

bool judge_is_same_view(const struct state_view *a, const struct state_view *b)
{
    if (a->present != b->present) {
        return false;
    }
    return !a->present ||
           (channel_key_compare(a->channel, b->channel) == 0 && a->approximate == b->approximate &&
            a->deleted == b->deleted && a->viewed_days == b->viewed_days && a->flags == b->flags &&
            a->mentions == b->mentions && a->last_read == b->last_read && a->floor == b->floor &&
            a->pin_ms == b->pin_ms && a->version == b->version);
}

static bool judge_get(const struct model_user *user, const struct belief_step *step)
{
    if (step->views_count != step->operation.count) {
        return false;
    }
    for (uint32_t i = 0; i < step->views_count; i++) {
        struct state_view view = model_view(user, step->operation.channels[i]);
        view.present = view.present && !view.deleted;
        struct state_view shown = step->views[i];
        shown.channel = view.channel;
        if (!judge_is_same_view(&view, &shown)) {
            return false;
        }
    }
    return true;
}

/* An epoch does not bind a user without a state. */
static bool judge_incarnation(struct model_user *user, uint32_t incarnation)
{
    if (user->version == 0) {
        return true;
    }
    if (user->is_known == 0 && incarnation >= user->incarnation_min) {
        user->is_known = 1;
        user->incarnation = incarnation;
        user->incarnation_min = incarnation;
    }
    return user->is_known != 0 && user->incarnation == incarnation;
}

static bool judge_list(struct model_user *user, const struct belief_step *step)
{
    const struct model_operation *operation = &step->operation;
    if (step->version != user->version || !judge_incarnation(user, step->incarnation)) {
        return false;
    }
    const bool since = operation->is_since && operation->since_incarnation == step->incarnation &&
                       user->purged_to <= operation->number && operation->number <= user->version;
    if (since == step->is_full) {
        return false;
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < user->channels; i++) {
        const struct state_view view = model_view(user, i);
        const bool is_shown =
            view.present && (since ? view.version > operation->number : !view.deleted);
        if (!is_shown) {
            continue;
        }
        if (at == step->views_count || !judge_is_same_view(&view, &step->views[at])) {
            return false;
        }
        at++;
    }
    return at == step->views_count;
}

static bool judge_badge(const struct model_user *user, const struct belief_step *step)
{
    uint64_t mentions = 0;
    uint64_t states = 0;
    for (uint32_t i = 0; i < user->channels; i++) {
        const struct state_view view = model_view(user, i);
        if (view.present && !view.deleted && view.mentions > 0) {
            mentions += view.mentions;
            states++;
        }
    }
    return step->version == mentions && step->number == states;
}

static bool judge_inspected(const struct model_user *user, const struct belief_step *step)
{
    const struct model_state *state = &user->states[step->operation.channels[0]];
    return step->number == state->is_there &&
           (state->is_there == 0 || memcmp(state, &step->inspected, sizeof *state) == 0);
}

static bool judge_change(struct model_user *user, const struct model_rules *rules,
                         const struct belief_step *step, bool *out_is_visible)
{
    struct model_outcome outcome;
    model_apply(user, rules, &step->operation, &outcome);
    *out_is_visible = outcome.is_visible;
    if (!step->is_answered || step->is_doubtful) {
        return true;
    }
    const bool was_refused = step->status == STATUS_LIMIT || step->status == STATUS_VERSION;
    if (was_refused || outcome.status != STATUS_OK) {
        return outcome.status == step->status;
    }
    switch (step->operation.kind) {
    case COMMAND_ACK:
    case COMMAND_PIN:
    case COMMAND_JOIN:
        return step->status == STATUS_UNWRITTEN ||
               (step->version == outcome.version && step->number == outcome.number);
    case COMMAND_BULKACK:
        return step->version == outcome.version && step->number == outcome.number;
    case COMMAND_LEAVE:
    case COMMAND_DEL:
    case COMMAND_FORGET:
        return step->number == outcome.number;
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
        return true;
    case COMMAND_GET:
    case COMMAND_LIST:
    case COMMAND_BADGE:
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
    case COMMAND_EVICT:
    case COMMAND_INSPECT_USER:
    case COMMAND_INSPECT_CHANNEL:
    case COMMAND_MEASURE_USER:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        break;
    }
    UNREACHABLE("a command that changes nothing");
}

/* Refused for what the model does not know of: nothing has happened. */
static bool has_failed(const struct belief_step *step)
{
    return step->is_answered && !step->is_doubtful && step->status != STATUS_OK &&
           step->status != STATUS_UNWRITTEN && step->status != STATUS_LIMIT &&
           step->status != STATUS_VERSION;
}

enum verdict belief_judge(struct model_user *user, const struct model_rules *rules,
                          const struct belief_step *step, bool *out_is_visible)
{
    bool is_so = true;
    *out_is_visible = false;
    if (has_failed(step)) {
        if (step->operation.kind == COMMAND_FORGET) {
            model_begin_anew_perhaps(user);
        }
        return VERDICT_SO;
    }
    switch (step->operation.kind) {
    case COMMAND_GET:
        is_so = !step->is_answered || judge_get(user, step);
        break;
    case COMMAND_LIST:
        is_so = !step->is_answered || judge_list(user, step);
        break;
    case COMMAND_BADGE:
        is_so = !step->is_answered || judge_badge(user, step);
        break;
    case COMMAND_INSPECT_CHANNEL:
        is_so = !step->is_answered || judge_inspected(user, step);
        break;
    case COMMAND_ACK:
    case COMMAND_BULKACK:
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
    case COMMAND_PIN:
    case COMMAND_JOIN:
    case COMMAND_LEAVE:
    case COMMAND_DEL:
    case COMMAND_FORGET:
        is_so = judge_change(user, rules, step, out_is_visible);
        break;
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
    case COMMAND_EVICT:
    case COMMAND_INSPECT_USER:
    case COMMAND_MEASURE_USER:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        UNREACHABLE("a command that concerns no state");
    }
    return is_so ? VERDICT_SO : VERDICT_IMPOSSIBLE;
}
