"""What the server counts: each number of INFO against what was really done, and its form against
real Redis."""

import re
import time

import pytest
from calls import RESET, calls, values
from real_redis import form
from resp import Connection, ReplyError, encode
from server import info, wait_until


@pytest.fixture
def server(start_server):
    return start_server("--threads", 2, "--enable-debug-command", "yes")


# ---- commandstats, errorstats, latencystats


@pytest.mark.parametrize("threads", [1, 3])
def test_calls_are_counted_whoever_executes_them(start_server, threads):
    """At once, by another thread, after a load, with a list, for many users: one call each."""
    server = start_server("--threads", threads, "--cache-users", 3 * threads)
    with server.connect() as connection:
        assert connection.call(*RESET) == "OK"
        sent = []
        for user in range(1, 41):
            sent += [
                ("RS.ACK", user, 7, 100),
                ("RS.BULKACK", user, 7, 101, 8, 100),
                ("RS.GET", user, 7, 8),
                ("RS.LIST", user),
                ("RS.MENTION", 7, 200 + user, user, user + 1, user + 2),
                ("RS.BADGE", user, user + 1),
                ("RS.FLUSH",),
                ("PING",),
            ]
        replies = connection.pipeline(sent)
        assert not [reply for reply in replies if isinstance(reply, ReplyError)]
        found = calls(connection)
        names = {command[0].lower() for command in sent}
        assert set(found) == names | {"config"}
        for name in names:
            assert found[name]["calls"] == 40, name
            assert found[name]["failed_calls"] == found[name]["rejected_calls"] == 0
            assert found[name]["usec"] > 0
            each = found[name]["usec"] / 40
            assert abs(found[name]["usec_per_call"] - each) <= 0.03 + each / 100
        stats = info(connection, "stats")
        # RESETSTAT is counted behind itself, INFO not yet.
        assert int(stats["total_commands_processed"]) == len(sent) + 2
        assert stats["total_error_replies"] == "0"


def test_failed_and_rejected_calls(server, user):
    with server.connect() as connection:
        connection.call(*RESET)
        for command, word in (
            (("RS.ACK", user, 7), "ERR"),
            (("RS.ACK", user, 7, 0), "ERR"),
            (("RS.ACK", user, 7, 5, "IFVERSION", 3), "VERSION"),
            (("RS.BADGE", "x"), "ERR"),
            (("SELECT", 1), "ERR"),
            (("HELLO", 4), "NOPROTO"),
            (("NOPE", 1), "ERR"),
        ):
            assert connection.call(*command).word == word
        assert connection.call("RS.ACK", user, 7, 5) == [1, 0]
        found = calls(connection)
        ack = found["rs.ack"]
        assert (ack["calls"], ack["failed_calls"], ack["rejected_calls"]) == (3, 2, 1)
        assert (found["rs.badge"]["calls"], found["rs.badge"]["failed_calls"]) == (1, 1)
        assert (found["select"]["calls"], found["select"]["failed_calls"]) == (1, 1)
        assert "nope" not in found
        errors = info(connection, "errorstats")
        assert errors == {
            "errorstat_ERR": "count=5",
            "errorstat_VERSION": "count=1",
            "errorstat_NOPROTO": "count=1",
        }
        assert info(connection, "stats")["total_error_replies"] == "7"


def test_subscribe_mode_rejects_and_each_channel_is_a_call(server, user):
    with server.connect() as connection, server.connect() as other:
        other.call(*RESET)
        connection.send(encode("SUBSCRIBE", f"rs:{user}", f"rs:{user + 1}"))
        assert [connection.read()[2] for _ in range(2)] == [1, 2]
        assert connection.call("DBSIZE").startswith("ERR Can't execute 'dbsize'")
        connection.send(encode("UNSUBSCRIBE"))
        assert [connection.read()[2] for _ in range(2)] == [1, 0]
        found = calls(other)
        assert found["subscribe"]["calls"] == 2
        assert found["unsubscribe"]["calls"] == 1
        assert (found["dbsize"]["calls"], found["dbsize"]["rejected_calls"]) == (0, 1)


def test_catching_up_with_the_feed_is_no_call(server, user):
    """The lists that the server asks itself for have no client."""
    with server.connect() as reader, server.connect() as writer:
        reader.send(encode("SUBSCRIBE", f"rs:{user}"))
        assert reader.read()[2] == 1
        writer.call(*RESET)
        writer.pipeline([("RS.ACK", user, 1 + n % 500, 1 + n) for n in range(60_000)])
        newest = 0
        while newest < 60_000:
            newest = max(newest, int(re.search(r'"version":(\d+)', reader.read()[2]).group(1)))
        found = calls(writer)
        assert "rs.list" not in found and "subscribe" not in found
        assert found["rs.ack"]["calls"] == 60_000
        assert info(writer, "stats")["total_error_replies"] == "0"


def test_stats_have_the_form_of_redis(server, redis_port, user):
    """Each line of ours against one of Redis's of that kind."""
    with server.connect() as ours, Connection(redis_port) as theirs:
        ours.call("RS.ACK", user, 7, 0)
        theirs.call("SET", "a")
        for connection in (ours, theirs):
            connection.call("PING")
            connection.call("NOPE")
        for section in ("commandstats", "errorstats", "latencystats"):
            forms = [
                {re.sub(r"[\d.]+", "0", line).replace("rs.ack", "ping") for line in text}
                for text in (
                    [f"{name.split('_')[0]}:{line}" for name, line in info(c, section).items()]
                    for c in (ours, theirs)
                )
            ]
            assert forms[0] and forms[0] == forms[1], section


def test_info_has_what_redis_has(server, redis_port):
    """Of the fields that we give, those outside our own are Redis's, in the same section."""
    own = {
        "readstates_version", "io_threads_active", "threads", "config_file", "resting_threads",
        "waiting_commands", "used_memory_cache", "used_memory_cache_resident",
        "used_memory_clients", "used_memory_journal", "used_memory_store", "used_memory_warm",
        "store", "recovering", "warm_state", "warm_users_total", "warm_users_loaded",
        "warm_users_skipped", "warm_last_save_unixtime", "warm_last_save_users", "warm_save_errors",
        "journal_sync", "journal_status", "journal_entries", "journal_bytes", "journal_file_bytes",
        "journal_segments", "journal_unsynced_bytes", "journal_syncs", "journal_sync_usec",
        "journal_sync_usec_max",
    }  # fmt: skip
    with server.connect() as ours, Connection(redis_port) as theirs:
        for section in ("server", "clients", "memory", "persistence", "stats", "cpu", "cluster"):
            names = set(info(ours, section)) - own
            assert names and names <= set(info(theirs, section)), section
        default = [re.findall("^# (.*)", c.call("INFO"), re.M) for c in (ours, theirs)]
        assert [name.strip() for name in default[0] if name.strip() != "Readstates"] == [
            name.strip() for name in default[1]
        ]
        everything = [re.findall("^# (.*)", c.call("INFO", "all"), re.M) for c in (ours, theirs)]
        assert {name.strip() for name in everything[0]} >= {name.strip() for name in everything[1]}


# ---- other numbers of INFO


def test_rates_follow_what_is_done(server):
    with server.connect() as connection, server.connect() as watcher:

        def is_seen():
            connection.pipeline([("PING", "x" * 100)] * 500)
            fields = info(watcher, "stats")
            return (
                int(fields["instantaneous_ops_per_sec"]) > 100
                and float(fields["instantaneous_input_kbps"]) > 1
                and float(fields["instantaneous_output_kbps"]) > 1
            )

        wait_until(is_seen, "rates of a busy server")
        wait_until(
            lambda: (
                time.sleep(0.2) is None
                and int(info(watcher, "stats")["instantaneous_ops_per_sec"]) < 100
            ),
            "rates of an idle server",
        )


def test_memory_peak_stays(server):
    """What clients take, goes with them."""
    half = encode("ECHO", "x" * 4096)[:-100]
    with server.connect() as connection:

        def used():
            return int(info(connection, "memory")["used_memory"])

        before = used()
        holding = [server.connect() for _ in range(50)]
        for client in holding:
            client.send(half)
        wait_until(lambda: used() >= before + 50 * 4000, "bytes of half commands")
        full = info(connection, "memory")
        for client in holding:
            client.close()
        wait_until(lambda: used() < int(full["used_memory"]) - 50 * 4000, "the bytes to go")
        empty = info(connection, "memory")
        assert int(empty["used_memory_peak"]) >= int(full["used_memory"])
        share = 100 * int(empty["used_memory"]) / int(empty["used_memory_peak"])
        assert abs(float(empty["used_memory_peak_perc"].rstrip("%")) - share) < 0.01


def test_run_id_is_another_one_at_each_start(server):
    def look():
        with server.connect() as connection:
            fields = info(connection, "server")
            assert abs(int(fields["server_time_usec"]) / 1e6 - time.time()) < 60
            return fields["run_id"]

    first = look()
    assert re.fullmatch("[0-9a-f]{40}", first) and look() == first
    server.restart()
    assert re.fullmatch("[0-9a-f]{40}", look()) and look() != first


def test_resetstat_keeps_what_is_not_counted(server, user):
    with server.connect() as connection:
        connection.call("RS.ACK", user, 7, 5)
        connection.call("RS.ACK", user, 7, 0)
        connection.call("RS.FLUSH")
        before = info(connection, "all")
        assert int(before["keyspace_misses"]) > 0 and int(before["store_writes"]) > 0
        assert connection.call(*RESET) == "OK"
        after = info(connection, "all")
        assert calls(connection).keys() <= {"config", "info"}
        for name in (
            "keyspace_hits", "keyspace_misses", "total_connections_received", "store_loads",
            "store_writes", "state_changes", "total_error_replies", "rejected_connections",
        ):  # fmt: skip
            assert after[name] == "0", name
        for name in ("cached_users", "cached_states", "connected_clients", "epoch", "run_id"):
            assert after[name] == before[name], name
