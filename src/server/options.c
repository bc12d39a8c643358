#include "server/options.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "base/quote.h"
#include "server/options_address.h"
#include "server/options_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIVE true
#define FIXED false
#define ROW(row_kind, field, row_name, row_group, live, text, row_low, row_high, row_words,        \
            row_help)                                                                              \
    {.name = (row_name),                                                                           \
     .default_text = (text),                                                                       \
     .words = (row_words),                                                                         \
     .help = (row_help),                                                                           \
     .low = (row_low),                                                                             \
     .high = (row_high),                                                                           \
     .offset = offsetof(struct options, field),                                                    \
     .kind = OPTIONS_KIND_##row_kind,                                                              \
     .group = OPTIONS_GROUP_##row_group,                                                           \
     .is_live = (live)},
#define FLAG(field, name, group, live, text, low, high, help)                                      \
    ROW(FLAG, field, name, group, live, text, low, high, NULL, help)
#define INTEGER(field, name, group, live, text, low, high, help)                                   \
    ROW(INTEGER, field, name, group, live, text, low, high, NULL, help)
#define SIZE(field, name, group, live, text, low, high, help)                                      \
    ROW(SIZE, field, name, group, live, text, low, high, NULL, help)
#define TIME(field, name, group, live, text, low, high, help)                                      \
    ROW(TIME, field, name, group, live, text, low, high, NULL, help)
#define CHOICE(field, name, group, live, text, type, words, help)                                  \
    ROW(CHOICE, field, name, group, live, text, 0, 0, words, help)
#define TEXT(field, name, group, live, text, low, high, help)                                      \
    ROW(TEXT, field, name, group, live, text, low, high, NULL, help)
#define ADDRESSES(field, name, group, live, text, low, high, help)                                 \
    ROW(ADDRESSES, field, name, group, live, text, low, high, NULL, help)

const struct option options_table[OPTIONS_COUNT] = {
    OPTIONS_TABLE(FLAG, INTEGER, SIZE, TIME, CHOICE, TEXT, ADDRESSES)};

/* A choice's field is written as a plain number, whichever enum it is. */
#define NOTHING(...)
#define CHECK_CHOICE(field, name, group, live, text, type, words, help)                            \
    _Static_assert(sizeof(type) == sizeof(unsigned), name);
OPTIONS_TABLE(NOTHING, NOTHING, NOTHING, NOTHING, CHECK_CHOICE, NOTHING, NOTHING)

static bool is_of_field(const struct option *option, size_t offset)
{
    return option->offset == offset;
}

static const void *peek_field(const struct options *self, const struct option *option)
{
    return (const char *)self + option->offset;
}

static void *get_field(struct options *self, const struct option *option)
{
    return (char *)self + option->offset;
}

const struct option *options_find(struct slice name)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        if (slice_equal_text_nocase(name, options_table[i].name)) {
            return &options_table[i];
        }
    }
    return NULL;
}

/* Takes the next word off `words`; false: there was none. */
static bool take_word(struct slice *words, struct slice *out_word)
{
    if (words->size == 0) {
        return false;
    }
    const char *end = memchr(words->bytes, '|', words->size);
    const size_t size = end == NULL ? words->size : (size_t)(end - words->bytes);
    const size_t taken = end == NULL ? size : size + 1;
    *out_word = (struct slice){.bytes = words->bytes, .size = size};
    *words = (struct slice){.bytes = words->bytes + taken, .size = words->size - taken};
    return true;
}

static bool parse_choice(const char *words, struct slice value, unsigned *out_choice)
{
    struct slice rest = slice_from_text(words);
    struct slice word;
    for (unsigned choice = 0; take_word(&rest, &word); choice++) {
        if (word.size == value.size && strncasecmp(word.bytes, value.bytes, word.size) == 0) {
            *out_choice = choice;
            return true;
        }
    }
    return false;
}

static bool parse_flag(struct slice value, bool *out_flag)
{
    const bool is_yes = slice_equal_text_nocase(value, "yes");
    if (!is_yes && !slice_equal_text_nocase(value, "no")) {
        return false;
    }
    *out_flag = is_yes;
    return true;
}

static bool parse_number(const struct option *option, struct slice value, uint64_t *out_number)
{
    uint64_t number = 0;
    const bool is_number =
        option->kind == OPTIONS_KIND_SIZE   ? options_value_parse_size(value, &number)
        : option->kind == OPTIONS_KIND_TIME ? options_value_parse_time(value, &number)
                                            : decimal_parse_u63(value, &number);
    if (!is_number || number < option->low || number > option->high) {
        return false;
    }
    *out_number = number;
    return true;
}

static bool parse_text(const struct option *option, struct slice value,
                       char to[static OPTIONS_TEXT_SIZE])
{
    if (value.size < option->low || value.size > option->high) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        if ((unsigned char)value.bytes[i] < ' ' || value.bytes[i] == 0x7f) {
            return false;
        }
    }
    if (option->kind == OPTIONS_KIND_ADDRESSES && !options_address_are_valid(value)) {
        return false;
    }
    memset(to, 0, OPTIONS_TEXT_SIZE);
    if (value.size > 0) {
        memcpy(to, value.bytes, value.size);
    }
    return true;
}

static bool parse_into(struct options *self, const struct option *option, struct slice value)
{
    switch (option->kind) {
    case OPTIONS_KIND_FLAG:
        return parse_flag(value, get_field(self, option));
    case OPTIONS_KIND_INTEGER:
    case OPTIONS_KIND_SIZE:
    case OPTIONS_KIND_TIME:
        return parse_number(option, value, get_field(self, option));
    case OPTIONS_KIND_CHOICE: {
        unsigned choice = 0;
        if (!parse_choice(option->words, value, &choice)) {
            return false;
        }
        memcpy(get_field(self, option), &choice, sizeof choice);
        return true;
    }
    case OPTIONS_KIND_TEXT:
    case OPTIONS_KIND_ADDRESSES:
        return parse_text(option, value, get_field(self, option));
    }
    UNREACHABLE("a kind of option outside its enum");
}

enum status options_set(struct options *self, const struct option *option, struct slice value,
                        struct failure *out_failure)
{
    if (!parse_into(self, option, value)) {
        char range[OPTIONS_TEXT_SIZE];
        char quote[QUOTE_SIZE];
        options_print_range(option, range);
        quote_print(quote, value);
        failure_set(out_failure, "%s must be %s, got '%s'", option->name, range, quote);
        return STATUS_INVALID;
    }
    if (is_of_field(option, offsetof(struct options, dirty_memory_bytes))) {
        self->has_dirty_memory = true;
    } else if (is_of_field(option, offsetof(struct options, cache_memory_bytes)) &&
               !self->has_dirty_memory) {
        self->dirty_memory_bytes = self->cache_memory_bytes / 2;
    }
    return STATUS_OK;
}

enum status options_set_live(struct options *self, struct slice name, struct slice value,
                             struct failure *out_failure)
{
    const struct option *option = options_find(name);
    if (option == NULL) {
        char quote[QUOTE_SIZE];
        quote_print(quote, name);
        failure_set(out_failure, "there is no option '%s'", quote);
        return STATUS_MISSING;
    }
    if (!option->is_live) {
        failure_set(out_failure, "%s cannot be changed while the server is running", option->name);
        return STATUS_INVALID;
    }
    return options_set(self, option, value, out_failure);
}

void options_set_defaults(struct options *self, struct machine machine)
{
    memset(self, 0, sizeof *self);
    self->machine = machine;
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        const struct option *option = &options_table[i];
        if (option->default_text != NULL) {
            const bool is_valid = parse_into(self, option, slice_from_text(option->default_text));
            ASSERT(is_valid);
        }
    }
    const uint64_t least = OPTIONS_MB * options_get_threads(self);
    const uint64_t quarter = machine.memory_bytes / 4;
    self->cache_memory_bytes = quarter < least ? least : quarter;
    self->dirty_memory_bytes = self->cache_memory_bytes / 2;
    self->maxmemory_clients_bytes = quarter < OPTIONS_MB ? OPTIONS_MB : quarter;
}

uint32_t options_get_threads(const struct options *self)
{
    const uint64_t wanted = self->threads == 0 ? self->machine.cores : self->threads;
    return wanted > OPTIONS_THREADS_MAX ? OPTIONS_THREADS_MAX : (uint32_t)wanted;
}

void options_print_value(const struct options *self, const struct option *option,
                         char to[static OPTIONS_TEXT_SIZE])
{
    const void *field = peek_field(self, option);
    uint64_t number = 0;
    unsigned choice = 0;
    bool flag = false;
    switch (option->kind) {
    case OPTIONS_KIND_FLAG:
        memcpy(&flag, field, sizeof flag);
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "%s", flag ? "yes" : "no");
        return;
    case OPTIONS_KIND_INTEGER:
    case OPTIONS_KIND_SIZE:
        memcpy(&number, field, sizeof number);
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "%" PRIu64, number);
        return;
    case OPTIONS_KIND_TIME:
        memcpy(&number, field, sizeof number);
        options_value_print_time(number, to);
        return;
    case OPTIONS_KIND_CHOICE: {
        memcpy(&choice, field, sizeof choice);
        struct slice rest = slice_from_text(option->words);
        struct slice word = {0};
        for (unsigned i = 0; i <= choice; i++) {
            const bool has_word = take_word(&rest, &word);
            ASSERT(has_word);
        }
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "%.*s", (int)word.size, word.bytes);
        return;
    }
    case OPTIONS_KIND_TEXT:
    case OPTIONS_KIND_ADDRESSES:
        memcpy(to, field, OPTIONS_TEXT_SIZE);
        return;
    }
    UNREACHABLE("a kind of option outside its enum");
}

/* "text or json", "debug, info, warn or error" */
static void print_words(const char *words, char to[static OPTIONS_TEXT_SIZE])
{
    struct slice rest = slice_from_text(words);
    struct slice word;
    size_t at = 0;
    while (take_word(&rest, &word)) {
        const char *before = at == 0 ? "" : rest.size == 0 ? " or " : ", ";
        at += (size_t)snprintf(to + at, OPTIONS_TEXT_SIZE - at, "%s%.*s", before, (int)word.size,
                               word.bytes);
    }
}

void options_print_range(const struct option *option, char to[static OPTIONS_TEXT_SIZE])
{
    char low[OPTIONS_VALUE_NUMBER_SIZE];
    char high[OPTIONS_VALUE_NUMBER_SIZE];
    switch (option->kind) {
    case OPTIONS_KIND_FLAG:
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "yes or no");
        return;
    case OPTIONS_KIND_INTEGER:
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "a number from %" PRIu64 " to %" PRIu64, option->low,
                       option->high);
        return;
    case OPTIONS_KIND_SIZE:
        options_value_print_size(option->low, low);
        options_value_print_size(option->high, high);
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "a size from %s to %s, in bytes or with kb, mb or gb",
                       low, high);
        return;
    case OPTIONS_KIND_TIME:
        options_value_print_time(option->low, low);
        options_value_print_time(option->high, high);
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "a time from %s to %s, with ms, s, m or h", low,
                       high);
        return;
    case OPTIONS_KIND_CHOICE:
        print_words(option->words, to);
        return;
    case OPTIONS_KIND_TEXT:
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "%s %" PRIu64 " bytes without control characters",
                       option->low == 0 ? "at most" : "1 to", option->high);
        return;
    case OPTIONS_KIND_ADDRESSES:
        (void)snprintf(to, OPTIONS_TEXT_SIZE, "numeric IPv4 or IPv6 addresses with spaces between");
        return;
    }
    UNREACHABLE("a kind of option outside its enum");
}
