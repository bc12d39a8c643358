#include "load/reply.h"

#include <stdlib.h>
#include <string.h>

void reply_reader_init(struct reply_reader *self)
{
    *self = (struct reply_reader){0};
}

static bool end_value(struct reply_reader *self)
{
    self->values_left--;
    return self->values_left == 0;
}

static void note_error(struct reply_reader *self)
{
    struct reply *reply = &self->reply;
    if (reply->failed) {
        return;
    }
    reply->failed = true;
    memcpy(reply->line, self->line + 1, self->line_size);
    size_t size = strspn(reply->line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size = size < REPLY_WORD_SIZE ? size : REPLY_WORD_SIZE - 1;
    memcpy(reply->word, reply->line, size);
    reply->word[size] = '\0';
}

/* True: with this line the reply is whole. */
static bool end_line(struct reply_reader *self)
{
    self->line[self->line_size] = '\0';
    if (self->values_left == 0) {
        self->values_left = 1;
        self->reply = (struct reply){.type = self->line[0]};
    }
    const long long number = strtoll(self->line + 1, NULL, 10);
    bool whole = false;
    switch (self->line[0]) {
    case '*':
        self->values_left += number > 0 ? (uint64_t)number : 0;
        whole = end_value(self);
        break;
    case '$':
        if (number >= 0) {
            self->skip = (uint64_t)number + 2;
        } else {
            whole = end_value(self);
        }
        break;
    case '-':
        note_error(self);
        whole = end_value(self);
        break;
    case '+':
    case ':':
        whole = end_value(self);
        break;
    default:
        self->broken = true;
    }
    self->line_size = 0;
    return whole;
}

bool reply_reader_take(struct reply_reader *self, const char *bytes, size_t size, size_t *out_taken)
{
    size_t at = 0;
    bool whole = false;
    while (at < size && !whole && !self->broken) {
        if (self->skip > 0) {
            const size_t step = self->skip < size - at ? self->skip : size - at;
            self->skip -= step;
            at += step;
            whole = self->skip == 0 && end_value(self);
            continue;
        }
        const char byte = bytes[at++];
        if (byte == '\n') {
            whole = end_line(self);
        } else if (byte != '\r' && self->line_size < sizeof self->line - 1) {
            self->line[self->line_size++] = byte;
        }
    }
    *out_taken = at;
    return whole;
}
