"""Random sequences of the commands that move states forward, with ids from the ends of the range.

Several connections in both protocols, evictions, flushes and clean restarts in between.
test_rules.py plays all commands, on few ids.
"""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from machine import ServerMachine, connections, play

USERS = 5
LIMITS = {"max_channels": 8, "mention_ids_kept": 4}

users = st.integers(0, USERS - 1)
some_users = st.lists(users, min_size=1, max_size=USERS, unique=True)
# More than a user may have, of several types, and the ends of the range; two of them often.
few_channels = st.sampled_from(["1", "1:1"])
rare_channels = ["2", "3", "4", "255:1", "2:2", "5", "6", "7", str(2**63 - 1), f"7:{2**63 - 1}"]
channels = st.one_of(few_channels, few_channels, st.sampled_from(rare_channels))
# Few, so that they meet; and the ends of the range.
few_messages = st.integers(1, 12)
far_messages = st.sampled_from([2**53, 2**63 - 2, 2**63 - 1])
messages = st.one_of(few_messages, few_messages, st.integers(1, 40), far_messages)

commands = st.one_of(
    st.tuples(st.just("RS.ACK"), users, channels, messages),
    st.tuples(
        st.just("RS.BULKACK"),
        users,
        st.lists(st.tuples(channels, messages), min_size=1, max_size=10),
    ),
    st.tuples(st.just("RS.MENTION"), channels, messages, some_users),
    st.tuples(st.just("RS.MENTION"), channels, messages, some_users),
    st.tuples(
        st.just("RS.MESSAGE"), channels, messages, users, st.booleans(), st.none() | some_users
    ),
    st.tuples(st.just("RS.JOIN"), users, channels, st.just(0) | messages),
    st.tuples(st.just("RS.GET"), users, st.lists(channels, min_size=1, max_size=6)),
    st.tuples(st.just("RS.LIST"), users),
    st.tuples(st.just("RS.BADGE"), st.lists(users, min_size=1, max_size=8)),
    st.tuples(st.just("RS.FLUSH")),
    st.tuples(st.just("RS.FLUSH"), users),
)


class Machine(ServerMachine):
    LIMITS = LIMITS

    def spelled(self, command):
        """With the users of this example, and flat as it is sent."""
        match command:
            case ("RS.MENTION", channel, message, named):
                return ["RS.MENTION", channel, message, *map(self.user, named)]
            case ("RS.MESSAGE", channel, message, author, no_ack, named):
                mentions = [] if named is None else ["MENTIONS", *map(self.user, named)]
                return [
                    "RS.MESSAGE",
                    channel,
                    message,
                    self.user(author),
                    *["NOACK"] * no_ack,
                    *mentions,
                ]
            case ("RS.BADGE", named):
                return ["RS.BADGE", *map(self.user, named)]
            case (name, user, list(rest)):
                flat = [
                    part for item in rest for part in (item if isinstance(item, tuple) else (item,))
                ]
                return [name, self.user(user), *flat]
            case (name, user, *rest):
                return [name, self.user(user), *rest]
        return list(command)

    def user(self, number):
        return self.first_user + number

    @rule(number=connections, batch=st.lists(commands, min_size=1, max_size=8))
    def pipeline(self, number, batch):
        self.play_batch(number, [self.spelled(command) for command in batch])

    @rule(
        number=connections,
        channel=channels,
        sent=st.lists(few_messages, min_size=5, max_size=12),
        named=some_users,
    )
    def mention_again_and_again(self, number, channel, sent, named):
        """More than are kept by id, late and twice: random mentions alone seldom are."""
        named = list(map(self.user, named))
        batch = [["RS.MENTION", channel, message, *named] for message in sent]
        self.play_batch(number, [*batch, ["RS.GET", named[0], channel]])

    @rule(number=connections, user=users)
    def evict(self, number, user):
        first, second = self.connections[number].pipeline([("RS.EVICT", self.user(user))] * 2)
        assert first in (0, 1) and second == 0
        if not self.oracle.model.user(self.user(user)).states:
            assert first == 0

    @rule(number=connections, user=users, channel=channels)
    def inspect(self, number, user, channel):
        before = self.connections[number].call("DBSIZE")
        self.connections[number].pipeline(
            [("RS.INSPECT", self.user(user)), ("RS.INSPECT", self.user(user), channel)]
        )
        assert self.connections[number].call("DBSIZE") == before

    def end_example(self, number):
        self.play_batch(number, [("RS.LIST", self.user(each)) for each in range(USERS)])


# The time to find a shorter example after a failure, not what a good run takes.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("threads", [1, 3])
def test_random_commands(start_server, seed, threads):
    play(Machine, start_server, threads, seed, examples=100, steps=40)
