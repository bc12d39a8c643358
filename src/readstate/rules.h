/* The rules of one read state (contract, section 3), as pure functions.
 *
 * Each changes `state` in place and says whether anything that a client is shown has changed: only
 * such a change takes a version, and the caller gives it. What is not shown (which ids are kept)
 * may change without one, and is then to be kept all the same: RULE_CHANGED_HIDDEN.
 *
 * A state that was not there before is made with read_state_init by the caller, and has version 0.
 * Of ack, mention, pin and join it is there afterwards, a visible change of its own, whatever the
 * rule says; of unmention and leave only where the rule says RULE_CHANGED. A user's own message
 * (rule 6) is an ack, and never a mention: the caller leaves the author out.
 *
 * `state` may be a tombstone. An ack, its options, and a mention at or below its floor change
 * nothing, a pin and an unmention never do. A higher ack or mention, and any join, make of it a
 * state that begins with last_read = floor = the tombstone's: RULE_CHANGED.
 *
 * The number of mentions stops at MENTIONS_MAX: one more is known by id, pushes the lowest id out
 * as ever, and changes nothing that is shown; nor does its withdrawal.
 *
 * Memory: the caller's.
 */
#ifndef READSTATE_RULES_H
#define READSTATE_RULES_H

#include "readstate/state.h"

enum rule_effect {
    RULE_UNCHANGED,
    RULE_CHANGED_HIDDEN,
    RULE_CHANGED,
};

/* Rules 1 and 2: last_read and floor move forward to `message`, the mentions at or below it end. At
 * or below last_read nothing changes; so does `message` 0. */
enum rule_effect rules_ack(struct read_state *state, struct message_id message);

/* What an ack may say beside its message. Whether the state has the version that the client expects
 * (IFVERSION), and when the reply may go (COMMIT), is the caller's business. */
struct rules_ack_options {
    bool manual;
    bool has_mentions; /* Only with `manual`. */
    uint32_t mentions; /* How many lie above the message, 0 to MENTIONS_MAX. */
    bool has_viewed;
    uint16_t viewed; /* Days since 2015-01-01; the highest stays. */
    bool has_flags;
    uint16_t flags; /* Replaces what was there. */
};

/* Rules 1 and 5: an ack with options, which act also where last_read stays. A manual one sets
 * last_read to `message` even where that is lower; the floor never falls. `mentions` replaces what
 * is only counted, not what is known by id, so no fewer are left than are known. Returns the
 * strongest effect of all parts. */
enum rule_effect rules_ack_with_options(struct read_state *state, struct message_id message,
                                        const struct rules_ack_options *options);

/* Rules 2 and 3. `ids_kept` is MENTION_IDS_KEPT_MIN to MENTION_IDS_KEPT_MAX, and may be lower than
 * at the last call: the lowest ids go until no more than that are left. */
enum rule_effect rules_mention(struct read_state *state, struct message_id message,
                               uint8_t ids_kept);

/* Rule 4: a mention that is known and counts is withdrawn, and stays known, so that a late retry of
 * it does not count. Of any other message nothing changes: what is only counted is not known, and
 * what comes before its mention is not kept. */
enum rule_effect rules_unmention(struct read_state *state, struct message_id message);

/* Rule 7: the highest stays. `pin_ms` is 1 to PIN_MS_MAX. */
enum rule_effect rules_pin(struct read_state *state, uint64_t pin_ms);

/* Rule 8, join: on a new state last_read = floor = `newest` (0: the channel is empty); else an ack.
 */
enum rule_effect rules_join(struct read_state *state, struct message_id newest);

/* Rule 8, leave, and delete (`newest` 0: no message is named): the state becomes a tombstone with
 * floor = the highest of floor, counted_to, the known ids and `newest`. Where only a tombstone was
 * or nothing, a message above its floor raises it, or makes one; else nothing changes. */
enum rule_effect rules_leave(struct read_state *state, struct message_id newest);

#endif
