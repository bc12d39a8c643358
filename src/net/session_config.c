/* CONFIG: the options, read and changed by clients. */
#include "net/net_internal.h"
#include "net/render.h"
#include "net/session_reply.h"

#include <stdio.h>

static const char *const config_help[] = {
    "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
    "HELP",
    "    Prints this help.",
    NULL,
};

/* CONFIG GET's pairs, counted first: the head of a map says how many come. */
struct option_list {
    struct buffer pairs;
    struct resp_writer writer;
    uint64_t count;
};

static void take_option(void *to, const char *name, const char *value)
{
    struct option_list *list = (struct option_list *)to;
    write_text(&list->writer, name);
    write_text(&list->writer, value);
    list->count++;
}

/* Matching takes as many steps as all patterns have bytes, times those of all names: more than
 * anybody asks for would hold the thread. */
enum { PATTERNS_MAX = 64, PATTERN_SIZE_MAX = 128 };

static bool are_short(const struct slice *patterns, uint32_t count)
{
    bool is_short = count <= PATTERNS_MAX;
    for (uint32_t i = 0; i < count && is_short; i++) {
        is_short = patterns[i].size <= PATTERN_SIZE_MAX;
    }
    return is_short;
}

static void config_get(struct connection *self, const struct slice *patterns, uint32_t count)
{
    if (!are_short(patterns, count)) {
        char text[REQUEST_ERROR_SIZE];
        snprintf(text, sizeof text, "CONFIG GET takes at most %d patterns of at most %d bytes",
                 PATTERNS_MAX, PATTERN_SIZE_MAX);
        render_error(&self->writer, text);
        return;
    }
    const struct net_host *host = &self->lent_loop->lent_net->config.host;
    struct option_list list = {0};
    buffer_init(&list.pairs);
    list.writer = resp_writer_over(&list.pairs);
    host->list_options(host->lent_context, patterns, count, take_option, &list);
    resp_write_map_head(&self->writer, list.count);
    if (list.count > 0 && buffer_append(&self->out, buffer_peek(&list.pairs)) != STATUS_OK) {
        self->writer.failed = true;
    }
    buffer_deinit(&list.pairs);
}

static void config_set(struct connection *self, const struct slice *pairs, uint32_t count)
{
    const struct net_host *host = &self->lent_loop->lent_net->config.host;
    char error[NET_ERROR_SIZE];
    if (host->change_options(host->lent_context, pairs, count / 2, error)) {
        write_ok(self);
    } else {
        render_error(&self->writer, error);
    }
}

static void config_resetstat(struct connection *self)
{
    const enum status status = stats_reset(self->lent_loop->lent_net);
    if (status == STATUS_OK) {
        write_ok(self);
    } else {
        render_status(&self->writer, status);
    }
}

static void config_rewrite(struct connection *self)
{
    const struct net_host *host = &self->lent_loop->lent_net->config.host;
    char error[NET_ERROR_SIZE];
    if (host->rewrite_options(host->lent_context, error)) {
        write_ok(self);
    } else {
        render_error(&self->writer, error);
    }
}

enum session_outcome session_run_config(struct connection *self, const struct slice *arguments,
                                        uint32_t count)
{
    if (slice_equal_text_nocase(arguments[1], "get")) {
        if (count < 3) {
            wrong_arity(self, "config|get");
        } else {
            config_get(self, arguments + 2, count - 2);
        }
    } else if (slice_equal_text_nocase(arguments[1], "set")) {
        if (count < 4 || count % 2 != 0) {
            wrong_arity(self, "config|set");
        } else {
            config_set(self, arguments + 2, count - 2);
        }
    } else if (slice_equal_text_nocase(arguments[1], "resetstat")) {
        if (has_no_arguments(self, count, "config|resetstat")) {
            config_resetstat(self);
        }
    } else if (slice_equal_text_nocase(arguments[1], "rewrite")) {
        if (has_no_arguments(self, count, "config|rewrite")) {
            config_rewrite(self);
        }
    } else if (slice_equal_text_nocase(arguments[1], "help")) {
        if (has_no_arguments(self, count, "config|help")) {
            write_help(&self->writer, config_help);
        }
    } else {
        unknown_subcommand(self, arguments[1], "CONFIG");
    }
    return SESSION_GOES_ON;
}
