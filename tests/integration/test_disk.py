"""A disk that takes nothing more, and later does: nobody's states are lost, and the server stays."""

import contextlib
import os
import resource
import signal
import subprocess
import time
import warnings

import pytest
from server import info, wait_until

MIB = 1024 * 1024
REFUSED = (
    "MISCONF the disk of the data folder is as full as disk-reserve allows, updates are refused until there is room"
)
USERS = range(1, 30_001)
CHANNELS = [word for number in range(1, 9) for word in (2**60 + number, 2**60 + 100 + number)]


class SmallDisk:
    """A file system of 64 MiB, filled by a file."""

    journal = ("--journal-segment", "2mb", "--disk-reserve", "8mb")

    def __init__(self, folder):
        self.filler = folder / "filler"

    def fill(self, _server):
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))

    def make_room(self, _server):
        self.filler.unlink()

    def is_felt(self, connection):
        """Updates are refused before the reserve is touched."""
        return connection.call("RS.ACK", USERS[-1], 1, 1) == REFUSED


class SmallFiles:
    """No file of the store may grow, in place of a full disk: it needs no right to mount. Those of the journal are small."""

    journal = ("--journal-segment", "64kb")

    def _limit(self, server, size):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fill(self, server):
        self._limit(server, os.path.getsize(server.log_path) + MIB // 2)

    def make_room(self, server):
        if server.process is not None:  # The next process begins without the limit.
            self._limit(server, resource.RLIM_INFINITY)

    def is_felt(self, connection):
        return int(info(connection, "readstates")["store_writes_failed"]) > 0


@pytest.fixture(params=["small disk", "small files"])
def disk(request, tmp_path):
    """(what fills it, the data folder)"""
    if request.param == "small files":
        yield SmallFiles(), tmp_path / "data"
        return
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", folder]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0:
        why = f"no small disk can be mounted here: {mounted.stderr.strip()}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        warnings.warn(why, stacklevel=1)
        pytest.skip(why)
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", folder], check=True))
    yield SmallDisk(folder), folder / "data"


def test_a_disk_that_was_full_is_written_again(disk, start_server):
    filler, data_dir = disk
    server = start_server(
        "--rocksdb-memory", "8mb", "--commit-delay", "100ms", "--threads", 2, *filler.journal, data_dir=data_dir
    )
    connection = server.connect()
    connection.call("RS.BULKACK", USERS[0], *CHANNELS)
    connection.call("RS.FLUSH")
    filler.fill(server)
    replies = connection.pipeline([("RS.BULKACK", user, *CHANNELS) for user in USERS])
    assert {reply if isinstance(reply, str) else "taken" for reply in replies} <= {"taken", REFUSED}
    wait_until(lambda: filler.is_felt(connection), "the disk is full")
    failed = connection.call("RS.ACK", USERS[0], 2**60 + 1, 2**61, "COMMIT", "now")
    if isinstance(filler, SmallDisk):
        # Before the reserve is touched.
        assert failed == REFUSED
    else:
        # The change stands, and is written with the rest.
        assert failed.startswith("STORE the change stands")
        assert connection.call("RS.ACK", USERS[0], 2**60 + 1, 1) == [2, 0]
        assert int(info(connection, "readstates")["dirty_users"]) > 0
    time.sleep(1)
    before = connection.pipeline([("RS.LIST", user) for user in USERS])
    filler.make_room(server)
    wait_until(
        lambda: int(info(connection, "readstates")["dirty_users"]) == 0, "everything is written"
    )
    assert connection.call("RS.FLUSH") == "OK"
    wait_until(lambda: connection.call("RS.ACK", 1 << 40, 1, 1) == [1, 0], "updates are taken again")
    server.stop()
    server.start()
    assert server.connect().pipeline([("RS.LIST", user) for user in USERS]) == before


def test_a_stop_while_the_disk_is_full_keeps_what_is_unwritten(disk, start_server):
    filler, data_dir = disk
    server = start_server(
        *("--rocksdb-memory", "8mb", "--commit-delay", "100ms", "--threads", 2),
        *("--shutdown-timeout", "2s"),
        *filler.journal,
        data_dir=data_dir,
    )
    connection = server.connect()
    connection.call("RS.BULKACK", USERS[0], *CHANNELS)
    connection.call("RS.FLUSH")
    written = connection.call("RS.LIST", USERS[0])
    filler.fill(server)
    connection.pipeline([("RS.BULKACK", user, *CHANNELS) for user in USERS[1:]])
    wait_until(lambda: filler.is_felt(connection), "the disk is full")
    before = connection.pipeline([("RS.LIST", user) for user in USERS])
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    if isinstance(filler, SmallFiles):
        assert "users are not in the store, and are kept in the journal" in server.log()
    filler.make_room(server)
    server.start()
    connection = server.connect()
    assert connection.call("RS.LIST", USERS[0]) == written
    assert connection.pipeline([("RS.LIST", user) for user in USERS]) == before
