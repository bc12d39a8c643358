/* Plays a trace: into the model alone, or into the model and a server, as a chat backend would.
 *
 *     event      commands
 *     join       RS.LIST user, RS.JOIN user channel NEWEST       (no JOIN where nothing was said
 * there) message    RS.MESSAGE channel id user [MENTIONS user ...] leave      RS.ACK user channel
 * NEWEST                      (none where nothing was said there)
 *
 * A message that mentions more than one command may name goes on with RS.MENTION, which does the
 * same.
 *
 * Memory: lends all it is given; its own is one command, until player_deinit.
 */
#ifndef REPLAY_PLAYER_H
#define REPLAY_PLAYER_H

#include "replay/client.h"
#include "replay/command.h"
#include "replay/model.h"
#include "replay/progress.h"
#include "replay/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REFUSALS_KEPT = 3,
    REFUSAL_TEXT_SIZE = 256,
    /* RS.MESSAGE with one user mentioned: a server must allow as many arguments. */
    PLAYER_ARGUMENTS_MIN = 6,
};

/* A command that the server answered with an error. */
struct refusal {
    uint32_t line; /* Of the event in the trace. */
    char text[REFUSAL_TEXT_SIZE];
};

struct player {
    const struct trace *lent_trace;
    struct model *lent_model;
    struct client *lent_client; /* NULL: into the model alone. */
    struct command *command;
    int arguments_max;
    uint64_t commands;
    uint64_t refusals;
    struct refusal first[REFUSALS_KEPT];
};

/* `arguments_max` is the server's max-arguments, PLAYER_ARGUMENTS_MIN or more. */
void player_init(struct player *self, const struct trace *lent_trace, struct model *lent_model,
                 struct client *lent_client, uint32_t arguments_max);
void player_deinit(struct player *self);

/* Plays it all. It stops where a command is refused: what follows would build on what did not
 * happen. False: the server is lost, and the client's error says how. */
bool player_play(struct player *self, struct progress *progress, struct latency *latency)
    __attribute__((warn_unused_result));

#endif
