"""How the server starts and ends: what is there afterwards, and what it says when it cannot."""

import re
import shutil
import signal
import socket

import pytest
from oracle import as_map
from resp import Closed, encode
from server import environment, find_free_port, run_server


def lists(connection, users):
    """{user: [epoch, version, full, [state…]]}"""
    replies = connection.pipeline([("RS.LIST", user) for user in users])
    return {
        user: [*reply[:3], [as_map(state) for state in reply[3]]]
        for user, reply in zip(users, replies, strict=True)
    }


def fill(connection, users):
    for user in users:
        connection.call("RS.BULKACK", user, 7, user, "3:8", user + 1)
        connection.call("RS.MENTION", 7, user + 1, user)
        connection.call("RS.ACK", user, 9, 1)
    for message in range(1, 20):
        connection.call("RS.MENTION", 10, message, *users)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_that_is_dirty_is_there_after_a_clean_stop(start_server, number):
    """The same states, versions and epochs, with other numbers of threads as well."""
    server = start_server("--threads", 2, "--commit-delay", "1h")
    users = range(1, 201)
    fill(server.connect(), users)
    before = lists(server.connect(), users)
    assert before[5][1] == 22 and len(before[5][3]) == 4
    assert before[5][3][-1] == {
        "channel": "10",
        "last_read": "0",
        "mentions": 19,
        "version": 22,
        "approximate": 1,
    }
    server.signal(number)
    assert server.wait() == 0, server.log()
    for threads in (1, 3):
        server.options[1] = threads
        server.start()
        assert lists(server.connect(), users) == before
        server.stop()
    server.start()
    connection = server.connect()
    assert connection.call("RS.MENTION", 10, 19, *users) == [0, 0]
    assert connection.call("RS.MENTION", 10, 20, *users) == [len(users), 0]
    assert lists(connection, [5])[5][:2] == [before[5][0], 23]


def test_the_epoch_of_a_user_never_seen_stays(start_server):
    server = start_server("--threads", 2)
    connection = server.connect()
    epoch = connection.call("RS.LIST", 1)[0]
    server.restart()
    connection = server.connect()
    assert connection.call("RS.LIST", 1) == [epoch, 0, 1, []]
    connection.call("RS.ACK", 1, 7, 100)
    assert connection.call("RS.LIST", 1)[:2] == [epoch, 1]


def test_a_kill_loses_nothing(start_server):
    """What was answered is there, written or not, with the same versions and epochs."""
    server = start_server("--threads", 2, "--commit-delay", "1h")
    users = range(1, 51)
    fill(server.connect(), users)
    for threads in (1, 3):
        before = lists(server.connect(), users)
        server.kill()
        server.options[1] = threads
        server.start()
        connection = server.connect()
        assert lists(connection, users) == before
        assert connection.call("RS.MENTION", 10, 19, *users) == [0, 0]
        connection.call("RS.MENTION", 10, 20 + threads, *users)
    before = lists(server.connect(), users)
    server.restart()
    assert lists(server.connect(), users) == before


def test_without_its_journal_a_killed_server_begins_a_new_epoch(start_server):
    server = start_server("--threads", 2, "--commit-delay", "1h")
    connection = server.connect()
    fill(connection, range(1, 51))
    assert connection.call("RS.FLUSH") == "OK"
    before = lists(connection, [5])
    server.kill()
    shutil.rmtree(server.data_dir / "journal")
    server.start()
    after = lists(server.connect(), [5])
    assert after[5][1:] == before[5][1:]
    assert after[5][0] != before[5][0]
    assert "a new epoch begins" in server.log()


def test_what_was_to_be_committed_now_survives_a_kill(start_server):
    """COMMIT now is answered when the store has it: the journal is not needed for it."""
    server = start_server("--threads", 2, "--commit-delay", "1h")
    connection = server.connect()
    users = range(1, 51)
    for user in users:
        assert connection.call("RS.ACK", user, 7, 100) == [1, 0]
        assert connection.call("RS.ACK", user, 7, 200, "COMMIT", "now") == [2, 0]
        # Nothing is left to be written: it is answered all the same.
        assert connection.call("RS.ACK", user, 7, 150, "COMMIT", "now") == [2, 0]
    server.kill()
    shutil.rmtree(server.data_dir / "journal")
    server.start()
    replies = server.connect(3).pipeline([("RS.GET", user, 7) for user in users])
    assert [reply[0]["last_read"] for reply in replies] == ["200"] * len(users)


def test_commands_in_hand_are_answered_at_a_stop(start_server):
    """What was answered is there afterwards, though the stop came in the middle of a pipeline."""
    server = start_server("--threads", 2, "--commit-delay", "1h")
    connection = server.connect()
    assert connection.call("PING") == "PONG"
    connection.send(b"".join(encode("RS.ACK", user, 7, user + 1) for user in range(1, 2001)))
    assert connection.read() == [1, 0]
    server.signal(signal.SIGTERM)
    answered = 1
    try:
        while answered < 2000:
            reply = connection.read()
            if reply != [1, 0]:
                assert reply.word == "ERR", reply
                break
            answered += 1
    except Closed:
        pass
    assert server.wait() == 0, server.log()
    server.start()
    states = server.connect().pipeline([("RS.GET", user, 7) for user in range(1, answered + 1)])
    assert [as_map(state)["last_read"] for (state,) in states] == [
        str(user + 1) for user in range(1, answered + 1)
    ]


# ---- one clear sentence, and exit code 1


def refusal(*options, cwd, env=None):
    """What a server that must not start says: something on stderr, no more than a few lines."""
    code, out, err = run_server(*options, cwd=cwd, env=env)
    assert code == 1, (code, out, err)
    said = out + err
    assert 1 <= len(said.strip().splitlines()) <= 5, said
    return said


def test_a_data_folder_in_use(start_server, tmp_path):
    server = start_server("--threads", 1)
    said = refusal("--port", find_free_port(), "--data-dir", server.data_dir, cwd=tmp_path)
    assert str(server.data_dir) in said
    assert server.connect().call("PING") == "PONG"


@pytest.mark.parametrize("threads", [1, 3])
def test_a_port_in_use_by_another_server(start_server, tmp_path, threads):
    server = start_server("--threads", threads)
    said = refusal(
        "--port", server.port, "--threads", threads, "--data-dir", tmp_path / "other", cwd=tmp_path
    )
    assert str(server.port) in said
    assert server.connect().call("PING") == "PONG"


def test_a_port_in_use_by_something_else(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refusal("--port", port, "--data-dir", tmp_path / "data", cwd=tmp_path)


def test_a_data_folder_that_cannot_be_written(tmp_path):
    """Where a file stands in its place: also root cannot make a folder there."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "data"):
        said = refusal("--port", find_free_port(), "--data-dir", folder, cwd=tmp_path)
        assert str(folder) in said


BAD_OPTIONS = [
    ("--nope", "1", "nope"),
    ("--port", "x", "port"),
    ("--port", "70000", "port"),
    ("--port", "-1", "port"),
    ("--threads", "100000", "threads"),
    ("--cache-memory", "12qb", "cache-memory"),
    ("--commit-delay", "30x", "commit-delay"),
    ("--mention-ids-kept", "3", "mention-ids-kept"),
    ("--mention-ids-kept", "256", "mention-ids-kept"),
    ("--store", "nope", "store"),
    ("--bind", "nowhere", "bind"),
    ("--allow-insecure", "maybe", "allow-insecure"),
]


@pytest.mark.parametrize(("option", "value", "name"), BAD_OPTIONS)
def test_a_bad_option_on_the_command_line(tmp_path, option, value, name):
    said = refusal("--data-dir", tmp_path / "data", option, value, cwd=tmp_path)
    assert name in said
    if name != "nope":
        assert value in said
    assert not (tmp_path / "data").exists()


def test_an_option_without_its_value(tmp_path):
    assert "port" in refusal("--data-dir", tmp_path / "data", "--port", cwd=tmp_path)


def test_a_word_that_is_no_option(tmp_path):
    assert "wort" in refusal("--data-dir", tmp_path / "data", "wort", cwd=tmp_path)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("nope = 1", "nope"),
        ("port = x", "port"),
        ("commit-delay = 5 parsecs", "commit-delay"),
        ("port", "port"),
    ],
)
def test_a_bad_line_in_the_file_is_named(tmp_path, line, wanted):
    config = tmp_path / "readstates.conf"
    config.write_text(f"# A comment.\nthreads = 1\n\n{line}\n")
    said = refusal("--config", config, "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert f"{config}:4" in said or re.search(rf"{re.escape(str(config))}.*line 4", said), said
    assert wanted in said or line == "port"


def test_a_file_that_is_not_there(tmp_path):
    said = refusal("--config", tmp_path / "none.conf", cwd=tmp_path)
    assert str(tmp_path / "none.conf") in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("READSTATES_PORT", "x"),
        ("READSTATES_COMMIT_DELAY", "soon"),
        ("READSTATES_MENTION_IDS_KEPT", "3"),
    ],
)
def test_a_bad_value_in_the_environment_is_named(tmp_path, name, value):
    said = refusal("--data-dir", tmp_path / "data", cwd=tmp_path, env=environment(**{name: value}))
    assert name in said and value in said


def test_fewer_cache_users_than_threads(tmp_path):
    said = refusal(
        "--threads", 3, "--cache-users", 2, "--data-dir", tmp_path / "data", cwd=tmp_path
    )
    assert "cache-users" in said


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_other_than_loopback_addresses_are_refused(tmp_path, address):
    said = refusal(
        "--bind", address, "--port", find_free_port(), "--data-dir", tmp_path / "data", cwd=tmp_path
    )
    assert "allow-insecure" in said


def test_allow_insecure_binds_all_the_same(start_server):
    assert (
        start_server("--bind", "0.0.0.0", "--allow-insecure", "yes").connect().call("PING")
        == "PONG"
    )


def test_file_then_environment_then_command_line(start_server, tmp_path):
    """What comes later wins; sizes and times with their units."""
    config = tmp_path / "readstates.conf"
    config.write_text(
        "# Every form of a line.\n"
        "max-channels = 11\n"
        "mention-ids-kept = 11\n"
        "maxclients = 111\n"
        "cache-memory = 32mb\n"
        "; Another comment.\n"
        "commit-delay = 2m\n"
    )
    env = environment(READSTATES_MENTION_IDS_KEPT="22", READSTATES_MAXCLIENTS="222")
    server = start_server("--config", config, "--maxclients", "333", env=env)
    connection = server.connect()

    def get(name):
        return as_map(connection.call("CONFIG", "GET", name))[name]

    assert get("max-channels") == "11"
    assert get("mention-ids-kept") == "22"
    assert get("maxclients") == "333"
    assert get("cache-memory") == str(32 * 1024 * 1024)
    assert get("port") == str(server.port)
    with_two_minutes = get("commit-delay")
    server.stop()
    server.options += ["--commit-delay", "120s"]
    server.start()
    connection = server.connect()
    assert get("commit-delay") == with_two_minutes


def test_help_and_version(tmp_path):
    code, out, err = run_server("--help", cwd=tmp_path)
    assert (code, err) == (0, "")
    for name in ("port", "data-dir", "commit-delay", "cache-memory", "config"):
        assert f"--{name}" in out
    code, out, err = run_server("--version", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"readstates-server \d+\.\d+\.\d+\S*\n", out)
    assert list(tmp_path.iterdir()) == []
