"""Five times the load that the server can take, on an open loop: nothing breaks, and nothing that was answered is lost.

How much it still does then is a benchmark (./dev bench overload). Here: all is answered or refused, memory stays within
its bounds, and the work that a command costs does not multiply.
"""

import json
import threading
import time

import pytest
from after_kill import compare
from resp import Connection, encode
from server import info
from test_journal import FaultyDisk
from test_load import end_load, start_load
from writers import CHANNELS, LIMITS, Writer, Writing, users_by_writer

TIMES = 5
CONNECTIONS = 50
WRITERS = 2
CLIENTS_MB = 256
CACHE_MB = 16
# The least of its best that it must still do for the same CPU time; the benchmark wants more, and of the rate.
LEAST = 0.5
# The least that a user of a command waits in.
WAITER_BYTES = 64
# Users whom no writer names.
USERS = ("--first-user", 1_000_000, "--users", 3000)

WORKLOADS = {
    "cached": ((), ()),
    "loads": (("--cache-users", 300), ()),
    "large": ((), ("--mix", "message=1,mention=1,bulk=1", "--mentions", 100, "--pairs", 100)),
}


class Generator:
    def __init__(self, server, folder, *options):
        self.port = server.port
        self.folder = folder
        self.options = [*USERS, "--connections", CONNECTIONS, *options]
        self.runs = 0

    def play(self, *options):
        self.runs += 1
        path = self.folder / f"load-{self.runs}.json"
        code, out, err = end_load(start_load(self.port, *self.options, "--json", path, *options))
        assert code == 0, out + err
        return json.loads(path.read_text())["summary"]


class Watch:
    """How much memory the connections take while something goes on: the most that INFO has told."""

    def __init__(self, port):
        self.most = 0
        self.looks = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._look, args=(port,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()

    def _look(self, port):
        with Connection(port) as connection:
            while not self.ending.wait(0.05):
                self.most = max(self.most, int(info(connection, "memory")["used_memory_clients"]))
                self.looks += 1


def check_answers(summary):
    """Each command that was sent has an answer, or a word that says to come again."""
    assert summary["unanswered"] == summary["unexpected"] == summary["lost_connections"] == 0
    assert summary["total_answered"] + summary["total_refused"] == summary["total_sent"]
    assert summary["refusals"].pop("BUSY", 0) + summary["refusals"].pop("others") == summary["total_refused"]
    assert summary["refusals"] == {}


def cpu_goodput(summary):
    """Until the last answer: with much on its way, those of what was sent first may come late."""
    return summary["total_answered"] / max(summary["server"]["whole_cpu_s"], 0.01)


def new_writers(seed):
    users = users_by_writer(WRITERS)
    # To forget a user changes the epoch of others of its slot, which the generator's users may be in.
    return [Writer(number, users[number], seed, without=("RS.FORGET",)) for number in range(WRITERS)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_overload(start_server, tmp_path, seed, workload, threads):
    options, load_options = WORKLOADS[workload]
    limits = [word for name, value in LIMITS.items() for word in ("--" + name.replace("_", "-"), value)]
    server = start_server(
        "--threads", threads, "--cache-memory", f"{CACHE_MB}mb", "--maxmemory-clients", f"{CLIENTS_MB}mb",
        "--commit-delay", "500ms", *limits, *options,
    )  # fmt: skip
    generator = Generator(server, tmp_path, *load_options)
    writers = new_writers(seed)
    with Watch(server.port) as watch:
        # Both with them: they cost the server time as well.
        writing = Writing(writers, server.port)
        try:
            best = generator.play("--fill", "--depth", 16, "--duration", 2, "--drain", 120)
            check_answers(best)
            rate = max(1, round(TIMES * best["total_answered"] / (best["measured_s"] + best["drained_s"])))
            over = generator.play("--rate", rate, "--queue", 1000, "--duration", 3, "--drain", 120)
            writing.check()
        finally:
            writing.end()
    check_answers(over)
    assert over["total_sent"] + over["not_sent"] == 3 * rate
    assert writing.answers() > 0 and not any(writer.unanswered for writer in writers)
    assert cpu_goodput(over) >= LEAST * cpu_goodput(best), (over, best)

    connection = server.connect()
    memory = info(connection)
    assert watch.looks > 0 and watch.most <= CLIENTS_MB << 20
    assert int(memory["used_memory_cache"]) <= CACHE_MB << 20
    assert int(memory["evicted_clients"]) == int(memory["rejected_connections"]) == 0

    after = generator.play("--rate", 50, "--duration", 1, "--drain", 120)
    check_answers(after)
    assert after["not_sent"] == 0 and after["total_answered"] == 50
    server.kill()
    server.start()
    connection = server.connect()
    for writer in writers:
        compare(connection.pipeline, writer.oracle, writer.users, writer.unanswered, CHANNELS)


def test_what_waits_is_counted(tmp_path, start_server):
    """Each user of a command waits by itself, in memory of its own: that bounds how many commands are taken."""
    faulty_disk = FaultyDisk(tmp_path)
    server = start_server("--threads", 1, "--journal-segment", "64kb", env=faulty_disk.env)
    users = range(1, 2001)
    connection = server.connect()
    assert connection.call("RS.MENTION", 7, 1, *users)[0] == len(users)
    faulty_disk.set("slow sync")
    watcher = server.connect()
    before = int(info(watcher)["used_memory_clients"])
    mentions = b"".join(encode("RS.MENTION", 7, message, *users) for message in range(2, 102))
    sender = threading.Thread(target=connection.send, args=(mentions,))
    sender.start()
    most_waiting = most_bytes = 0
    for _ in range(100):
        fields = info(watcher)
        most_waiting = max(most_waiting, int(fields["waiting_commands"]))
        most_bytes = max(most_bytes, int(fields["used_memory_clients"]) - before)
        time.sleep(0.02)
    assert 0 < most_waiting < 10 * len(users)
    # The two are not of the same moment; the list of users alone would be some bytes a user, once a command.
    assert most_bytes >= most_waiting * WAITER_BYTES / 4
    faulty_disk.set("")
    for _ in range(100):
        assert connection.read()[0] == len(users)
    sender.join()
