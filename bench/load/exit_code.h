/* What the exit code of readstates-bench means: part of its --help. */
#ifndef LOAD_EXIT_CODE_H
#define LOAD_EXIT_CODE_H

enum exit_code {
    EXIT_ALL_ANSWERED = 0, /* What was sent was answered, perhaps with an error. */
    EXIT_SOME_MISSING = 1, /* Answers are missing, or are not what their commands can have. */
    EXIT_BAD_INPUT = 2,    /* Wrong usage, or the JSON file cannot be written. */
    EXIT_NO_SERVER = 3,    /* The server could not be reached, or all connections were lost. */
};

#endif
