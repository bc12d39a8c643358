"""RS.FORGET: nothing of the user is read any more, and soon nothing of it is on the disk."""

import json
import resource
import struct

import pytest
from server import info, wait_until

USER = 0x1122334455667788
CHANNEL = 0x0102030405060700
MESSAGE = 0x0A0B0C0D0E0F0000

# As they stand in keys and values, in either order of bytes; the lowest bytes differ by channel.
TRACES = {
    "user": [struct.pack(">Q", USER), struct.pack("<Q", USER), str(USER).encode()],
    "channel": [struct.pack(">Q", CHANNEL)[:6], struct.pack("<Q", CHANNEL)[2:]],
    "message": [struct.pack(">Q", MESSAGE)[:6], struct.pack("<Q", MESSAGE)[2:]],
}


def fill(connection, user, channels):
    commands = [
        ["RS.ACK", user, CHANNEL + number, MESSAGE + number] for number in range(1, channels + 1)
    ]
    for reply in connection.pipeline(commands):
        assert reply[0] > 0


def find_traces(folder):
    """(file, what) of each trace of the user in the data folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue  # RocksDB deletes files while this looks.
        found += [
            (path.name, what)
            for what, forms in TRACES.items()
            for form in forms
            if form in content
        ]
    return found


@pytest.mark.parametrize("channels", [5, 150], ids=["small", "large"])
def test_nothing_stays_on_the_disk(start_server, channels):
    server = start_server("--threads", 2)
    connection = server.connect()
    others = [["RS.ACK", other, 3, 9] for other in range(1, 500)]
    connection.pipeline(others)
    fill(connection, USER, channels)
    connection.call("RS.FLUSH")
    connection.pipeline([["RS.ACK", USER + 1000, 3, 9]])
    connection.call("RS.FLUSH")
    assert {what for _, what in find_traces(server.data_dir)} >= {"user", "message"}
    assert connection.call("RS.FORGET", USER) == channels
    wait_until(lambda: not find_traces(server.data_dir), "no trace of the user")
    assert info(connection)["forgotten_users"] == "1"
    assert connection.call("RS.BADGE", 1, USER) == [[0, 0], [0, 0]]
    assert len(connection.call("RS.LIST", 499)[3]) == 1


def test_killed_before_it_is_gone_from_the_disk(start_server):
    """The next start goes on with it."""
    server = start_server("--threads", 1)
    connection = server.connect()
    connection.pipeline([["RS.ACK", other, 3, 9] for other in [1, 2, USER + 1000]])
    fill(connection, USER, 150)
    connection.call("RS.FLUSH")
    assert connection.call("RS.FORGET", USER) == 150
    server.kill()
    assert find_traces(server.data_dir)
    server.start()
    assert server.connect().call("RS.LIST", USER)[1:] == [0, 1, []]
    wait_until(lambda: not find_traces(server.data_dir), "no trace of the user")


def test_files_that_cannot_be_rewritten_are_later(start_server):
    """A disk that takes the few bytes of the forgetting, and not the files without the user."""
    server = start_server("--threads", 1)
    connection = server.connect()
    fill(connection, USER, 150)
    others = [*range(-100, 0), *range(1, 100)]
    channels = [word for number in range(1, 500) for word in (2**60 + number, 2**61 + number)]
    connection.pipeline([["RS.BULKACK", USER + other, *channels] for other in others])
    connection.call("RS.FLUSH")
    server.stop()
    server.start()
    small = server.log_path.stat().st_size + 64 * 1024
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (small, resource.RLIM_INFINITY))
    assert server.connect().call("RS.FORGET", USER) == 150
    wait_until(lambda: "purging" in server.log(), "a purge that fails")
    assert find_traces(server.data_dir)
    no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, no_limit)
    wait_until(lambda: not find_traces(server.data_dir), "no trace of the user")
    states = server.connect().call("RS.LIST", USER + 1)[3]
    assert len(states) == 499


def test_an_epoch_never_comes_back(start_server):
    """Whatever happens between: a restart, other numbers of threads, kill -9."""
    server = start_server("--threads", 3)
    seen = set()
    for ending in [server.restart, server.restart, lambda: (server.kill(), server.start())]:
        for _ in range(3):
            connection = server.connect()
            assert connection.call("RS.ACK", 7, 42, 9) == [1, 0]
            epoch, version, full, states = connection.call("RS.LIST", 7)
            assert (version, full, len(states)) == (1, 1, 1)
            assert epoch not in seen
            seen.add(epoch)
            assert connection.call("RS.LIST", 7, "SINCE", epoch, 1)[1:] == [1, 0, []]
            assert connection.call("RS.FORGET", 7) == 1
            assert connection.call("RS.LIST", 7, "SINCE", epoch, 1)[1:] == [0, 1, []]
        server.options[1] = len(seen) % 4 + 1
        ending()


def test_only_the_user_is_forgotten(start_server):
    server = start_server("--threads", 2)
    connection = server.connect()
    users = range(1, 200)
    connection.pipeline([["RS.ACK", user, 42, 9] for user in users])
    before = connection.pipeline([["RS.LIST", user] for user in users])
    assert connection.call("RS.FORGET", 50) == 1
    server.restart()
    after = server.connect().pipeline([["RS.LIST", user] for user in users])
    differing = [user for user, was, now in zip(users, before, after, strict=True) if was != now]
    assert differing == [50]


def test_what_is_under_way(start_server):
    """Commands behind it in a pipeline find a new user; those before it have had their effect."""
    server = start_server("--threads", 2, "--commit-delay", "20ms")
    connection = server.connect()
    for round_ in range(200):
        replies = connection.pipeline(
            [
                ["RS.ACK", 7, 42, 9],
                ["RS.MENTION", 42, 10, 7],
                ["RS.FORGET", 7],
                ["RS.GET", 7, 42],
                ["RS.ACK", 7, 43, 1, "COMMIT", "now"],
                ["RS.FORGET", 7],
                ["RS.FORGET", 7],
            ]
        )
        assert replies == [[1, 0], [1, 0], 1, [None], [1, 0], 1, 0], round_
        if round_ % 10 == 0:
            connection.call("RS.EVICT", 7)
    server.restart()
    assert server.connect().call("RS.LIST", 7)[1:] == [0, 1, []]


@pytest.mark.parametrize("protocol", [2, 3])
def test_readers_are_told(start_server, protocol):
    server = start_server("--threads", 2)
    connection = server.connect()
    reader = server.connect(protocol)
    fill(connection, USER, 150)
    epoch = connection.call("RS.LIST", USER)[0]
    assert reader.call("SUBSCRIBE", f"rs:{USER}")[2] == 1
    assert connection.call("RS.FORGET", USER) == 150
    assert connection.call("RS.PIN", USER, 3, 5) == [1, 0]
    told = [json.loads(reader.read()[2]) for _ in range(2)]
    assert told[0] == {
        "user": str(USER), "epoch": epoch, "version": 151, "cause": "forget", "states": []
    }  # fmt: skip
    assert (told[1]["version"], told[1]["cause"]) == (1, "pin")
    assert told[1]["epoch"] == connection.call("RS.LIST", USER)[0] != epoch
