/* Requests by chance, for tests: walks through the syntax of a command of the table as chosen bytes
 * say.
 *
 *     RS.ACK user channel message [MANUAL [MENTIONS n]] [VIEWED d] ...
 *            7    1:42    7        MANUAL  ······· 65536            with a word left out
 *
 * What is in the table is reached: a new command, and a new option, without a line here.
 *
 * Memory: arguments are slices of the table, of the chosen bytes, and of constants.
 * Thread: the owner's.
 */
#ifndef NET_REQUEST_PLAY_H
#define NET_REQUEST_PLAY_H

#include "base/slice.h"
#include "net/command_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* More than a bulk may have. */
enum { REQUEST_PLAY_ARGUMENTS_MAX = 2100 };

struct request_play {
    const uint8_t *choices; /* Those not used yet; when all are, 0 is chosen. */
    size_t choices_left;
    struct slice *arguments; /* Room for REQUEST_PLAY_ARGUMENTS_MAX. */
    uint32_t count;
};

static inline uint8_t request_play_choose(struct request_play *self)
{
    if (self->choices_left == 0) {
        return 0;
    }
    self->choices_left--;
    return *self->choices++;
}

/* Some of the chosen bytes themselves. */
static inline struct slice request_play_choose_bytes(struct request_play *self)
{
    size_t size = request_play_choose(self);
    size = size < self->choices_left ? size : self->choices_left;
    const struct slice bytes = {.bytes = (const char *)self->choices, .size = size};
    self->choices += size;
    self->choices_left -= size;
    return bytes;
}

static inline void request_play_add(struct request_play *self, struct slice argument)
{
    if (self->count < REQUEST_PLAY_ARGUMENTS_MAX) {
        self->arguments[self->count++] = argument;
    }
}

/* The last one or two again, and again. */
static inline void request_play_repeat(struct request_play *self)
{
    const uint32_t last = 1 + request_play_choose(self) % 2;
    const uint32_t more = 8U * request_play_choose(self);
    for (uint32_t i = 0; i < more && self->count > last; i++) {
        request_play_add(self, self->arguments[self->count - last]);
    }
}

/* One of the words between the bars of now|delayed. */
static inline struct slice request_play_choose_word(struct request_play *self, struct slice words)
{
    unsigned left = request_play_choose(self) % 4;
    for (size_t i = 0; i < words.size; i++) {
        if (words.bytes[i] == '|') {
            const struct slice first = {.bytes = words.bytes, .size = i};
            const struct slice rest = {.bytes = words.bytes + i + 1, .size = words.size - i - 1};
            if (left-- == 0) {
                return first;
            }
            words = rest;
            i = 0;
        }
    }
    return words;
}

/* What may stand where the syntax has `word`: an option's name is itself, all else has a value. */
static inline struct slice request_play_choose_value(struct request_play *self, struct slice word)
{
    static const char *const values[] = {
        "7",
        "8",
        "0",
        "1:42",
        "255:7",
        "256:7",
        "7:",
        ":7",
        "65535",
        "65536",
        "2147483647",
        "2147483648",
        "9007199254740991",
        "9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "-1",
        "07",
        "",
        "e",
        "e-1",
        "e-0",
        "e-4294967296",
        "ex",
        "rs:7",
    };
    enum { VALUES = sizeof values / sizeof *values };
    if (word.bytes[0] >= 'A' && word.bytes[0] <= 'Z') {
        return word;
    }
    if (memchr(word.bytes, '|', word.size) != NULL) {
        return request_play_choose_word(self, word);
    }
    const unsigned choice = request_play_choose(self) % (VALUES + 2);
    if (choice < VALUES) {
        return slice_from_text(values[choice]);
    }
    return choice == VALUES ? word : request_play_choose_bytes(self);
}

/* The first word of a syntax, without what stands around it; empty where there is none. */
static inline struct slice request_play_find_word(const char *syntax)
{
    static const char between[] = " [].";
    const char *begin = syntax + strspn(syntax, between);
    return (struct slice){.bytes = begin, .size = strcspn(begin, between)};
}

/* Behind the next words in brackets, with those that are in brackets of their own among them. */
static inline const char *request_play_pass_brackets(const char *at)
{
    int depth = 0;
    for (at += strcspn(at, "["); *at != '\0'; at++) {
        depth += *at == '[' ? 1 : 0;
        depth -= *at == ']' ? 1 : 0;
        if (depth == 0) {
            return at + 1;
        }
    }
    return at;
}

static inline void request_play_walk(struct request_play *self, const char *syntax)
{
    enum { TAKE, TAKE_TOO, PASS_BRACKETS, LEAVE_OUT, BEGIN_AGAIN, REPEAT, PUT_IN, STEPS };
    const char *options = syntax + strcspn(syntax, "[");
    const char *at = syntax;
    for (;;) {
        const unsigned step = request_play_choose(self) % STEPS;
        if (step == PASS_BRACKETS && at >= options) {
            at = request_play_pass_brackets(at);
        } else if (step == BEGIN_AGAIN) {
            at = options;
        } else if (step == REPEAT) {
            request_play_repeat(self);
        } else if (step == PUT_IN) {
            request_play_add(self, request_play_choose_bytes(self));
        }
        const struct slice word = request_play_find_word(at);
        if (word.size == 0) {
            return;
        }
        at = word.bytes + word.size;
        if (step != LEAVE_OUT) {
            request_play_add(self, request_play_choose_value(self, word));
        }
    }
}

static inline bool request_play_is_for_shards(const struct command_spec *spec)
{
    return memcmp(spec->name, "rs.", 3) == 0;
}

/* A request for the shards, or of the feed; arguments[0] is its name. */
static inline const struct command_spec *request_play_next(struct request_play *self)
{
    int id = request_play_choose(self) % COMMAND_IDS;
    const struct command_spec *spec = command_table_get((enum command_id)id);
    while (!request_play_is_for_shards(spec) && (spec->flags & COMMAND_PUBSUB) == 0) {
        id = (id + 1) % COMMAND_IDS;
        spec = command_table_get((enum command_id)id);
    }
    self->count = 0;
    request_play_add(self, slice_from_text(spec->name));
    request_play_walk(self, spec->syntax);
    return spec;
}

#endif
