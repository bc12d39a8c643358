"""Clients that keep to no rule, many at once.

Whatever they send, leave out or do not read, the server serves the others, gives back what it took
for them, and ends clean.
"""

import contextlib
import random
import select
import socket
import struct
import threading

import bad_bytes
import bad_input
import pytest
from resp import encode
from server import info, wait_until

USERS = 40
SESSIONS = 72
CLIENTS = 6
PIECE = 4096


class Words:
    """What hostile clients say: good and bad commands, halves, the feed, HELLO."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        chance = random.Random(seed)
        names = [chance.choice(list(bad_input.COMMANDS)) for _ in range(500)]
        lists = [(name, [bad_input.mutate(chance, name)]) for name in names]
        self.bad = [case.raw for pair in lists for case in bad_input.cases_of(*pair, chance)]
        self.broken = [case.raw for case in bad_bytes.all_of_them()]

    def user(self):
        return self.chance.randrange(1, USERS + 1)

    def users(self, most):
        return [self.user() for _ in range(self.chance.randrange(1, most))]

    def good(self):
        chance, user = self.chance, self.user()
        channel = f"{chance.choice(['', '1:', '255:'])}{chance.randrange(1, 30)}"
        message = chance.randrange(1, 100)
        return chance.choice(
            (
                ("RS.ACK", user, channel, message),
                ("RS.ACK", user, channel, message, "MANUAL", "COMMIT", "now"),
                ("RS.MENTION", channel, message, *self.users(60)),
                ("RS.MESSAGE", channel, message, user, "MENTIONS", *self.users(60)),
                ("RS.UNMENTION", channel, message, *self.users(10)),
                ("RS.JOIN", user, channel, message),
                ("RS.LEAVE", user, channel, message),
                ("RS.DEL", user, channel),
                ("RS.LIST", user),
                ("RS.LIST", user, "SINCE", "e", 1),
                ("RS.GET", user, channel),
                ("RS.BADGE", *self.users(60)),
                ("RS.EVICT", user),
                ("RS.FLUSH", user),
                ("RS.FLUSH",),
                ("RS.INSPECT", user, channel),
                ("PING",),
                ("INFO",),
                ("COMMAND", "DOCS"),
            )
        )

    def feed(self):
        channels = [f"rs:{user}" for user in self.users(self.chance.choice((3, 3, 200, 4000)))]
        return self.chance.choice(
            (
                ("SUBSCRIBE", *channels),
                ("SUBSCRIBE", *channels),
                ("SUBSCRIBE", *(f"rs:{self.chance.randrange(1, 5000)}" for _ in range(300))),
                ("UNSUBSCRIBE", *channels),
                ("UNSUBSCRIBE",),
                ("HELLO", self.chance.choice((2, 3))),
            )
        )

    def pipeline(self):
        """Some bytes; they may end anywhere in a command."""
        chance = self.chance
        raw = b""
        for _ in range(chance.choice((1, 5, 50, 400))):
            kind = chance.randrange(20)
            if kind < 14:
                raw += encode(*self.good())
            elif kind < 16:
                raw += chance.choice(self.bad)
            else:
                raw += encode(*self.feed())
        if chance.randrange(8) == 0:
            raw += chance.choice(self.broken)
        if chance.randrange(12) == 0:
            at = chance.randrange(len(raw))
            raw = raw[:at] + chance.randbytes(chance.randrange(20)) + raw[at:]
        return raw[: chance.randrange(len(raw))] if chance.randrange(3) == 0 else raw


def play_session(port, words):
    """One connection, from its beginning to whatever end it takes."""
    chance = words.chance
    with socket.socket() as client:
        if chance.randrange(2) == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        reads = chance.randrange(4) > 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if chance.randrange(2) == 0:
                client.send(encode("HELLO", 3))
            for _ in range(chance.randrange(1, 5)):
                send(client, words, reads)
        end = chance.randrange(4)
        if end == 0:
            # All at once, with a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif end == 1 and reads:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
                client.settimeout(60)
                while client.recv(1 << 16):
                    pass


def send(client, words, reads):
    """In pieces of any size; who does not read gives up when the server takes no more."""
    chance = words.chance
    rest = memoryview(words.pipeline())
    size = chance.choice((1, 7, 100, PIECE, PIECE, PIECE)) if len(rest) < 2000 else PIECE
    while len(rest) > 0:
        readable, writable, _ = select.select([client], [client], [], 0.2)
        if readable and reads and not client.recv(1 << 16):
            return
        if writable:
            with contextlib.suppress(BlockingIOError):
                rest = rest[client.send(rest[:size]) :]
        elif not readable or not reads:
            return


@pytest.mark.parametrize("threads", [1, 3])
def test_a_crowd_that_keeps_to_no_rule(start_server, seed, threads):
    server = start_server(
        *("--threads", threads, "--cache-users", 5000, "--commit-delay", "50ms"),
        *("--client-output-limit", "1mb", "--max-channels", 60, "--tombstones-kept", 10),
    )
    failures = []

    def play(number):
        words = Words(seed + number)
        try:
            for _ in range(SESSIONS // CLIENTS):
                play_session(server.port, words)
        except Exception as failure:
            failures.append(failure)

    crowd = [threading.Thread(target=play, args=(number,)) for number in range(CLIENTS)]
    for one in crowd:
        one.start()
    with server.connect() as other:
        message = 0
        while any(one.is_alive() for one in crowd):
            message += 1
            assert other.call("RS.ACK", 10**6, 7, message) == [message, 0]
    assert failures == []
    with server.connect() as other:
        wait_until(lambda: info(other)["connected_clients"] == "1", "all others gone")
        wait_until(lambda: int(info(other)["used_memory_clients"]) < 100_000, "their memory back")
        assert other.call("RS.FLUSH") == "OK"
        lists = other.pipeline([("RS.LIST", user) for user in range(1, USERS + 1)])
        # Nobody is subscribed any more: all may go, and come back the same.
        for user in range(1, USERS + 1):
            assert other.call("RS.EVICT", user) == (lists[user - 1][1] > 0 or 0)
        assert other.pipeline([("RS.LIST", user) for user in range(1, USERS + 1)]) == lists
