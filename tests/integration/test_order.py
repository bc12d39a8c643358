"""Many commands at once, replies in order; clients that stall, flood, or send no commands."""

import contextlib
import random
import socket
import time

import pytest
from oracle import Oracle, as_map, random_command
from resp import Closed, Connection, ReplyError, encode
from server import info, wait_until

MIB = 1024 * 1024


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("threads", [1, 3])
def test_pipelines_are_answered_in_order(start_server, seed, threads, protocol):
    """Thousands of mixed commands in one go, evictions and loads in between: as the model says."""
    source = random.Random(f"{seed} {threads} {protocol}")
    server = start_server(
        "--threads", threads, "--cache-users", 2 * threads, "--mention-ids-kept", 4
    )
    connection = server.connect(protocol)
    oracle = Oracle(mention_ids_kept=4)
    users, channels = list(range(1, 41)), ["7", "8", "3:7", "9", "255:1000000"]
    for _ in range(3):
        commands = [random_command(source, users, channels, messages=300) for _ in range(2000)]
        for command, reply in zip(commands, connection.pipeline(commands), strict=True):
            oracle.check(command, reply)
    assert int(info(connection)["evicted_users"]) > 100


def test_errors_keep_their_place(shared_server, user):
    with shared_server.connect() as connection:
        commands = [
            ("RS.ACK", user, 7, 100),
            ("RS.ACK", user, 7, 0),
            ("NOPE",),
            ("RS.ACK", user, 7, 101),
            ("RS.LIST",),
            ("PING", "last"),
        ]
        replies = connection.pipeline(commands * 500)
    for at in range(0, len(replies), 6):
        first, bad, unknown, second, arity, last = replies[at : at + 6]
        assert first == [1, 0] if at == 0 else first == [2, 0]
        assert bad.startswith("ERR message id must be")
        assert unknown.startswith("ERR unknown command 'NOPE'")
        assert second == [2, 0]
        assert arity == "ERR wrong number of arguments for 'rs.list' command"
        assert last == "last"


def test_commands_arrive_in_any_pieces(shared_server, user):
    """One byte at a time, and cut at every byte."""
    raw = encode("RS.ACK", user, 7, 100) + encode("PING") + encode("RS.GET", user, 8)
    with shared_server.connect() as connection:
        for byte in raw:
            connection.send(bytes([byte]))
        assert [connection.read() for _ in range(3)] == [[1, 0], "PONG", [None]]
        for cut in range(1, len(raw)):
            connection.send(raw[:cut])
            connection.send(raw[cut:])
            assert [connection.read() for _ in range(3)] == [[1, 0], "PONG", [None]], cut


def test_many_connections_at_once(shared_server, user):
    """Each gets its own replies, whatever shard its users belong to."""
    connections = [shared_server.connect(2 + number % 2) for number in range(50)]
    for number, connection in enumerate(connections):
        for offset in range(20):
            connection.send(encode("RS.ACK", user + offset, number + 1, number + 5))
            connection.send(encode("PING", f"{number} {offset}"))
    for number, connection in enumerate(connections):
        for offset in range(20):
            version, mentions = connection.read()
            assert 1 <= version <= 50 and mentions == 0
            assert connection.read() == f"{number} {offset}"
    for offset in range(20):
        _, version, _, states = connections[0].call("RS.LIST", user + offset)
        assert (version, len(states)) == (50, 50)


def test_half_a_command_disturbs_nobody(shared_server, user):
    with shared_server.connect() as stopped, shared_server.connect() as other:
        raw = encode("RS.ACK", user, 7, 100)
        stopped.send(encode("PING") + raw[:-5])
        assert stopped.read() == "PONG"
        assert other.call("RS.GET", user, 7) == [None]
        assert stopped.is_quiet()
        stopped.send(raw[-5:])
        assert stopped.read() == [1, 0]


def test_a_client_that_leaves_in_the_middle(start_server):
    """Its half command is not carried out, what came before it is, and the server forgets it."""
    server = start_server("--threads", 2, "--cache-users", 2)
    for user in range(1, 101):
        leaving = Connection(server.port)
        leaving.send(
            encode("RS.ACK", user, 7, 100)
            + encode("RS.LIST", user)
            + encode("RS.ACK", user, 7, 200)[:-3]
        )
        if user % 2:
            assert leaving.read() == [1, 0]
        leaving.close()
    connection = server.connect()
    for user in range(1, 101, 2):
        assert as_map(connection.call("RS.GET", user, 7)[0])["last_read"] == "100"
    wait_until(lambda: info(connection)["connected_clients"] == "1", "all others gone")


def never_reads(server, command):
    """Sends, and never reads, until the server takes no more; the connection. At most 64 MiB."""
    connection = Connection(server.port, receive_buffer=4096)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    connection.socket.settimeout(2)
    block = command * (65536 // len(command))
    try:
        for _ in range(64 * MIB // len(block)):
            connection.send(block)
        raise AssertionError("the server takes all, and its answers are somewhere")
    except (TimeoutError, ConnectionError):
        return connection


@pytest.mark.parametrize(
    "command", [encode("RS.LIST", 1), encode("ECHO", "x" * 4000), encode("RS.GET", 1, 7)]
)
def test_a_client_that_never_reads(start_server, command):
    """It waits at the bound, or it is closed; the others are served."""
    server = start_server("--threads", 1, "--client-output-limit", "1mb")
    other = server.connect()
    other.call("RS.BULKACK", 1, *(item for channel in range(1, 501) for item in (channel, 5)))
    with never_reads(server, command), never_reads(server, command):
        assert int(info(other)["used_memory_clients"]) < 16 * MIB
        for message in range(6, 106):
            version, mentions = other.call("RS.ACK", 1, 7, message)
            assert version > 1 and mentions == 0
    wait_until(lambda: int(info(other)["used_memory_clients"]) < 2 * MIB, "their memory given back")


def test_a_long_list_is_sent_to_a_slow_reader(start_server):
    """One answer larger than the sockets hold, read slowly, arrives whole."""
    server = start_server("--threads", 1)
    connection = server.connect(receive_buffer=4096)
    for first in range(1, 20001, 1000):
        connection.call(
            "RS.BULKACK",
            1,
            *(item for channel in range(first, first + 1000) for item in (channel, 5)),
        )
    connection.send(encode("RS.LIST", 1) + encode("PING"))
    other = server.connect()
    for _ in range(50):
        assert other.call("RS.ACK", 2, 7, 5) == [1, 0]
    _, version, full, states = connection.read()
    assert (version, full) == (20, 1)
    assert [int(as_map(state)["channel"]) for state in states] == list(range(1, 20001))
    assert connection.read() == "PONG"


def connect_when_there_is_room(server):
    """A connection that was let in; those closed before it may take a moment to be gone."""
    found = []

    def has_room():
        connection = server.connect()
        try:
            if connection.call("PING") == "PONG":
                found.append(connection)
        except (Closed, OSError):
            pass
        return found

    wait_until(has_room, "room for another client")
    return found[0]


def test_maxclients(start_server):
    server = start_server("--threads", 1, "--maxclients", 5)
    connections = [connect_when_there_is_room(server) for _ in range(5)]
    with Connection(server.port) as sixth:
        assert sixth.read_rest() == b"-ERR max number of clients reached\r\n"
    for connection in connections:
        assert connection.call("PING") == "PONG"
    connections[1].close()
    assert connect_when_there_is_room(server).call("PING") == "PONG"


def test_timeout_closes_who_is_idle(start_server):
    server = start_server("--threads", 1, "--timeout", "1s")
    with Connection(server.port) as idle, Connection(server.port) as half:
        assert idle.call("PING") == "PONG"
        half.send(b"*1\r\n$4\r\nPI")
        busy = server.connect()
        deadline = time.monotonic() + 30
        closed = False
        while not closed and time.monotonic() < deadline:
            assert busy.call("PING") == "PONG"
            closed = not idle.is_quiet(0.1)
        assert closed
        assert idle.read_rest() == b""
        assert half.read_rest() == b""
        assert busy.call("PING") == "PONG"


PROTOCOL_ERRORS = [
    (b"*abc\r\n", b"invalid multibulk length"),
    (b"*99999999999999999999\r\n", b"too many arguments, max-arguments is 4096"),
    (b"*01\r\n$4\r\nPING\r\n", b"invalid multibulk length"),
    (b"*1\r\n+PING\r\n", b"expected '$', got '+'"),
    (b"*1\r\n$abc\r\n", b"invalid bulk length"),
    (b"*1\r\n$-1\r\n", b"invalid bulk length"),
    (b"*1\r\n$99999999999999999999\r\n", b"too big an argument, max-argument-bytes is 4096"),
    (b"*2\r\n$4\r\nPING\r\n:1\r\n", b"expected '$', got ':'"),
    (b"a" * 70000, b"too big inline request"),
    (b'PING "a\r\n', b"unbalanced quotes in request"),
]


@pytest.mark.parametrize(("raw", "text"), PROTOCOL_ERRORS)
def test_a_protocol_error_closes(shared_server, user, raw, text):
    """What came before is answered, nothing after."""
    with shared_server.connect() as connection:
        connection.send(encode("RS.ACK", user, 7, 100) + raw)
        # A line that has no end yet is given up as it is; behind others more is sent, in vain.
        if raw.endswith(b"\n"):
            with contextlib.suppress(OSError):
                connection.send(encode("RS.ACK", user, 7, 200))
        assert connection.read_rest() == b"*2\r\n:1\r\n:0\r\n-ERR Protocol error: " + text + b"\r\n"
    with shared_server.connect() as other:
        assert other.call("RS.ACK", user, 7, 100) == [1, 0]


def test_the_bounds_on_arguments(start_server):
    """4,096 arguments of 4 kb by default; what is more closes the connection."""
    server = start_server("--threads", 1)
    connection = server.connect()
    assert connection.call("ECHO", "x" * 4096) == "x" * 4096
    assert len(connection.call("RS.BADGE", *range(1, 4096))) == 4095
    for raw in (b"*2\r\n$4\r\nECHO\r\n$4097\r\n", b"*4097\r\n"):
        with Connection(server.port) as connection:
            connection.send(raw)
            assert connection.read_rest().startswith(b"-ERR Protocol error: ")


def test_inline_commands(shared_server, user):
    with shared_server.connect() as connection:
        connection.send(b"PING\r\n\r\nPING\nRS.ACK %d 7 100\r\n" % user)
        assert [connection.read() for _ in range(3)] == ["PONG", "PONG", [1, 0]]
        connection.send(b"ECHO \"a \\x41\\n\"\r\n*0\r\n*-1\r\nECHO 'b c'\r\n")
        assert [connection.read() for _ in range(2)] == ["a A\n", "b c"]
        assert isinstance(connection.call("NOPE"), ReplyError)


@pytest.mark.parametrize("threads", [1, 3])
def test_random_bytes_do_no_harm(start_server, seed, threads):
    source = random.Random(f"{seed} bytes {threads}")
    server = start_server("--threads", threads, "--max-arguments", 64, "--max-argument-bytes", 1024)
    good = (
        encode("RS.ACK", 1, 7, 100)
        + encode("RS.LIST", 1)
        + encode("HELLO", 3)
        + encode("CONFIG", "GET", "*")
    )
    for _ in range(200):
        raw = bytearray(good * 3)
        for _ in range(source.randint(1, 8)):
            raw[source.randrange(len(raw))] = source.choice(
                [0, 10, 13, 36, 42, 45, 48, 57, 255, source.randrange(256)]
            )
        with Connection(server.port) as connection:
            with contextlib.suppress(OSError):
                connection.send(bytes(raw))
                connection.socket.shutdown(socket.SHUT_WR)
            connection.read_rest()
    assert server.connect().call("PING") == "PONG"
