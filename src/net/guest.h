/* Few threads when there is little to do: a loop whose thread has little to do is run by another
 * one's, its host's.
 *
 *     thread 0 ─ loop 0, the host ─┬─ its own sockets
 *                                  └─ epoll descriptor of loop 1, its guest ─► one turn of loop 1
 *     thread 1 ─ waits until loop 1 comes back
 *
 * Many threads that each do one command and sleep spend more on sleeping and waking than on
 * commands, and keep every core awake. So a loop ends its own waiting when it and the host together
 * were busy for less than `gather-below` percent of one thread's time, for a while; and all guests
 * go home at once when the host is near the end of its time. Loop 0 is the only host.
 *
 * A guest is as it was: its sockets, its shard and its links stay with it, and it is woken by the
 * same descriptor. Only the thread changes, and each change goes through a lock.
 *
 * Memory: handles in the host's event loop, made once.  Threads: each function says.
 */
#ifndef NET_GUEST_H
#define NET_GUEST_H

#include "base/attribute.h"
#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop;
struct net;

/* How busy a loop's thread is: of the time that has passed, what it has not waited for its sockets.
 */
struct load {
    uint64_t since_ns;
    uint64_t waited_ns;
    uint64_t wait_began_ns;
    uint32_t calm;    /* Measured one after the other, low enough to be lent. */
    uint32_t crowded; /* Measured one after the other, near the end of its time. */
    _Atomic uint32_t percent;
};

/* What a loop has to be lent, and the host to take it. */
struct guest {
    uv_poll_t poll; /* Of the host's event loop, and the guest's descriptor. */
    uv_timer_t timer;
    bool is_lent; /* Its thread is on its way to wait. Its own thread's. */
    bool is_away; /* The host's, to be run. Under the lock. */
    bool is_run;  /* By the host's thread. Of whichever thread runs it. */
    pthread_cond_t came_back;
};

struct lending {
    pthread_mutex_t lock;
    bool is_open;            /* Loops may be lent. Under the lock. */
    _Atomic uint64_t coming; /* Lent, and not yet taken: a bit each. Changed under the lock. */
};

/* Before any thread is there; all loops are, with their conditions, and the net's lock. */
NODISCARD enum status guests_init(struct net *self);

/* Around each wait for sockets, on the thread that runs the loop. The second may end the loop's
 * uv_run, so that it is lent. */
void guest_begin_wait(struct loop *self, uint64_t now_ns);
void guest_end_wait(struct loop *self);

/* The loop's own thread, after its uv_run has ended: waits as long as the host runs it. False: it
 * was not to be lent. */
bool guest_stay(struct loop *self);

/* The host's, once a turn: takes guests in, sends them home when it is busy. */
void guests_turn(struct loop *host);

/* The host's: all go home, and none comes any more. */
void guests_close(struct loop *host);

#endif
