/* The end of subscriptions: by the connection's own thread, at once. */
#include "base/assert.h"
#include "net/net_internal.h"
#include "net/render.h"

enum { LEFT_AT_ONCE = 256 };

static void leave(struct connection *self, struct user_id user)
{
    (void)feed_unsubscribe(self, user);
    render_subscription(&self->writer, "unsubscribe", user, feed_count_subscriptions(self));
}

/* All of them, a slice at a time. */
static enum session_outcome leave_all(struct connection *self)
{
    struct subscriber *subscriber = self->subscriber;
    if (feed_count_subscriptions(self) == 0 &&
        (subscriber == NULL || !subscriber->is_leaving_all)) {
        render_subscription(&self->writer, "unsubscribe", (struct user_id){0}, 0);
        return SESSION_GOES_ON;
    }
    for (int i = 0; i < LEFT_AT_ONCE && feed_count_subscriptions(self) > 0; i++) {
        leave(self, feed_find_subscription(self));
    }
    feed_drop_texts(self);
    subscriber->is_leaving_all = feed_count_subscriptions(self) > 0;
    return subscriber->is_leaving_all ? SESSION_CONTINUES : SESSION_GOES_ON;
}

bool session_leave_some(struct connection *self)
{
    for (int i = 0; i < LEFT_AT_ONCE && feed_count_subscriptions(self) > 0; i++) {
        (void)feed_unsubscribe(self, feed_find_subscription(self));
    }
    feed_drop_texts(self);
    return feed_count_subscriptions(self) == 0;
}

enum session_outcome session_unsubscribe(struct connection *self, const struct slice *channels,
                                         uint32_t count)
{
    if (count == 0) {
        return leave_all(self);
    }
    for (uint32_t i = 0; i < count; i++) {
        char error[REQUEST_ERROR_SIZE];
        struct user_id user;
        const bool is_channel = request_read_feed(channels[i], &user, error);
        ASSERT(is_channel);
        leave(self, user);
    }
    feed_drop_texts(self);
    return SESSION_GOES_ON;
}
