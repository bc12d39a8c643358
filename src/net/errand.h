/* Errands: what a connection's command asks of the connections of all loops.
 *
 *     asker ──errand──► mailbox of a loop ──its turns──► mailbox of the asker's loop
 *                       (does what is asked)             (adds up what was found)
 *
 * CLIENT LIST and CLIENT KILL concern connections that other threads own. Each loop gets an errand,
 * goes through some of its connections a turn, and sends it back with what it found; the command is
 * executed again until all are back. No other command comes by here: a loop looks at one flag a
 * turn.
 *
 * An asker that is closed meanwhile is not found any more, and what was found for it is dropped.
 * A loop that stops still does errands; those that are under way when all threads have ended are
 * freed with the mailboxes.
 *
 * Memory: a heap block for each errand, owned by the mailbox or the list that it is in; one for the
 * findings, the connection's.  Threads: a mailbox has a lock; the rest is the loop's.
 */
#ifndef NET_ERRAND_H
#define NET_ERRAND_H

#include "base/attribute.h"
#include "net/client_list.h"

#include <pthread.h>
#include <stdatomic.h>

enum errand_kind {
    ERRAND_LIST,
    ERRAND_KILL,
};

struct errand {
    struct errand *next;
    enum errand_kind kind;
    bool is_done;
    bool has_failed;       /* There was no memory for the lines. */
    uint32_t asker_loop;   /* The connection that asks: its loop, ... */
    uint32_t asker_number; /* ... its number there, ... */
    uint64_t asker_id;     /* ... and what no other connection ever has. */
    struct client_filter filter;
    uint32_t next_number; /* Of the loop's connections, the first that it has not looked at. */
    bool is_asker_meant;  /* ERRAND_KILL: it ends when it has its answer. */
    union {
        struct buffer lines; /* ERRAND_LIST */
        uint64_t killed;     /* ERRAND_KILL */
    } found;
};

/* What the loops have found so far. */
struct errand_findings {
    uint32_t waiting; /* Errands that are not back. */
    bool has_failed;
    bool is_asker_killed;
    uint64_t killed;
    struct buffer lines;
};

struct errand_mailbox {
    pthread_mutex_t lock;
    struct errand *first; /* The newest. Under the lock. */
    _Atomic bool has_mail;
};

struct connection;
struct loop;

void errand_mailbox_init(struct errand_mailbox *self);
/* No thread sends any more. */
void errand_mailbox_deinit(struct errand_mailbox *self);

/* Sends it to all loops; the connection then has findings. STATUS_MEMORY: nothing was sent. */
NODISCARD enum status errand_begin(struct connection *asker, enum errand_kind kind,
                                   const struct client_filter *filter);

/* Are all back? */
bool errand_is_over(const struct connection *asker);

/* The findings are done with; harmless where there are none. */
void errand_end(struct connection *asker);

/* Once a turn: what has come to the loop. */
void errands_turn(struct loop *loop);

#endif
