"""Warm restart: who was used last is in memory again after a start, without a client asking."""

import os
import signal
import struct

import pytest
from oracle import as_map
from resp import ReplyError
from server import info, wait_until

LOADED_AT_ONCE = 8

HEAD = struct.Struct("<8sIIQII")


def warm(connection):
    """INFO's fields about it, numbers as such."""
    fields = info(connection, "persistence")
    return {
        name.removeprefix("warm_"): text if name == "warm_state" else int(text)
        for name, text in fields.items()
        if name.startswith("warm_")
    }


def wait_until_warm(connection):
    wait_until(lambda: warm(connection)["state"] != "loading", "all is loaded")
    return warm(connection)


def counts(connection, *names):
    fields = info(connection, "readstates")
    return [int(fields[name]) for name in names]


def use(connection, users):
    """In that order: the last one is the hottest."""
    for user in users:
        assert not isinstance(connection.call("RS.ACK", user, 7, 100 + user), ReplyError)


def is_in_memory(connection, user):
    return as_map(connection.call("RS.INSPECT", user))["cached"] == 1


def saved_ids(server):
    content = (server.data_dir / "warm").read_bytes()
    magic, version, _, count, _, _ = HEAD.unpack(content[: HEAD.size])
    assert (magic, version) == (b"RSWARM\r\n", 1)
    ids = struct.unpack(f"<{count}Q", content[HEAD.size :])
    return list(ids)


def assert_order(ids, wanted):
    """But for those that were loaded at the same time, of which any may have been there first."""
    assert sorted(ids) == sorted(wanted)
    at = {user: place for place, user in enumerate(ids)}
    assert all(abs(at[user] - place) < LOADED_AT_ONCE for place, user in enumerate(wanted))


def wait_for_save(connection, users):
    """Of so many users, begun now or later."""
    before = warm(connection)["last_save_unixtime"]
    wait_until(
        lambda: (
            warm(connection)["last_save_users"] >= users
            and warm(connection)["last_save_unixtime"] > before
        ),
        "a list is saved",
    )


def test_users_are_in_memory_after_a_restart(start_server):
    """Also with other numbers of threads; and a command finds them there."""
    server = start_server("--threads", 2)
    users = range(1, 301)
    connection = server.connect()
    assert warm(connection) == {
        "state": "none",
        "users_total": 0,
        "users_loaded": 0,
        "users_skipped": 0,
        "last_save_unixtime": 0,
        "last_save_users": 0,
        "save_errors": 0,
    }
    use(connection, users)
    before = connection.pipeline([("RS.LIST", user) for user in users])
    server.stop()
    for threads in (1, 3):
        server.options[1] = threads
        server.start()
        connection = server.connect()
        found = wait_until_warm(connection)
        assert found["state"] == "done"
        assert (found["users_total"], found["users_loaded"], found["users_skipped"]) == (300, 300, 0)
        assert counts(connection, "cached_users", "store_loads", "evicted_users") == [300, 300, 0]
        assert connection.pipeline([("RS.LIST", user) for user in users]) == before
        assert info(connection, "stats")["keyspace_misses"] == "0"
        assert counts(connection, "store_loads") == [300]
        assert "300 of the 300 users used last are loaded" in server.log()
        server.stop()


def test_the_hottest_come_first_and_the_order_stays(start_server):
    """A cache for half of them holds the hotter half; and the coldest of those are the next to go."""
    server = start_server("--threads", 1)
    use(server.connect(), range(1, 101))
    server.stop()
    assert saved_ids(server) == list(range(100, 0, -1))
    server.options += ["--cache-users", 50]
    server.start()
    connection = server.connect()
    found = wait_until_warm(connection)
    assert (found["users_total"], found["users_loaded"], found["users_skipped"]) == (100, 50, 50)
    assert counts(connection, "cached_users", "evicted_users") == [50, 0]
    assert [user for user in range(1, 101) if is_in_memory(connection, user)] == [*range(51, 101)]
    # Ten come, and the ten coldest go.
    use(connection, range(1, 11))
    there = [user for user in range(11, 101) if is_in_memory(connection, user)]
    assert len(there) == 40 and min(there) > 50
    assert set(there) >= {*range(60 + LOADED_AT_ONCE, 101)}
    server.stop()
    ids = saved_ids(server)
    assert ids[:10] == [*range(10, 0, -1)]
    assert_order(ids[10:], sorted(there, reverse=True))


def test_whom_clients_use_meanwhile_is_hotter(start_server):
    """At a low rate: commands do not wait for it, and their users come before those of the list."""
    server = start_server("--threads", 1)
    use(server.connect(), range(1, 61))
    server.stop()
    server.options += ["--warm-rate", 40]
    server.start()
    connection = server.connect()
    use(connection, [5, 6, 61])
    assert warm(connection)["state"] == "loading"
    found = wait_until_warm(connection)
    assert found["users_loaded"] + found["users_skipped"] == 60
    assert counts(connection, "cached_users", "store_loads") == [61, 61]
    server.stop()
    ids = saved_ids(server)
    assert ids[:3] == [61, 6, 5]
    assert_order(ids[3:], [*range(60, 6, -1), 4, 3, 2, 1])


def test_readers_of_the_feed_are_the_hottest(start_server):
    server = start_server("--threads", 1)
    connection = server.connect()
    use(connection, range(1, 11))
    reader = server.connect(3)
    reader.call("SUBSCRIBE", "rs:4")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0, server.log()
    assert saved_ids(server) == [4, 10, 9, 8, 7, 6, 5, 3, 2, 1]


def test_after_a_kill_the_last_list_counts(start_server):
    server = start_server("--threads", 2, "--warm-save", "100ms", "--commit-delay", "50ms")
    connection = server.connect()
    use(connection, range(1, 101))
    assert connection.call("RS.FLUSH") == "OK"
    wait_for_save(connection, 100)
    connection.call("CONFIG", "SET", "warm-save", "0")
    use(connection, [200])
    assert connection.call("RS.FLUSH") == "OK"
    server.kill()
    server.start()
    connection = server.connect()
    found = wait_until_warm(connection)
    assert found["state"] == "done" and found["users_total"] >= 100
    assert found["users_loaded"] + found["users_skipped"] == found["users_total"]
    assert all(is_in_memory(connection, user) for user in range(1, 101))


def test_a_kill_while_users_are_loaded_loses_nothing(start_server):
    """The list stays: nothing is saved while it is not done with, at an end neither."""
    server = start_server("--threads", 2)
    use(server.connect(), range(1, 201))
    server.stop()
    before = saved_ids(server)
    server.options += ["--warm-rate", 50, "--warm-save", "20ms"]
    for end in (server.kill, server.stop, server.kill):
        server.start()
        connection = server.connect()
        wait_until(lambda: warm(connection)["users_loaded"] > 5, "some are loaded")  # noqa: B023
        use(connection, [300])
        assert warm(connection)["state"] == "loading"
        end()
        assert saved_ids(server) == before
    server.options[-4:] = []
    server.start()
    connection = server.connect()
    found = wait_until_warm(connection)
    assert found["users_loaded"] + found["users_skipped"] == 200
    # 300 came after the list was made.
    assert counts(connection, "cached_users") == [200]
    assert connection.call("RS.LIST", 300)[1] == 1




def cut(path):
    os.truncate(path, path.stat().st_size - 3)


def cut_head(path):
    os.truncate(path, 20)


def empty(path):
    os.truncate(path, 0)


def change_an_id(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def append(path):
    with open(path, "ab") as file:
        file.write(bytes(8))


def make_newer(path):
    content = bytearray(path.read_bytes())
    content[8] = 2
    path.write_bytes(content)


def make_foreign(path):
    path.write_text("# options of something else\n" * 10)


def make_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "it is damaged"),
        (cut_head, "it is damaged"),
        (empty, "it is damaged"),
        (change_an_id, "it is damaged"),
        (append, "it is damaged"),
        (make_newer, "a newer version of this program wrote it"),
        (make_foreign, "this is not a file of this server"),
        (make_folder, "Is a directory"),
    ],
)
def test_a_wrong_file_is_said_once_and_left(start_server, spoil, says):
    server = start_server("--threads", 2)
    use(server.connect(), range(1, 21))
    server.stop()
    spoil(server.data_dir / "warm")
    server.start()
    connection = server.connect()
    found = wait_until_warm(connection)
    assert (found["state"], found["users_total"], found["users_loaded"]) == ("none", 0, 0)
    lines = [line for line in server.log().splitlines() if "are not used" in line]
    assert len(lines) == 1 and " warn " in lines[0] and lines[0].endswith(f"not used: {says}")
    assert counts(connection, "cached_users") == [0]
    # It is served as ever, and the next list takes the place of what was there.
    use(connection, range(1, 21))
    if spoil is make_folder:
        (server.data_dir / "warm").rmdir()
    server.stop()
    assert sorted(saved_ids(server)) == [*range(1, 21)]


def test_lists_that_cannot_be_saved_are_counted(start_server):
    """A folder stands where the file is to be: that fails for root too."""
    server = start_server("--threads", 2)
    (server.data_dir / "warm").mkdir()
    connection = server.connect()
    use(connection, range(1, 21))
    connection.call("CONFIG", "SET", "warm-save", "30ms")
    wait_until(lambda: warm(connection)["save_errors"] >= 2, "two lists could not be saved")
    assert warm(connection)["last_save_unixtime"] == 0
    assert f"ids cannot be saved in {server.data_dir}/warm: Is a directory" in server.log()
    wait_until(lambda: not (server.data_dir / "warm.new").exists(), "no part of a list stays")
    (server.data_dir / "warm").rmdir()
    wait_until(lambda: warm(connection)["last_save_users"] == 20, "a list is saved")
    errors = warm(connection)["save_errors"]
    server.stop()
    assert server.log().count("cannot be saved") == errors
    assert sorted(saved_ids(server)) == [*range(1, 21)]


def test_what_the_options_turn_off(start_server):
    server = start_server("--threads", 2, "--warm-save", "0")
    use(server.connect(), range(1, 21))
    server.stop()
    assert not (server.data_dir / "warm").exists()
    server.options[server.options.index("--warm-save") + 1] = "300s"
    server.start()
    use(server.connect(), range(1, 21))
    server.stop()
    assert sorted(saved_ids(server)) == [*range(1, 21)]
    server.options += ["--warm-rate", 0]
    server.start()
    connection = server.connect()
    assert warm(connection)["state"] == "none"
    assert counts(connection, "cached_users", "store_loads") == [0, 0]
    server.stop()
    # Nobody was in memory: the list stays.
    assert sorted(saved_ids(server)) == [*range(1, 21)]


def test_the_rate_can_be_changed_while_users_are_loaded(start_server):
    server = start_server("--threads", 2)
    use(server.connect(), range(1, 201))
    server.stop()
    server.options += ["--warm-rate", 10]
    server.start()
    connection = server.connect()
    wait_until(lambda: warm(connection)["users_loaded"] > 1, "some are loaded")
    connection.call("CONFIG", "SET", "warm-rate", "0")
    found = wait_until_warm(connection)
    assert found["state"] == "stopped"
    assert 1 < found["users_loaded"] < 200
    assert found["users_total"] == 200
    server.restart()
    connection = server.connect()
    connection.call("CONFIG", "SET", "warm-rate", "1000000")
    assert wait_until_warm(connection)["state"] == "done"


def test_the_list_is_bounded(start_server):
    server = start_server("--threads", 3, "--warm-users", 30)
    use(server.connect(), range(1, 1001))
    server.stop()
    ids = saved_ids(server)
    # Each thread gives its hottest: users are spread by chance, so not exactly the last thirty.
    assert len(ids) == len(set(ids)) == 30
    assert min(ids) > 850


def test_forgotten_users_do_not_come_back(start_server):
    server = start_server("--threads", 2)
    use(server.connect(), range(1, 41))
    server.stop()
    server.options += ["--warm-rate", 20]
    server.start()
    connection = server.connect()
    forgotten = range(1, 41, 2)
    for user in forgotten:
        assert connection.call("RS.FORGET", user) == 1
    connection.call("CONFIG", "SET", "warm-rate", "20000")
    found = wait_until_warm(connection)
    assert found["state"] == "done"
    assert found["users_loaded"] + found["users_skipped"] == 40
    for user in range(1, 41):
        assert is_in_memory(connection, user) == (user not in forgotten)
    for user in forgotten:
        assert connection.call("RS.LIST", user)[1:] == [0, 1, []]


FORGOTTEN = 0x1122334455667788


def names(server, user):
    """Does a list on the disk, or one that is being written, name the user?"""
    contents = []
    for name in ("warm", "warm.new"):
        try:
            contents.append((server.data_dir / name).read_bytes())
        except FileNotFoundError:
            continue
    return any(struct.pack("<Q", user) in content for content in contents)


def test_the_list_does_not_name_who_was_forgotten(start_server):
    """It is made anew, long before its time."""
    server = start_server("--threads", 2)
    use(server.connect(), [*range(1, 21), FORGOTTEN])
    server.restart()
    connection = server.connect()
    wait_until_warm(connection)
    assert names(server, FORGOTTEN)
    assert connection.call("RS.FORGET", FORGOTTEN) == 1
    wait_until(lambda: not names(server, FORGOTTEN), "a new list")
    wait_until(lambda: sorted(saved_ids(server)) == [*range(1, 21)], "it names all others")
    # And so again.
    assert connection.call("RS.FORGET", 20) == 1
    wait_until(lambda: sorted(saved_ids(server)) == [*range(1, 20)], "a new list")


def test_the_list_goes_where_it_cannot_be_made_anew(start_server):
    """While users are loaded, without lists being saved, or with nobody left."""
    server = start_server("--threads", 2)
    for options in (["--warm-rate", 10], ["--warm-save", "0"], []):
        use(server.connect(), [*range(1, 101), FORGOTTEN])
        server.stop()
        assert names(server, FORGOTTEN)
        length = len(server.options)
        server.options += options
        server.start()
        connection = server.connect()
        assert connection.call("RS.FORGET", FORGOTTEN) == 1
        if not options:
            wait_until_warm(connection)
            for user in range(1, 101):
                assert connection.call("RS.FORGET", user) == 1
        wait_until(lambda: not names(server, FORGOTTEN), "the list is taken away")
        server.stop()
        assert not names(server, FORGOTTEN)
        server.options[length:] = []
        server.start()
        assert wait_until_warm(server.connect())["users_skipped"] == 0


def test_after_a_kill_the_list_is_made_anew(start_server):
    """The user may have been forgotten just before it."""
    server = start_server("--threads", 2)
    use(server.connect(), [*range(1, 21), FORGOTTEN])
    server.restart()
    connection = server.connect()
    wait_until_warm(connection)
    (server.data_dir / "warm.new").write_bytes(struct.pack("<Q", FORGOTTEN))
    assert connection.call("RS.FORGET", FORGOTTEN) == 1
    server.kill()
    server.start()
    wait_until_warm(server.connect())
    wait_until(lambda: not names(server, FORGOTTEN), "a new list")
    wait_until(lambda: sorted(saved_ids(server)) == [*range(1, 21)], "it names all others")


def test_it_takes_memory_only_while_a_list_is_made(start_server):
    server = start_server("--threads", 2, "--warm-save", "50ms")
    connection = server.connect()
    use(connection, range(1, 501))
    wait_for_save(connection, 500)
    wait_until(
        lambda: info(connection, "memory")["used_memory_warm"] == "0", "the lists are given back"
    )
    stats = connection.call("MEMORY", "STATS")
    assert b"warm.allocated" in stats or "warm.allocated" in stats


def test_a_store_in_memory_has_no_list(start_server):
    server = start_server("--threads", 2, "--store", "memory", "--warm-save", "20ms")
    connection = server.connect()
    use(connection, range(1, 21))
    assert warm(connection) == {}
    server.stop()
    assert not server.data_dir.exists()
