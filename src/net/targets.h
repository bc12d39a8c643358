/* A command that names several users, taken apart: to each shard those that are its own.
 *
 *     users     7  3  9  4  1          shards   0  2  0  0  2
 *     gathered  7  9  4 | 3  1         for shard 0, then for shard 2
 *
 * Memory: the command's list, which is put in another order.  Thread: the connection's.
 */
#ifndef NET_TARGETS_H
#define NET_TARGETS_H

#include "message/command.h"

#include <stdbool.h>
#include <stdint.h>

struct net;

/* The command's list, to be written: it lies in the loop's scratch. */
struct command_target *targets_of(const struct command *command);

/* Says of each target whose it is, and marks in out_named[NET_THREADS_MAX] the shards that must
 * execute a part of the command; returns how many those are. */
uint32_t targets_find_shards(const struct net *net, const struct command *command, bool *out_named);

/* Moves the targets of a shard to the front of the list; returns how many there are. */
uint32_t targets_gather(struct command_target *targets, uint32_t count, uint32_t shard);

#endif
