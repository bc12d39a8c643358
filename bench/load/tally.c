#include "load/tally.h"

#include <string.h>

void tally_init(struct tally *self)
{
    *self = (struct tally){0};
}

static void add_word(struct refusals *self, const char *word, uint64_t count)
{
    uint32_t at = 0;
    while (at < self->words_count && strcmp(self->words[at], word) != 0) {
        at++;
    }
    if (at == TALLY_WORDS_MAX) {
        self->others += count;
        return;
    }
    if (at == self->words_count) {
        memcpy(self->words[at], word, REPLY_WORD_SIZE);
        self->words_count++;
    }
    self->counts[at] += count;
}

void refusals_insert(struct refusals *self, const struct reply *reply)
{
    if (self->line[0] == '\0') {
        memcpy(self->line, reply->line, sizeof self->line);
    }
    add_word(self, reply->word, 1);
}

static void add_refusals(struct refusals *self, const struct refusals *other)
{
    if (self->line[0] == '\0') {
        memcpy(self->line, other->line, sizeof self->line);
    }
    for (uint32_t at = 0; at < other->words_count; at++) {
        add_word(self, other->words[at], other->counts[at]);
    }
    self->others += other->others;
}

void tally_add(struct tally *self, const struct tally *other)
{
    self->sent += other->sent;
    self->answered += other->answered;
    self->refused += other->refused;
    self->unexpected += other->unexpected;
    self->held_back += other->held_back;
    self->not_sent += other->not_sent;
    self->unanswered += other->unanswered;
    self->lost_connections += other->lost_connections;
    add_refusals(&self->refusals, &other->refusals);
    histogram_add(&self->lateness, &other->lateness);
    histogram_add(&self->refusal_latency, &other->refusal_latency);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        histogram_add(&self->latency[kind], &other->latency[kind]);
    }
}

void tally_sum_latency(const struct tally *self, struct histogram *out_sum)
{
    histogram_init(out_sum);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        histogram_add(out_sum, &self->latency[kind]);
    }
}
