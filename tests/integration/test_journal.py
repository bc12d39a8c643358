"""The journal as a whole server has it: what waits for the disk, and what a disk that fails means."""

import os
import pathlib
import re
import subprocess
import time

import pytest
from oracle import as_map
from resp import Closed, encode
from server import environment, info, run_server, wait_until

SOURCE = pathlib.Path(__file__).with_name("faulty_disk.c")
SLOW_S = 0.4  # As the source has it.


class FaultyDisk:
    def __init__(self, folder):
        self.plan = folder / "plan"
        library = folder / "faulty_disk.so"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        self.env = environment(FAULTY_DISK=str(self.plan), LD_PRELOAD=str(library))

    def set(self, plan):
        """In one step: the server reads it all the time."""
        new = self.plan.with_suffix(".new")
        new.write_text(plan)
        os.replace(new, self.plan)


@pytest.fixture
def faulty_disk(tmp_path):
    return FaultyDisk(tmp_path)


def seconds(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


@pytest.mark.parametrize("threads", [1, 3])
def test_always_answers_what_is_on_the_disk(faulty_disk, start_server, threads):
    """Who changes waits, who reads such a change, and who is told of it by the feed; the server does not."""
    server = start_server("--threads", threads, "--journal-sync", "always", env=faulty_disk.env)
    writer, reader, feed, other = (server.connect() for _ in range(4))
    assert reader.call("RS.ACK", 1, 2, 3) == [1, 0]
    feed.call("SUBSCRIBE", "rs:1")
    faulty_disk.set("slow sync")
    begin = time.monotonic()
    writer.send(encode("RS.ACK", 1, 2, 4))
    time.sleep(SLOW_S / 8)
    reader.send(encode("RS.GET", 1, 2))
    assert other.call("PING") == "PONG"
    assert time.monotonic() - begin < SLOW_S * 3 / 4, "the loop was blocked"
    assert writer.read() == [2, 0]
    assert time.monotonic() - begin >= SLOW_S
    assert as_map(reader.read()[0])["last_read"] == "4"
    assert time.monotonic() - begin >= SLOW_S
    assert feed.read()[0] == "message"
    assert time.monotonic() - begin >= SLOW_S
    faulty_disk.set("")


def test_many_answers_share_a_sync(faulty_disk, start_server):
    server = start_server("--threads", 1, "--journal-sync", "always", env=faulty_disk.env)
    connections = [server.connect() for _ in range(20)]
    connections[0].call("RS.ACK", 1, 2, 3)
    faulty_disk.set("slow sync")
    before = int(info(connections[0])["journal_syncs"])

    def play():
        for number, connection in enumerate(connections):
            for message in range(10, 20):
                connection.send(encode("RS.ACK", number + 1, 2, message))
        for connection in connections:
            for _ in range(10):
                connection.read()

    assert seconds(play) < 6 * SLOW_S
    faulty_disk.set("")
    assert int(info(connections[0])["journal_syncs"]) - before <= 8


@pytest.mark.parametrize("journal_sync", ["everysec", "no"])
def test_otherwise_nobody_waits_for_the_disk(faulty_disk, start_server, journal_sync):
    server = start_server("--threads", 2, "--journal-sync", journal_sync, env=faulty_disk.env)
    connection = server.connect()
    connection.call("RS.ACK", 1, 2, 3)
    faulty_disk.set("slow sync")
    for message in range(4, 300):
        assert seconds(lambda: connection.call("RS.ACK", 1, 2, message)) < SLOW_S * 3 / 4
        time.sleep(0.005)
    syncs = int(info(connection)["journal_syncs"])
    assert syncs > 0 if journal_sync == "everysec" else syncs == 0
    faulty_disk.set("")


@pytest.mark.parametrize("what", ["sync", "write"])
@pytest.mark.parametrize("journal_sync", ["always", "everysec"])
def test_a_journal_that_fails_stops_the_server(faulty_disk, start_server, what, journal_sync):
    """Loudly, at once, with an exit code of its own, and without another answer; what was answered before is there."""
    server = start_server("--threads", 2, "--journal-sync", journal_sync, env=faulty_disk.env)
    connection = server.connect()
    assert connection.call("RS.ACK", 1, 2, 3) == [1, 0]
    wait_until(lambda: info(connection)["journal_unsynced_bytes"] == "0", "all is synced")
    faulty_disk.set(f"fail {what}")
    with pytest.raises((Closed, OSError)):
        for message in range(4, 1000):
            reply = connection.call("RS.ACK", 1, 2, message)
            assert (what, journal_sync) == ("sync", "everysec"), reply
            time.sleep(0.01)
    assert server.wait() == 3
    said = server.log()
    assert "stopping at once, with nothing more answered" in said and "Input/output error" in said
    assert "/journal" in said
    faulty_disk.set("")
    server.start()
    state = as_map(server.connect().call("RS.GET", 1, 2)[0])
    assert int(state["last_read"]) >= 3


def test_the_mode_can_be_changed_live(start_server):
    server = start_server("--threads", 2)
    connection = server.connect()
    assert info(connection)["journal_sync"] == "everysec"
    for mode in ("always", "no", "always", "everysec"):
        assert connection.call("CONFIG", "SET", "journal-sync", mode) == "OK"
        assert connection.call("CONFIG", "GET", "journal-sync") == ["journal-sync", mode]
        for user in range(1, 20):
            connection.call("RS.MENTION", 7, 100, user)
    refused = connection.call("CONFIG", "SET", "journal-sync", "sometimes")
    assert "journal-sync must be always, everysec or no, got 'sometimes'" in refused
    server.kill()
    server.start()
    assert server.connect().call("RS.BADGE", *range(1, 20)) == [[1, 1]] * 19


def segments(server):
    return sorted((server.data_dir / "journal").glob("*.journal"))


def test_its_files_go_when_the_store_has_what_they_hold(start_server):
    """A log of many small files, over and over: some are left, and after a kill only what is unwritten is taken up."""
    server = start_server("--threads", 1, "--journal-segment", "64kb", "--commit-delay", "100ms")
    connection = server.connect()
    for number in range(40):
        connection.pipeline([("RS.ACK", user, 7, 10 + number) for user in range(1, 500)])
    wait_until(lambda: int(info(connection)["journal_entries"]) == 40 * 499, "all is journaled")
    connection.call("RS.FLUSH")
    wait_until(lambda: int(info(connection)["journal_segments"]) <= 2, "the files that are not needed go")
    assert len(segments(server)) <= 4
    server.kill()
    server.start()
    assert server.connect().pipeline([("RS.GET", user, 7) for user in range(1, 500)]) != []
    assert as_map(server.connect().call("RS.GET", 499, 7)[0])["last_read"] == "49"


def test_a_damaged_file_is_refused(start_server, tmp_path):
    server = start_server("--threads", 1, "--commit-delay", "1h")
    connection = server.connect()
    connection.pipeline([("RS.ACK", user, 7, 10) for user in range(1, 500)])
    server.kill()
    path = segments(server)[0]
    whole = path.read_bytes()
    at = 5000
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    code, _, said = run_server("--port", 0, "--unixsocket", tmp_path / "socket", "--data-dir", server.data_dir, cwd=tmp_path)
    assert code == 1
    found = re.search(rf"{path.name} is damaged at byte (\d+): what follows it was written later", said)
    assert found and at - 64 < int(found[1]) <= at, said
    path.write_bytes(whole)
    server.start()
    assert server.connect().call("RS.BADGE", 499) == [[0, 0]]
    assert as_map(server.connect().call("RS.GET", 499, 7)[0])["last_read"] == "10"


def test_a_torn_end_is_cut(start_server):
    server = start_server("--threads", 1, "--commit-delay", "1h")
    connection = server.connect()
    connection.pipeline([("RS.ACK", user, 7, 10) for user in range(1, 500)])
    epoch = connection.call("RS.LIST", 1)[0]
    server.kill()
    path = segments(server)[0]
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0"))
    end += -(end - 64) % 8
    path.write_bytes(whole[: end - 20])
    server.start()
    connection = server.connect()
    assert "is not whole, and is left out" in server.log()
    assert connection.call("RS.LIST", 1)[0] == epoch
    states = connection.pipeline([("RS.GET", user, 7) for user in range(1, 500)])
    # The last one written: in a real crash it was not answered.
    assert sum(state is None for (state,) in states) == 1


def test_an_older_format_is_taken_over_and_a_newer_one_refused(start_server, tmp_path):
    server = start_server("--threads", 1)
    server.connect().call("RS.ACK", 1, 2, 3)
    server.stop()
    (server.data_dir / "format").write_text("1\n")
    server.start()
    assert (server.data_dir / "format").read_text() == "2\n"
    assert as_map(server.connect().call("RS.GET", 1, 2)[0])["last_read"] == "3"
    server.stop()
    (server.data_dir / "format").write_text("3\n")
    code, _, said = run_server("--port", 0, "--unixsocket", tmp_path / "socket", "--data-dir", server.data_dir, cwd=tmp_path)
    assert code == 1 and "was written by a newer version of this program: it has format 3" in said
    (server.data_dir / "format").write_text("2\n")
    server.start()
