"""The bounds of the cache, what goes first, and that what has gone comes back as it was."""

import threading

import pytest
from oracle import as_map
from resp import ReplyError
from server import info, wait_until

MIB = 1024 * 1024

# Ids as large as snowflakes, so that no clever packing makes them small: 30 states of one user.
WIDE = 2**60
WIDE_PAIRS = [item for number in range(30) for item in (WIDE + number, WIDE + 100 + number)]


class Watcher:
    """Asks again and again, on a connection of its own, and keeps the highest answer."""

    def __init__(self, server, ask):
        self.connection = server.connect()
        self.ask = ask
        self.highest = []
        self.samples = 0
        self.failure = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.failure is not None:
            raise self.failure
        assert self.samples > 0

    def _watch(self):
        try:
            while self.samples == 0 or not self.ending.is_set():
                answer = self.ask(self.connection)
                self.highest = [
                    max(pair) for pair in zip(answer, self.highest or answer, strict=True)
                ]
                self.samples += 1
        except Exception as failure:
            self.failure = failure


def ask_users(connection):
    return [connection.call("DBSIZE"), int(info(connection, "readstates")["cached_users"])]


def ask_memory(connection):
    return [int(info(connection, "memory")["used_memory_cache"])]


def states_of(user):
    """What each of these tests gives a user: some states, that only this user has."""
    return [
        item
        for channel in range(1, user % 7 + 2)
        for item in (channel * 1000 + user % 13, user * 10 + channel)
    ]


def expected_of(user):
    pairs = states_of(user)
    return [
        {"channel": str(channel), "last_read": str(message), "mentions": 0, "version": 1}
        for channel, message in zip(pairs[::2], pairs[1::2], strict=True)
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_cache_users_is_never_exceeded(start_server, threads):
    server = start_server("--threads", threads, "--cache-users", 50)
    connection = server.connect(3)
    users = range(1, 3001)
    with Watcher(server, ask_users) as watcher:
        written = connection.pipeline([("RS.BULKACK", user, *states_of(user)) for user in users])
        lists = connection.pipeline([("RS.LIST", user) for user in users])
    assert max(watcher.highest) <= 50
    assert written == [[1, len(states_of(user)) // 2] for user in users]
    for user, (_, version, full, states) in zip(users, lists, strict=True):
        assert (version, full, states) == (1, 1, expected_of(user))
    counts = info(connection, "readstates")
    assert int(counts["evicted_users"]) >= 5900
    assert int(counts["store_loads"]) >= 2900
    assert 0 < connection.call("DBSIZE") <= 50


def cached(connection, users):
    return [user for user in users if as_map(connection.call("RS.INSPECT", user))["cached"] == 1]


def test_the_least_recently_used_goes_first(start_server):
    connection = start_server("--threads", 1, "--cache-users", 10).connect()
    users = range(1, 31)
    for user in users:
        connection.call("RS.ACK", user, 7, 100)
    connection.call("RS.FLUSH")
    for user in range(1, 11):
        connection.call("RS.GET", user, 7)
    assert cached(connection, users) == list(range(1, 11))
    connection.call("RS.LIST", 1)
    connection.call("RS.BADGE", 3)
    connection.call("RS.GET", 5, 9)
    for user in (11, 12, 13):
        connection.call("RS.GET", user, 7)
    assert cached(connection, users) == [1, 3, 5, 7, 8, 9, 10, 11, 12, 13]
    for user in range(14, 20):
        connection.call("RS.GET", user, 7)
    assert cached(connection, users) == [5, *range(11, 20)]


def test_dirty_users_are_written_before_they_go(start_server):
    """Long before commit-delay: by eviction alone."""
    connection = start_server("--threads", 1, "--cache-users", 5, "--commit-delay", "1h").connect()
    for round_number in range(1, 21):
        replies = connection.pipeline([("RS.ACK", user, 7, round_number) for user in range(1, 41)])
        assert replies == [[round_number, 0]] * 40


def test_what_is_dirty_is_written_within_the_commit_delay(start_server):
    connection = start_server("--threads", 2, "--commit-delay", "100ms").connect()
    connection.pipeline([("RS.ACK", user, 7, 100) for user in range(1, 501)])
    wait_until(lambda: info(connection, "readstates")["dirty_users"] == "0", "all written")
    assert connection.call("DBSIZE") == 500


@pytest.mark.parametrize("threads", [1, 2])
def test_cache_memory_is_never_exceeded(start_server, threads):
    bound = 16 * MIB
    server = start_server("--threads", threads, "--cache-memory", "16mb")
    connection = server.connect()
    users = 40000
    with Watcher(server, ask_memory) as watcher:
        for first in range(1, users, 2000):
            commands = [("RS.BULKACK", user, *WIDE_PAIRS) for user in range(first, first + 2000)]
            assert connection.pipeline(commands) == [[1, 30]] * 2000
    assert bound / 4 < watcher.highest[0] <= bound
    counts = info(connection)
    assert int(counts["evicted_users"]) > 0
    assert int(counts["cached_users"]) < users
    for user in range(1, users, 997):
        _, version, _, states = connection.call("RS.LIST", user)
        assert version == 1
        found = [(as_map(state)["channel"], as_map(state)["last_read"]) for state in states]
        assert found == [(str(WIDE + number), str(WIDE + 100 + number)) for number in range(30)]


def test_bounds_shrink_live(start_server):
    server = start_server("--threads", 2, "--cache-memory", "64mb")
    connection = server.connect()
    pairs = [item for channel in range(1, 21) for item in (channel, 5)]
    connection.pipeline([("RS.BULKACK", user, *pairs) for user in range(1, 5001)])
    assert connection.call("DBSIZE") == 5000
    before = int(info(connection)["used_memory_cache"])
    assert connection.call("CONFIG", "SET", "cache-users", 200) == "OK"
    wait_until(lambda: connection.call("DBSIZE") <= 200, "down to 200 users")
    assert int(info(connection)["used_memory_cache"]) < before
    connection.pipeline([("RS.LIST", user) for user in range(1, 1001)])
    assert connection.call("DBSIZE") <= 200
    assert connection.call("CONFIG", "SET", "cache-users", 0) == "OK"
    lists = connection.pipeline([("RS.LIST", user) for user in range(1, 5001)])
    assert all(version == 1 and len(states) == 20 for _, version, _, states in lists)
    assert connection.call("DBSIZE") == 5000


def test_memory_goes_back_to_the_system_after_a_shrink(start_server):
    """From 400,000 users to 50,000: what is held is soon within 1.25 x of what is used."""
    server = start_server("--threads", 2, "--commit-delay", "1s")
    connection = server.connect()
    for start in range(1, 400_001, 20_000):
        # Of different sizes, so that what stays is scattered over what was taken.
        commands = [
            ("RS.BULKACK", user, *WIDE_PAIRS[: 2 * (1 + user % 4)])
            for user in range(start, start + 20_000)
        ]
        assert len(connection.pipeline(commands)) == len(commands)
    assert connection.call("DBSIZE") == 400_000
    assert connection.call("RS.FLUSH") == "OK"
    before = info(connection, "memory")
    assert connection.call("CONFIG", "SET", "cache-users", 50_000) == "OK"

    def held_and_used():
        now = info(connection, "memory")
        return int(now["used_memory_cache_resident"]), int(now["used_memory_cache"])

    def is_within():
        held, used = held_and_used()
        return connection.call("DBSIZE") == 50_000 and held <= 1.25 * used

    wait_until(is_within, "resident memory within 1.25 x of what is used")
    held_before = int(before["used_memory_cache_resident"])
    fallen = int(before["used_memory_rss"]) - int(info(connection, "memory")["used_memory_rss"])
    assert fallen >= 0.9 * (held_before - held_and_used()[0])


def test_a_lower_cache_memory_is_reached_live(start_server):
    server = start_server("--threads", 1, "--cache-memory", "64mb")
    connection = server.connect()
    for first in range(1, 40001, 2000):
        connection.pipeline(
            [("RS.BULKACK", user, *WIDE_PAIRS) for user in range(first, first + 2000)]
        )
    assert int(info(connection)["used_memory_cache"]) > 16 * MIB
    assert connection.call("CONFIG", "SET", "cache-memory", "16mb") == "OK"
    wait_until(lambda: int(info(connection)["used_memory_cache"]) <= 16 * MIB, "down to 16 MiB")
    assert connection.call("RS.BADGE", *range(1, 101)) == [[0, 0]] * 100
    assert connection.call("RS.ACK", 1, WIDE, WIDE + 200) == [2, 0]
    assert int(info(connection)["used_memory_cache"]) <= 16 * MIB


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_user_of_100000_channels(start_server, protocol):
    """As many as max-channels allows, sent out of order, and listed in order."""
    total, user = 100_000, 42
    server = start_server("--threads", 2)
    connection = server.connect(protocol)
    # Every channel once: 7919 and the total have no common factor.
    channels = [number * 7919 % total + 1 for number in range(total)]
    bulks = [
        (
            "RS.BULKACK",
            user,
            *(
                item
                for channel in channels[first : first + 1000]
                for item in (channel, channel + 5)
            ),
        )
        for first in range(0, total, 1000)
    ]
    assert connection.pipeline(bulks) == [[version, 1000] for version in range(1, 101)]
    version_of = {channel: number // 1000 + 1 for number, channel in enumerate(channels)}
    expected = [
        {
            "channel": str(channel),
            "last_read": str(channel + 5),
            "mentions": 0,
            "version": version_of[channel],
        }
        for channel in range(1, total + 1)
    ]

    def check(epoch=None):
        reply = connection.call("RS.LIST", user)
        assert reply[1:3] == [100, 1]
        assert [as_map(state) for state in reply[3]] == expected
        assert epoch in (None, reply[0])
        return reply[0]

    epoch = check()
    refused = connection.call("RS.ACK", user, total + 1, 5)
    assert isinstance(refused, ReplyError) and refused.word == "LIMIT"
    assert connection.call("RS.EVICT", user) == 1
    found = connection.call("RS.GET", user, 1, 50_000, total, total + 1)
    assert [state and as_map(state) for state in found] == [
        expected[0],
        expected[49_999],
        expected[-1],
        None,
    ]
    check(epoch)
    server.restart()
    connection = server.connect(protocol)
    check(epoch)
    assert connection.call("RS.MENTION", 50_000, 60_000, user) == [1, 0]
    assert connection.call("RS.BADGE", user) == [[1, 1]]
    assert connection.call("RS.ACK", user, 50_000, 60_000) == [102, 0]
    expected[49_999] |= {"last_read": "60000", "version": 102}
    assert connection.call("RS.EVICT", user) == 1
    assert [as_map(state) for state in connection.call("RS.LIST", user)[3]] == expected
