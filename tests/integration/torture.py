"""kill -9, again and again: nothing that was answered may be missing afterwards (./dev torture).

A series is one server and one data folder, with one mode of journal-sync. Clients write without a pause; the server
is killed at a random moment, also in the middle of its recovery, and started with another number of threads; then all
users are compared, and the clients go on from what is there.
"""

import argparse
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from after_kill import compare
from resp import encode
from server import SERVER, Server
from writers import CHANNELS, LIMITS, WRITERS, Writer, Writing, users_by_writer

JOURNAL_SYNCS = ("always", "everysec", "no")
MIN_ANSWERS = 1000
ANSWERS_S = 60
KILLS_A_SERIES = 30
PROGRESS_S = 5
LOG_SHOWN = 2000

PORT_TAKEN = "Address already in use"

MOMENTS = ("load", "load", "load", "flush", "evictions", "recovery", "recovery", "rest", "after a stop")
CACHE_USERS = (8, 24, 100)
COMMIT_DELAYS = ("200ms", "500ms", "2s")


class Series:
    """A context: at its end the server is gone."""

    def __init__(self, folder, seed, journal_sync):
        self.folder = pathlib.Path(folder)
        self.seed = seed
        self.journal_sync = journal_sync
        self.chance = random.Random(seed)
        users = users_by_writer()
        self.writers = [Writer(number, users[number], seed) for number in range(WRITERS)]
        self.server = None
        self.start_s = 0
        self.kills = 0
        self.kills_in_recovery = 0
        self.answers = 0
        self.unanswered = 0
        self.happened = 0

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if self.server is not None and self.server.process is not None:
            self.server.kill()
        if self.server is not None and not failed:
            self.server.check_log()

    def play(self, kills, show=lambda series: None):
        try:
            self._start()
            for _ in range(kills):
                self._play_one()
                show(self)
        except Exception as failure:
            raise AssertionError(
                f"after {self.kills} kills and {self.kills_in_recovery} in a recovery, with seed {self.seed} and "
                f"journal-sync {self.journal_sync}, in {self.folder}:\n{failure}\n"
                f"---- the end of {self.server.log_path}\n{self.server.log()[-LOG_SHOWN:]}"
            ) from failure

    def _play_one(self):
        moment = self.chance.choice(MOMENTS)
        if moment == "after a stop":
            self.server.stop()
            self._start()
        writing = Writing(self.writers, self.server.port)
        try:
            self._wait_for_answers(writing)
            if moment == "rest":
                # Some is written by then, and some is not.
                writing.end()
                assert not any(writer.unanswered for writer in self.writers)
                self._sleep(1)
            self._kill(moment)
        finally:
            writing.end()
        self.answers += writing.answers()
        self.unanswered += sum(len(writer.unanswered) for writer in self.writers)
        if moment == "recovery":
            for _ in range(self.chance.randint(1, 3)):
                self._kill_in_recovery()
        self._start()

    def _wait_for_answers(self, writing):
        wanted = MIN_ANSWERS + self.chance.randint(0, MIN_ANSWERS)
        deadline = time.monotonic() + ANSWERS_S
        while writing.answers() < wanted:
            self._check_runs()
            writing.check()
            assert time.monotonic() < deadline, f"{writing.answers()} answers in {ANSWERS_S} s"
            time.sleep(0.01)

    def _kill(self, moment):
        connection = self.server.connect()
        if moment == "flush":
            connection.send(encode("RS.FLUSH"))
        if moment == "evictions":
            # All but a few have to go, and all others come in their place.
            users = [user for writer in self.writers for user in writer.users]
            self.chance.shuffle(users)
            looks = b"".join(encode("RS.BADGE", user) for user in users)
            connection.send(encode("CONFIG", "SET", "cache-users", min(CACHE_USERS)) + looks)
        self._sleep(0.05)
        self._check_runs()
        self.server.kill()
        self.kills += 1

    def _kill_in_recovery(self):
        """Perhaps before it has begun, or just when it is over."""
        self.server = self._new_server()
        log_size = len(self.server.log())
        self.server.spawn()
        self._sleep(1.2 * self.start_s)
        if PORT_TAKEN not in self.server.log()[log_size:]:
            self._check_runs()
        self.server.kill()
        self.kills_in_recovery += 1

    def _sleep(self, most_s):
        time.sleep(self.chance.uniform(0, most_s))

    def _check_runs(self):
        code = self.server.process.poll()
        assert code is None, f"the server ended by itself with {code}"

    def _new_server(self):
        limits = [
            word
            for name, value in LIMITS.items()
            for word in ("--" + name.replace("_", "-"), value)
        ]
        options = [
            *("--threads", self.chance.randint(1, 3)),
            *("--cache-users", self.chance.choice(CACHE_USERS)),
            *("--commit-delay", self.chance.choice(COMMIT_DELAYS)),
            *limits,
        ]
        options += ["--journal-sync", self.journal_sync]
        return Server(options, self.folder / "data", self.folder / "server.log")

    def _start(self):
        """And compares: the writers go on from what is there."""
        self.server = self._new_server()
        before = time.monotonic()
        self.server.start()
        self.start_s = time.monotonic() - before
        connection = self.server.connect(self.chance.choice((2, 3)))
        for writer in self.writers:
            self.happened += compare(
                connection.pipeline, writer.oracle, writer.users, writer.unanswered, CHANNELS
            )
            writer.unanswered.clear()
            writer.oracle.model.feed.clear()
        connection.close()


class Progress:
    """Of all series together; a line every few seconds."""

    COUNTS = ("kills", "kills_in_recovery", "answers", "unanswered", "happened")

    def __init__(self, kills):
        self.wanted = kills
        self.begin = self.shown = time.monotonic()
        self.done = dict.fromkeys(self.COUNTS, 0)

    def add(self, series):
        self.done = self._with(series)

    def _with(self, series):
        return {name: count + getattr(series, name) for name, count in self.done.items()}

    def show(self, series):
        if time.monotonic() - self.shown > PROGRESS_S:
            self.shown = time.monotonic()
            where = f"seed {series.seed}, journal-sync {series.journal_sync}"
            print(f"{where}: {self.text(self._with(series))}", flush=True)

    def text(self, counts):
        return (
            f"{counts['kills']} of {self.wanted} kills and {counts['kills_in_recovery']} in a recovery, "
            f"{counts['answers']} answers, {counts['unanswered']} commands without an answer "
            f"(something of them was there for {counts['happened']} users), "
            f"in {time.monotonic() - self.begin:.0f} s"
        )

    def summary(self):
        return self.text(self.done)


def play_series(seed, kills, progress):
    """Its folder stays where something differs."""
    folder = tempfile.mkdtemp(prefix="readstates-torture-")
    with Series(folder, seed, JOURNAL_SYNCS[seed % len(JOURNAL_SYNCS)]) as series:
        try:
            series.play(kills, progress.show)
        finally:
            progress.add(series)
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(prog="./dev torture", description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=10000, help="how many (10000)")
    kills = parser.parse_args().kills
    seed = int(os.environ.get("READSTATES_SEED") or random.SystemRandom().randrange(2**32))
    progress = Progress(kills)
    print(f"{kills} kills of {SERVER}, with the seeds from {seed} on, one for {KILLS_A_SERIES} kills", flush=True)
    for first in range(0, kills, KILLS_A_SERIES):
        try:
            play_series(seed, min(KILLS_A_SERIES, kills - first), progress)
        except AssertionError as failure:
            print(
                f"{failure}\n\nFAILED: {progress.summary()}\n"
                f"READSTATES_SEED={seed} ./dev torture {KILLS_A_SERIES} sends the same commands again; "
                "between which of them a kill falls differs from run to run."
            )
            return 1
        seed += 1
    print(f"No difference: {progress.summary()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
