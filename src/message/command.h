/* A command for one shard: what a connection asks of the users that the shard owns.
 *
 * A command that names users of several shards (RS.MENTION, RS.MESSAGE, RS.UNMENTION, RS.BADGE,
 * RS.FLUSH) goes to each of them with its part of the users; the connection's shard puts the
 * answers together.
 *
 * Memory: the list a command may carry is lent for the call. A command that travels or waits owns
 * a copy: command_copy makes it, command_deinit frees it.
 */
#ifndef MESSAGE_COMMAND_H
#define MESSAGE_COMMAND_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/status.h"
#include "readstate/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_kind {
    COMMAND_ACK,
    COMMAND_BULKACK,
    COMMAND_MENTION,
    COMMAND_MESSAGE, /* Mentions, and the author's ack. */
    COMMAND_UNMENTION,
    COMMAND_PIN,
    COMMAND_JOIN,
    COMMAND_LEAVE,
    COMMAND_DEL,
    COMMAND_GET,
    COMMAND_LIST,
    COMMAND_BADGE,
    COMMAND_FLUSH_USER,
    COMMAND_FLUSH_ALL,
    COMMAND_EVICT,
    COMMAND_FORGET,
    COMMAND_INSPECT_USER,
    COMMAND_INSPECT_CHANNEL,
    COMMAND_MEASURE_USER, /* MEMORY USAGE. */
    COMMAND_SUBSCRIBE,    /* For the token's shard; again does nothing. */
    COMMAND_UNSUBSCRIBE,  /* Nobody there reads the user's feed any more. */
};

/* What becomes of the answer. */
enum token_purpose {
    TOKEN_ANSWER,       /* The client gets it. */
    TOKEN_SUBSCRIPTION, /* The client gets it, and it says whether the client is subscribed. */
    TOKEN_CATCH_UP,     /* RS.LIST for a reader of the feed who has fallen behind. */
};

/* Whom the answer is for; the shard that executes hands it back as it was. */
struct command_token {
    uint16_t shard;      /* Where the connection lives. */
    uint16_t purpose;    /* enum token_purpose */
    uint32_t connection; /* The shard's own number of it. */
    uint64_t sequence;   /* The connection's own number of the command. */
};

/* RS.BULKACK has so many pairs at the most. */
enum { COMMAND_PAIRS_MAX = 1000 };

/* RS.BULKACK: one pair. */
struct channel_message {
    struct channel_key channel;
    struct message_id message;
};

/* One of several users a command names. */
struct command_target {
    struct user_id user;
    uint32_t position; /* Among all that the command names: orders answers and errors. */
    bool acks;         /* The author of RS.MESSAGE: acks instead of being mentioned. */
    uint8_t shard;     /* Who owns the user. For who deals the command out. */
};

/* RS.ACK with options: a list of one. */
struct ack_options {
    struct rules_ack_options rule;
    bool has_version; /* IFVERSION. */
    bool commits;     /* COMMIT now. */
    uint64_t version; /* 0: the state is not there. */
};

/* RS.LIST SINCE. */
struct list_since {
    uint32_t incarnation;
    bool is_asked; /* With the epoch of this server. */
};

struct command {
    enum command_kind kind;
    uint32_t count; /* Elements of the list. */
    struct command_token token;
    struct user_id user; /* All but MENTION, MESSAGE, UNMENTION, BADGE, FLUSH_ALL. */
    struct channel_key
        channel; /* ACK, MENTION, MESSAGE, UNMENTION, PIN, JOIN, LEAVE, INSPECT_CHANNEL. */
    union {
        struct message_id
            message;            /* ACK, MENTION, MESSAGE, UNMENTION, JOIN, LEAVE (0: none named). */
        uint64_t pin_ms;        /* PIN. */
        uint64_t since_version; /* LIST, where it is asked for. */
        uint64_t subscriptions; /* SUBSCRIBE: the client's, with this one. */
        uint64_t number;        /* Whichever it is. */
    };
    union {
        const void *list;                     /* NULL without. */
        const struct ack_options *options;    /* ACK. */
        const struct channel_message *pairs;  /* BULKACK. */
        const struct channel_key *channels;   /* GET, DEL. */
        const struct command_target *targets; /* MENTION, MESSAGE, UNMENTION, BADGE. */
        struct list_since since;              /* LIST, which has no list. */
    };
};

/* The bytes of the list; 0 where there is none. */
size_t command_get_list_size(const struct command *self);

/* A command with a list of its own. STATUS_MEMORY leaves *out_copy alone. */
NODISCARD enum status command_copy(const struct command *self, struct command *out_copy);

/* Frees the list of a copy. */
void command_deinit(struct command *self);

#endif
