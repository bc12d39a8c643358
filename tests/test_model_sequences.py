"""Sequences of commands, found by hypothesis, that break what always holds of the model."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import SEVERAL, Oracle
from strategies import LIMITS, USERS, batches, flat, spelled

from feed_reader import FeedReader
from model import MENTIONS_MAX, Model, channel_text

CHANNEL = (7, 0)
IDS_KEPT = 4
EVERYBODY = range(1, USERS + 1)

sequences = st.lists(batches, min_size=2, max_size=12).map(flat)
without_database = settings(deadline=None, database=None, print_blob=True)


@without_database
@given(
    acked=st.lists(st.integers(1, 20), max_size=4),
    mentioned=st.sets(st.integers(1, 20), max_size=IDS_KEPT),
    order=st.randoms(use_true_random=False),
)
def test_acks_and_mentions_may_come_twice_and_in_any_order(acked, mentioned, order):
    """With no more mentions than are kept by id, only the highest ack decides which count."""
    model = Model(mention_ids_kept=IDS_KEPT)
    sent = [(model.ack, (1, CHANNEL, message)) for message in acked] * 2
    sent += [(model.mention, (CHANNEL, message, [1])) for message in mentioned] * 2
    order.shuffle(sent)
    for command, arguments in sent:
        command(*arguments)
    highest = max(acked, default=0)
    unread = sum(message > highest for message in mentioned)
    state = model.user(1).find(CHANNEL)
    expected = {"last_read": highest, "mentions": unread} if sent else None
    assert (state and state.shown()) == expected


# ---- step by step


def assert_sound(state):
    assert 0 <= state.last_read <= state.floor
    assert 0 <= state.mentions() <= MENTIONS_MAX
    assert all(message > max(state.floor, state.counted_to) for message in state.known)
    assert len(state.known) <= LIMITS["mention_ids_kept"]
    if state.counted:
        assert state.counted_to > state.last_read
    if state.deleted:
        assert not state.known and not state.counted


def assert_bounded(it):
    assert len(it.live()) <= LIMITS["max_channels"]
    assert len(it.tombstones()) <= LIMITS["tombstones_kept"]
    assert it.purged_to <= it.version
    assert all(0 < state.version <= it.version for state in it.states.values())
    assert all(gone.version >= it.purged_to for gone in it.tombstones())


def is_visible_change(before, after):
    return before is None or before | {"version": 0} != after | {"version": 0}


class Observed:
    """What is shown of a user at one time."""

    def __init__(self, model, user):
        it = model.user(user)
        self.epoch = model.epoch(user)
        self.version = it.version
        self.views = {channel_text(channel): state.view() for channel, state in it.states.items()}
        self.published = len(model.published(user))

    def assert_follows(self, before, told):
        """One step after `before`, when the messages `told` were published."""
        if self.epoch != before.epoch:
            assert (self.version, self.views) == (0, {})
            versions = [message["version"] for message in told]
            assert versions == ([before.version + 1] if before.version else [])
            return
        assert len(told) <= 1
        assert self.version == before.version + len(told)
        expected = dict(before.views)
        for message in told:
            assert (message["epoch"], message["version"]) == (self.epoch, self.version)
            assert message["states"]
            for view in message["states"]:
                assert view["version"] == self.version
                assert is_visible_change(before.views.get(view["channel"]), view)
                expected[view["channel"]] = view
        # All that was not told of is as before; only tombstones go, and nobody is told.
        assert self.views.items() <= expected.items()
        assert all("deleted" in expected[channel] for channel in expected.keys() - self.views)

    def is_as(self, other):
        return vars(self) == vars(other)


class Steps:
    """Takes commands one by one, and looks at every user in between."""

    def __init__(self):
        self.oracle = Oracle(**LIMITS)
        self.model = self.oracle.model
        self.look()

    def look(self):
        for user in EVERYBODY:
            self.oracle.see_epoch(user, repr(self.model.epoch(user)))
        self.seen = {user: Observed(self.model, user) for user in EVERYBODY}

    def take(self, words):
        """What the model says, and for each user what was seen before."""
        before = self.seen
        says = self.oracle.model_says(words[0], words)
        self.look()
        return says, before

    def spelled(self, command):
        return spelled(command, 0, self.oracle)


@without_database
@given(sequences)
def test_each_step_keeps_what_always_holds(sequence):
    steps = Steps()
    for command in sequence:
        words = steps.spelled(command)
        says, before = steps.take(words)
        for user, after in steps.seen.items():
            it = steps.model.user(user)
            assert_bounded(it)
            for state in it.states.values():
                assert_sound(state)
            told = steps.model.published(user)[before[user].published :]
            after.assert_follows(before[user], told)
            if says in ("VERSION", "LIMIT") and words[0] not in SEVERAL:
                assert after.is_as(before[user])


@without_database
@given(sequences)
def test_what_is_sent_again_changes_nothing(sequence):
    """Of a forget the epoch changes all the same."""
    steps = Steps()
    for command in sequence:
        words = steps.spelled(command)
        steps.take(words)
        _, before = steps.take(words)
        for user, after in steps.seen.items():
            assert words[0] == "RS.FORGET" or after.is_as(before[user])


# ---- lists and the feed


@settings(without_database, max_examples=50)
@given(sequences, st.integers(2, 4))
def test_a_list_and_the_feed_make_the_same_as_a_list_since(sequence, merged_at_once):
    """From every list on: with the messages that came after it, and with the changes after it."""
    steps = Steps()
    model = steps.model
    listed = []
    for command in sequence:
        listed += [(user, len(model.published(user)), listing(model, user)) for user in EVERYBODY]
        steps.take(steps.spelled(command))
    for user, at, begun in listed:
        came = model.published(user)[at:]
        merged = [
            merge(came[first : first + merged_at_once])
            for first in range(0, len(came), merged_at_once)
        ]
        of_feed, of_merged, of_list = (copy.deepcopy(begun) for _ in range(3))
        follow(model, user, of_feed, came)
        follow(model, user, of_merged, merged)
        list_since(model, user, of_list)
        for reader in (of_feed, of_merged, of_list):
            assert_present(model, user, reader, begun)


def listing(model, user):
    reader = FeedReader()
    reader.take_list(model.epoch(user), *model.list(user))
    return reader


def list_since(model, user, reader):
    """Full only where it must be."""
    version, full, states = model.list(user, reader.version, reader.epoch)
    is_old = reader.epoch != model.epoch(user) or reader.version < model.user(user).purged_to
    assert full == int(is_old)
    reader.take_list(model.epoch(user), version, full, states)


def follow(model, user, reader, messages):
    for message in messages:
        reader.take_message(message)
        if reader.must_list:
            reader.take_list(model.epoch(user), *model.list(user))


def merge(messages):
    """What a reader who cannot keep up may get in their place."""
    cause, states = "merged", {}
    for message in messages:
        if message["cause"] == "forget":
            cause, states = "forget", {}
        states |= {view["channel"]: view for view in message["states"]}
    return {**messages[-1], "cause": cause, "states": list(states.values())}


def assert_present(model, user, reader, begun):
    """It has what is there now; since `begun` tombstones too, where none of that time has gone."""
    present = model.user(user)
    assert reader.live() == {view["channel"]: view for view in model.list(user)[2]}
    assert reader.version == present.version
    assert reader.epoch == model.epoch(user) or reader.version == 0
    if begun.epoch == model.epoch(user) and begun.version >= present.purged_to:
        gone = [it.view() for it in present.tombstones() if it.version > begun.version]
        assert reader.tombstones() == {view["channel"]: view for view in gone}
