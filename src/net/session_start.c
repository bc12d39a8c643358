/* What a connection begins with: who it is, and the state that RESET brings back. */
#include "net/net_internal.h"
#include "net/render.h"

#include <time.h>

bool session_may_be(struct connection *self, struct slice user)
{
    /* As in Redis, where no password is set: the default user comes in with any. */
    if (slice_equal(user, slice_from_text("default"))) {
        return true;
    }
    resp_write_error(&self->writer, "WRONGPASS",
                     slice_from_text("invalid username-password pair or user is disabled."));
    return false;
}

enum session_outcome session_auth(struct connection *self, const struct slice *arguments,
                                  uint32_t count)
{
    if (count > 3) {
        render_error(&self->writer, "syntax error");
    } else if (count == 2) {
        render_error(&self->writer,
                     "AUTH <password> called without any password configured for the default user. "
                     "Are you sure your configuration is correct?");
    } else if (session_may_be(self, arguments[1])) {
        resp_write_simple(&self->writer, slice_from_text("OK"));
    }
    return SESSION_GOES_ON;
}

enum session_outcome session_refuse_cluster(struct connection *self)
{
    render_error(&self->writer, "This instance has cluster support disabled");
    return SESSION_GOES_ON;
}

enum session_outcome session_reset(struct connection *self)
{
    if (!session_leave_some(self)) {
        return SESSION_CONTINUES;
    }
    if (self->names != NULL) {
        self->names->name[0] = '\0';
    }
    self->is_no_evict = false;
    self->is_no_touch = false;
    if (self->mute == MUTE_ALL) {
        self->mute = MUTE_NOT;
    }
    self->writer.version = RESP_VERSION_2;
    resp_write_simple(&self->writer, slice_from_text("RESET"));
    return SESSION_GOES_ON;
}

enum session_outcome session_write_time(struct connection *self)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    resp_write_array_head(&self->writer, 2);
    resp_write_bulk_u64(&self->writer, (uint64_t)now.tv_sec);
    resp_write_bulk_u64(&self->writer, (uint64_t)now.tv_nsec / 1000);
    return SESSION_GOES_ON;
}
