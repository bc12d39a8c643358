#include "base/role.h"

const struct role shard_thread;
const struct role store_thread;

void shard_thread_enter(void) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
}

void shard_thread_leave(void) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
}

void store_thread_enter(void) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
}

void store_thread_leave(void) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
}
