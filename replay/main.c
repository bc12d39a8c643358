/* readstates-replay: plays a chat into a server, and compares what it then has with a plain model.
 */
#include "replay/client.h"
#include "replay/clock.h"
#include "replay/comparison.h"
#include "replay/exit_code.h"
#include "replay/latency.h"
#include "replay/model.h"
#include "replay/options.h"
#include "replay/player.h"
#include "replay/progress.h"
#include "replay/report.h"
#include "replay/trace.h"

#include <signal.h>
#include <stdio.h>

enum {
    IDS_KEPT_DEFAULT = 16,
    IDS_KEPT_MAX = 65536, /* More than any server keeps: then it is not one of ours. */
};

/* Everything of one replay, so that one place ends it all. */
struct replay {
    struct options options;
    struct trace trace;
    struct client client;
    struct model model;
    struct player player;
    struct comparison comparison;
    struct latency latency;
    uint32_t ids_kept;
    uint32_t arguments_max;
};

static enum exit_code fail_no_server(const struct replay *self)
{
    fprintf(stderr, "readstates-replay: %s\n", self->client.error);
    return EXIT_NO_SERVER;
}

static bool read_server_options(struct replay *self)
{
    struct client *client = &self->client;
    if (!client_read_option(client, "mention-ids-kept", IDS_KEPT_DEFAULT, &self->ids_kept) ||
        !client_read_option(client, "max-arguments", COMMAND_ARGUMENTS_MAX, &self->arguments_max)) {
        return false;
    }
    if (self->ids_kept == 0 || self->ids_kept > IDS_KEPT_MAX) {
        self->ids_kept = IDS_KEPT_DEFAULT;
    }
    if (self->arguments_max < PLAYER_ARGUMENTS_MIN) {
        self->arguments_max = PLAYER_ARGUMENTS_MIN;
    }
    return true;
}

/* The states of each user of the trace, in the trace's order. */
static void on_list(void *context, uint32_t tag, const redisReply *reply)
{
    comparison_compare_list(context, tag, reply);
}

static bool compare_all(struct replay *self, struct latency *latency)
{
    const struct id_map *users = &self->trace.users;
    struct command *command = self->player.command;
    struct progress progress;

    comparison_init(&self->comparison, &self->model, &self->trace);
    client_listen(&self->client, on_list, &self->comparison, latency);
    progress_begin(&progress, "comparing", users->count, "users");
    bool alive = true;
    for (uint32_t user = 0; user < users->count && alive; user++) {
        command_start(command, "RS.LIST");
        command_insert_number(command, id_map_get_key(users, user));
        alive = client_send(&self->client, command, user);
        progress_show(&progress, user);
    }
    alive = alive && client_drain(&self->client);
    progress_end(&progress);
    return alive;
}

static enum exit_code compare(struct replay *self)
{
    struct latency latency;
    latency_init(&latency);
    const uint64_t began_ns = clock_read_ns();
    const bool alive = compare_all(self, &latency);
    const uint64_t wall_ns = clock_read_ns() - began_ns;

    if (alive && self->options.verify_only) {
        latency_sort(&latency);
        report_commands(&(struct report_run){.commands = self->trace.users.count,
                                             .wall_ns = wall_ns,
                                             .latency = &latency},
                        " (RS.LIST)", self->options.depth);
    }
    latency_deinit(&latency);
    if (!alive) {
        return fail_no_server(self);
    }
    report_comparison(&self->comparison, self->ids_kept);
    return self->comparison.differences == 0 ? EXIT_SAME : EXIT_DIFFERENT;
}

static enum exit_code play(struct replay *self)
{
    const char *path = self->options.trace;
    struct progress progress;
    const uint64_t began_ns = clock_read_ns();

    progress_begin(&progress, "playing", self->trace.events_count, "events");
    const bool alive = player_play(&self->player, &progress, &self->latency);
    const uint64_t wall_ns = clock_read_ns() - began_ns;
    progress_end(&progress);
    if (self->player.refusals > 0) {
        report_refusals(&self->player, path);
        return EXIT_DIFFERENT;
    }
    if (!alive) {
        return fail_no_server(self);
    }
    report_events(&self->trace, path);
    if (!self->options.verify_only) {
        latency_sort(&self->latency);
        report_commands(&(struct report_run){.commands = self->player.commands,
                                             .wall_ns = wall_ns,
                                             .latency = &self->latency},
                        "", self->options.depth);
    }
    fflush(stdout);
    return EXIT_SAME;
}

static enum exit_code run(struct replay *self)
{
    char error[TRACE_ERROR_SIZE];
    if (!trace_read_file(&self->trace, self->options.trace, error)) {
        fprintf(stderr, "readstates-replay: %s\n", error);
        return EXIT_BAD_INPUT;
    }
    if (!client_open(&self->client, &self->options.address, self->options.depth) ||
        !read_server_options(self)) {
        return fail_no_server(self);
    }
    model_init(&self->model, self->ids_kept);
    player_init(&self->player, &self->trace, &self->model,
                self->options.verify_only ? NULL : &self->client, self->arguments_max);
    const enum exit_code played = play(self);
    return played == EXIT_SAME ? compare(self) : played;
}

int main(int argc, char **argv)
{
    struct replay replay = {0};
    /* A lost server is an error of a write, not the end of the program. */
    (void)signal(SIGPIPE, SIG_IGN);
    switch (options_read(&replay.options, argc, argv)) {
    case OPTIONS_DONE:
        return EXIT_SAME;
    case OPTIONS_WRONG:
        return EXIT_BAD_INPUT;
    case OPTIONS_RUN:
        break;
    }
    trace_init(&replay.trace);
    latency_init(&replay.latency);
    const enum exit_code code = run(&replay);
    comparison_deinit(&replay.comparison);
    player_deinit(&replay.player);
    model_deinit(&replay.model);
    client_close(&replay.client);
    trace_deinit(&replay.trace);
    latency_deinit(&replay.latency);
    return (int)code;
}
