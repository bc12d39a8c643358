#include "server/options_value.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Each ends with a unit without a name: the plain number. */
static const struct unit size_units[] = {
    {"gb", UINT64_C(1) << 30}, {"mb", UINT64_C(1) << 20}, {"kb", UINT64_C(1) << 10}, {"", 1}};
static const struct unit time_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 0}};

static bool parse_with_unit(struct slice text, const struct unit *units, uint64_t *out_value)
{
    size_t digits = 0;
    while (digits < text.size && text.bytes[digits] >= '0' && text.bytes[digits] <= '9') {
        digits++;
    }
    uint64_t number = 0;
    if (!decimal_parse_u63((struct slice){.bytes = text.bytes, .size = digits}, &number)) {
        return false;
    }
    const struct slice rest = {.bytes = text.bytes + digits, .size = text.size - digits};
    const struct unit *unit = units;
    while (!slice_equal_text_nocase(rest, unit->name)) {
        if (unit->name[0] == '\0') {
            return false;
        }
        unit++;
    }
    /* A time without a unit would mean seconds to some and milliseconds to others. */
    if (unit->factor == 0 && number != 0) {
        return false;
    }
    uint64_t value = 0;
    if (__builtin_mul_overflow(number, unit->factor, &value) || value > U63_MAX) {
        return false;
    }
    *out_value = value;
    return true;
}

bool options_value_parse_size(struct slice text, uint64_t *out_bytes)
{
    return parse_with_unit(text, size_units, out_bytes);
}

bool options_value_parse_time(struct slice text, uint64_t *out_ms)
{
    return parse_with_unit(text, time_units, out_ms);
}

void options_value_print_size(uint64_t bytes, char to[static OPTIONS_VALUE_NUMBER_SIZE])
{
    const struct unit *unit = size_units;
    while (bytes % unit->factor != 0 || bytes < unit->factor) {
        if (unit->factor == 1) {
            break;
        }
        unit++;
    }
    (void)snprintf(to, OPTIONS_VALUE_NUMBER_SIZE, "%" PRIu64 "%s", bytes / unit->factor,
                   unit->name);
}

void options_value_print_time(uint64_t ms, char to[static OPTIONS_VALUE_NUMBER_SIZE])
{
    if (ms % 1000 == 0) {
        (void)snprintf(to, OPTIONS_VALUE_NUMBER_SIZE, "%" PRIu64 "s", ms / 1000);
    } else {
        (void)snprintf(to, OPTIONS_VALUE_NUMBER_SIZE, "%" PRIu64 "ms", ms);
    }
}
