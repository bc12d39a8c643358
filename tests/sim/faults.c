#include "sim/faults.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

static const struct fault_kind kinds[] = {
#define X(kind, name, per_million) {name, per_million},
    FAULTS_TABLE(X)
#undef X
};

struct fault_kind fault_get_kind(enum fault fault)
{
    ASSERT(fault < FAULTS_COUNT);
    return kinds[fault];
}

static uint64_t find_all(const char *name, size_t size)
{
    uint64_t found = 0;
    if (size == 3 && memcmp(name, "all", 3) == 0) {
        return FAULTS_ALL;
    }
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        const bool is_prefix = strncmp(kinds[i].name, name, size) == 0;
        const char end = is_prefix ? kinds[i].name[size] : 'x';
        found |= is_prefix && end == '\0' ? UINT64_C(1) << i : 0;
        /* A group: what stands before the first dash. */
        found |= is_prefix && end == '-' && strchr(kinds[i].name, '-') == kinds[i].name + size
                     ? UINT64_C(1) << i
                     : 0;
    }
    return found;
}

bool faults_parse(const char *text, uint64_t *out_faults)
{
    uint64_t faults = text[0] == '-' ? FAULTS_ALL : 0;
    while (*text != '\0') {
        const bool is_without = *text == '-';
        text += is_without;
        const size_t size = strcspn(text, ",");
        const uint64_t found = find_all(text, size);
        if (found == 0 && !(size == 4 && memcmp(text, "none", 4) == 0)) {
            return false;
        }
        faults = is_without ? faults & ~found : faults | found;
        text += size + (text[size] == ',');
    }
    *out_faults = faults;
    return true;
}

void faults_print(uint64_t faults, char to[static FAULTS_TEXT_SIZE])
{
    const bool is_most = __builtin_popcountll(faults) > (int)FAULTS_COUNT / 2;
    const uint64_t named = is_most ? FAULTS_ALL & ~faults : faults;
    int size = snprintf(to, FAULTS_TEXT_SIZE, "%s", is_most ? "all" : named == 0 ? "none" : "");
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        if ((named >> i & 1) != 0) {
            size += snprintf(to + size, FAULTS_TEXT_SIZE - (size_t)size, "%s%s%s",
                             size > 0 ? "," : "", is_most ? "-" : "", kinds[i].name);
        }
    }
    ASSERT(size < FAULTS_TEXT_SIZE);
}
