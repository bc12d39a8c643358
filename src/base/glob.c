#include "base/glob.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The set that begins behind `[` at `at`. Returns where the pattern goes on; a set that is not
 * closed ends with the pattern. */
static size_t match_set(struct slice pattern, size_t at, char c, bool *out_matches)
{
    const bool inverts = at < pattern.size && pattern.bytes[at] == '^';
    at += inverts;
    bool is_in = false;
    while (at < pattern.size && pattern.bytes[at] != ']') {
        if (pattern.bytes[at] == '\\' && at + 1 < pattern.size) {
            at++;
        }
        unsigned char first = lower(pattern.bytes[at++]);
        unsigned char last = first;
        if (at + 1 < pattern.size && pattern.bytes[at] == '-' && pattern.bytes[at + 1] != ']') {
            last = lower(pattern.bytes[at + 1]);
            at += 2;
        }
        if (first > last) {
            const unsigned char swapped = first;
            first = last;
            last = swapped;
        }
        is_in = is_in || (lower(c) >= first && lower(c) <= last);
    }
    *out_matches = is_in != inverts;
    return at < pattern.size ? at + 1 : at;
}

/* One element of the pattern, no star, against one byte. */
static size_t match_one(struct slice pattern, size_t at, char c, bool *out_matches)
{
    switch (pattern.bytes[at]) {
    case '?':
        *out_matches = true;
        return at + 1;
    case '[':
        return match_set(pattern, at + 1, c, out_matches);
    case '\\':
        at += at + 1 < pattern.size;
        break;
    default:
        break;
    }
    *out_matches = lower(pattern.bytes[at]) == lower(c);
    return at + 1;
}

bool glob_matches(struct slice pattern, const char *name)
{
    size_t at = 0;
    size_t name_at = 0;
    /* The last star seen: only it needs to be tried again, one byte longer. */
    bool has_star = false;
    size_t behind_star = 0;
    size_t star_name_at = 0;

    while (name[name_at] != '\0') {
        if (at < pattern.size && pattern.bytes[at] == '*') {
            has_star = true;
            behind_star = ++at;
            star_name_at = name_at;
            continue;
        }
        bool matches = false;
        size_t next = at;
        if (at < pattern.size) {
            next = match_one(pattern, at, name[name_at], &matches);
        }
        if (matches) {
            at = next;
            name_at++;
        } else if (has_star) {
            at = behind_star;
            name_at = ++star_name_at;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.bytes[at] == '*') {
        at++;
    }
    return at == pattern.size;
}
