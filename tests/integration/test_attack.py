"""Enemies, careless clients, full systems: the server stays alive, bounded, serves the others."""

import contextlib
import os
import re
import resource
import signal
import socket
import threading
import time

import pytest
from resp import Closed, Connection, ReplyError, encode
from server import find_free_port, info, run_server, wait_until

MIB = 1024 * 1024


def pairs(channels, message):
    return [item for channel in channels for item in (channel, message)]


def fill(connection, user, channels):
    """So many states, of ids as long as a snowflake's."""
    base = 10**15
    for first in range(base, base + channels, 1000):
        last = min(first + 1000, base + channels)
        connection.call("RS.BULKACK", user, *pairs(range(first, last), 10**18))


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_spinning(server, seconds=1.0):
    """A loop that spins takes all of the time, one that waits next to nothing, on any machine."""
    before = cpu_seconds(server)
    time.sleep(seconds)
    return cpu_seconds(server) - before > seconds / 2


def test_who_ends_its_side_gets_its_answers(start_server):
    """As `printf … | nc -N` does: also those that wait for a load or for another shard."""
    server = start_server("--threads", 3, "--cache-users", 3)
    for user in range(1, 101):
        with Connection(server.port) as connection:
            connection.send(encode("RS.ACK", user, 7, 5) + encode("RS.BADGE", user, 1, 2, 3))
            connection.send(b"RS.GET %d 8\r\nPING\r\n" % user)
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.read() == [1, 0]
            assert [pair[0] for pair in connection.read()] == [0] * 4
            assert connection.read() == [None]
            assert connection.read() == "PONG"
            assert connection.read_rest() == b""


def test_ten_thousand_commands_in_one_write(start_server):
    server = start_server("--threads", 3)
    connection = server.connect()
    connection.send(b"".join(encode("RS.ACK", 1 + at % 500, 7, at + 1) for at in range(10000)))
    assert all(connection.read()[1] == 0 for _ in range(10000))
    connection.send(b"RS.ACK 1 7 100000\r\n\r\n" * 10000)
    assert all(connection.read() == [21, 0] for _ in range(10000))


def test_inline_commands_behind_empty_arrays(start_server):
    """Quotes are resolved once, also where the command had to wait for those before it."""
    server = start_server("--threads", 3, "--cache-users", 3)
    raw = b""
    for user in range(1, 201):
        raw += b'RS.BADGE %d %d\r\n*0\r\nECHO "\\\\x41%d"\r\n' % (user, user + 1, user)
    connection = server.connect()
    connection.send(raw)
    for user in range(1, 201):
        assert connection.read() == [[0, 0], [0, 0]]
        assert connection.read() == f"\\x41{user}"


@pytest.mark.parametrize("first", [b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_browser_cannot_be_made_to_send_commands(shared_server, user, first):
    with shared_server.connect() as connection:
        connection.send(first + b"Content-Type: text/plain\r\n\r\nRS.ACK %d 7 100\r\n" % user)
        connection.read_rest()
    with shared_server.connect() as other:
        assert other.call("RS.GET", user, 7) == [None]


def count_sockets(server):
    """Not all files: the store opens and closes its own when it likes."""
    count = 0
    for entry in os.scandir(f"/proc/{server.process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(entry.path).startswith("socket:")
    return count


def test_five_thousand_connections_come_and_go(start_server):
    server = start_server("--threads", 3)
    connection = server.connect()
    assert connection.call("PING") == "PONG"  # Not before is it accepted, and has its socket there.
    before = count_sockets(server)
    for number in range(5000):
        with socket.create_connection(("127.0.0.1", server.port)) as leaving:
            if number % 3 == 0:
                leaving.send(b"*2\r\n$4\r\nEC")
            if number % 5 == 0:
                leaving.send(encode("RS.ACK", number + 1, 1, 1))
    # The last ones may still stand in a listener's queue when nobody is counted any more.
    wait_until(lambda: info(connection)["connected_clients"] == "1", "all others gone")
    wait_until(lambda: count_sockets(server) <= before, "their sockets closed")
    assert int(info(connection)["used_memory_clients"]) < MIB


def test_more_connections_than_the_system_gives_files(start_server):
    """They are turned away, without a spin; when some leave, others come."""
    server = start_server("--threads", 2, "--maxclients", 1000)
    opened = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    limit = (opened + 10, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, limit)
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    assert not is_spinning(server)
    for one in crowd:
        one.close()

    def is_served():
        with contextlib.suppress(OSError, Closed), Connection(server.port) as connection:
            return connection.call("RS.ACK", 7, 7, 7) == [1, 0]
        return False

    wait_until(is_served, "a connection for a newcomer")


def test_long_lists_at_once_are_bounded(start_server):
    """Sixteen lists of 20,000 states: not gathered all at once, nor cut off while they are read."""
    server = start_server("--threads", 3, "--client-output-limit", "8mb")
    other = server.connect()
    for user in range(1, 4):
        fill(other, user, 20000)
    slow = server.connect(receive_buffer=4096)
    slow.send(b"".join(encode("RS.LIST", 1 + at % 3) for at in range(16)))
    for message in range(6, 26):
        assert other.call("RS.ACK", 1, 7, message)[1] == 0
        assert int(info(other)["used_memory_clients"]) < 8 * MIB
    for _ in range(16):
        assert len(slow.read()[3]) >= 20000


def test_who_reads_slowly_is_not_idle(start_server):
    """A long answer may take longer than the timeout; who stops reading is closed."""
    server = start_server("--threads", 1, "--timeout", "1s")
    fill(server.connect(), 1, 20000)
    with Connection(server.port, receive_buffer=4096) as slow:
        slow.send(encode("RS.LIST", 1) * 2)
        size = 0
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            size += len(slow.socket.recv(65536))
            time.sleep(0.02)
        slow.buffer = b""
        rest = slow.read_rest()
        assert size + len(rest) > 2 * 20000 * 100 and rest.endswith(b"\r\n")
    with Connection(server.port, receive_buffer=4096) as stopped:
        stopped.send(encode("RS.LIST", 1) * 2)
        seen = server.connect()
        wait_until(lambda: info(seen)["connected_clients"] == "1", "who stopped reading is closed")


def test_nobody_waits_for_clients_that_never_read(start_server):
    server = start_server("--threads", 2)
    other = server.connect()
    fill(other, 1, 1000)
    crowd = []
    for _ in range(20):
        stalled = Connection(server.port, receive_buffer=4096)
        stalled.socket.setblocking(False)
        crowd.append(stalled)
        with contextlib.suppress(BlockingIOError):
            while True:
                stalled.socket.send(encode("RS.LIST", 1) * 100)
    for message in range(1, 101):
        assert other.call("RS.ACK", 1, 7, message)[1] == 0
    assert int(info(other)["used_memory_clients"]) < 32 * MIB
    wait_until(lambda: not is_spinning(server), "no work is left")
    for stalled in crowd:
        stalled.close()
    wait_until(lambda: int(info(other)["used_memory_clients"]) < MIB, "their memory given back")


def test_commands_of_thousands_of_users(start_server):
    """What waits for one connection is bounded in bytes as well, and loses nothing."""
    server = start_server("--threads", 3, "--cache-users", 600, "--store", "memory")
    connection = server.connect()
    replies = connection.pipeline(
        [("RS.MENTION", 7, 100 + at, *range(1, 4001)) for at in range(10)]
    )
    assert [sum(reply) for reply in replies] == [4000] * 10
    badges = connection.pipeline([("RS.BADGE", *range(1, 4001))] * 3)
    assert badges == [[[10, 1]] * 4000] * 3


def test_an_idle_server_waits(start_server):
    server = start_server("--threads", 3)
    crowd = [server.connect() for _ in range(200)]
    assert crowd[0].call("RS.ACK", 1, 7, 5) == [1, 0]
    assert not is_spinning(server)


def test_sigterm_with_clients_in_the_middle(start_server):
    """Exit 0, and nobody gets half an answer."""
    server = start_server("--threads", 3)
    connections = [Connection(server.port) for _ in range(20)]
    for connection in connections:
        connection.send(b"".join(encode("RS.ACK", at + 1, 7, at + 1) for at in range(500)))
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for connection in connections:
        with connection:
            rest = connection.read_rest()
            assert rest.count(b"\r\n") == 3 * rest.count(b"*2\r\n")


def test_many_shutdowns_are_one(start_server):
    """All that is dirty is written, although more than one client asked for the end."""
    server = start_server("--threads", 3, "--commit-delay", "1h")
    connections = [Connection(server.port) for _ in range(30)]
    connections[0].pipeline([("RS.ACK", user, 7, 9) for user in range(1, 2000)])
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.send(encode("SHUTDOWN"))
    assert server.wait() == 0
    for connection in connections:
        connection.close()
    server.start()
    assert server.connect().call("RS.LIST", 1999)[1] == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_half_commands_are_bounded_in_all(start_server, threads):
    """Each keeps to what a command may have, and never ends; all together would take 400 MB."""
    bound = 6 * MIB * threads
    server = start_server("--threads", threads, "--maxmemory-clients", bound)
    other = server.connect()
    kept = server.connect()
    assert kept.call("CLIENT", "NO-EVICT", "ON") == "OK"
    half = b"*4096\r\n$4\r\nPING\r\n" + b"".join([b"$4096\r\n%s\r\n" % (b"x" * 4096)] * 600)
    kept.send(half)
    halves = [Connection(server.port) for _ in range(160)]
    for connection in halves:
        with contextlib.suppress(OSError):  # Closed while it sends.
            connection.send(half)
        assert int(info(other)["used_memory_clients"]) < bound + MIB
    fewest = 160 - bound // (2 * MIB)
    wait_until(lambda: int(info(other)["evicted_clients"]) >= fewest, "the largest are closed")
    assert other.call("RS.ACK", 1, 2, 3) == [1, 0]
    kept.send(b"".join([b"$1\r\nx\r\n"] * (4095 - 600)))
    assert kept.read() == "ERR wrong number of arguments for 'ping' command"
    assert other.call("CONFIG", "SET", "maxmemory-clients", 64 * MIB) == "OK"
    evicted = info(other)["evicted_clients"]
    another = server.connect()
    another.send(half)
    wait_until(lambda: "qbuf=24" in other.call("CLIENT", "LIST"), "half a command is there")
    assert info(other)["evicted_clients"] == evicted
    for connection in halves:
        connection.close()


def test_a_load_of_everything_at_once(start_server, seed):
    """Commands, evictions, new limits, clients that leave in the middle, then SIGTERM: exit 0."""
    server = start_server("--threads", 3, "--cache-users", 30, "--commit-delay", "50ms")
    ended = threading.Event()
    failures = []

    def play(number):
        while not ended.is_set():
            try:
                with Connection(server.port, 2 + number % 2) as connection:
                    users = [1 + (seed + number * 37 + at) % 300 for at in range(60)]
                    commands = [("RS.MENTION", 7, 5 + number, *users), ("RS.BADGE", *users)]
                    for user in users:
                        commands += [("RS.ACK", user, 7, number + 3), ("RS.LIST", user)]
                    commands += [("CONFIG", "SET", "cache-users", 30 + 30 * number), ("INFO",)]
                    for reply in connection.pipeline(commands):
                        if isinstance(reply, ReplyError):
                            failures.append(reply)
                    connection.send(encode("RS.FLUSH") + encode("RS.GET", 1, *users)[:-20])
            except (OSError, Closed) as failure:
                if not ended.is_set():
                    failures.append(failure)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    ended.set()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for thread in threads:
        thread.join(60)
    assert failures == []


def unix_call(path, raw):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        connection.send(raw)
        return connection.recv(1000)


def test_unix_socket(start_server, tmp_path_factory):
    """A stale file is taken over, one in use or of another kind left alone; it goes at the end."""
    folder = tmp_path_factory.mktemp("u")
    path = folder / "s"
    server = start_server("--threads", 2, "--unixsocket", path)
    assert unix_call(path, b"PING\r\n") == b"+PONG\r\n"
    second = ("--port", find_free_port(), "--data-dir", folder / "d", "--unixsocket", path)
    code, _, err = run_server(*second, cwd=folder)
    assert code == 1 and "in use" in err
    assert unix_call(path, b"PING\r\n") == b"+PONG\r\n"
    server.kill()
    assert path.exists()
    server.start()
    assert unix_call(path, b"PING\r\n") == b"+PONG\r\n"
    server.stop()
    assert not path.exists()
    path.write_text("precious")
    code, _, err = run_server(*second, cwd=folder)
    assert code == 1 and str(path) in err
    assert path.read_text() == "precious"
    path.unlink()
    server.start()


def test_ipv6(start_server):
    server = start_server("--threads", 2, "--bind", "127.0.0.1 ::1")
    with socket.create_connection(("::1", server.port)) as connection:
        connection.send(b"PING\r\n")
        assert connection.recv(100) == b"+PONG\r\n"


def test_a_store_that_takes_no_more(start_server):
    """A limit on file sizes stands for the disk. The cached are served, updates are refused at
    dirty-memory, a stop keeps in the journal what is not written, and all is there afterwards."""
    limits = ("--dirty-memory", "256kb", "--shutdown-timeout", "500ms", "--journal-segment", "64kb")
    server = start_server("--threads", 1, "--commit-delay", "50ms", *limits)
    connection = server.connect()
    assert connection.call("RS.ACK", 1, 7, 5) == [1, 0]
    assert connection.call("RS.FLUSH") == "OK"
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2_000_000, hard))
    words = set()
    deadline = time.monotonic() + 30
    message = 0
    while "MISCONF" not in words and time.monotonic() < deadline:
        message += 1
        channels = pairs(range(10**15, 10**15 + 200), message)
        replies = connection.pipeline([("RS.BULKACK", user, *channels) for user in range(2, 1000)])
        words |= {reply.word for reply in replies if isinstance(reply, ReplyError)}
    assert words == {"MISCONF"}
    assert connection.call("RS.LIST", 1)[1] == 1
    assert connection.call("RS.FLUSH").word == "STORE"
    assert int(info(connection)["store_writes_failed"]) > 0
    changed = connection.pipeline([("RS.LIST", user) for user in range(2, 1000)])
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert re.search(r"the changes of [1-9]\d* users are not in the store, and are kept", server.log())
    server.start()
    connection = server.connect()
    assert connection.call("RS.LIST", 1)[1] == 1
    assert connection.pipeline([("RS.LIST", user) for user in range(2, 1000)]) == changed
    assert connection.call("RS.ACK", 1, 7, 6) == [2, 0]


def is_listening(server):
    with contextlib.suppress(ConnectionError), Connection(server.port):
        return True
    return False


def test_a_second_signal_does_not_wait(start_server):
    """The store takes nothing, and there is no end to the time for it; the journal has all."""
    options = ("--commit-delay", "1h", "--shutdown-timeout", "1h", "--journal-segment", "64kb")
    server = start_server("--threads", 2, *options)
    connection = server.connect()
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    connection.pipeline([("RS.ACK", 10**15 + user, 10**15, 10**15) for user in range(1, 50_001)])
    server.signal(signal.SIGTERM)
    wait_until(lambda: not is_listening(server), "the first signal")
    time.sleep(0.2)
    assert server.process.poll() is None
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "users are not in the store, and are kept in the journal" in server.log()
