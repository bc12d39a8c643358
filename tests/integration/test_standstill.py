"""A process that is stopped for a while, and one that may open no more files: nobody's states are lost."""

import contextlib
import os
import resource
import signal
import socket
import time

import pytest
from after_kill import compare
from oracle import as_map
from resp import Connection
from server import info, wait_until
from writers import CHANNELS, GONE, LIMITS, WRITERS, Writer, Writing, users_by_writer

STOPPED_S = 10
ANSWERS = 1000
MANY_USERS = 10_000
WIDE_PAIRS = [word for number in range(1, 21) for word in (2**60 + number, 2**60 + 100 + number)]
LIMIT_OPTIONS = [
    word for name, value in LIMITS.items() for word in ("--" + name.replace("_", "-"), value)
]


def writers_of(seed, without=()):
    users = users_by_writer()
    return [Writer(number, users[number], seed, without) for number in range(WRITERS)]


def wait_for_answers(writing, count):
    wanted = writing.answers() + count

    def are_there():
        writing.check()
        return writing.answers() >= wanted

    wait_until(are_there, f"{count} answers")


def compare_all(server, writers):
    connection = server.connect()
    for writer in writers:
        assert not writer.unanswered
        compare(connection.pipeline, writer.oracle, writer.users, [], CHANNELS)


@pytest.mark.parametrize("cache_users", [0, 24])
def test_a_server_that_was_stopped_goes_on(start_server, seed, cache_users):
    """The same connections get their answers; what is due meanwhile is written late.

    The store was not silent, though no answer of it came for so long: nobody is refused.
    """
    server = start_server(
        *("--threads", 2, "--cache-users", cache_users, "--commit-delay", "500ms"), *LIMIT_OPTIONS
    )
    writers = writers_of(seed)
    writing = Writing(writers, server.port)
    try:
        wait_for_answers(writing, ANSWERS)
        server.signal(signal.SIGSTOP)
        try:
            time.sleep(STOPPED_S)
            before = writing.answers()
            time.sleep(0.5)
            assert writing.answers() == before, "it was not stopped"
        finally:
            server.signal(signal.SIGCONT)
        wait_for_answers(writing, ANSWERS)
    finally:
        writing.end()
    compare_all(server, writers)
    server.restart()
    compare_all(server, writers)


class UsedUp:
    """All files that the process may have open, are: connections take the last ones."""

    SPARE = 10
    CONNECTIONS = 60

    def __init__(self, server):
        self.server = server
        self.crowd = []

    def __enter__(self):
        pid = self.server.process.pid
        self.before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        limit = len(os.listdir(f"/proc/{pid}/fd")) + self.SPARE
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, self.before[1]))
        for _ in range(self.CONNECTIONS):
            self.crowd.append(socket.create_connection(("127.0.0.1", self.server.port)))
        return self

    def __exit__(self, *_):
        for one in self.crowd:
            one.close()
        resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, self.before)


def is_served(server):
    """A newcomer is turned away, or waits until there is a file for him."""
    with contextlib.suppress(TimeoutError, *GONE), Connection(server.port) as newcomer:
        newcomer.socket.settimeout(2)
        return newcomer.call("PING") == "PONG"
    return False


def fill_the_store(connection):
    """More than its buffer holds: it needs a new file. Returns the users whose command was taken; of others the store
    could not say whether they are there."""
    users = range(1_000_000, 1_000_000 + MANY_USERS)
    taken = []
    for first in range(0, MANY_USERS, 1000):
        some = users[first : first + 1000]
        replies = connection.pipeline([("RS.BULKACK", user, *WIDE_PAIRS) for user in some])
        for user, reply in zip(some, replies, strict=True):
            if reply == [1, len(WIDE_PAIRS) // 2]:
                taken.append(user)
            else:
                assert reply.word == "STORE", reply
    return taken


def test_a_server_without_a_file_left_goes_on(start_server, seed):
    """Old connections are served; what cannot be written is written as soon as files are free."""
    server = start_server(
        *("--threads", 2, "--commit-delay", "200ms", "--rocksdb-memory", "8mb"), *LIMIT_OPTIONS
    )
    # All users stay in memory: a load, or an answer that waits for a write, may fail meanwhile.
    writers = writers_of(seed, without=("RS.FORGET", "RS.EVICT", "RS.FLUSH", "COMMIT"))
    connection = server.connect()
    for writer in writers:
        first = [["RS.ACK", user, CHANNELS[0], 1] for user in writer.users]
        for command, reply in zip(first, connection.pipeline(first), strict=True):
            writer.oracle.check(command, reply)
    writing = Writing(writers, server.port)
    try:
        wait_for_answers(writing, ANSWERS)
        with UsedUp(server):
            assert not is_served(server)
            many = fill_the_store(connection)
            assert int(info(connection, "readstates")["store_writes_failed"]) > 0
            wait_for_answers(writing, 3 * ANSWERS)
        wait_for_answers(writing, ANSWERS)
    finally:
        writing.end()
    wait_until(lambda: is_served(server), "a connection for a newcomer")
    wait_until(
        lambda: info(connection, "readstates")["dirty_users"] == "0", "everything is written"
    )
    assert connection.call("RS.FLUSH") == "OK"
    compare_all(server, writers)
    server.restart()
    compare_all(server, writers)
    assert many
    badges = server.connect().pipeline([("RS.GET", user, WIDE_PAIRS[0]) for user in many])
    assert all(as_map(state)["last_read"] == str(WIDE_PAIRS[1]) for [state] in badges)
