/* One loop of the generator: its connections, and its share of the commands.
 *
 * In the open loop the n-th command of all is due at begin + n / rate; a loop has every
 * `threads`-th of them, and gives them to its connections in turn. In the closed loop each
 * connection gets the next when one is answered. Either way it ends when `end_ns` has come and what
 * was sent is answered, or `drain` seconds later.
 *
 * Memory: its own, from worker_open to worker_close.  Threads: worker_start makes the loop's; who
 * made the worker may call worker_exchange meanwhile, and nothing else but worker_join.
 */
#ifndef LOAD_WORKER_H
#define LOAD_WORKER_H

#include "base/attribute.h"
#include "load/connection.h"
#include "load/plan.h"
#include "load/tally.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct worker {
    const struct plan *lent_plan;
    uint32_t number;
    pthread_t thread;
    int epoll;
    struct connection *connections;
    uint32_t connections_count;
    uint32_t alive;
    uint32_t turn;     /* The connection that gets the next command. */
    uint32_t *touched; /* The connections that are to be flushed in this turn. */
    uint32_t touched_count;
    uint64_t next; /* The number, over all loops, of the next command or bulk. */
    uint64_t seed;
    bool ending;
    char *buffer;
    pthread_mutex_t lock;
    struct tally *tally; /* Under the lock. */
};

/* Connects all. False: errno says why. Close it in either case. */
NODISCARD bool worker_open(struct worker *self, const struct plan *lent_plan, uint32_t number,
                           const struct addrinfo *address);
void worker_close(struct worker *self);

/* False: errno says why. */
NODISCARD bool worker_start(struct worker *self);
void worker_join(struct worker *self);

/* What happened since the last exchange, for an empty tally. */
struct tally *worker_exchange(struct worker *self, struct tally *taken_empty);

/* CPU time of its thread until now; 0 where it has ended. */
uint64_t worker_read_cpu_ns(const struct worker *self);

#endif
