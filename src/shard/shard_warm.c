/* Warm restart: who was hot when the last server ended is loaded without a client asking, and who
 * is hot now is listed for the next one.
 *
 *     shard_warm ──► in line ──► load, in time and where nobody must go ──► the coldest in memory
 *
 * The hottest comes first, and each enters behind all who are there, so the order of use is as it
 * was; whom a client has used meanwhile is hotter. A load that a client comes to wait for is that
 * client's from then on. */
#include "base/assert.h"
#include "shard/shard_internal.h"

_Static_assert((int)WARM_LOADS_MAX < 32, "those that are done have a bit each");

enum {
    /* What the rate allows and was not used is kept for so long. */
    WARM_EARNED_MAX_MS = 100,
    WARM_PRICE = 1000,
    /* A list is made for those who are there, and so many more who come while it is made. */
    HOT_SPARE = 1024,
    HOT_SPARE_PART = 8,
};

bool shard_warm(struct shard *self, struct user_id user)
{
    struct warm *warm = &self->warm;
    if (warm->count == SHARD_WARM_MAX) {
        return false;
    }
    warm->users[(warm->first + warm->count++) % SHARD_WARM_MAX] = user;
    self->wants_turn = true;
    return true;
}

static struct user_id take_first(struct warm *self)
{
    const struct user_id user = self->users[self->first++ % SHARD_WARM_MAX];
    self->count--;
    return user;
}

static void skip_all(struct shard *self)
{
    metrics_add(self->lent_metrics, METRIC_WARM_SKIPPED, self->warm.count);
    self->warm.count = 0;
}

void shard_end_warm(struct shard *self)
{
    skip_all(self);
}

bool shard_is_warm_load(const struct waiting *waiting)
{
    return waiting->is_warm && waiting->first == NULL;
}

enum status shard_find_warm_room(const struct shard *self, uint64_t bytes)
{
    const uint64_t users_max =
        self->limits.cache_users == 0 ? UINT32_MAX : self->limits.cache_users;
    const bool has_room = self->room_queue.first == NULL &&
                          cache_count_bytes(&self->cache) + self->reserved_bytes + bytes <=
                              self->limits.cache_bytes &&
                          cache_count_users(&self->cache) < users_max;
    return has_room ? STATUS_OK : STATUS_CACHE_FULL;
}

void shard_place_warm(struct shard *self, struct user_id user)
{
    cache_cool(&self->cache, cache_find(&self->cache, user), (uint32_t)(self->now_ms / 1000));
}

void shard_end_warm_load(struct shard *self, const struct waiting *waiting)
{
    struct warm *warm = &self->warm;
    const bool is_there = cache_find(&self->cache, waiting->user) != BLOCK_NONE;
    metrics_add(self->lent_metrics, is_there ? METRIC_WARM_LOADED : METRIC_WARM_SKIPPED, 1);
    ASSERT(warm->under_way > 0);
    warm->under_way--;
    for (warm->ahead |= 1U << (waiting->warm - warm->done); warm->ahead & 1; warm->ahead >>= 1) {
        warm->done++;
    }
}

static void earn(struct shard *self)
{
    struct warm *warm = &self->warm;
    const uint64_t rate = self->limits.warm_rate;
    const uint64_t most = rate * WARM_EARNED_MAX_MS + WARM_PRICE;
    const uint64_t passed_ms = self->now_ms - warm->earned_ms;
    warm->earned_ms = self->now_ms;
    warm->earned += rate * (passed_ms < WARM_EARNED_MAX_MS ? passed_ms : WARM_EARNED_MAX_MS);
    warm->earned = warm->earned > most ? most : warm->earned;
}

/* Is the store to be asked for one more, beside what clients wait for? */
static bool may_load(const struct shard *self)
{
    const struct warm *warm = &self->warm;
    const bool clients_wait = self->loads_in_flight + self->images_held > warm->under_way;
    const uint32_t most = clients_wait ? WARM_LOADS_BESIDE_CLIENTS : WARM_LOADS_MAX;
    return warm->earned >= WARM_PRICE && warm->begun - warm->done < most && self->loads_late == 0 &&
           self->load_queue.first == NULL && breaker_may(&self->breaker, self->now_ms);
}

/* Nothing is to be done for the user: it is there, or comes for somebody else, or has no room. */
static bool is_idle(const struct shard *self, struct user_id user)
{
    const uint64_t users_max =
        self->limits.cache_users == 0 ? UINT32_MAX : self->limits.cache_users;
    return cache_find(&self->cache, user) != BLOCK_NONE ||
           waiting_find(&self->waiting, user) != NULL ||
           cache_count_users(&self->cache) + (uint64_t)self->warm.under_way >= users_max ||
           shard_find_warm_room(self, shard_room_to_insert()) != STATUS_OK;
}

bool shard_turn_warm(struct shard *self)
{
    struct warm *warm = &self->warm;
    if (warm->count == 0) {
        return false;
    }
    earn(self);
    if (self->limits.warm_rate == 0) {
        skip_all(self);
    }
    for (int i = 0; i < TURN_WARM && warm->count > 0; i++) {
        const struct user_id user = warm->users[warm->first % SHARD_WARM_MAX];
        if (!is_idle(self, user)) {
            if (!may_load(self)) {
                return false;
            }
            warm->earned -= WARM_PRICE;
            if (shard_begin_warm_load(self, take_first(warm))) {
                warm->under_way++;
                warm->begun++;
                continue;
            }
        } else {
            (void)take_first(warm);
        }
        metrics_add(self->lent_metrics, METRIC_WARM_SKIPPED, 1);
    }
    return warm->count > 0;
}

enum status shard_begin_hot(struct shard *self, uint32_t users_max)
{
    hot_list_deinit(&self->hot_list);
    const uint32_t users = cache_count_users(&self->cache);
    const uint64_t wanted = (uint64_t)users + users / HOT_SPARE_PART + HOT_SPARE;
    const enum status status =
        hot_list_init(&self->hot_list, wanted < users_max ? (uint32_t)wanted : users_max);
    if (status == STATUS_OK) {
        cache_begin_hot(&self->cache, &self->hot);
        self->wants_turn = true;
    }
    return status;
}

bool shard_take_hot(struct shard *self, struct hot_list *out_list)
{
    if (self->hot_list.ids == NULL || self->hot.part != CACHE_HOT_END) {
        return false;
    }
    *out_list = self->hot_list;
    self->hot_list = (struct hot_list){0};
    return true;
}

static void take_hot(void *context, struct user_id user)
{
    struct shard *self = context;
    if (self->hot.part == CACHE_HOT_SINCE) {
        hot_list_add_since(&self->hot_list, user);
    } else {
        hot_list_add(&self->hot_list, user);
    }
}

bool shard_turn_hot(struct shard *self)
{
    if (self->hot_list.ids == NULL || self->hot.part == CACHE_HOT_END) {
        return false;
    }
    if (self->hot.part < CACHE_HOT_SINCE && hot_list_is_full(&self->hot_list)) {
        cache_skip_hot(&self->cache, &self->hot);
    }
    cache_walk_hot(&self->cache, &self->hot, TURN_HOT, take_hot, self);
    return self->hot.part != CACHE_HOT_END;
}
