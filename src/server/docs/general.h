/* What the pages on commands say of all of them, whatever the page's form. Between `backquotes`
 * stands what is typed in or comes back.
 *
 * Memory: constant.  Thread: any.
 */
#ifndef DOCS_GENERAL_H
#define DOCS_GENERAL_H

struct general_group {
    const char *name; /* As in the command table. */
    const char *title;
};

struct general_error {
    const char *error;
    const char *when;
};

/* Each ends with NULL. */
extern const struct general_group general_groups[];
extern const char *const general_rules[];
extern const struct general_error general_errors[];

/* Leads to the errors that have a word of their own. */
extern const char general_failures[];

/* 1 << status, of each that can end some command. */
unsigned general_find_failures(void);

#endif
