"""SLOWLOG, LATENCY, MEMORY and DEBUG: what took long, and what takes room, beside real Redis."""

import re
import time

import pytest
from calls import RESET, calls, values
from oracle import as_map
from real_redis import form
from resp import Connection, ReplyError, encode
from server import info


@pytest.fixture
def server(start_server):
    return start_server("--threads", 2, "--enable-debug-command", "yes")


# ---- SLOWLOG


def test_slowlog_notes_what_was_sent(server, protocol, user):
    """With the arguments as they came: those of numbers are printed again, the rest was kept."""
    sent = [
        ("RS.ACK", user, "3:7", 100),
        ("rs.ack", user, 7, 101),
        ("RS.ACK", user, "0:7", 102),
        ("RS.ACK", user, 7, 103, "IFVERSION", 9),
        ("RS.JOIN", user, 8, 0),
        ("RS.LEAVE", user, 8),
        ("RS.LEAVE", user, 8, 17),
        ("RS.PIN", user, 7, 1_700_000_000_000),
        ("RS.LIST", user),
        ("RS.LIST", user, "SINCE", "e", 0),
        ("RS.GET", user, 7, 8),
        ("RS.BULKACK", user, 9, 1, 10, 2),
        ("RS.MENTION", 7, 200, user, user + 1),
        ("RS.BADGE", user),
        ("RS.INSPECT", user),
        ("RS.INSPECT", user, 7),
        ("RS.FLUSH", user),
        ("MEMORY", "USAGE", user),
        ("RS.EVICT", user),
        ("RS.ACK", user, 7, 104),
        ("RS.FORGET", user),
        ("RS.FLUSH",),
        ("ECHO", b"\x00\xff bytes"),
    ]
    with server.connect(protocol) as connection, server.connect() as other:
        connection.call("CLIENT", "SETNAME", "teller")
        other.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        other.call("SLOWLOG", "RESET")
        for command in sent:
            connection.call(*command)
        other.call("CONFIG", "SET", "slowlog-log-slower-than", "1h")
        entries = other.call("SLOWLOG", "GET", -1)
        host, port = connection.socket.getsockname()
        own = [entry for entry in entries if entry[4] == f"{host}:{port}"][::-1]
        shown = [[str(x) if not isinstance(x, bytes) else x for x in c] for c in sent]
        shown[-1][1] = shown[-1][1].decode(errors="surrogateescape")
        told = [[x.encode(errors="surrogateescape") for x in entry[3]] for entry in own]
        wanted = [[x.encode(errors="surrogateescape") for x in command] for command in shown]
        assert told == wanted
        numbers = [entry[0] for entry in own]
        assert numbers == sorted(set(numbers))
        assert {entry[5] for entry in own} == {"teller"}
        assert all(abs(entry[1] - time.time()) < 120 and entry[2] >= 0 for entry in own)
        assert other.call("SLOWLOG", "LEN") == len(entries)
        assert other.call("SLOWLOG", "GET", 2) == entries[:2]
        assert other.call("SLOWLOG", "GET") == entries[:10]


def test_slowlog_cuts_arguments_as_redis_does(server, redis_port, protocol):
    commands = [
        ("ECHO", "x" * 128),
        ("ECHO", "x" * 129),
        ("ECHO", "x" * 4000),
        ("CONFIG", "GET", *["a"] * 29),
        ("CONFIG", "GET", *["a"] * 30),
        ("CONFIG", "GET", *["a"] * 31),
        ("CONFIG", "GET", *["b"] * 500),
    ]
    answers = []
    for port in (server.port, redis_port):
        with Connection(port, protocol) as connection:
            connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
            connection.call("SLOWLOG", "RESET")
            for command in commands:
                connection.call(*command)
            reply = connection.call("SLOWLOG", "GET")
            answers.append([entry[3] for entry in reply])
            assert {form(entry)[0] for entry in map(list, reply)} == {"int"}
            assert [form(x) for x in reply[0]][:3] == ["int"] * 3
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(commands) + 1


def test_slowlog_is_bounded(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-max-len", 5, "slowlog-log-slower-than", 0)
        for n in range(20):
            connection.call("ECHO", n)
        entries = connection.call("SLOWLOG", "GET", -1)
        assert [entry[3] for entry in entries] == [["ECHO", str(n)] for n in range(19, 14, -1)]
        connection.call("CONFIG", "SET", "slowlog-max-len", 2)
        assert connection.call("SLOWLOG", "LEN") == 2
        connection.call("CONFIG", "SET", "slowlog-max-len", 0)
        connection.call("ECHO", "x")
        assert connection.call("SLOWLOG", "GET", -1) == []


def test_slowlog_of_a_slow_command_only(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", "300ms")
        connection.call("SLOWLOG", "RESET")
        connection.call("PING")
        assert connection.call("DEBUG", "SLEEP", "0.4") == "OK"
        [entry] = [e for e in connection.call("SLOWLOG", "GET") if e[3][0] == "DEBUG"]
        assert entry[3] == ["DEBUG", "SLEEP", "0.4"] and entry[2] >= 400_000
        usec = calls(connection)["debug"]["usec"]
        assert usec >= 400_000
        fields = info(connection, "latencystats")
        percentiles = values(fields["latency_percentiles_usec_debug"])
        assert all(400_000 <= value <= usec * 17 / 16 for value in percentiles.values())


def test_passwords_are_not_kept(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        connection.call("HELLO", 2, "AUTH", "me", "secret")
        connection.call("AUTH", "secret")
        assert "secret" not in str(connection.call("SLOWLOG", "GET", -1))


# ---- LATENCY


def test_latency_events(server, redis_port, protocol):
    replies = []
    for port in (server.port, redis_port):
        with Connection(port, protocol) as connection:
            value = "100ms" if port == server.port else 100
            connection.call("CONFIG", "SET", "latency-monitor-threshold", value)
            connection.call("LATENCY", "RESET")
            began = int(time.time())
            assert connection.call("DEBUG", "SLEEP", "0.2") == "OK"
            latest = {entry[0]: entry[1:] for entry in connection.call("LATENCY", "LATEST")}
            when, last, longest = latest["command"]
            assert began <= when <= time.time() and 200 <= last == longest
            assert connection.call("LATENCY", "HISTORY", "command") == [[when, last]]
            assert connection.call("LATENCY", "HISTORY", "nothing") == []
            replies.append(
                [
                    form(connection.call("LATENCY", "HISTORY", "command")),
                    form([entry for entry in connection.call("LATENCY", "LATEST")][0]),
                    connection.call("LATENCY", "RESET", "command", "nothing"),
                    connection.call("LATENCY", "HISTORY", "command"),
                ]
            )
    assert replies[0] == replies[1]


def test_a_thread_that_was_away(server):
    """It is the turn that was long, and the doctor has a word for it."""
    with server.connect() as connection:
        text = connection.call("LATENCY", "DOCTOR")
        connection.call("DEBUG", "SLEEP", "0.15")
        latest = {entry[0]: entry[1:] for entry in connection.call("LATENCY", "LATEST")}
        assert latest["turn"][1] >= 150
        text = connection.call("LATENCY", "DOCTOR")
        assert re.search(r"^turn: \d+ seconds with a long one", text, re.M)
        connection.call("CONFIG", "SET", "latency-monitor-threshold", 0)
        connection.call("LATENCY", "RESET")
        connection.call("DEBUG", "SLEEP", "0.15")
        assert connection.call("LATENCY", "LATEST") == []
        text = connection.call("LATENCY", "DOCTOR")
        assert text == "Nothing is watched: latency-monitor-threshold is 0.\n"


def test_latency_histogram(server, redis_port, protocol):
    with server.connect(protocol) as ours, Connection(redis_port, protocol) as theirs:
        for connection in (ours, theirs):
            connection.call(*RESET)
            for _ in range(50):
                connection.call("PING")
            connection.call("DEBUG", "SLEEP", "0.05")
            reply = as_map(connection.call("LATENCY", "HISTOGRAM", "ping", "debug", "nope"))
            assert set(reply) == {"ping", "debug"}
            for name, count in (("ping", 50), ("debug", 1)):
                entry = as_map(reply[name])
                assert list(entry) == ["calls", "histogram_usec"] and entry["calls"] == count
                bounds = as_map(entry["histogram_usec"])
                steps = [(int(bound), below) for bound, below in bounds.items()]
                assert steps == sorted(steps) and steps[-1][1] == count
                assert len({below for _, below in steps}) == len(steps)
            assert steps[0][0] >= 50_000
            assert form(list(bounds.items())[0][1]) == "int"
            reply = as_map(connection.call("LATENCY", "HISTOGRAM"))
            assert {"ping", "debug"} < set(reply)
            assert as_map(connection.call("LATENCY", "HISTOGRAM", "nope")) == {}


# ---- MEMORY


def test_memory_usage(server, protocol, user):
    with server.connect(protocol) as connection:
        before = info(connection, "readstates")
        assert connection.call("MEMORY", "USAGE", user) is None
        assert connection.call("RS.ACK", user, 7, 5) == [1, 0]
        small = connection.call("MEMORY", "USAGE", user)
        for n in range(1000):
            connection.call("RS.ACK", user, 100 + n, 5)
        large = connection.call("MEMORY", "USAGE", user, "SAMPLES", 5)
        assert 0 < small < 1000 and 1000 * 2 < large < 1000 * 200
        inspected = as_map(connection.call("RS.INSPECT", user))
        assert large == inspected["bytes"]
        assert connection.call("RS.EVICT", user) == 1
        # It looks, and loads nobody.
        assert connection.call("MEMORY", "USAGE", user) is None
        after = info(connection, "readstates")
        assert after["cached_users"] == before["cached_users"]


def test_memory_stats(server, redis_port, protocol):
    with server.connect(protocol) as ours, Connection(redis_port, protocol) as theirs:
        ours.pipeline([("RS.ACK", 1 + n, 7, 5) for n in range(1000)])
        told, real = (as_map(c.call("MEMORY", "STATS")) for c in (ours, theirs))
        own = {
            "cache.allocated", "cache.resident", "journal.allocated", "store.allocated",
            "warm.allocated",
        }  # fmt: skip
        for name in set(told) - own:
            assert type(told[name]) is type(real[name]), name
        assert told["keys.count"] == 1000
        assert told["peak.allocated"] >= told["total.allocated"] >= told["cache.allocated"]
        assert told["keys.bytes-per-key"] == told["cache.allocated"] // 1000
        assert 0 < float(told["dataset.percentage"]) <= 100
        fields = info(ours, "memory")
        assert int(fields["used_memory_cache"]) == told["cache.allocated"]
        assert ours.call("MEMORY", "PURGE") == "OK"
        assert form(ours.call("MEMORY", "DOCTOR")) == form(theirs.call("MEMORY", "DOCTOR"))


# ---- bad input, help


WRONG = (
    ("SLOWLOG",),
    ("SLOWLOG", "LEN", 1),
    ("SLOWLOG", "RESET", 1),
    ("SLOWLOG", "GET", 1, 2),
    ("SLOWLOG", "GET", -2),
    ("LATENCY",),
    ("LATENCY", "LATEST", 1),
    ("LATENCY", "HISTORY"),
    ("LATENCY", "HISTORY", "a", "b"),
    ("LATENCY", "DOCTOR", 1),
    ("MEMORY",),
    ("MEMORY", "USAGE"),
    ("MEMORY", "USAGE", 1, "SAMPLES"),
    ("MEMORY", "USAGE", 1, "SAMPLE", 1),
    ("MEMORY", "USAGE", 1, "SAMPLES", "x"),
    ("MEMORY", "STATS", 1),
    ("MEMORY", "DOCTOR", 1),
    ("MEMORY", "PURGE", 1),
    ("CONFIG", "RESETSTAT", 1),
    ("CONFIG", "REWRITE", 1),
    ("CONFIG", "REWRITE"),
    ("DEBUG",),
)


@pytest.mark.parametrize("command", WRONG, ids=lambda command: " ".join(map(str, command)))
def test_errors_are_those_of_redis(server_of_errors, redis_port, command):
    with server_of_errors.connect() as ours, Connection(redis_port) as theirs:
        theirs.call("SET", "1", "x")
        told, real = ours.call(*command), theirs.call(*command)
        assert isinstance(told, ReplyError) and told == real


@pytest.mark.parametrize("name", ["SLOWLOG", "LATENCY", "MEMORY", "CONFIG", "DEBUG"])
def test_help_and_unknown_subcommands(server_of_errors, redis_port, name):
    with server_of_errors.connect() as ours, Connection(redis_port) as theirs:
        told, real = ours.call(name, "HELP"), theirs.call(name, "HELP")
        assert told[0] == real[0] and told[-2:] == real[-2:]
        assert {form(line) for line in told} == {form(line) for line in real}
        assert ours.call(name, "NOPE") == f"ERR unknown subcommand 'NOPE'. Try {name} HELP."


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1.2.3", "3601", ".", " 1", "nan", "1" * 40])
def test_bad_sleeps(server_of_errors, text):
    with server_of_errors.connect() as connection:
        reply = connection.call("DEBUG", "SLEEP", text)
        assert reply == (
            "ERR seconds must be 0 to 3600, with decimals or without, got '" + text + "'"
        )


@pytest.fixture(scope="module")
def server_of_errors(tmp_path_factory, admin_off):
    from conftest import starting

    folder = tmp_path_factory.mktemp("errors")
    with starting(folder, admin_off, lambda: False) as start:
        yield start("--enable-debug-command", "yes")


def test_debug_is_off_by_default(start_server):
    with start_server().connect() as connection:
        began = time.monotonic()
        reply = connection.call("DEBUG", "SLEEP", "30")
        assert reply.startswith("ERR DEBUG command not allowed.")
        assert time.monotonic() - began < 30
        assert connection.call("CONFIG", "SET", "enable-debug-command", "yes").word == "ERR"


def test_a_sleeping_thread_stops_with_the_server(start_server):
    """And the other thread goes on meanwhile."""
    server = start_server("--threads", 2, "--gather-below", 0, "--enable-debug-command", "yes")
    sleeper = server.connect()
    sleeper.send(encode("DEBUG", "SLEEP", "600"))
    server.stop()
