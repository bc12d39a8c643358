/* Warm restart: the thread that serves nobody saves, now and then and at the end, who is hot, and
 * after a start has them loaded.
 *
 *     data folder ──ids──► net ──► shards ──lists──► net ──► data folder
 *
 * Nothing is saved while users are still being loaded: what is in memory then is only a part of
 * what the last list has.
 *
 * Who was forgotten goes from the list as well: within seconds it is made anew, or, where that
 * cannot be, taken away.
 *
 * Memory: one block on the heap; lists only between being made and being written.  Thread: the
 * first.
 */
#ifndef SERVER_WARM_H
#define SERVER_WARM_H

#include "base/attribute.h"
#include "net/net_warm.h"
#include "os/files.h"
#include "server/log.h"
#include "server/options.h"
#include "server/warm_read.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct warm_config {
    struct files lent_files;
    const char *lent_folder;
    struct log *lent_log;
    struct net *lent_net;
    uint32_t threads;
    bool was_unclean; /* The last server may not have come to the end of what it was doing. */
    const struct options *lent_options;
    pthread_mutex_t *lent_options_lock;
};

enum warm_phase {
    WARM_CHECKING, /* The file, as far as it is read. */
    WARM_GIVING,   /* Its ids, to the shards. */
    WARM_WAITING,  /* For the shards to be done with them. */
    WARM_RESTING,
};

struct warm {
    struct warm_config config;
    struct net_warm figures;

    enum warm_phase phase;
    bool is_stopped; /* Before all were given. */
    uint64_t given;
    uint64_t began_ms;
    struct warm_read read;

    bool is_saving;
    uint64_t saved_ms;       /* Where the time until the next list begins. */
    uint64_t saving_took_ms; /* The last one, from the walk to the disk. */
    uint64_t forgotten;      /* Users, when the walk for the list on the disk began. */
    uint64_t listing;        /* The same, for the list that is being made. */
    bool may_name_forgotten; /* That list is of a server that was killed. */
    bool is_removed;         /* There is none. */
    bool is_due;             /* A first one of this server, whatever the time is. */
    struct hot_list lists[NET_THREADS_MAX];
};

/* The net serves. What is in the file is loaded by and by; what is wrong with it stands in the
 * log. STATUS_MEMORY. */
NODISCARD enum status warm_create(struct warm **out_warm, const struct warm_config *config);
void warm_destroy(struct warm **taken_warm);

/* Some of what there is to do. Returns in how many milliseconds it is to be called again. */
uint32_t warm_turn(struct warm *self);

/* All is written, and the net not yet destroyed: saves the last list. Does not wait longer than a
 * few seconds, nor for more than one of the signals. */
void warm_end(struct warm *self, const sigset_t *signals);

#endif
