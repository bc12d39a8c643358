#include "metrics/metrics.h"

#include "base/assert.h"

const char *metrics_get_name(enum metric metric)
{
    static const char *const names[] = {
#define X(name, text) text,
        METRICS_TABLE(X)
#undef X
    };
    ASSERT(metric < METRICS_COUNT);
    return names[metric];
}
