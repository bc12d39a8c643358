/* What the exit code of readstates-replay means: part of its man page. */
#ifndef REPLAY_EXIT_CODE_H
#define REPLAY_EXIT_CODE_H

enum exit_code {
    EXIT_SAME = 0,      /* Every state is as the model says. */
    EXIT_DIFFERENT = 1, /* A state differs, or the server refused a command. */
    EXIT_BAD_INPUT = 2, /* Wrong usage, or a trace that cannot be read. */
    EXIT_NO_SERVER = 3, /* The server could not be reached, or was lost on the way. */
};

#endif
