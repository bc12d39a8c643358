/* What the exit code of readstates-journal means: part of its man page. */
#ifndef JOURNAL_TOOL_EXIT_CODE_H
#define JOURNAL_TOOL_EXIT_CODE_H

enum exit_code {
    EXIT_WHOLE = 0,
    EXIT_DAMAGED = 1,
    EXIT_BAD_INPUT = 2, /* Wrong usage, or a file that cannot be read; an answer not written. */
};

#endif
