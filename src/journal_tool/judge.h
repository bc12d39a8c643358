/* What is to be said of the files looked into, one after the other, and the exit code of it all.
 *
 * Memory: the caller's; each item is lent until the next.  Thread: one at a time.
 */
#ifndef JOURNAL_TOOL_JUDGE_H
#define JOURNAL_TOOL_JUDGE_H

#include "journal_tool/exit_code.h"
#include "journal_tool/look.h"

#include <stdbool.h>
#include <stdio.h>

struct judge {
    FILE *lent_out; /* For what is damaged. */
    bool tells_all; /* And for what is whole. */
    const struct file_list_item *lent_before;
    struct look before;
    enum exit_code code;
};

void judge_take(struct judge *self, const struct file_list_item *lent_item,
                const struct look *look);

/* That was all. */
enum exit_code judge_end(struct judge *self);

#endif
