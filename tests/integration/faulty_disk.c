/* Loaded before the C library: what the server asks of the journal's files is slow, or fails, as the file says that
 * FAULTY_DISK names: `slow` or `fail` and `sync` or `write`, or nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int is_journal(int file)
{
    char link[64];
    char path[4096] = {0};
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t size = readlink(link, path, sizeof path - 1);
    static const char suffix[] = ".journal";
    return size > (ssize_t)strlen(suffix) && strcmp(path + size - strlen(suffix), suffix) == 0;
}

/* True: it is to fail. */
static int meet(int file, const char *what)
{
    char text[64] = {0};
    const char *path = getenv("FAULTY_DISK");
    FILE *plan = path == NULL || !is_journal(file) ? NULL : fopen(path, "r");
    if (plan == NULL) {
        return 0;
    }
    (void)fgets(text, sizeof text, plan);
    (void)fclose(plan);
    if (strstr(text, what) == NULL) {
        return 0;
    }
    if (strstr(text, "slow") != NULL) {
        const struct timespec pause = {.tv_nsec = 400 * 1000000L};
        nanosleep(&pause, NULL);
        return 0;
    }
    errno = EIO;
    return 1;
}

int fdatasync(int file)
{
    int (*const next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return meet(file, "sync") ? -1 : next(file);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    ssize_t (*const next)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return meet(file, "write") ? -1 : next(file, bytes, size, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return pwrite64(file, bytes, size, offset);
}
