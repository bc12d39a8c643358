/* Files in memory, that fail when told to and forget at a power cut what was not synced.
 *
 *     names  ──now────► node   what a process sees
 *            ──synced─► node   what a power cut leaves for sure
 *
 * A power cut is as unkind as POSIX allows: of what was not synced each name may be the old or the
 * new one, and each content the old, the new, or a part of the new.
 *
 * Memory: the caller's, all zero is a good start; nothing is allocated.  Thread: one at a time.
 */
#ifndef OS_FILES_FAKE_H
#define OS_FILES_FAKE_H

#include "os/files.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FILES_FAKE_NODES = 64, /* Ever made, forgotten ones too: a power cut may bring them back. */
    FILES_FAKE_NAMES = 16,
    FILES_FAKE_HANDLES = 16,
    FILES_FAKE_NAME_SIZE = 64,
    FILES_FAKE_CONTENT_SIZE = 256,
};

/* What the disk has free, always. */
#define FILES_FAKE_FREE_BYTES (UINT64_C(1) << 30)

struct files_fake_content {
    uint32_t size;
    uint8_t bytes[FILES_FAKE_CONTENT_SIZE];
};

struct files_fake_node {
    bool is_folder;
    struct files_fake_content now;
    struct files_fake_content synced;
};

/* Nodes count from 1 here; 0: the name is not there. */
struct files_fake_name {
    char path[FILES_FAKE_NAME_SIZE];
    uint32_t now;
    uint32_t synced;
};

struct files_fake_handle {
    uint32_t node; /* From 1; 0: closed. */
    bool locks;
};

struct files_fake {
    uint32_t fail_at;    /* The operation, from 1, that fails; 0: none. close never does. */
    int fail_number;     /* With which errno. */
    bool fails_on;       /* All after it fail as well. */
    uint32_t operations; /* So far. */

    uint32_t nodes_used;
    uint32_t names_used;
    struct files_fake_node nodes[FILES_FAKE_NODES];
    struct files_fake_name names[FILES_FAKE_NAMES];
    struct files_fake_handle handles[FILES_FAKE_HANDLES];
};

struct files files_fake_get(struct files_fake *lent_self);

/* The power goes, and comes back: handles and locks are gone, what was not synced is left to the
 * seed. Nothing fails any more. */
void files_fake_cut_power(struct files_fake *self, uint64_t seed);

/* The process ends as by kill -9: handles and locks are gone, what was written stays. */
void files_fake_end_process(struct files_fake *self);

#endif
