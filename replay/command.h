/* One command being built: its name, then numbers and words, as hiredis takes them.
 *
 * Memory: one block of a quarter of a MiB, until command_destroy; words are lent and must live
 * until it is sent.
 */
#ifndef REPLAY_COMMAND_H
#define REPLAY_COMMAND_H

#include <stddef.h>
#include <stdint.h>

enum {
    COMMAND_ARGUMENTS_MAX = 4096, /* The name is one of them: a server's default max-arguments. */
    COMMAND_NUMBER_SIZE = 21,     /* The longest number, and its end. */
};

struct command {
    int arguments_count;
    const char *arguments[COMMAND_ARGUMENTS_MAX];
    size_t sizes[COMMAND_ARGUMENTS_MAX];
    char numbers[COMMAND_ARGUMENTS_MAX][COMMAND_NUMBER_SIZE];
};

struct command *command_create(void);
void command_destroy(struct command *self);

/* Starts anew. */
void command_start(struct command *self, const char *lent_name);

/* At most COMMAND_ARGUMENTS_MAX arguments in all. */
void command_insert_word(struct command *self, const char *lent_word);
void command_insert_number(struct command *self, uint64_t number);

#endif
