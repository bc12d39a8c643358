#include "net/net_warm.h"

#include "net/net_internal.h"

void warm_link_init(struct warm_link *self)
{
    pthread_mutex_init(&self->lock, NULL);
}

void warm_link_deinit(struct warm_link *self)
{
    pthread_mutex_destroy(&self->lock);
}

void net_show_warm(struct net *self, const struct net_warm *figures)
{
    pthread_mutex_lock(&self->warm.lock);
    self->warm.figures = *figures;
    pthread_mutex_unlock(&self->warm.lock);
}

struct net_warm net_peek_warm(struct net *self)
{
    pthread_mutex_lock(&self->warm.lock);
    const struct net_warm figures = self->warm.figures;
    pthread_mutex_unlock(&self->warm.lock);
    return figures;
}

bool net_warm_user(struct net *self, struct user_id user)
{
    const uint32_t shard = self->threads == 1 ? 0 : net_find_shard(self, hash_slot_of_user(user));
    struct user_id *place = ring_put(&self->loops[shard].warm_users);
    if (place == NULL) {
        return false;
    }
    *place = user;
    return true;
}

void net_wake_warm(struct net *self)
{
    for (uint32_t i = 0; i < self->threads; i++) {
        if (ring_publish(&self->loops[i].warm_users)) {
            loop_wake(&self->loops[i]);
        }
    }
}

void net_begin_hot(struct net *self, uint64_t users_max)
{
    /* Users are spread evenly. */
    const uint64_t share = users_max / self->threads + (users_max % self->threads != 0);
    atomic_store_explicit(&self->warm.hot_share, share < UINT32_MAX ? (uint32_t)share : UINT32_MAX,
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&self->warm.hot_asked, 1, memory_order_release);
    for (uint32_t i = 0; i < self->threads; i++) {
        loop_wake(&self->loops[i]);
    }
}

bool net_take_hot(struct net *self, struct hot_list *out_lists)
{
    const uint64_t asked = atomic_load_explicit(&self->warm.hot_asked, memory_order_relaxed);
    for (uint32_t i = 0; i < self->threads; i++) {
        if (atomic_load_explicit(&self->loops[i].hot_made, memory_order_acquire) != asked) {
            return false;
        }
    }
    for (uint32_t i = 0; i < self->threads; i++) {
        out_lists[i] = self->loops[i].hot_list;
        self->loops[i].hot_list = (struct hot_list){0};
    }
    return true;
}

void net_return_hot(struct net *self, struct hot_list *taken_lists)
{
    for (uint32_t i = 0; i < self->threads; i++) {
        atomic_fetch_sub_explicit(&self->warm.bytes, hot_list_count_bytes(&taken_lists[i]),
                                  memory_order_relaxed);
        hot_list_deinit(&taken_lists[i]);
    }
}

static void drop_list(struct loop *self)
{
    atomic_fetch_sub_explicit(&self->lent_net->warm.bytes, hot_list_count_bytes(&self->hot_list),
                              memory_order_relaxed);
    hot_list_deinit(&self->hot_list);
}

/* What the first thread has asked for, and what has come of it. True: it was begun. */
static bool turn_hot(struct loop *self) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct warm_link *warm = &self->lent_net->warm;
    const uint64_t asked = atomic_load_explicit(&warm->hot_asked, memory_order_acquire);
    if (LIKELY(asked == self->hot_seen)) {
        return false;
    }
    if (!self->is_making_hot) {
        drop_list(self); /* One that nobody took. */
        const uint32_t share = atomic_load_explicit(&warm->hot_share, memory_order_relaxed);
        self->is_making_hot = shard_begin_hot(self->shard, share) == STATUS_OK;
        if (self->is_making_hot) {
            return true;
        }
    } else if (!shard_take_hot(self->shard, &self->hot_list)) {
        return false;
    }
    self->is_making_hot = false;
    self->hot_seen = asked;
    atomic_fetch_add_explicit(&warm->bytes, hot_list_count_bytes(&self->hot_list),
                              memory_order_relaxed);
    atomic_store_explicit(&self->hot_made, asked, memory_order_release);
    return false;
}

bool loop_turn_warm(struct loop *self)
{
    bool has_begun = turn_hot(self);
    if (self->phase != STOP_NOT) {
        shard_end_warm(self->shard);
        return has_begun;
    }
    const struct user_id *user = ring_peek(&self->warm_users);
    while (user != NULL && shard_warm(self->shard, *user)) {
        has_begun = true;
        ring_consume(&self->warm_users);
        user = ring_peek(&self->warm_users);
    }
    return has_begun;
}

enum status loop_init_warm(struct loop *self)
{
    enum { USERS_ON_THEIR_WAY = 1024 };
    return ring_init(&self->warm_users, sizeof(struct user_id), USERS_ON_THEIR_WAY);
}

void loop_deinit_warm(struct loop *self)
{
    hot_list_deinit(&self->hot_list);
    if (self->warm_users.elements != NULL) {
        ring_deinit(&self->warm_users);
    }
}
