"""The change feed: every visible change once, in order; less for slow readers, and never too little."""

import json
import random
import re
import resource
import selectors
import socket
import threading
import time
import warnings

import pytest
from feed_reader import FeedReader
from resp import Connection, ReplyError, encode
from server import info, wait_until

CHANNELS = 12


def subscribe(connection, *users):
    connection.send(encode("SUBSCRIBE", *[f"rs:{user}" for user in users]))
    return [connection.read() for _ in users]


def read_message(connection):
    kind, channel, text = connection.read()
    message = json.loads(text)
    assert (kind, channel) == ("message", f"rs:{message['user']}")
    return message


@pytest.mark.parametrize("protocol", [2, 3])
def test_every_cause(start_server, protocol):
    server = start_server("--threads", 2)
    writer = server.connect()
    reader = server.connect(protocol)
    assert subscribe(reader, 7) == [["subscribe", "rs:7", 1]]
    commands = [
        (["RS.ACK", 7, 3, 9], "ack", ["3"]),
        (["RS.BULKACK", 7, 4, 5, 3, 10, 4, 6], "bulkack", ["3", "4"]),
        (["RS.MENTION", 3, 12, 7, 8], "mention", ["3"]),
        (["RS.UNMENTION", 3, 12, 7], "unmention", ["3"]),
        (["RS.MESSAGE", 3, 13, 8, "MENTIONS", 7], "message", ["3"]),
        (["RS.MESSAGE", 3, 14, 7], "message", ["3"]),
        (["RS.PIN", 7, 3, 1000], "pin", ["3"]),
        (["RS.JOIN", 7, "1:3", 20], "join", ["1:3"]),
        (["RS.LEAVE", 7, "1:3", 21], "leave", ["1:3"]),
        (["RS.DEL", 7, 3, 4, 3], "delete", ["3", "4"]),
        (["RS.FORGET", 7], "forget", []),
    ]
    for version, (command, cause, channels) in enumerate(commands, 1):
        assert not isinstance(writer.call(*command), ReplyError), command
        message = read_message(reader)
        assert (message["version"], message["cause"]) == (version, cause)
        assert sorted(state["channel"] for state in message["states"]) == sorted(channels)
        assert all(state["version"] == version for state in message["states"])
    # What changes nothing is not told: the next message is that of the next change.
    writer.pipeline([["RS.ACK", 7, 3, 9], ["RS.ACK", 7, 3, 8], ["RS.PIN", 7, 3, 5]])
    assert [read_message(reader)["cause"] for _ in range(2)] == ["ack", "pin"]


def test_subscribed_users_stay(start_server):
    """They count against the bounds; beyond these nobody else can be subscribed to, or loaded."""
    server = start_server("--threads", 1, "--cache-users", 3)
    connection = server.connect()
    reader = server.connect(3)
    connection.pipeline([["RS.ACK", user, 3, 9] for user in range(1, 10)])
    assert [reply[2] for reply in subscribe(reader, 1, 2, 3)] == [1, 2, 3]
    refused = reader.call("SUBSCRIBE", "rs:4")
    assert isinstance(refused, ReplyError) and str(refused).startswith("OOM ")
    assert str(connection.call("RS.GET", 5, 3)).startswith("OOM ")
    assert connection.call("RS.EVICT", 2) == 0
    assert connection.call("DBSIZE") == 3
    assert reader.call("UNSUBSCRIBE", "rs:2") == ["unsubscribe", "rs:2", 2]
    wait_until(lambda: connection.call("RS.EVICT", 2) == 1, "the user is let go")
    assert reader.call("SUBSCRIBE", "rs:99") == ["subscribe", "rs:99", 3]
    assert connection.call("DBSIZE") == 2, "a user without states takes no place"
    reader.close()
    wait_until(lambda: connection.call("RS.EVICT", 1) == 1, "those of a closed connection too")
    assert len(connection.pipeline([["RS.GET", user, 3] for user in range(1, 10)])) == 9


def test_many_names_at_once(start_server):
    server = start_server("--threads", 3)
    connection = server.connect()
    reader = server.connect(2)
    names = [f"rs:{user}" for user in range(1, 4001)]
    text = encode("SUBSCRIBE", *names)
    for at in range(0, len(text), 7000):
        reader.send(text[at : at + 7000])
        time.sleep(0.005)
    assert [reader.read() for _ in names] == [
        ["subscribe", name, at] for at, name in enumerate(names, 1)
    ]
    assert subscribe(reader, 5) == [["subscribe", "rs:5", 4000]], "again counts once"
    for user in (1, 2000, 4000):
        connection.call("RS.ACK", user, 3, 9)
        assert read_message(reader)["user"] == str(user)
    reader.send(encode("UNSUBSCRIBE") + encode("RS.GET", 1, 3))
    left = [reader.read() for _ in names]
    assert {reply[1] for reply in left} == set(names)
    assert [reply[2] for reply in left] == list(range(3999, -1, -1))
    assert len(reader.read()) == 1
    assert reader.call("UNSUBSCRIBE") == ["unsubscribe", None, 0]


def test_a_connection_that_closes_amid_its_subscriptions(start_server):
    server = start_server("--threads", 2, "--cache-users", 200)
    other = server.connect()
    for round_ in range(20):
        with Connection(server.port, 2 + round_ % 2) as reader:
            reader.send(b"".join(encode("SUBSCRIBE", f"rs:{user}") for user in range(1, 90)))
            if round_ % 3 == 0:
                reader.read()
        other.pipeline([["RS.ACK", user, 3, 9 + round_] for user in range(1, 90)])
    wait_until(lambda: info(other)["connected_clients"] == "1", "all gone")
    wait_until(
        lambda: all(other.pipeline([["RS.EVICT", user] for user in range(1, 90)])) or
        other.call("DBSIZE") == 0,
        "nobody is kept for who is gone",
    )  # fmt: skip


def test_who_only_reads_is_not_idle(start_server):
    server = start_server("--threads", 1, "--timeout", "1s")
    reader = server.connect(3)
    subscribe(reader, 7)
    time.sleep(2.5)
    server.connect().call("RS.ACK", 7, 3, 9)
    assert read_message(reader)["version"] == 1


def test_who_does_not_read_costs_little(start_server):
    """Fifty who stall and one who reads: that one gets every message, the others cost a bounded queue."""
    server = start_server("--threads", 2)
    writer = server.connect()
    stalled = [server.connect(2 + number % 2, receive_buffer=4096) for number in range(50)]
    for connection in stalled:
        subscribe(connection, 7)
    reader = server.connect(3)
    subscribe(reader, 7)
    most = 0
    for first in range(0, 20000, 500):
        writer.pipeline([["RS.ACK", 7, 3 + n % 50, n] for n in range(first + 1, first + 501)])
        versions = [read_message(reader)["version"] for _ in range(500)]
        assert versions == list(range(first + 1, first + 501))
        most = max(most, int(info(writer)["used_memory_clients"]))
    assert most < 50 * 300 * 1024 + (4 << 20)
    for connection in stalled[::10]:
        assert follow_to(connection, 20000)["merged"] > 0
    server.stop()


@pytest.fixture
def readers_max():
    """How many connections a test may open: ten thousand, where the system gives as many files."""
    wanted = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < wanted + 1000:
        warnings.warn(f"{hard} files may be open: fewer readers than {wanted}", stacklevel=1)
    yield min(wanted, hard - 1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def receive_all(received, sizes):
    """Reads on until each has that many bytes: {socket: bytes so far}, {socket: how many}."""
    with selectors.DefaultSelector() as waiting:
        for reader in received:
            waiting.register(reader, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(30)
            assert ready, f"{len(waiting.get_map())} readers wait for more"
            for key, _ in ready:
                reader = key.fileobj
                received[reader] += reader.recv(1 << 16)
                if len(received[reader]) >= sizes[reader]:
                    waiting.unregister(reader)


def test_ten_thousand_subscribers(start_server, readers_max):
    """Each change comes to a hundred of them, hundreds of changes at a time: all get each, and nothing stays."""
    users, rounds, changes = 100, 10, 5
    server = start_server("--threads", 2, "--maxclients", readers_max + 10)
    writer = server.connect()
    received = {}
    for number in range(readers_max):
        reader = socket.create_connection(("127.0.0.1", server.port))
        reader.sendall(encode("SUBSCRIBE", f"rs:{100 + number % users}"))
        received[reader] = bytearray()
    sizes = dict.fromkeys(received, len("*3\r\n$9\r\nsubscribe\r\n$6\r\nrs:100\r\n:1\r\n"))
    receive_all(received, sizes)
    before = int(info(writer)["used_memory_clients"])
    with server.connect() as witness:
        subscribe(witness, *range(100, 100 + users))
        for round_ in range(rounds):
            first = round_ * changes + 1
            # Fewer at a time than may wait for a loop, so that nobody, however slow, gets them merged.
            for version in range(first, first + changes):
                writer.pipeline([["RS.ACK", 100 + user, 3, 1000 + version] for user in range(users)])
            told = [read_message(witness) for _ in range(changes * users)]
            size = sum(message_size(message) for message in told if message["user"] == "100")
            sizes = {reader: so_far + size for reader, so_far in sizes.items()}
            receive_all(received, sizes)
    for number, (reader, got) in enumerate(received.items()):
        told = [json.loads(text) for text in re.findall(rb"\{.*\}", got)]
        assert len(got) == sizes[reader]
        assert {message["user"] for message in told} == {str(100 + number % users)}
        assert [message["version"] for message in told] == list(range(1, rounds * changes + 1))
        assert {message["cause"] for message in told} == {"ack"}
    after = int(info(writer)["used_memory_clients"])
    assert after - before < 100 * readers_max + 100_000, "nothing stays of what was sent"
    for reader in received:
        reader.close()
    wait_until(lambda: info(writer)["connected_clients"] == "1", "all are gone")
    wait_until(
        lambda: all(writer.pipeline([["RS.EVICT", 100 + user] for user in range(users)]))
        or writer.call("DBSIZE") == 0,
        "nobody is kept for who is gone",
    )  # fmt: skip


def message_size(message):
    """Of the whole array that tells it; the users of one test are equally long."""
    text = json.dumps(message, separators=(",", ":"))
    head = f"*3\r\n$7\r\nmessage\r\n$6\r\nrs:{message['user']}\r\n${len(text)}\r\n"
    return len(head) + len(text) + len("\r\n")


def test_a_stop_does_not_wait_for_who_does_not_read(start_server):
    server = start_server("--threads", 2)
    writer = server.connect()
    stalled = [server.connect(2 + number % 2, receive_buffer=4096) for number in range(20)]
    for number, connection in enumerate(stalled):
        subscribe(connection, 7 + number % 2)
    wide = [word for channel in range(1, 400) for word in (channel, 5)]
    for message in range(10, 400):
        wide[1::2] = [message] * 399
        writer.pipeline([["RS.BULKACK", user, *wide] for user in (7, 8)])
    server.stop()
    assert "all is written" in server.log()
    server.start()
    assert server.connect().call("RS.GET", 7, 399)[0][3] == "399"


def follow_to(connection, version):
    """Reads to that version; counts the causes."""
    causes = {"merged": 0}
    last = 0
    while last < version:
        message = read_message(connection)
        assert message["version"] > last
        last = message["version"]
        causes[message["cause"]] = causes.get(message["cause"], 0) + 1
    return causes


class Follower(threading.Thread):
    """Keeps one user's states by the feed: on one connection it subscribes, on another it lists."""

    def __init__(self, port, user, protocol, seed, slow):
        super().__init__()
        self.port, self.user, self.protocol = port, user, protocol
        self.random = random.Random(seed)
        self.slow = slow
        self.reader = FeedReader()
        self.causes = set()
        self.failure = None
        self.is_over = threading.Event()
        self.is_subscribed = threading.Event()
        self.may_read = threading.Event()
        if not slow:
            self.may_read.set()

    def run(self):
        try:
            while not self.is_over.is_set():
                self.follow()
        except Exception as failure:
            self.failure = failure

    def list(self, connection):
        since = ["SINCE", self.reader.epoch, self.reader.version] if self.reader.epoch else []
        epoch, version, full, states = connection.call("RS.LIST", self.user, *since)
        self.reader.take_list(epoch, version, full, [dict(state) for state in states])

    def follow(self):
        """From a new connection on, for a while; what happens between two of them is missed."""
        buffer = {"receive_buffer": 4096} if self.slow else {}
        with (
            Connection(self.port, self.protocol, **buffer) as feed,
            Connection(self.port, 3) as lists,
        ):
            subscribe(feed, self.user)
            self.list(lists)
            until = 1 << 30 if self.slow else self.random.randrange(5, 400)
            last = (None, 0)
            self.is_subscribed.set()
            self.may_read.wait()
            while until > 0 and not self.is_over.is_set():
                until -= 1
                message = self.read(feed)
                if message is None:
                    continue
                self.causes.add(message["cause"])
                assert message["epoch"] != last[0] or message["version"] > last[1]
                last = (message["epoch"], message["version"])
                self.reader.take_message(message)
                if self.reader.must_list:
                    self.list(lists)

    def read(self, feed):
        """A whole message, however slowly it comes; None where none has begun for a while."""
        return None if feed.is_quiet() else read_message(feed)


def write_some(port, users, seed, rounds, with_forget):
    source = random.Random(seed)
    with Connection(port, 2) as connection:
        for round_ in range(rounds):
            batch = []
            for _ in range(source.randrange(1, 60)):
                user, message = source.choice(users), source.randrange(1, 1000)
                channel = source.randrange(1, CHANNELS)
                batch.append(
                    source.choice(
                        [
                            ["RS.ACK", user, channel, message],
                            ["RS.ACK", user, channel, message, "MANUAL"],
                            ["RS.MENTION", channel, message, *users],
                            ["RS.BULKACK", user, channel, message, channel + 1, message],
                            ["RS.LEAVE", user, channel, message],
                            ["RS.JOIN", user, channel, message],
                            ["RS.DEL", user, channel, channel + 1, channel + 2],
                        ]
                    )
                )
            # Long messages: the system's own buffers take megabytes for who does not read.
            for message in range(1000 + 2 * round_, 1002 + 2 * round_):
                wide = [number for channel in range(1, 400) for number in (channel, message)]
                batch += [["RS.BULKACK", user, *wide] for user in users]
            if with_forget and source.randrange(40) == 0:
                batch.append(["RS.FORGET", source.choice(users)])
            connection.pipeline(batch)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("with_forget", [False, True], ids=["kept", "forgotten"])
def test_every_reader_ends_with_the_servers_states(start_server, seed, threads, with_forget):
    """Whatever a reader misses: while it stalls, while it is away, while tombstones go."""
    server = start_server("--threads", threads, "--tombstones-kept", 3, "--cache-memory", "64mb")
    users = [1, 2, 3, 4]
    followers = [
        Follower(server.port, user, 2 + number % 2, seed + number, slow=number % 3 == 0)
        for number, user in enumerate(users * 3)
    ]
    writers = [
        threading.Thread(
            target=write_some, args=(server.port, users, seed + 100 + n, 100, with_forget)
        )
        for n in range(3)
    ]
    for follower in followers:
        follower.start()
        assert follower.is_subscribed.wait(60)
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for follower in followers:
        follower.may_read.set()
    connection = server.connect(3)
    states = {user: connection.call("RS.LIST", user)[3] for user in users}

    def has_all(follower):
        expected = {state["channel"]: dict(state) for state in states[follower.user]}
        return follower.failure is not None or follower.reader.live() == expected

    try:
        for follower in followers:
            wait_until(lambda f=follower: has_all(f), f"the states of {follower.user}")
    finally:
        for follower in followers:
            follower.is_over.set()
        for follower in followers:
            follower.join()
    assert [follower.failure for follower in followers] == [None] * len(followers)
    assert any(follower.causes & {"merged", "forget"} for follower in followers)
