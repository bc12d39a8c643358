#include "net/allocator.h"

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* jemalloc's; absent where the program was linked without it. */
int mallctl(const char *name, void *old, size_t *old_size, void *changed, size_t changed_size)
    __attribute__((weak));

void allocator_print_name(char to[static ALLOCATOR_NAME_SIZE])
{
    const char *version = NULL;
    size_t size = sizeof version;
    if (mallctl == NULL || mallctl("version", (void *)&version, &size, NULL, 0) != 0) {
        snprintf(to, ALLOCATOR_NAME_SIZE, "libc");
        return;
    }
    /* "5.3.0-0-g54ea…": a hash of its source follows. */
    snprintf(to, ALLOCATOR_NAME_SIZE, "jemalloc-%.*s", (int)strcspn(version, "-"), version);
}

void allocator_purge(void)
{
    /* 4096 names all arenas (MALLCTL_ARENAS_ALL). */
    if (mallctl == NULL || mallctl("arena.4096.purge", NULL, NULL, NULL, 0) != 0) {
        malloc_trim(0);
    }
}
