"""readstates-bench against real servers: what it counts is what happened, whatever the server does."""

import json
import signal
import socket
import subprocess
import threading
import time

import pytest
from oracle import as_map
from resp import Connection
from server import BIN, SANITIZER, environment, find_free_port, info, wait_until

LOAD = BIN / "readstates-bench"
LIMIT_S = 120


def start_load(port, *options):
    command = [LOAD, "--port", port, "--warm-up", 0, *options]
    return subprocess.Popen(
        [str(word) for word in command],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end_load(process):
    """(exit code, standard output, standard error)"""
    out, err = process.communicate(timeout=LIMIT_S)
    assert not SANITIZER.search(out + err), out + err
    return process.returncode, out, err


def load(port, *options):
    return end_load(start_load(port, *options))


@pytest.fixture
def measure(tmp_path):
    """measure(port, *options): what the JSON file says; the exit code is in it."""

    def run(port, *options):
        path = tmp_path / "load.json"
        code, out, err = load(port, "--duration", 1, "--json", path, *options)
        assert path.exists(), out + err
        return json.loads(path.read_text()) | {"code": code, "out": out}

    return run


def calls(connection, name):
    line = info(connection, "commandstats").get(f"cmdstat_{name}", "calls=0,")
    return int(line.split("=", 1)[1].split(",", 1)[0])


@pytest.mark.parametrize("loop", [("--rate", 2000), ("--depth", 3)], ids=["open", "closed"])
@pytest.mark.parametrize("threads", [1, 3])
def test_all_that_it_sends_is_answered_and_counted(start_server, measure, loop, threads):
    server = start_server("--threads", 2)
    said = measure(server.port, "--connections", 7, "--threads", threads, "--users", 50, *loop)
    summary = said["summary"]
    assert said["code"] == 0, said["out"]
    assert summary["total_sent"] == summary["total_answered"] > 0
    assert summary["total_refused"] == summary["unanswered"] == summary["lost_connections"] == 0
    assert summary["latency"]["count"] == summary["total_answered"]
    kinds = {"ack": "rs.ack", "mention": "rs.mention", "message": "rs.message", "list": "rs.list"}
    kinds |= {"get": "rs.get", "bulk": "rs.bulkack"}
    connection = server.connect()
    for kind, name in kinds.items():
        assert summary[kind]["count"] == calls(connection, name), kind
    if loop[0] == "--rate":
        assert summary["total_sent"] + summary["not_sent"] == 2000
        assert summary["own_lateness"]["count"] == 2000
    assert summary["server"]["resident_max_bytes"] > 1 << 20
    assert "p99.9" in said["out"]


def test_the_same_seed_sends_the_same(start_server, measure):
    """An open loop of a thread: which commands are due does not depend on when they are answered."""
    counts = []
    for seed in (5, 5, 6):
        server = start_server("--threads", 1)
        said = measure(server.port, "--rate", 500, "--connections", 2, "--users", 30, "--seed", seed)
        versions = [reply[1] for reply in server.connect().pipeline([("RS.LIST", user) for user in range(1, 31)])]
        assert said["summary"]["not_sent"] == 0
        counts.append(({kind: said["summary"][kind]["count"] for kind in ("ack", "get", "bulk")}, versions))
    # Which of two acks of a state is the later one is a matter of milliseconds, but not who is acked.
    assert counts[0][0] == counts[1][0] != counts[2][0]
    assert [version > 0 for version in counts[0][1]] == [version > 0 for version in counts[1][1]]


def test_it_fills_all_users(start_server, measure):
    server = start_server("--threads", 2)
    options = ("--fill", "--users", 40, "--channels", 250, "--mix", "get=1", "--rate", 100, "--threads", 2)
    said = measure(server.port, "--connections", 3, *options)
    assert said["code"] == 0 and said["fill_s"] > 0
    lists = server.connect().pipeline([("RS.LIST", user) for user in range(1, 42)])
    assert [len(states) for _, _, _, states in lists] == [250] * 40 + [0]
    assert all(int(as_map(state)["last_read"]) > 0 for state in lists[0][3])


def test_redis_is_a_peer(redis_port, measure):
    with Connection(redis_port) as connection:
        connection.call("FLUSHALL")
        connection.call("CONFIG", "RESETSTAT")
        options = ("--driver", "redis", "--users", 20, "--channels", 150, "--connections", 4, "--depth", 4)
        said = measure(redis_port, "--fill", *options)
        summary = said["summary"]
        assert said["code"] == 0, said["out"]
        assert summary["total_sent"] == summary["total_answered"] > 0
        assert summary["list"]["count"] == calls(connection, "hgetall")
        hashes = connection.pipeline([("HKEYS", f"rs:{user}") for user in range(1, 21)])
        assert all(len([field for field in hash_ if field.isdigit()]) == 150 for hash_ in hashes)
        assert any(field.startswith("m:") for hash_ in hashes for field in hash_)


def test_what_is_refused_is_told_by_its_word(start_server, measure):
    server = start_server("--threads", 1, "--max-channels", 5)
    said = measure(server.port, "--mix", "ack=9,list=1", "--users", 3, "--depth", 1, "--connections", 2)
    summary = said["summary"]
    assert said["code"] == 0
    assert summary["refusals"]["LIMIT"] == summary["total_refused"] == summary["refusal_latency"]["count"] > 0
    assert summary["total_answered"] + summary["total_refused"] == summary["total_sent"]
    assert "LIMIT" in said["out"]


def test_a_pause_is_in_the_latencies_of_all_that_was_due_in_it(start_server, tmp_path):
    """A second of three: a third of the commands waits, half of it more than half a second."""
    server = start_server("--threads", 1)
    path = tmp_path / "load.json"
    process = start_load(server.port, "--rate", 1000, "--duration", 3, "--json", path, "--drain", 60)
    wait_until(lambda: calls(connection_of(server), "rs.ack") > 0, "it sends")
    server.signal(signal.SIGSTOP)
    time.sleep(1)
    server.signal(signal.SIGCONT)
    code, out, _ = end_load(process)
    latency = json.loads(path.read_text())["summary"]["latency"]
    assert code == 0 and latency["count"] == 3000, out
    assert latency["max_ns"] > 0.9e9 and latency["p90_ns"] > 0.4e9, out


def connection_of(server):
    if not server.clients:
        server.connect()
    return server.clients[0]


class Mute:
    """Answers the question who it is, and no other; what it is sent stays in the socket."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", find_free_port()))
        self.port = self.listener.getsockname()[1]
        self.taken = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with self.listener.accept()[0] as first:
            first.recv(1024)
            first.sendall(b"$0\r\n\r\n")
        while True:
            self.taken.append(self.listener.accept()[0])


def test_a_server_that_does_not_answer_costs_no_memory(measure):
    mute = Mute()
    options = ("--connections", 4, "--queue", 1000, "--rate", 300_000, "--drain", 0, "--mix", "bulk=1", "--pairs", 100)
    said = measure(mute.port, *options)
    summary = said["summary"]
    assert said["code"] == 1
    assert summary["answered"] == 0
    assert summary["total_sent"] + summary["not_sent"] == 300_000
    assert summary["unanswered"] == summary["total_sent"] <= 4 * 1000
    assert "MISSING" in said["out"]
    # A bulk of 100 pairs is 5 KB: all of them would be more than a GB.
    assert summary["own"]["resident_bytes"] < 256 << 20


def test_a_server_that_goes_is_noticed(start_server):
    server = start_server("--threads", 1)
    process = start_load(server.port, "--depth", 2, "--duration", 60)
    wait_until(lambda: calls(connection_of(server), "rs.ack") > 0, "it sends")
    server.kill()
    code, out, _ = end_load(process)
    assert code == 3
    assert "50 connections were lost" in out


def test_without_a_server_it_says_so():
    port = find_free_port()
    code, _, err = load(port)
    assert code == 3
    assert f"cannot ask 127.0.0.1:{port}: Connection refused" in err


def test_a_json_file_that_cannot_be_written_is_an_error(start_server, tmp_path):
    server = start_server("--threads", 1)
    code, _, err = load(server.port, "--duration", 1, "--json", tmp_path / "none" / "load.json")
    assert code == 2
    assert "load.json: No such file or directory" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "0"), "--rate must be 1 to 100000000, got '0' (see --help)"),
        (("--mix", "ack=1,bogus=2"), "--mix must be as ack=60,get=15"),
        (("--choice", "zipf"), "--choice must be uniform, zipf:EXPONENT"),
        (("--rate", "5", "--depth", "5"), "give one of them"),
        (("trace",), "it takes options only, got 'trace'"),
        (("--bogus",), "unrecognized option '--bogus'"),
    ],
)
def test_wrong_usage_is_told(options, said):
    code, out, err = load(1, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("readstates-bench: ")
