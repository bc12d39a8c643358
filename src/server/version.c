#include "server/version.h"

const char *version_get(void)
{
    return READSTATES_VERSION;
}
