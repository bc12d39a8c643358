#include "readstate/state.h"

void read_state_init(struct read_state *self, struct channel_key channel)
{
    /* Field by field: a compound literal would clear the mentions as well. */
    self->channel = channel;
    self->deleted = false;
    self->mentions_kept = 0;
    self->viewed_days = 0;
    self->flags = 0;
    self->counted = 0;
    self->counted_to = 0;
    self->last_read = 0;
    self->floor = 0;
    self->pin_ms = 0;
    self->version = 0;
}

uint32_t read_state_count_mentions(const struct read_state *self)
{
    uint32_t count = self->counted;
    for (uint32_t at = 0; at < self->mentions_kept; at++) {
        count += self->mentions[at].withdrawn ? 0 : 1;
    }
    return count < MENTIONS_MAX ? count : MENTIONS_MAX;
}

void read_state_view(const struct read_state *self, struct state_view *out_view)
{
    *out_view = (struct state_view){
        .channel = self->channel,
        .present = true,
        .approximate = self->counted > 0,
        .viewed_days = self->viewed_days,
        .flags = self->flags,
        .mentions = read_state_count_mentions(self),
        .last_read = self->last_read,
        .floor = self->floor,
        .pin_ms = self->pin_ms,
        .version = self->version,
    };
    if (self->deleted) {
        state_view_show_tombstone(out_view);
    }
}

void state_view_show_tombstone(struct state_view *self)
{
    *self = (struct state_view){
        .channel = self->channel,
        .present = true,
        .deleted = true,
        .last_read = self->floor,
        .floor = self->floor,
        .version = self->version,
    };
}
