"""A clock that is set forward and back by hours, and a machine that slept, while clients write: nothing stalls, no
version falls, what is changed goes into the store, and after kill -9 all is there."""

import mmap
import pathlib
import struct
import subprocess
import time

import pytest
from after_kill import compare
from resp import Closed
from server import environment, info, wait_until
from writers import CHANNELS, LIMITS, Writer, Writing, users_by_writer

SOURCE = pathlib.Path(__file__).with_name("shifted_clock.c")
WRITERS = 4
ANSWERS = 600
HOUR_S = 3600
DAY_S = 24 * HOUR_S
# Each from where the one before left it.
WALL_JUMPS_S = (5 * HOUR_S, -10 * HOUR_S, 400 * DAY_S, -800 * DAY_S)


class ShiftedClock:
    def __init__(self, folder):
        library = folder / "shifted_clock.so"
        command = ["cc", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl", "-lpthread"]
        subprocess.run(command, check=True)
        path = folder / "shifts"
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self.shifts = mmap.mmap(file.fileno(), 16)
        self.env = environment(SHIFTED_CLOCK=str(path), LD_PRELOAD=str(library))
        self.wall_s = 0
        self.forward_s = 0

    def set_wall(self, by_s):
        self.wall_s += by_s
        self.shifts[:8] = struct.pack("=q", self.wall_s * 10**9)

    def sleep(self, seconds):
        """As a machine that was stopped and goes on: both clocks have gone forward."""
        self.forward_s += seconds
        self.shifts[8:] = struct.pack("=q", self.forward_s * 10**9)
        self.set_wall(seconds)


@pytest.fixture
def clock(tmp_path):
    return ShiftedClock(tmp_path)


class Play:
    """Writers, a server whose clock is set, and a look at all that is there."""

    def __init__(self, server, seed):
        users = users_by_writer(WRITERS)
        self.server = server
        self.writers = [Writer(number, users[number], seed) for number in range(WRITERS)]

    def go_on(self, writing):
        """The writers are answered, and the store written to, from now on as well."""
        begin = writing.answers()
        writes = self.store_writes()
        wait_until(lambda: self.check(writing) and writing.answers() >= begin + ANSWERS, "answers come")
        wait_until(lambda: self.check(writing) and self.store_writes() > writes, "changes are written")

    def check(self, writing):
        assert self.server.process.poll() is None, self.server.log()
        writing.check()
        return True

    def store_writes(self):
        with self.server.connect() as connection:
            return int(info(connection, "readstates")["store_writes"])

    def compare(self):
        connection = self.server.connect()
        for writer in self.writers:
            compare(connection.pipeline, writer.oracle, writer.users, writer.unanswered, CHANNELS)
            writer.unanswered.clear()
            writer.oracle.model.feed.clear()


def options(*more):
    limits = [word for name, value in LIMITS.items() for word in ("--" + name.replace("_", "-"), value)]
    return ["--threads", 2, "--cache-users", 24, "--commit-delay", "300ms", *limits, *more]


def wall_of(server):
    seconds, _ = server.connect().call("TIME")
    return int(seconds)


@pytest.mark.parametrize("journal_sync", ["always", "everysec"])
def test_the_time_of_day_is_set(clock, start_server, seed, journal_sync):
    server = start_server(*options("--journal-sync", journal_sync), env=clock.env)
    play = Play(server, seed)
    for jump_s in WALL_JUMPS_S:
        writing = Writing(play.writers, server.port)
        try:
            play.go_on(writing)
            clock.set_wall(jump_s)
            assert abs(wall_of(server) - (time.time() + clock.wall_s)) < HOUR_S
            play.go_on(writing)
            server.kill()
        finally:
            writing.end()
        server.start()
        play.compare()
    server.restart()
    play.compare()


def test_the_machine_slept(clock, start_server, seed):
    """For an hour, several times: whoever waited is not forgotten, and whoever was idle for so long may stay."""
    server = start_server(*options("--timeout", 0), env=clock.env)
    play = Play(server, seed)
    idle = server.connect()
    for _ in range(3):
        writing = Writing(play.writers, server.port)
        try:
            play.go_on(writing)
            before = int(info(idle)["uptime_in_seconds"])
            clock.sleep(HOUR_S)
            assert int(info(idle)["uptime_in_seconds"]) >= before + HOUR_S
            play.go_on(writing)
        finally:
            writing.end()
        play.compare()
    server.kill()
    server.start()
    play.compare()


def test_who_was_idle_before_it_slept_is_closed(clock, start_server):
    server = start_server("--threads", 2, "--timeout", "300s", env=clock.env)
    connection = server.connect()
    assert connection.call("RS.ACK", 1, 2, 3) == [1, 0]
    clock.sleep(HOUR_S)
    other = server.connect()
    wait_until(lambda: info(other)["connected_clients"] == "1", "only who asks is connected")
    with pytest.raises(Closed):
        connection.read()
    assert other.call("RS.ACK", 1, 2, 3) == [1, 0]
