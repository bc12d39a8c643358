/* How one kind of server is spoken to: what bytes a command is, and what its answer must look like.
 *
 * Another server to compare with is another table.
 *
 * Memory: a struct text is the caller's bytes.  Thread: any.
 */
#ifndef LOAD_DRIVER_H
#define LOAD_DRIVER_H

#include "load/mix.h"
#include "load/population.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* The longest is a message with POPULATION_MENTIONS_MAX mentions, each a command of its own. */
    DRIVER_COMMAND_SIZE_MAX = 16384,
};

struct text {
    char *bytes;
    size_t size;
};

struct driver {
    const char *name;
    uint16_t port;

    /* Appends the command, at most DRIVER_COMMAND_SIZE_MAX bytes. Returns how many replies come of
     * it: 1 or more. */
    uint32_t (*encode)(enum kind kind, struct subject *subject, struct text *to);

    /* May a reply to this kind that is no error begin with this byte? */
    bool (*judge)(enum kind kind, char type);
};

extern const struct driver driver_readstates;
extern const struct driver driver_redis;

/* NULL: none has this name. */
const struct driver *driver_find(const char *name);

/* For the tables: a command's beginning, then each of its arguments, the name is the first. */
void text_append_head(struct text *to, uint32_t arguments);
void text_append_word(struct text *to, const char *word);
void text_append_number(struct text *to, uint64_t number);

/* An argument that is a word and a number, as `rs:7`. */
void text_append_key(struct text *to, const char *prefix, uint64_t number);

#endif
