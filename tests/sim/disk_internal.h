/* What the parts of the simulated disk share: its nodes, names, handles and plans.
 *
 *     names[i].versions   synced, ..., now     nodes count from 1; 0: there is nothing of that name
 *     nodes[n - 1] ──► node                    free: NULL
 *
 * A node is seen by the names that lead to it now and by open handles, and takes room while it is;
 * it is remembered by the versions of names that may come back. With neither, it is gone.
 *
 * Memory: the disk's.  Thread: the disk's.
 */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include "sim/disk.h"
#include "sim/disk_side.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NO_NAME UINT32_MAX

enum disk_change_kind { DISK_CHANGE_WRITE, DISK_CHANGE_RESIZE, DISK_CHANGE_ALLOCATE };

struct disk_change {
    uint64_t order; /* Among those of all files. */
    enum disk_change_kind kind;
    uint64_t offset;
    uint64_t size;  /* Of the write, or the new one of the file. */
    uint8_t *bytes; /* Of the write; else NULL. */
};

struct disk_node {
    bool is_folder;
    uint32_t seen;
    uint32_t remembered;
    struct disk_side now;
    struct disk_side synced;
    struct disk_change *changes;
    size_t changes_count;
    size_t changes_room;
};

struct disk_name {
    char *path; /* NULL: a free one. */
    size_t path_size;
    uint64_t path_hash;
    uint32_t versions[DISK_NAME_VERSIONS]; /* Nodes; the synced one first, the one of now last. */
    uint32_t versions_count;
};

struct disk_handle {
    uint32_t node; /* 0: closed. */
    bool is_to_write;
    bool is_locked;
};

struct disk_plan {
    struct disk_fault fault;
    uint64_t operations; /* Since it was planned, of those that it can befall. */
};

struct disk {
    struct disk_options options;
    struct disk_counts counts;
    uint64_t hash;
    uint64_t seed; /* Moves on with what is drawn. */
    uint64_t delay_ns;
    struct disk_plan plans[DISK_FAULTS_PLANNED];
    uint32_t plans_count;
    uint64_t end_at; /* The operation in which the process is killed; 0: in none. */
    uint64_t end_bytes;
    bool is_dead;

    struct disk_node **nodes;
    uint32_t nodes_count;
    uint32_t nodes_seen;
    uint64_t pages_taken; /* By the nodes that are seen. */
    uint64_t changes_made;
    struct disk_name *names;
    uint32_t names_count;
    struct disk_handle *handles;
};

/* What becomes of an operation. */
struct disk_verdict {
    int number;     /* The errno it fails with; 0: none. */
    uint64_t bytes; /* Of a write that fails, done before. */
};

/* disk_hash.c */
void disk_hash_number(struct disk *self, uint64_t number);
void disk_hash_bytes(struct disk *self, const void *bytes, size_t size);
uint64_t disk_hash_path(const char *path, size_t size);
/* Looks random, and is the same for the same two. */
uint64_t disk_mix(uint64_t seed, uint64_t number);
uint64_t disk_draw(struct disk *self, uint64_t below);

/* disk_fault.c: counts the operation, and says what becomes of it. */
struct disk_verdict disk_begin(struct disk *self, enum disk_operation operation, uint64_t size);

/* disk_node.c */
struct disk_node *disk_get_node(const struct disk *self, uint32_t number);
uint32_t disk_insert_node(struct disk *self, bool is_folder);
void disk_remove_node(struct disk *self, uint32_t number);
uint64_t disk_count_pages_free(const struct disk *self);
/* Bytes of a write; else NULL. */
void disk_change_node(struct disk *self, struct disk_node *node, struct disk_change change,
                      const void *bytes);
void disk_sync_node(struct disk_node *node);
/* A sync that fails: each change is synced or never will be. */
void disk_lose_changes(struct disk *self, struct disk_node *node);
void disk_clear_changes(struct disk_node *node);
/* The first bytes only, if it is a write. */
void disk_apply_change(struct disk_side *side, const struct disk_change *change, uint64_t bytes);
/* What is read becomes what is synced, and all of the changes. */
void disk_reread_node(struct disk_node *node);
/* Anew from the nodes, where they were changed behind its back. */
void disk_count_pages(struct disk *self);

/* disk_name.c: 0 is no node, and nothing is done to it. */
void disk_see_node(struct disk *self, uint32_t number);
void disk_unsee_node(struct disk *self, uint32_t number);
uint32_t disk_find_name(const struct disk *self, const char *path);
/* The node a path leads to now; 0: to none, or to a root (disk_is_root). */
uint32_t disk_find_node(const struct disk *self, const char *path);
bool disk_is_root(const char *path);
/* 0: it is there; ENOENT, ENOTDIR: the folder that the path is in is not, or is a file. */
int disk_check_folder(const struct disk *self, const char *path);
/* Likewise for the path itself. */
int disk_check_is_folder(const struct disk *self, const char *path);
bool disk_is_in_folder(const struct disk_name *name, const char *folder);
/* The last part of the path. */
const char *disk_get_last_part(const char *path);
uint32_t disk_get_now(const struct disk_name *name);
/* The name leads to the node from now on, or to none. */
void disk_set_name(struct disk *self, const char *path, uint32_t node);
/* The version becomes the synced one and that of now, all others are forgotten. */
void disk_settle_name(struct disk *self, uint32_t at, uint32_t version);

#endif
