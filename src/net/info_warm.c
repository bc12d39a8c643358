/* INFO about the warm restart: what is not among the metrics, and those that are. */
#include "net/net_internal.h"

#include <inttypes.h>

static const char *const state_names[] = {
    [NET_WARM_NONE] = "none",
    [NET_WARM_LOADING] = "loading",
    [NET_WARM_DONE] = "done",
    [NET_WARM_STOPPED] = "stopped",
};

void info_add_warm(struct info_text *to, struct net *net)
{
    const struct net_warm figures = net_peek_warm(net);
    info_add(to, "warm_state:%s\r\n", state_names[figures.state]);
    info_add(to, "warm_users_total:%" PRIu64 "\r\n", figures.users);
    info_add(to, "warm_users_loaded:%" PRIu64 "\r\n", net_peek_metric(net, METRIC_WARM_LOADED));
    info_add(to, "warm_users_skipped:%" PRIu64 "\r\n", net_peek_metric(net, METRIC_WARM_SKIPPED));
    info_add(to, "warm_last_save_unixtime:%" PRIu64 "\r\n", figures.saved_s);
    info_add(to, "warm_last_save_users:%" PRIu64 "\r\n", figures.saved_users);
    info_add(to, "warm_save_errors:%" PRIu64 "\r\n", figures.failures);
}
