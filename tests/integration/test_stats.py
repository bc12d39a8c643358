"""What the server tells of itself: each number against what was really done, and its form against
real Redis."""

import re
import stat
import time

import pytest
from real_redis import run_redis
from resp import Connection, ReplyError, encode
from server import info, wait_until

RESET = ("CONFIG", "RESETSTAT")


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    with run_redis(tmp_path_factory.mktemp("redis"), "--enable-debug-command", "yes") as port:
        yield port


@pytest.fixture
def server(start_server):
    return start_server("--threads", 2, "--enable-debug-command", "yes")


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def protocol(request):
    return request.param


def values(line):
    return {name: float(value) for name, value in (pair.split("=") for pair in line.split(","))}


def calls(connection):
    """{command: its values} of commandstats."""
    fields = info(connection, "commandstats")
    return {name.removeprefix("cmdstat_"): values(line) for name, line in fields.items()}


def as_dict(reply):
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def form(value):
    """The types of a reply, without what stands in it."""
    if isinstance(value, dict):
        return {name: form(item) for name, item in value.items()}
    if isinstance(value, list):
        return [form(item) for item in value]
    return type(value).__name__


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
        "used_memory_clients", "used_memory_store", "store",
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


# ---- SLOWLOG


def test_slowlog_notes_what_was_sent(server, protocol, user):
    """With the arguments as they came: those of numbers are printed again, the rest was kept."""
    sent = [
        ("RS.ACK", user, "3:7", 100),
        ("rs.ack", user, 7, 101),
        ("RS.ACK", user, "0:7", 102),
        ("RS.ACK", user, 7, 103, "IFVERSION", 9),
        ("RS.JOIN", user, 8, 0),
        ("RS.LEAVE", user, 8),
        ("RS.LEAVE", user, 8, 17),
        ("RS.PIN", user, 7, 1_700_000_000_000),
        ("RS.LIST", user),
        ("RS.LIST", user, "SINCE", "e", 0),
        ("RS.GET", user, 7, 8),
        ("RS.BULKACK", user, 9, 1, 10, 2),
        ("RS.MENTION", 7, 200, user, user + 1),
        ("RS.BADGE", user),
        ("RS.INSPECT", user),
        ("RS.INSPECT", user, 7),
        ("RS.FLUSH", user),
        ("MEMORY", "USAGE", user),
        ("RS.EVICT", user),
        ("RS.ACK", user, 7, 104),
        ("RS.FORGET", user),
        ("RS.FLUSH",),
        ("ECHO", b"\x00\xff bytes"),
    ]
    with server.connect(protocol) as connection, server.connect() as other:
        connection.call("CLIENT", "SETNAME", "teller")
        other.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        other.call("SLOWLOG", "RESET")
        for command in sent:
            connection.call(*command)
        other.call("CONFIG", "SET", "slowlog-log-slower-than", "1h")
        entries = other.call("SLOWLOG", "GET", -1)
        host, port = connection.socket.getsockname()
        own = [entry for entry in entries if entry[4] == f"{host}:{port}"][::-1]
        shown = [[str(x) if not isinstance(x, bytes) else x for x in c] for c in sent]
        shown[-1][1] = shown[-1][1].decode(errors="surrogateescape")
        told = [[x.encode(errors="surrogateescape") for x in entry[3]] for entry in own]
        wanted = [[x.encode(errors="surrogateescape") for x in command] for command in shown]
        assert told == wanted
        numbers = [entry[0] for entry in own]
        assert numbers == sorted(set(numbers))
        assert {entry[5] for entry in own} == {"teller"}
        assert all(abs(entry[1] - time.time()) < 120 and entry[2] >= 0 for entry in own)
        assert other.call("SLOWLOG", "LEN") == len(entries)
        assert other.call("SLOWLOG", "GET", 2) == entries[:2]
        assert other.call("SLOWLOG", "GET") == entries[:10]


def test_slowlog_cuts_arguments_as_redis_does(server, redis_port, protocol):
    commands = [
        ("ECHO", "x" * 128),
        ("ECHO", "x" * 129),
        ("ECHO", "x" * 4000),
        ("CONFIG", "GET", *["a"] * 29),
        ("CONFIG", "GET", *["a"] * 30),
        ("CONFIG", "GET", *["a"] * 31),
        ("CONFIG", "GET", *["b"] * 500),
    ]
    answers = []
    for port in (server.port, redis_port):
        with Connection(port, protocol) as connection:
            connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
            connection.call("SLOWLOG", "RESET")
            for command in commands:
                connection.call(*command)
            reply = connection.call("SLOWLOG", "GET")
            answers.append([entry[3] for entry in reply])
            assert {form(entry)[0] for entry in map(list, reply)} == {"int"}
            assert [form(x) for x in reply[0]][:3] == ["int"] * 3
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(commands) + 1


def test_slowlog_is_bounded(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-max-len", 5, "slowlog-log-slower-than", 0)
        for n in range(20):
            connection.call("ECHO", n)
        entries = connection.call("SLOWLOG", "GET", -1)
        assert [entry[3] for entry in entries] == [["ECHO", str(n)] for n in range(19, 14, -1)]
        connection.call("CONFIG", "SET", "slowlog-max-len", 2)
        assert connection.call("SLOWLOG", "LEN") == 2
        connection.call("CONFIG", "SET", "slowlog-max-len", 0)
        connection.call("ECHO", "x")
        assert connection.call("SLOWLOG", "GET", -1) == []


def test_slowlog_of_a_slow_command_only(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", "300ms")
        connection.call("SLOWLOG", "RESET")
        connection.call("PING")
        assert connection.call("DEBUG", "SLEEP", "0.4") == "OK"
        [entry] = [e for e in connection.call("SLOWLOG", "GET") if e[3][0] == "DEBUG"]
        assert entry[3] == ["DEBUG", "SLEEP", "0.4"] and entry[2] >= 400_000
        usec = calls(connection)["debug"]["usec"]
        assert usec >= 400_000
        fields = info(connection, "latencystats")
        percentiles = values(fields["latency_percentiles_usec_debug"])
        assert all(400_000 <= value <= usec * 17 / 16 for value in percentiles.values())


def test_passwords_are_not_kept(server):
    with server.connect() as connection:
        connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        connection.call("HELLO", 2, "AUTH", "me", "secret")
        connection.call("AUTH", "secret")
        assert "secret" not in str(connection.call("SLOWLOG", "GET", -1))


# ---- LATENCY


def test_latency_events(server, redis_port, protocol):
    replies = []
    for port in (server.port, redis_port):
        with Connection(port, protocol) as connection:
            value = "100ms" if port == server.port else 100
            connection.call("CONFIG", "SET", "latency-monitor-threshold", value)
            connection.call("LATENCY", "RESET")
            began = int(time.time())
            assert connection.call("DEBUG", "SLEEP", "0.2") == "OK"
            latest = {entry[0]: entry[1:] for entry in connection.call("LATENCY", "LATEST")}
            when, last, longest = latest["command"]
            assert began <= when <= time.time() and 200 <= last == longest
            assert connection.call("LATENCY", "HISTORY", "command") == [[when, last]]
            assert connection.call("LATENCY", "HISTORY", "nothing") == []
            replies.append(
                [
                    form(connection.call("LATENCY", "HISTORY", "command")),
                    form([entry for entry in connection.call("LATENCY", "LATEST")][0]),
                    connection.call("LATENCY", "RESET", "command", "nothing"),
                    connection.call("LATENCY", "HISTORY", "command"),
                ]
            )
    assert replies[0] == replies[1]


def test_a_thread_that_was_away(server):
    """It is the turn that was long, and the doctor has a word for it."""
    with server.connect() as connection:
        text = connection.call("LATENCY", "DOCTOR")
        connection.call("DEBUG", "SLEEP", "0.15")
        latest = {entry[0]: entry[1:] for entry in connection.call("LATENCY", "LATEST")}
        assert latest["turn"][1] >= 150
        text = connection.call("LATENCY", "DOCTOR")
        assert re.search(r"^turn: \d+ seconds with a long one", text, re.M)
        connection.call("CONFIG", "SET", "latency-monitor-threshold", 0)
        connection.call("LATENCY", "RESET")
        connection.call("DEBUG", "SLEEP", "0.15")
        assert connection.call("LATENCY", "LATEST") == []
        text = connection.call("LATENCY", "DOCTOR")
        assert text == "Nothing is watched: latency-monitor-threshold is 0.\n"


def test_latency_histogram(server, redis_port, protocol):
    with server.connect(protocol) as ours, Connection(redis_port, protocol) as theirs:
        for connection in (ours, theirs):
            connection.call(*RESET)
            for _ in range(50):
                connection.call("PING")
            connection.call("DEBUG", "SLEEP", "0.05")
            reply = as_dict(connection.call("LATENCY", "HISTOGRAM", "ping", "debug", "nope"))
            assert set(reply) == {"ping", "debug"}
            for name, count in (("ping", 50), ("debug", 1)):
                entry = as_dict(reply[name])
                assert list(entry) == ["calls", "histogram_usec"] and entry["calls"] == count
                bounds = as_dict(entry["histogram_usec"])
                steps = [(int(bound), below) for bound, below in bounds.items()]
                assert steps == sorted(steps) and steps[-1][1] == count
                assert len({below for _, below in steps}) == len(steps)
            assert steps[0][0] >= 50_000
            assert form(list(bounds.items())[0][1]) == "int"
            reply = as_dict(connection.call("LATENCY", "HISTOGRAM"))
            assert {"ping", "debug"} < set(reply)
            assert as_dict(connection.call("LATENCY", "HISTOGRAM", "nope")) == {}


# ---- MEMORY


def test_memory_usage(server, protocol, user):
    with server.connect(protocol) as connection:
        before = info(connection, "readstates")
        assert connection.call("MEMORY", "USAGE", user) is None
        assert connection.call("RS.ACK", user, 7, 5) == [1, 0]
        small = connection.call("MEMORY", "USAGE", user)
        for n in range(1000):
            connection.call("RS.ACK", user, 100 + n, 5)
        large = connection.call("MEMORY", "USAGE", user, "SAMPLES", 5)
        assert 0 < small < 1000 and 1000 * 2 < large < 1000 * 200
        inspected = as_dict(connection.call("RS.INSPECT", user))
        assert large == inspected["bytes"]
        assert connection.call("RS.EVICT", user) == 1
        # It looks, and loads nobody.
        assert connection.call("MEMORY", "USAGE", user) is None
        after = info(connection, "readstates")
        assert after["cached_users"] == before["cached_users"]


def test_memory_stats(server, redis_port, protocol):
    with server.connect(protocol) as ours, Connection(redis_port, protocol) as theirs:
        ours.pipeline([("RS.ACK", 1 + n, 7, 5) for n in range(1000)])
        told, real = (as_dict(c.call("MEMORY", "STATS")) for c in (ours, theirs))
        own = {"cache.allocated", "cache.resident", "store.allocated"}
        for name in set(told) - own:
            assert type(told[name]) is type(real[name]), name
        assert told["keys.count"] == 1000
        assert told["peak.allocated"] >= told["total.allocated"] >= told["cache.allocated"]
        assert told["keys.bytes-per-key"] == told["cache.allocated"] // 1000
        assert 0 < float(told["dataset.percentage"]) <= 100
        fields = info(ours, "memory")
        assert int(fields["used_memory_cache"]) == told["cache.allocated"]
        assert ours.call("MEMORY", "PURGE") == "OK"
        assert form(ours.call("MEMORY", "DOCTOR")) == form(theirs.call("MEMORY", "DOCTOR"))


# ---- bad input, help


WRONG = (
    ("SLOWLOG",),
    ("SLOWLOG", "LEN", 1),
    ("SLOWLOG", "RESET", 1),
    ("SLOWLOG", "GET", 1, 2),
    ("SLOWLOG", "GET", -2),
    ("LATENCY",),
    ("LATENCY", "LATEST", 1),
    ("LATENCY", "HISTORY"),
    ("LATENCY", "HISTORY", "a", "b"),
    ("LATENCY", "DOCTOR", 1),
    ("MEMORY",),
    ("MEMORY", "USAGE"),
    ("MEMORY", "USAGE", 1, "SAMPLES"),
    ("MEMORY", "USAGE", 1, "SAMPLE", 1),
    ("MEMORY", "USAGE", 1, "SAMPLES", "x"),
    ("MEMORY", "STATS", 1),
    ("MEMORY", "DOCTOR", 1),
    ("MEMORY", "PURGE", 1),
    ("CONFIG", "RESETSTAT", 1),
    ("CONFIG", "REWRITE", 1),
    ("CONFIG", "REWRITE"),
    ("DEBUG",),
)


@pytest.mark.parametrize("command", WRONG, ids=lambda command: " ".join(map(str, command)))
def test_errors_are_those_of_redis(server_of_errors, redis_port, command):
    with server_of_errors.connect() as ours, Connection(redis_port) as theirs:
        theirs.call("SET", "1", "x")
        told, real = ours.call(*command), theirs.call(*command)
        assert isinstance(told, ReplyError) and told == real


@pytest.mark.parametrize("name", ["SLOWLOG", "LATENCY", "MEMORY", "CONFIG", "DEBUG"])
def test_help_and_unknown_subcommands(server_of_errors, redis_port, name):
    with server_of_errors.connect() as ours, Connection(redis_port) as theirs:
        told, real = ours.call(name, "HELP"), theirs.call(name, "HELP")
        assert told[0] == real[0] and told[-2:] == real[-2:]
        assert {form(line) for line in told} == {form(line) for line in real}
        assert ours.call(name, "NOPE") == f"ERR unknown subcommand 'NOPE'. Try {name} HELP."


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1.2.3", "3601", ".", " 1", "nan", "1" * 40])
def test_bad_sleeps(server_of_errors, text):
    with server_of_errors.connect() as connection:
        reply = connection.call("DEBUG", "SLEEP", text)
        assert reply == (
            "ERR seconds must be 0 to 3600, with decimals or without, got '" + text + "'"
        )


@pytest.fixture(scope="module")
def server_of_errors(tmp_path_factory, admin_off):
    from conftest import starting

    folder = tmp_path_factory.mktemp("errors")
    with starting(folder, admin_off, lambda: False) as start:
        yield start("--enable-debug-command", "yes")


def test_debug_is_off_by_default(start_server):
    with start_server().connect() as connection:
        began = time.monotonic()
        reply = connection.call("DEBUG", "SLEEP", "30")
        assert reply.startswith("ERR DEBUG command not allowed.")
        assert time.monotonic() - began < 30
        assert connection.call("CONFIG", "SET", "enable-debug-command", "yes").word == "ERR"


def test_a_sleeping_thread_stops_with_the_server(start_server):
    """And the other thread goes on meanwhile."""
    server = start_server("--threads", 2, "--gather-below", 0, "--enable-debug-command", "yes")
    sleeper = server.connect()
    sleeper.send(encode("DEBUG", "SLEEP", "600"))
    server.stop()


# ---- CONFIG REWRITE


FILE = """# how the chat's server runs
cache-memory = 64mb   ; for now
commit-delay:20s
# slowlog-max-len = 7
log-level = info
"""


def rewrite(start_server, tmp_path, text, *pairs):
    path = tmp_path / "readstates.conf"
    path.write_text(text)
    path.chmod(0o640)
    server = start_server("--config", path)
    with server.connect() as connection:
        assert info(connection, "server")["config_file"] == str(path)
        if pairs:
            assert connection.call("CONFIG", "SET", *pairs) == "OK"
        assert connection.call("CONFIG", "REWRITE") == "OK"
        told = as_dict(connection.call("CONFIG", "GET", "*"))
    server.stop()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.glob("readstates.conf*")] == [path.name]
    written = path.read_text()
    again = start_server("--config", path)
    with again.connect() as connection:
        found = as_dict(connection.call("CONFIG", "GET", "*"))
    for name in ("port", "data-dir"):
        told.pop(name), found.pop(name)
    assert found == told
    return written


def test_rewrite_changes_what_was_changed(start_server, tmp_path):
    written = rewrite(
        start_server, tmp_path, FILE,
        "cache-memory", "128mb", "commit-delay", "5s", "slowlog-max-len", 9, "timeout", "300s",
    )  # fmt: skip
    assert written == FILE.replace("64mb", "128mb").replace("20s", "5s") + (
        "# Changed with CONFIG SET:\nslowlog-max-len = 9\n"
    )


def test_rewrite_of_nothing_changes_nothing(start_server, tmp_path):
    assert rewrite(start_server, tmp_path, FILE) == FILE


def test_rewrite_that_cannot_be(start_server, tmp_path):
    """The error says why, the file stays, the server goes on."""
    path = tmp_path / "sub" / "readstates.conf"
    path.parent.mkdir()
    path.write_text(FILE)
    with start_server("--config", path).connect() as connection:
        connection.call("CONFIG", "SET", "commit-delay", "5s")
        path.write_text("nonsense = 1\n")
        reply = connection.call("CONFIG", "REWRITE")
        assert reply.startswith("ERR Rewriting config file:") and "nonsense" in reply
        assert path.read_text() == "nonsense = 1\n"
        path.unlink()
        path.parent.rmdir()
        assert connection.call("CONFIG", "REWRITE").startswith("ERR Rewriting config file:")
        path.parent.mkdir()
        assert connection.call("CONFIG", "REWRITE") == "OK"
        assert path.read_text() == "# Changed with CONFIG SET:\ncommit-delay = 5s\n"
