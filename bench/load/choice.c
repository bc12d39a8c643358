#include "load/choice.h"

#include "base/assert.h"
#include "base/splitmix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double choice_draw_share(uint64_t *seed)
{
    return (double)(splitmix_draw(seed) >> 11) * 0x1p-53;
}

/* The area under 1/x^exponent from 1 to x, and back again. */
static double area(double exponent, double x)
{
    const double rest = 1 - exponent;
    return fabs(rest) < 1e-9 ? log(x) : expm1(rest * log(x)) / rest;
}

static double find_x(double exponent, double wanted)
{
    const double rest = 1 - exponent;
    return fabs(rest) < 1e-9 ? exp(wanted) : exp(log1p(rest * wanted) / rest);
}

/* A share after a colon: above 0, at most `max`. */
static bool read_share(const char **at, double max, double *out_share)
{
    if (**at != ':' || (*at)[1] < '0' || (*at)[1] > '9') {
        return false;
    }
    char *end = NULL;
    *out_share = strtod(*at + 1, &end);
    *at = end;
    return *out_share > 0 && *out_share <= max;
}

static bool init_zipf(struct choice *self, const char *rest)
{
    if (!read_share(&rest, 10, &self->exponent) || *rest != '\0') {
        return false;
    }
    const double s = self->exponent;
    self->kind = CHOICE_ZIPF;
    self->first = area(s, 1.5) - 1;
    self->last = area(s, (double)self->users + 0.5);
    self->slack = 2 - find_x(s, area(s, 2.5) - pow(2, -s));
    return true;
}

static bool init_hot(struct choice *self, const char *rest)
{
    double users = 0;
    if (!read_share(&rest, 1, &users) || !read_share(&rest, 1, &self->hot_share) || *rest != '\0') {
        return false;
    }
    self->kind = CHOICE_HOT;
    self->hot_users = (uint64_t)(users * (double)self->users);
    if (self->hot_users == 0) {
        self->hot_users = 1;
    }
    return true;
}

bool choice_init(struct choice *self, const char *text, uint64_t users)
{
    ASSERT(users >= 1 && users <= CHOICE_USERS_MAX);
    *self = (struct choice){.kind = CHOICE_UNIFORM, .users = users};
    if (strncmp(text, "zipf", 4) == 0) {
        return init_zipf(self, text + 4);
    }
    if (strncmp(text, "hot", 3) == 0) {
        return init_hot(self, text + 3);
    }
    return strcmp(text, "uniform") == 0;
}

/* A point under a curve of which each number's part holds the number's own weight: what falls
 * outside of that is drawn again, which is seldom. */
static uint64_t draw_zipf(const struct choice *self, uint64_t *seed)
{
    const double s = self->exponent;
    for (;;) {
        const double point = self->last + choice_draw_share(seed) * (self->first - self->last);
        const double x = find_x(s, point);
        double number = floor(x + 0.5);
        number = number<1 ? 1 : number>(double) self->users ? (double)self->users : number;
        if (number - x <= self->slack || point >= area(s, number + 0.5) - pow(number, -s)) {
            return (uint64_t)number;
        }
    }
}

uint64_t choice_draw(const struct choice *self, uint64_t *seed)
{
    switch (self->kind) {
    case CHOICE_UNIFORM:
        return 1 + splitmix_draw(seed) % self->users;
    case CHOICE_ZIPF:
        return draw_zipf(self, seed);
    case CHOICE_HOT: {
        const uint64_t cold_users = self->users - self->hot_users;
        if (cold_users == 0 || choice_draw_share(seed) < self->hot_share) {
            return 1 + splitmix_draw(seed) % self->hot_users;
        }
        return 1 + self->hot_users + splitmix_draw(seed) % cold_users;
    }
    }
    UNREACHABLE("a choice is one of the above");
}
