"""Wrong commands, thousands of them, whole and cut in two at every byte.

Each gets the error that names what is wrong, nothing is changed, and the connection is kept or
closed as Redis does.

The tables are in bad_input.py (commands) and bad_bytes.py (the protocol).
"""

import contextlib
import itertools
import random
import re

import bad_bytes
import bad_input
import pytest
from bad_input import CHANNEL_ID, COMMANDS, WATCHED
from conftest import starting
from real_redis import run_redis
from resp import Connection, encode
from server import info, wait_until

# Connections at once: each sends a piece, then all wait until the server has read them.
LANES = 128
# Answers that may wait to be read on a lane.
ROUNDS_UNREAD = 16
# A shorter case is cut at each of its bytes, where all cuts are asked for.
SHORT = 64
MUTATED = 4000


@pytest.fixture(scope="module")
def server(request, tmp_path_factory, admin_off):
    """One thread, which reads in the order in which it came: that makes the cuts certain. Nothing
    is written unless it is asked for, so that a change stays to be seen."""
    folder = tmp_path_factory.mktemp("bad_input")
    with starting(folder, admin_off, lambda: request.session.testsfailed > 0) as start:
        yield start("--threads", 1, "--commit-delay", "1h")


@pytest.fixture(scope="module")
def watch(server):
    return Watch(server)


class Watch:
    """What must not change: a user with states, how many users and states there are, options."""

    def __init__(self, server):
        self.connection = server.connect()
        self.connection.call("RS.BULKACK", WATCHED, CHANNEL_ID, 100, 1, 100, "255:42", 100)
        mentions = [("RS.MENTION", CHANNEL_ID, 200 + at, WATCHED) for at in range(20)]
        self.connection.pipeline(mentions)
        self.connection.call("RS.DEL", WATCHED, 1)
        self.connection.call("RS.FLUSH")
        self.before = self.look()

    def look(self):
        commands = (
            ("RS.LIST", WATCHED),
            ("RS.INSPECT", WATCHED, CHANNEL_ID),
            ("RS.BADGE", WATCHED, 1, 8, 9, CHANNEL_ID),
            ("DBSIZE",),
            ("CONFIG", "GET", "*"),
        )
        fields = info(self.connection, "readstates")
        names = ("cached_users", "cached_states", "dirty_users", "evicted_users", "store_writes")
        return self.connection.pipeline(commands), {name: fields[name] for name in names}

    def check(self):
        assert self.look() == self.before


# ---- connections that are kept


class Lane:
    """Cases one behind the other on one connection. A piece ends one and begins the next."""

    def __init__(self, server, protocol):
        self.connection = Connection(server.port, protocol)
        self.cases = []
        self.pieces = []  # With the size of all answers that are due then.
        self.rest = b""
        self.owed = 0
        self.got = bytearray()

    def add(self, case, at):
        """Cut before byte `at`; None: it comes in one with those before and behind it."""
        self.cases.append((case, at))
        self.rest += case.raw[:at]
        if at is not None:
            self._put()
            self.rest = case.raw[at:]
        elif len(self.rest) > 16384:
            self._put()
        self.owed += len(case.reply)

    def _put(self):
        self.pieces.append((self.rest, self.owed))
        self.rest = b""

    def end(self):
        self.add(bad_bytes.kept(encode("ECHO", "end"), b"$3\r\nend\r\n"), 0)
        self._put()

    def receive(self, due):
        while len(self.got) < due:
            chunk = b""
            with contextlib.suppress(OSError):
                chunk = self.connection.socket.recv(1 << 16)
            if not chunk:
                # Closed, or silent: which case that was is seen by its answer.
                self.check()
            self.got += chunk

    def check(self):
        offset = 0
        for case, at in self.cases:
            got = bytes(self.got[offset : offset + len(case.reply)])
            assert got == case.reply, f"{case.raw!r}, cut at {at}"
            offset += len(case.reply)
        assert self.connection.is_quiet(0) and offset == len(self.got), (
            "closed, or a reply too many"
        )
        self.connection.close()


def play(server, protocol, cases):
    """Cases of connections that are kept, each with the place where it is cut."""
    lanes = [Lane(server, protocol) for _ in range(LANES)]
    for lane, (case, at) in zip(itertools.cycle(lanes), cases):
        lane.add(case, at)
    for lane in lanes:
        lane.end()
    with server.connect() as control:
        for number in range(max(len(lane.pieces) for lane in lanes)):
            due = {}
            for lane in lanes:
                if number < len(lane.pieces):
                    piece, due[lane] = lane.pieces[number]
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        lane.connection.send(piece)  # That it was closed is seen below.
            # What came before this on other connections has been read when it is answered.
            assert control.call("PING") == "PONG"
            if number % ROUNDS_UNREAD == 0:
                for lane, size in due.items():
                    lane.receive(size)
    for lane in lanes:
        lane.receive(lane.owed)
        lane.check()


# ---- connections that are closed


def play_closing(server, protocol, cases, may_be_silent=False):
    """Each case on a connection of its own: the answer, and then the end. `may_be_silent`: the end
    comes so soon that the last answers may not."""
    with server.connect() as control:
        for batch in batched(cases, LANES):
            lanes = [(Connection(server.port, protocol), case, at) for case, at in batch]
            for connection, case, at in lanes:
                connection.send(case.raw[: len(case.raw) if at is None else at])
            assert control.call("PING") == "PONG"
            for connection, case, at in lanes:
                # The first part may have ended it already.
                with contextlib.suppress(OSError):
                    connection.send(b"" if at is None else case.raw[at:])
            for connection, case, at in lanes:
                with connection:
                    got = connection.read_rest()
                is_right = case.reply.startswith(got) if may_be_silent else got == case.reply
                assert is_right, f"{case.raw!r}, cut at {at}: got {got!r}, not {case.reply!r}"


def batched(items, size):
    items = iter(items)
    return iter(lambda: list(itertools.islice(items, size)), [])


# ---- which cases, cut where


def whole(cases):
    return [(case, None) for case in cases]


def one_by_one(cases):
    return [(case, 0) for case in cases]


def cut(cases, protocol, step=2):
    """Short ones at every `step`th byte: the next case, and the other protocol, begin at another.
    Longer ones in one place each."""
    for number, case in enumerate(cases):
        size = len(case.raw)
        if size <= SHORT:
            yield from ((case, at) for at in range(1 + (number + protocol) % step, size, step))
        else:
            yield case, 1 + number * 7919 % (size - 1)


def bad_cases(seed):
    """Of all commands, their names in any case, as arrays or typed by hand."""
    chance = random.Random(seed)
    for name in COMMANDS:
        yield from bad_input.cases_of(name, bad_input.bad_commands(name), chance)


def mutated_cases(seed):
    chance = random.Random(seed)
    names = [chance.choice(list(COMMANDS)) for _ in range(MUTATED)]
    for name in names:
        yield from bad_input.cases_of(name, [bad_input.mutate(chance, name)], chance)


def byte_cases(closes):
    return [case for case in bad_bytes.all_of_them() if case.closes == closes]


# ---- tests


def test_the_table_has_every_command_and_option(server):
    """A new command needs its row in bad_input.COMMANDS, a new option its rules there."""
    with server.connect(3) as connection:
        docs = connection.call("COMMAND", "DOCS")
    groups = ("readstates", "pubsub")
    syntaxes = {name: doc["syntax"] for name, doc in docs.items() if doc["group"] in groups}
    assert sorted(syntaxes) == sorted(COMMANDS)
    for name, syntax in syntaxes.items():
        options = {word.encode() for word in re.findall(r"[A-Z]{2,}", syntax)}
        known = COMMANDS[name].options.words if COMMANDS[name].options else set()
        assert options == known, f"{name} {syntax}"


def test_bad_commands(server, watch, protocol, seed):
    cases = list(bad_cases(seed))
    assert len(cases) >= 5000
    play(server, protocol, whole(cases))
    watch.check()
    play(server, protocol, one_by_one(cases))
    watch.check()
    for part in batched(cut(cases, protocol), 20_000):
        play(server, protocol, part)
        watch.check()


def test_mutated_commands(server, watch, protocol, seed):
    """Several things may be wrong at once: the first is named."""
    cases = list(mutated_cases(seed + protocol))
    assert len(cases) > MUTATED / 2
    play(server, protocol, whole(cases))
    play(server, protocol, cut(cases, protocol))
    watch.check()


def test_among_several_threads(shared_server, protocol, seed):
    """Errors come in their places among the answers of other shards."""
    watch = Watch(shared_server)
    good = ("RS.BADGE", WATCHED, *range(100, 120))
    with shared_server.connect() as connection:
        answer = connection.call(*good)
        connection.send(encode(*good) + encode("QUIT"))
        reply = connection.read_rest().removesuffix(b"+OK\r\n")
    assert len(answer) == 21
    between = bad_bytes.kept(encode(*good), reply)
    cases = [case for bad in bad_cases(seed + protocol) for case in (bad, between)]
    play(shared_server, protocol, whole(cases))
    watch.check()


def test_wrong_numbers_of_arguments(server, watch, protocol):
    """Of every command that the server has."""
    with server.connect(protocol) as connection:
        for name, arity in arities_of(server).items():
            wrong = [*range(abs(arity) - 1), *([arity, arity + 1, 100] if arity > 0 else [])]
            for count in wrong:
                text = f"ERR wrong number of arguments for '{name}' command"
                assert connection.call(name, *["1"] * count) == text, (name, count)
    watch.check()


def test_bytes_that_keep_the_connection(server, watch, protocol):
    cases = byte_cases(closes=False)
    play(server, protocol, whole(cases))
    play(server, protocol, cut(cases, protocol))
    watch.check()


def test_bytes_that_close_the_connection(server, watch, protocol):
    cases = byte_cases(closes=True)
    play_closing(server, protocol, whole(cases))
    play_closing(server, protocol, cut(cases, protocol, step=3))
    watch.check()


def test_nothing_behind_a_protocol_error_is_done(server, watch, protocol):
    """Commands before it are answered, those behind it are not looked at."""
    behind = encode("RS.ACK", WATCHED, CHANNEL_ID, 9999)
    cases = []
    for case in byte_cases(closes=True):
        if len(case.raw) <= SHORT and case.raw.endswith(b"PING\r\n"):
            raw = encode("PING") + case.raw + behind
            cases.append(bad_bytes.Raw(raw, bad_bytes.PONG + case.reply, closes=True))
    assert len(cases) > 100
    play_closing(server, protocol, whole(cases))
    watch.check()


def arities_of(server):
    with server.connect() as connection:
        return {entry[0]: entry[1] for entry in connection.call("COMMAND")}


def test_misuse_of_a_subscribed_connection(server, watch):
    cases = list(bad_bytes.subscribers(arities_of(server)))
    play(server, 2, whole(cases))
    play(server, 2, [(case, at) for case in cases for at in range(1, len(case.raw))])
    watch.check()


def test_a_subscribed_connection_of_resp3_may_do_all(server, watch):
    with server.connect(3) as connection:
        assert connection.call("SUBSCRIBE", f"rs:{WATCHED}") == ["subscribe", f"rs:{WATCHED}", 1]
        assert connection.call("PING") == "PONG"
        assert connection.call("ECHO", "x") == "x"
        assert connection.call("RS.LIST", WATCHED)[1] == watch.before[0][0][1]
        assert "got 'x'" in connection.call("SUBSCRIBE", "rs:8", "x")
        assert "got 'x'" in connection.call("UNSUBSCRIBE", f"rs:{WATCHED}", "x")
        # Then it could no longer tell answers from messages.
        assert isinstance(connection.call("HELLO", 2), list)
        assert "Can't execute" in connection.call("ECHO", "x")
        assert connection.call("UNSUBSCRIBE") == ["unsubscribe", f"rs:{WATCHED}", 0]
        assert connection.call("ECHO", "x") == "x"
    watch.check()


def test_http(server, watch, protocol):
    cases = list(bad_bytes.http(encode("RS.ACK", WATCHED, CHANNEL_ID, 9999)))
    for case in cases:
        every = [(case, None), *((case, at) for at in range(1, len(case.raw)))]
        play_closing(server, protocol, every, may_be_silent=True)
    watch.check()


def test_as_redis_answers(server, tmp_path):
    """Where it says so in the table, Redis 7 answers the same, byte for byte."""
    every = [*bad_bytes.all_of_them(), *bad_bytes.subscribers(arities_of(server))]
    cases = [case for case in every if case.as_redis]
    assert len(cases) > 1000
    with run_redis(tmp_path) as port:
        for case in cases:
            with Connection(port) as connection:
                connection.send(case.raw if case.closes else case.raw + encode("QUIT"))
                got = connection.read_rest()
            assert got == case.reply + (b"" if case.closes else b"+OK\r\n"), case.raw


def test_half_a_command_and_silence(start_server):
    """Nobody waits for it; the rest makes it a command; who stays silent is closed."""
    server = start_server("--threads", 1, "--timeout", "2s")
    raw = encode("RS.ACK", WATCHED, CHANNEL_ID, 5)
    halves = [server.connect() for _ in range(1, len(raw))]
    for at, half in enumerate(halves, 1):
        half.send(raw[:at])
    with server.connect() as other:
        assert other.call("RS.GET", WATCHED, CHANNEL_ID) == [None]
    for at, half in enumerate(halves[::2]):
        half.send(raw[1 + 2 * at :])
        assert half.read() == [1, 0]
    for half in halves[1::2]:
        assert half.read_rest() == b""
    wait_until(lambda: is_alone(server), "the idle ones are closed")


def is_alone(server):
    with server.connect() as connection:
        return info(connection, "clients")["connected_clients"] == "1"


def test_limits_that_change(start_server):
    """A command falls under the limit that is there when its rest comes."""
    server = start_server("--threads", 1)
    raw = encode("RS.BADGE", *range(1, 11))
    with server.connect() as begun, server.connect() as other:
        begun.send(raw[:-1])
        assert other.call("CONFIG", "SET", "max-arguments", 10) == "OK"
        assert other.call("PING") == "PONG"
        begun.send(raw[-1:])
        text = b"-ERR Protocol error: too many arguments, max-arguments is 10\r\n"
        assert begun.read_rest() == text
        assert other.call("RS.BADGE", *range(1, 10)) == [[0, 0]] * 9
        other.send(raw)
        assert other.read_rest() == text
    with server.connect() as big, server.connect() as other:
        big.send(b"*2\r\n$4\r\nECHO\r\n$100\r\n" + b"x" * 50)
        assert other.call("CONFIG", "SET", "max-argument-bytes", 64) == "OK"
        big.send(b"x" * 50 + b"\r\n")
        text = b"-ERR Protocol error: too big an argument, max-argument-bytes is 64\r\n"
        assert big.read_rest() == text
        assert other.call("ECHO", "x" * 64) == "x" * 64
