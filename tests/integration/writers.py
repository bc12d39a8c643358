"""Clients that write without a pause, remember what was answered, and check each answer.

A user belongs to one writer, and a writer has one connection at a time: so the order of the commands on a user is
known, and the writer's oracle knows what is there. All commands come from the seed; how many are sent is a matter of
time.
"""

import collections
import contextlib
import random
import threading

from oracle import Oracle, slot_of
from resp import Closed, Connection, encode

from model import MENTIONS_MAX, channel_parse

WRITERS = 8
USERS_EACH = 30
# Of mentions and tombstones more come than are kept; only wide users have so many channels.
LIMITS = {"max_channels": 250, "mention_ids_kept": 4, "tombstones_kept": 5}
CHANNELS = [*map(str, range(1, 11)), "1:1", "3:2", "255:3", "1:12"]
WIDE_CHANNELS = 260

WEIGHTS = {
    "RS.ACK": 300,
    "RS.MENTION": 140,
    "RS.MESSAGE": 120,
    "RS.BULKACK": 80,
    "RS.UNMENTION": 80,
    "RS.JOIN": 50,
    "RS.LEAVE": 50,
    "RS.PIN": 40,
    "RS.DEL": 20,
    "RS.EVICT": 30,
    "RS.LIST": 30,
    "RS.GET": 30,
    "RS.FORGET": 5,
    "RS.FLUSH": 5,
}

GONE = (Closed, ConnectionError)


def users_by_writer(writers=WRITERS):
    """No two of one slot: users never seen share the epoch of their slot."""
    numbers = iter(range(1, 1_000_000))
    seen = set()
    users = []
    while len(users) < writers * USERS_EACH:
        user = next(numbers)
        if slot_of(user) not in seen:
            seen.add(slot_of(user))
            users.append(user)
    return [users[number::writers] for number in range(writers)]


class Writer:
    """`without`: commands, and options of RS.ACK, that this one does not send."""

    def __init__(self, number, users, seed, without=()):
        self.users = users
        # A large one, that the store keeps in leaves.
        self.wide_user = users[0]
        self.protocol = 2 + number % 2
        self.chance = random.Random(f"{seed} {number}")
        self.oracle = Oracle(**LIMITS)
        self.weights = {name: weight for name, weight in WEIGHTS.items() if name not in without}
        self.without = without
        self.newest = 0
        self.unanswered = collections.deque()
        self.answers = 0
        self.ending = threading.Event()
        self.failure = None

    def play(self, port):
        """Until it is to end or the server is gone; runs in a thread."""
        try:
            with contextlib.suppress(*GONE), Connection(port, self.protocol) as connection:
                with contextlib.suppress(*GONE):
                    while not self.ending.is_set():
                        self._send(connection)
                        # Most often some commands are under way.
                        self._read(connection, self.chance.choice((0, 5, 20)))
                # Also what was answered before the server went.
                self._read(connection, 0)
        except Exception as failure:
            self.failure = failure

    def _send(self, connection):
        batch = [self._draw() for _ in range(self.chance.choice((1, 5, 20, 50)))]
        self.unanswered.extend(batch)
        connection.send(b"".join(encode(*command) for command in batch))

    def _read(self, connection, unanswered):
        while len(self.unanswered) > unanswered:
            reply = connection.read()
            self.oracle.check(self.unanswered.popleft(), reply)
            self.answers += 1

    # ---- what it sends

    def _draw(self):
        chance = self.chance
        user = chance.choice(self.users)
        channel = self._channel(user)
        name = chance.choices(list(self.weights), self.weights.values())[0]
        match name:
            case "RS.ACK":
                return [name, user, channel, self._message(), *self._ack_options(user, channel)]
            case "RS.BULKACK":
                most = 40 if user == self.wide_user else 6
                pairs = [(self._channel(user), self._message()) for _ in range(chance.randint(1, most))]
                return [name, user, *(word for pair in pairs for word in pair)]
            case "RS.MENTION":
                return [name, channel, self._new_message(), *self._users()]
            case "RS.UNMENTION":
                return [name, channel, self._message(), *self._users()]
            case "RS.MESSAGE":
                no_ack = ["NOACK"] if chance.random() < 0.3 else []
                mentions = ["MENTIONS", *self._users()] if chance.random() < 0.7 else []
                return [name, channel, self._new_message(), user, *no_ack, *mentions]
            case "RS.JOIN":
                return [name, user, channel, chance.choice((0, self._message()))]
            case "RS.LEAVE":
                return [name, user, channel, *chance.choice(([], [self._message()]))]
            case "RS.PIN":
                return [name, user, channel, chance.randint(1, 2**53 - 1)]
            case "RS.DEL" | "RS.GET":
                return [name, user, *(self._channel(user) for _ in range(chance.randint(1, 4)))]
            case "RS.FLUSH":
                return [name, *chance.choice(([], [user], [user]))]
            case "RS.LIST" if user == self.wide_user:
                # It is given in slices: what comes behind it may show in it already.
                return ["RS.BADGE", user]
        return [name, user]

    def _ack_options(self, user, channel):
        chance = self.chance
        words = []
        if chance.random() < 0.2:
            words += ["MANUAL"]
            if chance.random() < 0.5:
                words += ["MENTIONS", chance.choice((*range(7), MENTIONS_MAX))]
        if chance.random() < 0.1:
            words += ["VIEWED", chance.randint(0, 65535)]
        if chance.random() < 0.1:
            words += ["FLAGS", chance.randint(0, 65535)]
        if chance.random() < 0.1:
            # What is still under way may have changed it.
            state = self.oracle.model.user(user).find(channel_parse(channel))
            words += ["IFVERSION", state.version if state else 0]
        if "COMMIT" not in self.without and chance.random() < 0.03:
            words += ["COMMIT", "now"]
        return words

    def _channel(self, user):
        if user == self.wide_user:
            return str(self.chance.randint(1, WIDE_CHANNELS))
        return self.chance.choice(CHANNELS)

    def _users(self):
        return self.chance.sample(self.users, self.chance.randint(1, 5))

    def _new_message(self):
        """Mostly; some are sent again."""
        if self.chance.random() < 0.2:
            return self._message()
        self.newest += 1
        return self.newest

    def _message(self):
        """One of the last ones, the newer the more often: most states have mentions above it and below."""
        return max(1, self.newest - int(self.chance.expovariate(1 / 30)))


class Writing:
    """All of them at once, on the server at the port."""

    def __init__(self, writers, port):
        self.writers = writers
        self.answers_before = self._answers()
        self.threads = []
        for writer in writers:
            writer.ending.clear()
            self.threads.append(threading.Thread(target=writer.play, args=(port,)))
        for thread in self.threads:
            thread.start()

    def _answers(self):
        return sum(writer.answers for writer in self.writers)

    def answers(self):
        return self._answers() - self.answers_before

    def check(self):
        """That all go on."""
        self._check_failures()
        assert all(thread.is_alive() for thread in self.threads), "the server closed a connection"

    def _check_failures(self):
        for writer in self.writers:
            if writer.failure is not None:
                raise writer.failure

    def end(self):
        """What was sent is answered, unless the server has gone."""
        for writer in self.writers:
            writer.ending.set()
        for thread in self.threads:
            thread.join()
        self._check_failures()
