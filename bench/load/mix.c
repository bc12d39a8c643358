#include "load/mix.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/slice.h"
#include "base/splitmix.h"

#include <string.h>

const char *kind_word(enum kind kind)
{
    static const char *const words[] = {
#define X(name, word, weight) word,
        KIND_TABLE(X)
#undef X
    };
    ASSERT(kind < KINDS);
    return words[kind];
}

void mix_init(struct mix *self)
{
    *self = (struct mix){0};
#define X(name, word, weight)                                                                      \
    self->weights[name] = (weight);                                                                \
    self->sum += (weight);
    KIND_TABLE(X)
#undef X
}

static enum kind find_kind(struct slice word)
{
    uint32_t kind = 0;
    while (kind < KINDS && !slice_equal(word, slice_from_text(kind_word((enum kind)kind)))) {
        kind++;
    }
    return (enum kind)kind;
}

bool mix_parse(struct mix *self, const char *text)
{
    bool known[KINDS] = {false};
    *self = (struct mix){0};
    for (;;) {
        const size_t size = strcspn(text, ",");
        const size_t word_size = strcspn(text, "=,");
        const enum kind kind = find_kind((struct slice){.bytes = text, .size = word_size});
        uint64_t weight = 0;
        if (word_size == size || kind == KINDS || known[kind] ||
            !decimal_parse_u63(
                (struct slice){.bytes = text + word_size + 1, .size = size - word_size - 1},
                &weight) ||
            weight > MIX_WEIGHT_MAX) {
            return false;
        }
        known[kind] = true;
        self->weights[kind] = (uint32_t)weight;
        self->sum += (uint32_t)weight;
        if (text[size] == '\0') {
            return self->sum > 0;
        }
        text += size + 1;
    }
}

enum kind mix_draw(const struct mix *self, uint64_t *seed)
{
    uint64_t point = splitmix_draw(seed) % self->sum;
    uint32_t kind = 0;
    while (point >= self->weights[kind]) {
        point -= self->weights[kind];
        kind++;
    }
    return (enum kind)kind;
}
