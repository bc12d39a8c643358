#include "net/targets.h"

#include "base/hash.h"
#include "net/net_internal.h"

struct command_target *targets_of(const struct command *command)
{
    return (struct command_target *)(uintptr_t)command->targets;
}

uint32_t targets_gather(struct command_target *targets, uint32_t count, uint32_t shard)
{
    uint32_t gathered = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (targets[i].shard == shard) {
            const struct command_target target = targets[i];
            /* A shift would keep the order of the others, but each user is served by itself. Within
             * one shard the order matters only to a user named twice, for whom both orders are the
             * same. */
            targets[i] = targets[gathered];
            targets[gathered++] = target;
        }
    }
    return gathered;
}

/* With one shard there is no need to hash. */
static uint32_t find_owners(const struct net *net, struct command_target *targets, uint32_t count,
                            bool *out_named)
{
    uint32_t shards = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t shard =
            net->threads == 1 ? 0 : net_find_shard(net, hash_slot_of_user(targets[i].user));
        targets[i].shard = (uint8_t)shard;
        shards += !out_named[shard];
        out_named[shard] = true;
    }
    return shards;
}

uint32_t targets_find_shards(const struct net *net, const struct command *command, bool *out_named)
{
    if (command->kind != COMMAND_FLUSH_ALL) {
        return find_owners(net, targets_of(command), command->count, out_named);
    }
    for (uint32_t shard = 0; shard < net->threads; shard++) {
        out_named[shard] = true;
    }
    return net->threads;
}
