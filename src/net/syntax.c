#include "net/syntax.h"

#include "base/assert.h"
#include "base/slice.h"

#include <ctype.h>
#include <string.h>

enum { ELEMENTS_MAX = 16, OPEN_MAX = 64, NAME_SIZE = 32 };

/* A word, what stands in brackets, or words that are repeated together. */
struct element {
    struct slice text; /* Without brackets and "...". */
    bool is_optional;
    bool is_multiple;
};

struct sequence {
    struct element elements[ELEMENTS_MAX];
    size_t count;
};

/* What is still to be written, the next one last: "arguments" is the last field of its map. */
struct open_elements {
    struct element elements[OPEN_MAX];
    size_t count;
};

static void write_text(struct resp_writer *to, const char *text)
{
    resp_write_bulk(to, slice_from_text(text));
}

static struct slice skip_spaces(struct slice text)
{
    while (text.size > 0 && text.bytes[0] == ' ') {
        text.bytes++;
        text.size--;
    }
    return text;
}

/* How many bytes of the text its first word or bracket takes. */
static size_t first_size(struct slice text)
{
    size_t depth = 0;
    for (size_t at = 0; at < text.size; at++) {
        depth += text.bytes[at] == '[';
        depth -= text.bytes[at] == ']';
        if (depth == 0 && (text.bytes[at] == ' ' || text.bytes[at] == ']')) {
            return text.bytes[at] == ' ' ? at : at + 1;
        }
    }
    ASSERT(depth == 0);
    return text.size;
}

/* Does the text end with "..."?  Then without it. */
static bool take_dots(struct slice *text)
{
    static const char dots[] = " ...";
    const size_t size = sizeof dots - 1;
    if (text->size < size || memcmp(text->bytes + text->size - size, dots, size) != 0) {
        return false;
    }
    text->size -= size;
    return true;
}

static size_t count_words(struct slice text)
{
    size_t count = 0;
    for (text = skip_spaces(text); text.size > 0; count++) {
        const size_t size = first_size(text);
        text = skip_spaces((struct slice){.bytes = text.bytes + size, .size = text.size - size});
    }
    return count;
}

/* "channel message [channel message ...]" is one argument of two words. */
static void append_repetition(struct sequence *self, const struct element *repeated)
{
    const size_t words = count_words(repeated->text);
    if (words <= self->count) {
        const struct element *first = &self->elements[self->count - words];
        const struct element *last = &self->elements[self->count - 1];
        const size_t size = (size_t)(last->text.bytes - first->text.bytes) + last->text.size;
        const struct slice before = {.bytes = first->text.bytes, .size = size};
        if (slice_equal(before, repeated->text)) {
            self->count -= words;
            self->elements[self->count++] = (struct element){.text = before, .is_multiple = true};
            return;
        }
    }
    self->elements[self->count++] = *repeated;
}

static struct sequence read_sequence(struct slice text)
{
    struct sequence self = {.count = 0};
    for (text = skip_spaces(text); text.size > 0; text = skip_spaces(text)) {
        const size_t size = first_size(text);
        struct element element = {.text = {.bytes = text.bytes, .size = size}};
        text.bytes += size;
        text.size -= size;
        ASSERT(self.count < ELEMENTS_MAX);
        if (element.text.bytes[0] != '[') {
            self.elements[self.count++] = element;
            continue;
        }
        element.text.bytes++;
        element.text.size -= 2;
        element.is_optional = true;
        element.is_multiple = take_dots(&element.text);
        if (element.is_multiple) {
            append_repetition(&self, &element);
        } else {
            self.elements[self.count++] = element;
        }
    }
    return self;
}

static bool is_word(struct slice text)
{
    return memchr(text.bytes, ' ', text.size) == NULL;
}

static bool has_choice(struct slice text)
{
    return memchr(text.bytes, '|', text.size) != NULL;
}

/* A word that stands for itself: in capitals. */
static bool is_token(struct slice text)
{
    return is_word(text) && !has_choice(text) && isupper((unsigned char)text.bytes[0]) != 0;
}

static void write_name(struct resp_writer *to, struct slice text)
{
    char name[NAME_SIZE];
    ASSERT(text.size <= sizeof name);
    for (size_t at = 0; at < text.size; at++) {
        name[at] = (char)tolower((unsigned char)text.bytes[at]);
    }
    write_text(to, "name");
    resp_write_bulk(to, (struct slice){.bytes = name, .size = text.size});
}

static void write_flags(struct resp_writer *to, bool is_optional, bool is_multiple)
{
    write_text(to, "flags");
    resp_write_set_head(to, (uint64_t)is_optional + (uint64_t)is_multiple);
    if (is_optional) {
        resp_write_simple(to, slice_from_text("optional"));
    }
    if (is_multiple) {
        resp_write_simple(to, slice_from_text("multiple"));
    }
}

/* "now|delayed" */
static void write_choices(struct resp_writer *to, struct slice text)
{
    uint64_t count = 1;
    for (size_t at = 0; at < text.size; at++) {
        count += text.bytes[at] == '|';
    }
    write_text(to, "arguments");
    resp_write_array_head(to, count);
    while (count-- > 0) {
        const char *bar = memchr(text.bytes, '|', text.size);
        const size_t size = bar == NULL ? text.size : (size_t)(bar - text.bytes);
        const struct slice choice = {.bytes = text.bytes, .size = size};
        resp_write_map_head(to, 3);
        write_name(to, choice);
        write_text(to, "type");
        write_text(to, "pure-token");
        write_text(to, "token");
        resp_write_bulk(to, choice);
        text.bytes += bar == NULL ? size : size + 1;
        text.size -= bar == NULL ? size : size + 1;
    }
}

static void push_elements(struct open_elements *open, const struct element *elements, size_t count)
{
    ASSERT(open->count + count <= OPEN_MAX);
    while (count-- > 0) {
        open->elements[open->count++] = elements[count];
    }
}

/* A word, with the token in front of it where there is one. */
static void write_word(struct resp_writer *to, const struct element *word, struct slice token)
{
    const bool is_pure = is_token(word->text);
    const bool is_choice = has_choice(word->text);
    const bool has_flags = word->is_optional || word->is_multiple;
    const bool has_token = is_pure || token.size > 0;
    resp_write_map_head(to, 2 + (uint64_t)has_token + (uint64_t)has_flags + (uint64_t)is_choice);
    write_name(to, is_choice && token.size > 0 ? token : word->text);
    write_text(to, "type");
    write_text(to, is_pure ? "pure-token" : is_choice ? "oneof" : "string");
    if (has_token) {
        write_text(to, "token");
        resp_write_bulk(to, is_pure ? word->text : token);
    }
    if (has_flags) {
        write_flags(to, word->is_optional, word->is_multiple);
    }
    if (is_choice) {
        write_choices(to, word->text);
    }
}

/* Several words, named after the first. */
static void write_block(struct resp_writer *to, const struct element *block,
                        const struct sequence *parts, struct open_elements *open)
{
    /* What follows a token at once belongs to it; what may be left out does not. */
    const bool has_token = is_token(parts->elements[0].text) && !parts->elements[1].is_optional;
    const bool has_flags = block->is_optional || block->is_multiple;
    resp_write_map_head(to, 3 + (uint64_t)has_token + (uint64_t)has_flags);
    write_name(to, parts->elements[0].text);
    write_text(to, "type");
    write_text(to, "block");
    if (has_token) {
        write_text(to, "token");
        resp_write_bulk(to, parts->elements[0].text);
    }
    if (has_flags) {
        write_flags(to, block->is_optional, block->is_multiple);
    }
    write_text(to, "arguments");
    resp_write_array_head(to, parts->count - has_token);
    push_elements(open, parts->elements + has_token, parts->count - has_token);
}

static void write_argument(struct resp_writer *to, const struct element *element,
                           struct open_elements *open)
{
    const struct sequence parts = read_sequence(element->text);
    ASSERT(parts.count > 0);
    if (parts.count == 1) {
        write_word(to, element, (struct slice){.bytes = NULL, .size = 0});
        return;
    }
    struct element word = parts.elements[1];
    if (parts.count == 2 && is_token(parts.elements[0].text) && !word.is_optional &&
        is_word(word.text) && !is_token(word.text)) {
        word.is_optional = element->is_optional;
        write_word(to, &word, parts.elements[0].text);
        return;
    }
    write_block(to, element, &parts, open);
}

bool syntax_has_arguments(const char *syntax)
{
    return syntax[0] != '\0' && strstr(syntax, " | ") == NULL;
}

void syntax_write_arguments(const char *syntax, struct resp_writer *to)
{
    const struct sequence all = read_sequence(slice_from_text(syntax));
    struct open_elements open = {.count = 0};
    resp_write_array_head(to, all.count);
    push_elements(&open, all.elements, all.count);
    while (open.count > 0) {
        const struct element element = open.elements[--open.count];
        write_argument(to, &element, &open);
    }
}
