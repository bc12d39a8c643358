/* CLIENT REPLY: answers that are made and not sent. */
#include "net/connection.h"
#include "net/net_internal.h"

bool connection_mute_allows(const struct connection *self, bool is_subscribe)
{
    if (self->mute == MUTE_NOT) {
        return true;
    }
    const uint32_t open = answers_count(&self->answers);
    const uint32_t asked = self->subscriber == NULL ? 0 : feed_count_questions(self->subscriber);
    if (is_subscribe) {
        return open == asked;
    }
    return self->mute == MUTE_NEXT ? open == 0 : asked == 0;
}

void connection_mute_output(struct connection *self, size_t size, bool is_subscription, bool more)
{
    switch (self->mute) {
    case MUTE_NOT:
        return;
    case MUTE_ASKED:
        self->mute = MUTE_NEXT;
        return;
    case MUTE_NEXT:
    case MUTE_ALL:
        if (!is_subscription) {
            buffer_cut(&self->out, size);
        }
        if (self->mute == MUTE_NEXT && !more) {
            self->mute = MUTE_NOT;
        }
        return;
    }
}
