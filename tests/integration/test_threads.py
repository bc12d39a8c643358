"""Threads that rest while there is little to do, come back, and never lose a command by it."""

import random
import threading

import pytest
from oracle import Oracle, random_command
from server import info, wait_until

THREADS = 4


def resting(connection):
    return int(info(connection, "server")["resting_threads"])


def wait_until_resting(connection, count):
    wait_until(lambda: resting(connection) == count, f"{count} resting threads")


def test_threads_rest_and_come_back(start_server):
    server = start_server("--threads", THREADS, "--gather-below", 75)
    connection = server.connect()
    wait_until_resting(connection, THREADS - 1)
    # Users of all shards, on connections of all loops.
    for user in range(1, 41):
        with server.connect() as other:
            assert other.call("RS.ACK", user, 7, 100) == [1, 0]
    assert connection.call("CONFIG", "SET", "gather-below", 0) == "OK"
    wait_until_resting(connection, 0)
    assert connection.call("RS.BADGE", *range(1, 41)) == [[0, 0]] * 40
    assert connection.call("CONFIG", "SET", "gather-below", 75) == "OK"
    wait_until_resting(connection, THREADS - 1)
    assert connection.call("RS.BADGE", *range(1, 41)) == [[0, 0]] * 40
    server.restart()
    assert server.connect(3).call("RS.GET", 40, 7)[0]["last_read"] == "100"


def test_a_server_ends_while_threads_rest(start_server):
    server = start_server("--threads", THREADS, "--gather-below", 75)
    for _ in range(5):
        connection = server.connect()
        wait_until_resting(connection, THREADS - 1)
        connection.call("RS.ACK", 7, 7, 7)
        server.restart()


def test_what_waits_is_answered_while_threads_rest(start_server):
    """Loads, writes and lists in parts end on the thread of another."""
    server = start_server(
        *("--threads", THREADS, "--gather-below", 75, "--cache-users", THREADS),
        *("--commit-delay", "50ms"),
    )
    connection = server.connect()
    for user in range(1, 13):
        connection.call("RS.BULKACK", user, *(word for at in range(1, 501) for word in (at, at)))
    wait_until_resting(connection, THREADS - 1)
    for _ in range(3):
        for user in range(1, 13):
            assert len(connection.call("RS.LIST", user)[3]) == 500
    assert connection.call("RS.FLUSH") == "OK"
    assert int(info(connection)["evicted_users"]) > 12


@pytest.mark.parametrize("gather_below", [0, 75])
def test_an_option_is_changed_for_all_shards_when_it_is_answered(start_server, gather_below):
    server = start_server("--threads", THREADS, "--gather-below", gather_below)
    connections = [server.connect() for _ in range(8)]
    wait_until_resting(connections[0], THREADS - 1 if gather_below > 0 else 0)
    for turn in range(1, 101):
        limit = 1 + turn % 2
        users = [turn * 8 + number for number in range(8)]
        connection = connections[turn % 8]
        assert connection.pipeline([("RS.ACK", user, 7, 1) for user in users]) == [[1, 0]] * 8
        # All in one go, on users in memory: no thread has a turn between the option and the commands.
        changed, *replies = connection.pipeline(
            [("CONFIG", "SET", "max-channels", limit), *(("RS.ACK", user, 8, 1) for user in users)]
        )
        assert changed == "OK"
        for reply in replies:
            assert reply == [2, 0] if limit == 2 else reply.startswith("LIMIT")


@pytest.mark.parametrize("protocol", [2, 3])
def test_commands_are_answered_while_threads_come_and_go(start_server, seed, protocol):
    source = random.Random(f"{seed} {protocol}")
    server = start_server(
        *("--threads", THREADS, "--cache-users", 2 * THREADS, "--mention-ids-kept", 4),
        *("--gather-below", 90),
    )
    over = threading.Event()

    def change():
        with server.connect() as connection:
            while not over.wait(0.3):
                connection.call("CONFIG", "SET", "gather-below", source.choice([0, 90]))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        connection = server.connect(protocol)
        oracle = Oracle(mention_ids_kept=4)
        users, channels = list(range(1, 41)), ["7", "8", "3:7", "9"]
        for _ in range(40):
            size = source.choice([1, 10, 200])
            commands = [random_command(source, users, channels, messages=300) for _ in range(size)]
            for command, reply in zip(commands, connection.pipeline(commands), strict=True):
                oracle.check(command, reply)
            over.wait(source.choice([0, 0.05, 0.2]))
    finally:
        over.set()
        changing.join()
