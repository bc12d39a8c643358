#include "net/command_category.h"

#include "base/assert.h"

#include <string.h>

const char *command_category_get_name(enum command_category category)
{
    switch (category) {
    case CATEGORY_READ:
        return "@read";
    case CATEGORY_WRITE:
        return "@write";
    case CATEGORY_PUBSUB:
        return "@pubsub";
    case CATEGORY_ADMIN:
        return "@admin";
    case CATEGORY_FAST:
        return "@fast";
    case CATEGORY_SLOW:
        return "@slow";
    case CATEGORY_DANGEROUS:
        return "@dangerous";
    case CATEGORY_CONNECTION:
        return "@connection";
    case COMMAND_CATEGORIES:
        break;
    }
    UNREACHABLE("a category of no kind");
}

bool command_category_has(enum command_category category, const struct command_spec *spec)
{
    switch (category) {
    case CATEGORY_READ:
        return (spec->flags & COMMAND_READONLY) != 0;
    case CATEGORY_WRITE:
        return (spec->flags & COMMAND_WRITE) != 0;
    case CATEGORY_PUBSUB:
        return (spec->flags & COMMAND_PUBSUB) != 0;
    case CATEGORY_ADMIN:
    case CATEGORY_DANGEROUS:
        return (spec->flags & COMMAND_ADMIN) != 0;
    case CATEGORY_FAST:
        return (spec->flags & COMMAND_FAST) != 0;
    case CATEGORY_SLOW:
        return (spec->flags & COMMAND_FAST) == 0;
    case CATEGORY_CONNECTION:
        return strcmp(spec->group, "connection") == 0;
    case COMMAND_CATEGORIES:
        break;
    }
    UNREACHABLE("a category of no kind");
}
