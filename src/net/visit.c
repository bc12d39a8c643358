#include "net/visit.h"

#include "base/assert.h"
#include "net/net_internal.h"

struct shard_limits visit_share_limits(const struct net *net, const struct shard_limits *limits)
{
    struct shard_limits share = *limits;
    share.cache_bytes = limits->cache_bytes / net->threads;
    share.dirty_bytes = limits->dirty_bytes / net->threads;
    share.cache_users = limits->cache_users / net->threads;
    share.warm_rate = (limits->warm_rate + net->threads - 1) / net->threads;
    return share;
}

/* Before any command: what comes after a changed option was answered finds it changed. */
static void apply_limits(struct loop *home) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const struct net *net = home->lent_net;
    const uint64_t number = atomic_load_explicit(&net->settings_number, memory_order_acquire);
    if (UNLIKELY(home->limits_seen != number)) {
        const struct net_settings settings = net_peek_settings(net);
        const struct shard_limits share = visit_share_limits(net, &settings.limits);
        home->limits_seen = number;
        shard_set_limits(home->shard, &share);
    }
}

bool visit_begin(struct loop *self, struct loop *home)
{
    const struct net *net = self->lent_net;
    if (net->threads > 1) {
        const bool may_enter =
            self == home ? gate_enter_or_want(&home->gate)
                         : link_is_drained(net_get_link(net, self->number, home->number)) &&
                               gate_enter(&home->gate);
        if (!may_enter) {
            return false;
        }
    }
    home->lent_visitor = self;
    apply_limits(home);
    return true;
}

/* Replies and texts for other loops: which of them have something new to see, a bit each. */
static uint64_t publish_replies(struct loop *home)
{
    const struct net *net = home->lent_net;
    uint64_t changed = 0;
    bool some_wait = false;
    for (uint32_t other = 0; other < net->threads; other++) {
        struct link *link = net_get_link(net, home->number, other);
        changed |= (uint64_t)link_publish_replies(link) << other;
        changed |= (uint64_t)link_publish_texts(link) << other;
        some_wait |= link->waiting_replies.count > 0 || link->has_lost_texts;
    }
    home->has_sent_replies = some_wait;
    return changed;
}

void visit_leave(struct loop *self, struct loop *home)
{
    const bool wants_turn = self != home && shard_wants_turn(home->shard);
    if (self->lent_net->threads > 1 && (gate_leave(&home->gate) || wants_turn)) {
        loop_wake(home);
    }
}

void visit_end(struct loop *self, struct loop *home)
{
    struct net *net = self->lent_net;
    /* What others get to see is written before they do. */
    durable_end_visit(self, home, home->has_sent_replies || home->has_asked_store);
    if (home->has_asked_store) {
        home->has_asked_store = false;
        store_workers_flush(home->workers);
    }
    shard_publish_metrics(home->shard);
    uint64_t changed = home->has_sent_replies ? publish_replies(home) : 0;
    visit_leave(self, home);
    for (; changed != 0; changed &= changed - 1) {
        loop_wake_if_sleeping(&net->loops[__builtin_ctzll(changed)]);
    }
}

void visit_take_reply(struct loop *self, struct loop *home, const struct reply *reply)
{
    if (self != home && reply_ends_command(reply)) {
        link_end_command(net_get_link(self->lent_net, self->number, home->number));
        self->commands_away--;
    }
    connection_take_reply(self, reply);
}

static void send_reply(struct loop *home, const struct reply *reply)
{
    struct link *link = net_get_link(home->lent_net, home->number, reply->token.shard);
    home->has_sent_replies = true;
    if (link_send_reply(link, reply) != STATUS_OK) {
        /* Without memory an error without payload takes the answer's place; it cannot fail. */
        const struct reply failed = {
            .kind = REPLY_FAILED, .status = STATUS_MEMORY, .token = reply->token};
        const enum status status = link_send_reply(link, &failed);
        ASSERT(status == STATUS_OK);
    }
}

void visit_reply(void *context, const struct reply *reply)
{
    struct loop *home = (struct loop *)context;
    struct loop *visitor = home->lent_visitor;
    /* Not past replies that are on their way to the visitor: a list's parts keep their order. */
    const bool direct = reply->token.shard == visitor->number &&
                        (visitor == home || link_is_quiet(net_get_link(home->lent_net, home->number,
                                                                       visitor->number)));
    if (direct) {
        visit_take_reply(visitor, home, reply);
    } else {
        send_reply(home, reply);
    }
}

bool visit_has_reply_room(void *context, const struct command_token *token)
{
    struct loop *home = (struct loop *)context;
    return token->shard == home->number ||
           link_has_reply_room(net_get_link(home->lent_net, home->number, token->shard));
}

/* The last part of a change: its text goes to all loops that read the user. */
static void send_text(struct loop *home, uint64_t readers)
{
    struct feed_text *text = NULL;
    const enum status status =
        home->has_lost_draft ? STATUS_MEMORY : feed_draft_end(&home->draft, &text);
    for (; readers != 0; readers &= readers - 1) {
        struct link *link =
            net_get_link(home->lent_net, home->number, (uint32_t)__builtin_ctzll(readers));
        if (status == STATUS_OK) {
            struct feed_text *own = feed_text_acquire(text);
            link_send_text(link, &own);
        } else {
            link_lose_text(link);
        }
    }
    feed_text_release(&text);
    home->has_sent_replies = true;
}

void visit_publish(void *context, const struct publication *publication)
{
    struct loop *home = (struct loop *)context;
    if (publication->first) {
        home->has_lost_draft =
            feed_draft_begin(&home->draft, home->lent_net->epoch, publication) != STATUS_OK;
    }
    if (!home->has_lost_draft) {
        home->has_lost_draft =
            feed_draft_add(&home->draft, publication->views, publication->count) != STATUS_OK;
    }
    if (publication->last) {
        send_text(home, publication->readers);
    }
}

void visit_send_to_store(void *context, const struct store_request *request)
    THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct loop *home = (struct loop *)context;
    home->has_asked_store = true;
    const bool sent = store_workers_send(home->workers, request);
    ASSERT(sent);
}
