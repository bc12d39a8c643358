"""readstates-replay against the real server: the chat the project ships ends as its own model says."""

import random
import re
import subprocess

import pytest
from server import BIN, ROOT, SANITIZER, environment

REPLAY = BIN / "readstates-replay"
TRACE = ROOT / "examples" / "ubuntu-irc.tsv.gz"
USERS = 21418
STATES = 28993

# Somebody of the trace who has a state in the channel, having written there.
AUTHOR, CHANNEL = 13535, 78


def replay(server, *options, trace=TRACE):
    """(exit code, what it says)."""
    done = subprocess.run(
        [REPLAY, trace, "--port", str(server.port), *map(str, options)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
    )
    assert not SANITIZER.search(done.stdout), done.stdout
    return done.returncode, done.stdout


def assert_same(result, states=STATES, users=USERS):
    code, said = result
    assert code == 0, said
    assert re.search(rf"^states compared +{states} of {users} users", said, re.MULTILINE), said
    assert re.search(r"^differences +0$", said, re.MULTILINE), said


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--cache-users", 200),
        ("--threads", 1),
        ("--threads", 4),
        ("--commit-delay", "100ms"),
        ("--mention-ids-kept", 4),
    ],
    ids=lambda options: " ".join(map(str, options)) or "defaults",
)
def test_the_shipped_chat_ends_as_the_model_says(start_server, options):
    assert_same(replay(start_server(*options)))


def test_it_is_there_after_a_restart(start_server):
    server = start_server("--cache-users", 2000)
    assert_same(replay(server))
    server.restart()
    assert_same(replay(server, "--verify-only"))


def test_played_twice_it_ends_the_same(start_server):
    server = start_server()
    assert_same(replay(server))
    assert_same(replay(server, "--depth", 4096))


def test_changed_states_are_found(start_server):
    server = start_server()
    assert_same(replay(server))
    newest, elsewhere = 2**63 - 1, 999
    client = server.client()
    client.execute_command("RS.ACK", AUTHOR, CHANNEL, newest)
    client.execute_command("RS.ACK", AUTHOR, elsewhere, 5)

    for options in ((), ("--verify-only",)):
        code, said = replay(server, *options)
        assert code == 1, said
        assert re.search(r"^differences +2$", said, re.MULTILINE), said
        assert re.search(
            rf"^user {AUTHOR}, channel {CHANNEL}, last_read: expected \d+, got {newest}$",
            said,
            re.MULTILINE,
        ), said
        assert (
            f"user {AUTHOR}, channel {elsewhere}, state: expected none, got last_read 5, mentions 0"
            in said
        ), said


def test_nothing_is_the_same_as_an_empty_server(start_server):
    code, said = replay(start_server(), "--verify-only")
    assert code == 1, said
    assert re.search(rf"^differences +{STATES}$", said, re.MULTILINE), said


def write_busy_trace(path, rng):
    """Large ids, messages that mention more users than a command may name, and those who mention themselves."""
    users = [rng.randrange(1, 2**63) for _ in range(5000)] + [2**63 - 1]
    channels = [1, 2**63 - 1, rng.randrange(1, 2**63)]
    minute = 0
    with open(path, "w") as trace:
        for event in range(2000):
            minute += rng.randrange(3)
            kind = "message" if event % 500 == 0 else rng.choice(["join", "message", "message", "leave"])
            user = rng.choice(users[:50])
            count = len(users) if event % 500 == 0 else rng.choice([0, 1, 2, 30])
            mentioned = rng.choices(users, k=count) if kind == "message" else []
            columns = [minute, rng.choice(channels), kind, user, ",".join(map(str, mentioned))]
            print(*columns, sep="\t", file=trace)


def test_a_busy_chat_of_large_ids(start_server, tmp_path, seed):
    trace = tmp_path / "busy.tsv"
    write_busy_trace(trace, random.Random(seed))
    server = start_server("--cache-users", 100, "--mention-ids-kept", 5)
    code, said = replay(server, trace=trace)
    assert code == 0, said
    server.restart()
    code, said = replay(server, "--verify-only", trace=trace)
    assert code == 0, said


def test_no_server_is_a_clear_sentence(start_server):
    server = start_server()
    server.stop()
    code, said = replay(server)
    assert code == 3, said
    assert f"no server answers at 127.0.0.1:{server.port} (Connection refused)" in said


def test_a_bad_trace_is_named_with_its_line(tmp_path):
    trace = tmp_path / "bad.tsv"
    trace.write_text("# a trace\n0\t1\tjoin\t7\t\n0\t1\tjoin\tanna\t\n")
    done = subprocess.run([REPLAY, trace], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"{trace}:3: column 4, the user, must be 1 to 9223372036854775807, got 'anna'" in done.stderr
