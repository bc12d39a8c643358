"""The rules of read states as a plain model: slow, obvious, and written from the contract alone.

Nothing here is shared with the server. Users and messages are ints (any key does for a user); a
channel is the pair (id, type), so that sorting gives the order of every list. Each command is one
method of Model, changes one or more users, and returns what the reply says as Python values; what
it publishes is added to the feed of each user that it changed.

What only a server can know is left out: who is in memory (nobody is ever pending here), when a
change is in the store, the text of an epoch, and which messages of the feed were merged.
"""

import math

MENTIONS_MAX = 2**31 - 1
MESSAGE_MAX = 2**63 - 1

# Rule 8, of tombstones: any join is above the floor of each, and a pin ack is above none.
ABOVE_ALL = math.inf
ABOVE_NONE = -1


class Refused(Exception):
    """An error reply that begins with `word`. Of several users, some may have succeeded."""

    def __init__(self, word, succeeded=0, named=1, risen=0):
        super().__init__(word, succeeded, named)
        self.word = word
        self.succeeded = succeeded
        self.named = named
        self.risen = risen


def channel_text(channel):
    channel_id, channel_type = channel
    return str(channel_id) if channel_type == 0 else f"{channel_type}:{channel_id}"


def channel_parse(text):
    head, colon, tail = str(text).partition(":")
    return (int(tail), int(head)) if colon else (int(head), 0)


class State:
    """One user's read state of one channel, or its tombstone. Always: last_read <= floor."""

    def __init__(self, channel, floor=0):
        self.channel = channel
        self.last_read = floor
        self.floor = floor
        self.known = {}  # Unread mentions kept by id: {message: does it count, or is it withdrawn}.
        self.counted = 0  # Mentions whose ids are no longer kept.
        self.counted_to = 0  # The highest id that was only counted.
        self.viewed = 0
        self.pin = 0
        self.flags = 0
        self.version = 0  # Of the user, at the last visible change of this state.
        self.deleted = False

    def copy(self):
        other = State(self.channel)
        other.__dict__.update(self.__dict__, known=dict(self.known))
        return other

    def mentions(self):
        return min(MENTIONS_MAX, self.counted + self._known_that_count())

    def _known_that_count(self):
        return sum(self.known.values())

    def shown(self):
        """What a client is shown but the version: where this changes, the change is visible."""
        if self.deleted:
            return {"last_read": self.floor, "mentions": 0, "deleted": 1}
        optional = {
            "floor": self.floor if self.floor != self.last_read else 0,
            "viewed": self.viewed,
            "pin": self.pin,
            "flags": self.flags,
            "approximate": int(self.counted > 0),
        }
        return {"last_read": self.last_read, "mentions": self.mentions()} | {
            name: value for name, value in optional.items() if value != 0
        }

    def view(self):
        """The contract's `state`: ids as strings, counts and versions as ints."""
        view = {"channel": channel_text(self.channel), "version": self.version} | self.shown()
        for name in ("last_read", "floor"):
            if name in view:
                view[name] = str(view[name])
        return view

    def ack(self, message):
        """Rule 1. What is at or below last_read moves nothing."""
        if message > self.last_read:
            self._read_to(message)

    def manual_ack(self, message, mentions=None):
        """Rule 5. With `mentions`: how many lie above the message, known by id or not."""
        self._read_to(message)
        unknown_to = max(self.floor, self.counted_to)
        if mentions is not None and message < unknown_to:
            self.counted = max(0, mentions - self._known_that_count())
            self.counted_to = unknown_to

    def _read_to(self, message):
        self.last_read = message
        self.floor = max(self.floor, message)
        # Rule 2: the known ones end one by one, the counted ones all at once.
        self.known = {known: counts for known, counts in self.known.items() if known > message}
        if message >= self.counted_to:
            self.counted = 0

    def mention(self, message, ids_kept):
        """Rule 3, and of rule 2 what happens to the oldest id when there are too many."""
        if message <= max(self.floor, self.counted_to) or message in self.known:
            return
        self.known[message] = True
        if len(self.known) > ids_kept:
            oldest = min(self.known)
            counts = self.known.pop(oldest)
            self.counted += int(counts)
            self.counted_to = oldest

    def unmention(self, message):
        """Rule 4. The id stays known, so that a late retry of its mention does not count."""
        if message in self.known:
            self.known[message] = False

    def pin_ack(self, timestamp):
        """Rule 7."""
        self.pin = max(self.pin, timestamp)

    def tombstone(self, message):
        """Rule 8: what stays of it. Nothing that was known here may come back and count."""
        gone = State(self.channel, max([self.floor, self.counted_to, *self.known, message]))
        gone.version = self.version
        gone.deleted = True
        return gone


class User:
    """All that is kept of one user. A user without any state or tombstone is as one never seen."""

    def __init__(self):
        self.version = 0
        self.purged_to = 0
        self.states = {}  # By channel; tombstones too.

    def copy(self):
        other = User()
        other.version = self.version
        other.purged_to = self.purged_to
        other.states = {channel: state.copy() for channel, state in self.states.items()}
        return other

    def live(self):
        return [state for _, state in sorted(self.states.items()) if not state.deleted]

    def tombstones(self):
        return [state for _, state in sorted(self.states.items()) if state.deleted]

    def find(self, channel):
        """The live state, or None."""
        state = self.states.get(channel)
        return state if state is not None and not state.deleted else None

    def find_or_create(self, channel, message):
        """The live state that something of `message` acts on, or None where it is too late.

        Rule 8: only what is above a tombstone's floor creates the state anew, beginning there.
        """
        there = self.states.get(channel)
        if there is None:
            self.states[channel] = State(channel)
        elif there.deleted and message <= there.floor:
            return None
        elif there.deleted:
            self.states[channel] = State(channel, there.floor)
        return self.states[channel]

    def ack(self, channel, message):
        state = self.find_or_create(channel, message)
        if state:
            state.ack(message)

    def mention(self, channel, message, ids_kept):
        state = self.find_or_create(channel, message)
        if state:
            state.mention(message, ids_kept)

    def unmention(self, channel, message):
        state = self.find(channel)
        if state:
            state.unmention(message)

    def pin_ack(self, channel, timestamp):
        state = self.find_or_create(channel, ABOVE_NONE)
        if state:
            state.pin_ack(timestamp)

    def join(self, channel, newest):
        self.find_or_create(channel, ABOVE_ALL).ack(newest)

    def leave(self, channel, message):
        """Of a channel without a state, a message named with it (not 0) makes the tombstone."""
        there = self.states.get(channel)
        if there is None and message > 0:
            there = State(channel)
        if there is not None:
            self.states[channel] = there.tombstone(message)

    def purge(self, tombstones_kept):
        """The oldest tombstones go; of those of one version, the lowest channel first."""
        oldest_first = sorted(self.tombstones(), key=lambda gone: (gone.version, gone.channel))
        for gone in oldest_first[: max(0, len(oldest_first) - tombstones_kept)]:
            self.purged_to = max(self.purged_to, gone.version)
            del self.states[gone.channel]


class Model:
    """Every user, and what was published on each: {user: [message of the feed, ...]}, oldest first.

    The states of one message are in the order of a list here; a server may order them as it likes.
    """

    def __init__(self, max_channels=100000, mention_ids_kept=16, tombstones_kept=1000):
        self.max_channels = max_channels
        self.mention_ids_kept = mention_ids_kept
        self.tombstones_kept = tombstones_kept
        self.users = {}
        self.forgotten = {}  # How often, by user.
        self.feed = {}

    def user(self, user):
        return self.users.get(user, User())

    def epoch(self, user):
        """Stands for the text that a server shows: the same until the user is forgotten."""
        return ("epoch", user, self.forgotten.get(user, 0))

    # ---- what changes one user

    def ack(
        self,
        user,
        channel,
        message,
        manual=False,
        mentions=None,
        viewed=None,
        flags=None,
        if_version=None,
        commit="delayed",
    ):
        """Rules 1 and 5, and the options. `commit` only says when the reply comes."""

        def act(it):
            state = it.find_or_create(channel, message)
            if state is None:
                return
            if manual:
                state.manual_ack(message, mentions)
            else:
                state.ack(message)
            if viewed is not None:
                state.viewed = max(state.viewed, viewed)
            if flags is not None:
                state.flags = flags

        if if_version is not None and if_version != self._reply(user, channel)[0]:
            raise Refused("VERSION")
        self._change(user, "ack", act)
        return self._reply(user, channel)

    def bulk_ack(self, user, pairs):
        """Rule 10: whole or not at all, in order, one version."""

        def act(it):
            for channel, message in pairs:
                it.ack(channel, message)

        changed = self._change(user, "bulkack", act)
        return [self.user(user).version, changed]

    def pin(self, user, channel, timestamp):
        self._change(user, "pin", lambda it: it.pin_ack(channel, timestamp))
        return self._reply(user, channel)

    def join(self, user, channel, newest):
        self._change(user, "join", lambda it: it.join(channel, newest))
        return self._reply(user, channel)

    def leave(self, user, channel, message=0):
        """1 or 0: was there a state. A tombstone is none."""
        was_there = self.user(user).find(channel) is not None
        self._change(user, "leave", lambda it: it.leave(channel, message))
        return int(was_there)

    def delete(self, user, channels):
        """How many states were removed, all as one version. A tombstone cannot be removed again."""
        there = {channel for channel in channels if self.user(user).find(channel)}

        def act(it):
            for channel in there:
                it.leave(channel, 0)

        self._change(user, "delete", act)
        return len(there)

    def forget(self, user):
        """Rule 9. How many states were erased: the live ones.

        Its message is the last of the old epoch. Of a user who has nothing there is nothing to say.
        """
        it = self.user(user)
        if it.version > 0:
            self._publish(user, it.version + 1, "forget", [])
        self.users.pop(user, None)
        self.forgotten[user] = self.forgotten.get(user, 0) + 1
        return len(it.live())

    # ---- what names several users: each changes by itself, once

    def mention(self, channel, message, users):
        acts = dict.fromkeys(users, self._mention_of(channel, message))
        return [self._several("mention", channel, acts)[0], 0]

    def message(self, channel, message, author, no_ack=False, users=()):
        """Rule 6."""
        acts = {} if no_ack else {author: lambda it: it.ack(channel, message)}
        others = [user for user in users if user != author]
        acts |= dict.fromkeys(others, self._mention_of(channel, message))
        return [self._several("message", channel, acts)[0], 0]

    def unmention(self, channel, message, users):
        acts = dict.fromkeys(users, lambda it: it.unmention(channel, message))
        return [self._several("unmention", channel, acts)[1], 0]

    def _mention_of(self, channel, message):
        return lambda it: it.mention(channel, message, self.mention_ids_kept)

    def _several(self, cause, channel, acts):
        """How many counts rose, and how many fell; `acts` says for each user what to do."""
        risen = fallen = failed = 0
        for user, act in acts.items():
            before = self._reply(user, channel)[1]
            try:
                self._change(user, cause, act)
            except Refused:
                failed += 1
            after = self._reply(user, channel)[1]
            risen += int(after > before)
            fallen += int(after < before)
        if failed:
            raise Refused("LIMIT", len(acts) - failed, len(acts), risen)
        return risen, fallen

    # ---- what only looks

    def get(self, user, channels):
        found = [self.user(user).find(channel) for channel in channels]
        return [state.view() if state else None for state in found]

    def list(self, user, since=None, epoch=None):
        """[version, full, states]; `since` is a version of `epoch` (None: of today's).

        Only changes bring tombstones: who begins anew has nothing that they could remove.
        """
        it = self.user(user)
        is_todays = epoch in (None, self.epoch(user))
        if since is not None and is_todays and it.purged_to <= since <= it.version:
            changed = [state for _, state in sorted(it.states.items()) if state.version > since]
            return [it.version, 0, [state.view() for state in changed]]
        return [it.version, 1, [state.view() for state in it.live()]]

    def badge(self, users):
        counts = [[state.mentions() for state in self.user(user).live()] for user in users]
        return [[sum(of_user), sum(count > 0 for count in of_user)] for of_user in counts]

    def published(self, user):
        """All messages of the user's feed so far, of every epoch."""
        return self.feed.get(user, [])

    # ---- one change of one user

    def _change(self, user, cause, act):
        """Lets `act` change the user, whole or not at all; returns how many states changed visibly.

        All these take one version, and are published as one.
        """
        before = self.user(user)
        after = before.copy()
        act(after)
        if len(after.live()) > max(len(before.live()), self.max_channels):
            raise Refused("LIMIT")
        changed = [
            state
            for channel, state in sorted(after.states.items())
            if channel not in before.states or state.shown() != before.states[channel].shown()
        ]
        if changed:
            after.version += 1
            for state in changed:
                state.version = after.version
            # Before the oldest tombstones go: who reads the feed is told of each of them once.
            self._publish(user, after.version, cause, changed)
            after.purge(self.tombstones_kept)
        if after.version > 0:
            self.users[user] = after
        return len(changed)

    def _publish(self, user, version, cause, states):
        message = {
            "user": str(user),
            "epoch": self.epoch(user),
            "version": version,
            "cause": cause,
            "states": [state.view() for state in states],
        }
        self.feed.setdefault(user, []).append(message)

    def _reply(self, user, channel):
        """[version, mentions] of that state; where there is none, zeros."""
        state = self.user(user).find(channel)
        return [state.version, state.mentions()] if state else [0, 0]
