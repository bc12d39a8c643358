"""Beside a real Redis 7: the same commands on connections, and replies of the same types, down to the
last level, with the same errors byte for byte."""

import contextlib
import re
import signal
import socket
import time

import pytest
from oracle import as_map
from resp import Closed, Connection, ReplyError, Status, encode

# Each begins on a connection of its own. The replies are the same, value for value.
SAME = [
    "AUTH x",
    "AUTH default x",
    "AUTH anna x",
    "AUTH",
    "CLIENT",
    "CLIENT FOO",
    "CLIENT GETNAME",
    "CLIENT GETNAME x",
    "CLIENT HELP x",
    "CLIENT ID x",
    "CLIENT INFO x",
    "CLIENT KILL",
    "CLIENT KILL 192.0.2.1:1",
    "CLIENT KILL ADDR 192.0.2.1:1",
    "CLIENT KILL FOO 1",
    "CLIENT KILL ID 0",
    "CLIENT KILL ID 1 SKIPME",
    "CLIENT KILL ID 999999999",
    "CLIENT KILL ID x",
    "CLIENT KILL LADDR 192.0.2.1:1",
    "CLIENT KILL SKIPME x",
    "CLIENT KILL TYPE master",
    "CLIENT KILL TYPE replica",
    "CLIENT KILL TYPE x",
    "CLIENT KILL USER x",
    "CLIENT LIST ID",
    "CLIENT LIST ID 1 x",
    "CLIENT LIST ID 999999999",
    "CLIENT LIST TYPE",
    "CLIENT LIST TYPE master",
    "CLIENT LIST TYPE x",
    "CLIENT LIST x",
    "CLIENT NO-EVICT",
    "CLIENT NO-EVICT on",
    "CLIENT NO-EVICT OFF",
    "CLIENT NO-EVICT x",
    "CLIENT REPLY",
    "CLIENT REPLY ON",
    "CLIENT REPLY ON x",
    "CLIENT REPLY x",
    "CLIENT SETNAME",
    "CLIENT SETNAME anna / CLIENT GETNAME / RESET / CLIENT GETNAME",
    "CLUSTER",
    "CLUSTER INFO",
    "COMMAND COUNT x",
    "COMMAND FOO",
    "COMMAND GETKEYS",
    "COMMAND GETKEYS FOO 1",
    "COMMAND GETKEYS PING x",
    "COMMAND GETKEYS PING",
    "COMMAND HELP x",
    "COMMAND LIST x",
    "COMMAND LIST FILTERBY ACLCAT nosuch",
    "COMMAND LIST FILTERBY MODULE x",
    "COMMAND LIST FILTERBY PATTERN",
    "COMMAND LIST FILTERBY PATTERN PI?G",
    "COMMAND LIST FILTERBY PATTERN [xp]ing",
    "COMMAND LIST FILTERBY x y",
    "COMMAND LIST FILTERBY ACLCAT fast y",
    "COMMAND DOCS nosuch",
    "COMMAND INFO nosuch",
    "CONFIG",
    "CONFIG FOO",
    "CONFIG GET",
    "CONFIG GET nosuch*",
    "CONFIG RESETSTAT x",
    "CONFIG RESETSTAT",
    "CONFIG REWRITE x",
    "CONFIG SET timeout",
    "DBSIZE x",
    "ECHO",
    "ECHO hi",
    "HELLO 3 AUTH anna x",
    "HELLO 4",
    "HELLO x",
    "HELLO 3 FOO",
    "PING",
    "PING a b",
    "PING hi",
    "READONLY x",
    "READWRITE x",
    "RESET / PING",
    "SELECT 0 / SELECT x / SELECT",
    "SUBSCRIBE rs:1 / CONFIG GET save / PING x",
    "SUBSCRIBE rs:1 / Client GetName / DBSIZE",
    "SUBSCRIBE rs:1 / HELLO 4",
    "SUBSCRIBE rs:1 / SUBSCRIBE",
    "SUBSCRIBE rs:1 / UNSUBSCRIBE rs:2 / RESET / PING",
    "TIME x",
]

# The replies are of the same types, with the same keys in the same order.
SHAPES = [
    "CLIENT ID",
    "CLIENT INFO",
    "CLIENT LIST",
    "CONFIG GET maxclients",
    "CONFIG GET maxclient? MAXCL*ts",
    "DBSIZE",
    "HELLO",
    "HELLO 2",
    "HELLO 3",
    "TIME",
]

# What Redis 7.2 has, and 7.0 has not.
NEWER_FIELDS = ["lib-name", "lib-ver"]


@pytest.fixture(scope="module")
def ours(shared_server):
    return shared_server.port


def run(port, protocol, commands):
    with Connection(port, protocol) as connection:
        return [connection.call(*command.split()) for command in commands.split(" / ")]


def typed(reply):
    """A value with its type: a simple string is not a bulk string, nor an error either."""
    if isinstance(reply, list):
        return [typed(element) for element in reply]
    return type(reply).__name__, reply


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("commands", SAME)
def test_the_same_replies(ours, redis_port, protocol, commands):
    mine, theirs = (list(map(typed, run(port, protocol, commands))) for port in (ours, redis_port))
    assert mine == theirs


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_same_parts_of_what_commands_say_of_themselves(ours, redis_port, protocol):
    for name in ("ping", "subscribe", "config"):
        mine, theirs = (run(port, protocol, f"COMMAND INFO {name}")[0][0] for port in (ours, redis_port))
        assert [type(part) for part in mine] == [type(part) for part in theirs]
        assert mine[:2] == theirs[:2]
        assert {type(flag) for flag in mine[2]} <= {Status}
        mine, theirs = (
            as_map(as_map(run(port, protocol, f"COMMAND DOCS {name}")[0])[name])
            for port in (ours, redis_port)
        )
        for key in ("summary", "since", "group", "complexity"):
            assert type(mine[key]) is type(theirs[key])
        assert mine["group"] == theirs["group"]


@pytest.mark.parametrize(
    "name",
    "AUTH ECHO HELLO PING READONLY READWRITE RESET SELECT SUBSCRIBE TIME UNSUBSCRIBE".split(),
)
def test_the_same_categories(ours, redis_port, name):
    """As COMMAND INFO shows them, and COMMAND LIST finds them."""
    mine, theirs = (run(port, 3, f"COMMAND INFO {name}")[0][0][6] for port in (ours, redis_port))
    assert mine == theirs
    with Connection(ours) as connection:
        for category in ("@fast", "@slow", "@connection", "@pubsub", "@admin", "@read", "@write"):
            listed = connection.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", category[1:].upper())
            assert (name.lower() in listed) == (category in mine)


def fields(line):
    return dict(field.split("=", 1) for field in line.split())


def shape(reply):
    """Types and keys; of a text of fields their names and order."""
    if isinstance(reply, dict):
        return [(key, shape(value)) for key, value in reply.items()]
    if isinstance(reply, list):
        return [shape(element) for element in reply]
    if isinstance(reply, str) and reply.startswith("id="):
        return [name for name in fields(reply.splitlines()[0]) if name not in NEWER_FIELDS]
    return type(reply).__name__


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", SHAPES)
def test_the_same_shapes(ours, redis_port, protocol, command):
    mine, theirs = (shape(run(port, protocol, command)[0]) for port in (ours, redis_port))
    assert mine == theirs


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", ["CLIENT INFO", "CLIENT LIST"])
def test_the_same_bytes_around_a_text(ours, redis_port, protocol, command):
    """A bulk string, and in RESP3 a verbatim one; each line ends with a newline."""
    for port in (ours, redis_port):
        with Connection(port, protocol) as connection:
            connection.send(encode(*command.split()))
            head = connection._line()
            assert head[:1] == (b"$" if protocol == 2 else b"=")
            text = connection._bytes(int(head[1:])).decode()
            assert text.startswith("id=" if protocol == 2 else "txt:id=") and text.endswith("\n")


@pytest.mark.parametrize("command", ["CLIENT", "COMMAND"])
def test_help(ours, redis_port, command):
    mine, theirs = (run(port, 2, f"{command} HELP")[0] for port in (ours, redis_port))
    assert {type(line) for line in mine} == {type(line) for line in theirs} == {Status}
    assert (mine[0], mine[-2:][0]) == (theirs[0], theirs[-2:][0])


# ---- pipelines whose every byte is the same

PIPELINES = {
    "off and on": "CLIENT REPLY OFF / PING / ECHO x / FOO / CLIENT REPLY ON / PING",
    "skip one": "CLIENT REPLY SKIP / PING / ECHO x",
    "skip an error": "CLIENT REPLY SKIP / ECHO / ECHO x",
    "skip twice": "CLIENT REPLY SKIP / CLIENT REPLY SKIP / PING / ECHO x",
    "skip, and on": "CLIENT REPLY SKIP / CLIENT REPLY ON / PING",
    "skip while off": "CLIENT REPLY OFF / CLIENT REPLY SKIP / PING / CLIENT REPLY ON",
    "a wrong mode": "CLIENT REPLY x / PING / CLIENT REPLY OFF / CLIENT REPLY x / CLIENT REPLY ON",
    "reset ends off": "CLIENT REPLY OFF / RESET / PING",
    "reset is skipped": "CLIENT REPLY SKIP / RESET / PING",
    "hello in silence": "CLIENT REPLY OFF / HELLO 3 / CLIENT REPLY ON / CLIENT GETNAME",
    "reset from 3": "HELLO x / CLIENT SETNAME a / RESET / CLIENT GETNAME",
    "subscribed": "SUBSCRIBE rs:9 / ECHO x / TIME / RESET / PING",
    "subscribed in silence": "CLIENT REPLY OFF / SUBSCRIBE rs:8 rs:9 / PING / UNSUBSCRIBE rs:8 / "
    "UNSUBSCRIBE rs:9 / CLIENT REPLY ON",
    "a subscription is not skipped": "CLIENT REPLY SKIP / SUBSCRIBE rs:8 rs:9 / PING / RESET",
    "ended": "CLIENT KILL SKIPME no TYPE pubsub / QUIT",
}


@pytest.mark.parametrize("commands", PIPELINES.values(), ids=PIPELINES)
def test_the_same_bytes_of_a_pipeline(ours, redis_port, commands):
    both = []
    for port in (ours, redis_port):
        with Connection(port) as connection:
            asked = [command.split() for command in [*commands.split(" / "), "RESET", "QUIT"]]
            connection.send(b"".join(encode(*command) for command in asked))
            both.append(connection.read_rest())
    assert both[0] == both[1]


# ---- connections of all threads


@pytest.fixture
def many(start_server):
    """A server of four threads, and more connections than a thread would get by chance alone."""
    server = start_server("--threads", "4")
    with contextlib.ExitStack() as stack:
        clients = []
        for n in range(40):
            clients.append(stack.enter_context(Connection(server.port, 2 + n % 2)))
            assert clients[n].call("CLIENT", "SETNAME", f"n{n}") == "OK"
        yield clients


def listed(client, *options):
    return [fields(line) for line in client.call("CLIENT", "LIST", *options).splitlines()]


def address_of(client):
    return "%s:%d" % client.socket.getsockname()


def is_closed(client):
    with contextlib.suppress(Closed, OSError):
        client.call("PING")
        return False
    return True


def test_list_tells_of_all_threads(many):
    for client in many:
        lines = listed(client)
        assert [line["name"] for line in lines] == [f"n{n}" for n in range(40)]
        assert [line["addr"] for line in lines] == [address_of(client) for client in many]
        assert [int(line["id"]) for line in lines] == sorted(int(line["id"]) for line in lines)
        assert [line["resp"] for line in lines] == ["2", "3"] * 20
    assert {line["cmd"] for line in listed(many[0])} == {"client|list"}


def test_list_is_what_info_says(many):
    mine = fields(many[3].call("CLIENT", "INFO"))
    (line,) = listed(many[7], "ID", mine["id"])
    for name in ("id", "addr", "laddr", "fd", "name", "flags", "user", "resp"):
        assert line[name] == mine[name]
    assert mine["cmd"] == "client|info"


def test_list_by_ids_and_by_type(many):
    ids = [client.call("CLIENT", "ID") for client in many]
    asked = [ids[9], ids[2], 999_999, ids[30], ids[2]]
    assert [int(line["id"]) for line in listed(many[0], "ID", *asked)] == [
        id_ for id_ in asked if id_ != 999_999
    ]
    assert many[5].call("SUBSCRIBE", "rs:1")[2] == 1
    assert many[6].call("SUBSCRIBE", "rs:1")[2] == 1
    readers = listed(many[0], "TYPE", "pubsub")
    assert [(line["name"], line["flags"], line["sub"]) for line in readers] == [
        ("n5", "P", "1"),
        ("n6", "P", "1"),
    ]
    assert len(listed(many[0], "TYPE", "NORMAL")) == 38
    assert listed(many[0], "TYPE", "replica") == []


@pytest.mark.parametrize("asker", range(0, 40, 7))
def test_kill_in_each_form(many, asker):
    client = many[asker]
    ids = [other.call("CLIENT", "ID") for other in many]
    victims = [n for n in range(40) if n != asker][::8]
    assert client.call("CLIENT", "KILL", address_of(many[victims[0]])) == "OK"
    assert client.call("CLIENT", "KILL", "ID", ids[victims[1]]) == 1
    assert client.call("CLIENT", "KILL", "ADDR", address_of(many[victims[2]]), "USER", "default") == 1
    assert many[victims[3]].call("SUBSCRIBE", "rs:1")[2] == 1
    assert client.call("CLIENT", "KILL", "TYPE", "pubsub") == 1
    assert client.call("CLIENT", "KILL", "ID", ids[victims[4]], "ADDR", "192.0.2.1:1") == 0
    gone = victims[:4]
    assert [n for n in range(40) if is_closed(many[n])] == gone
    assert isinstance(client.call("CLIENT", "KILL", address_of(many[gone[0]])), ReplyError)
    assert client.call("CLIENT", "KILL", "ID", ids[gone[1]]) == 0
    assert len(listed(client)) == 36


def test_kill_all_others_and_then_itself(many):
    assert many[0].call("CLIENT", "KILL", "SKIPME", "yes") == 39
    assert [is_closed(client) for client in many] == [False] + [True] * 39
    local = "%s:%d" % many[0].socket.getpeername()
    assert many[0].call("CLIENT", "KILL", "LADDR", local) == 0
    assert many[0].call("CLIENT", "KILL", "LADDR", local, "SKIPME", "no") == 1
    assert many[0].read_rest() == b""


def test_the_own_address_in_the_old_form(many):
    many[0].send(encode("CLIENT", "KILL", address_of(many[0])) + encode("PING"))
    assert many[0].read_rest() == b"+OK\r\n"


def test_each_ends_the_other(many):
    """All at once, by id and in circles: nobody waits for somebody who is gone."""
    ids = [client.call("CLIENT", "ID") for client in many]
    for n, client in enumerate(many[:-1]):
        other = ids[:-1][(n + 13) % 39]
        client.send(encode("CLIENT", "LIST") * 3 + encode("CLIENT", "KILL", "ID", other) * 2)
    for client in many[:-1]:
        with contextlib.suppress(Closed):
            for _ in range(5):
                client.read()
    assert many[-1].call("PING") == "PONG"
    assert "n39" in {line["name"] for line in listed(many[-1])}


def test_askers_that_leave_at_once(many):
    """What is found for them is dropped, and their numbers are others' by then."""
    for client in many[1:]:
        client.send(encode("CLIENT", "LIST") * 20)
        client.close()
    deadline = time.monotonic() + 30
    while len(listed(many[0])) > 1:
        assert time.monotonic() < deadline


def test_more_connections_than_a_turn_looks_at(start_server):
    server = start_server("--threads", "2")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Connection(server.port)) for _ in range(700)]
        for n, client in enumerate(clients):
            client.send(encode("CLIENT", "SETNAME", f"n{n}"))
        assert [client.read() for client in clients] == ["OK"] * 700
        assert {line["name"] for line in listed(clients[5])} == {f"n{n}" for n in range(700)}
        assert clients[5].call("CLIENT", "KILL", "TYPE", "normal") == 699
        assert [is_closed(client) for client in clients] == [n != 5 for n in range(700)]
        assert len(listed(clients[5])) == 1


def test_a_server_that_stops_while_asked(start_server):
    server = start_server("--threads", "4")
    clients = [server.connect() for _ in range(8)]
    for client in clients:
        client.send(encode("CLIENT", "LIST") * 200)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0


def test_answers_in_a_pipeline_keep_their_order(many):
    """The list comes in its place, between commands on users of all threads."""
    asked = [
        command
        for n in range(30)
        for command in (["RS.ACK", 7000 + n, 1, n + 1], ["CLIENT", "LIST"], ["ECHO", n])
    ]
    replies = many[0].pipeline(asked)
    assert replies[::3] == [[1, 0]] * 30
    assert all(len(text.splitlines()) == 40 for text in replies[1::3])
    assert replies[2::3] == [str(n) for n in range(30)]


@pytest.mark.parametrize("mode", ["OFF", "SKIP"])
def test_commands_of_other_threads_are_muted(many, mode):
    """Each changes its user although nobody is told; lists of several parts stay in order."""
    users = range(8000, 8100)
    for client in many[:8]:
        raw = b"".join(
            (encode("CLIENT", "REPLY", "SKIP") if mode == "SKIP" else b"")
            + encode("RS.ACK", user, 5, 77)
            for user in users
        )
        if mode == "OFF":
            raw = encode("CLIENT", "REPLY", "OFF") + raw + encode("CLIENT", "REPLY", "ON")
        client.send(raw + encode("RS.BADGE", *users) + encode("ECHO", "end"))
        if mode == "OFF":
            assert client.read() == "OK"
        assert client.read() == [[0, 0]] * len(users)
        assert client.read() == "end"
    assert all(many[9].call("RS.GET", user, 5)[0] for user in users)


def test_messages_of_the_feed_come_in_silence(many):
    many[0].send(encode("CLIENT", "REPLY", "OFF") + encode("SUBSCRIBE", "rs:8200"))
    assert many[0].read() == ["subscribe", "rs:8200", 1]
    assert many[1].call("RS.ACK", 8200, 5, 6) == [1, 0]
    kind, channel, text = many[0].read()
    assert (kind, channel) == ("message", "rs:8200") and '"version":1' in text


def test_flags_of_a_connection(many):
    for option, letter in (("NO-EVICT", "e"), ("NO-TOUCH", "T")):
        assert many[0].call("CLIENT", option, "ON") == "OK"
        assert fields(many[0].call("CLIENT", "INFO"))["flags"] == letter
        assert many[0].call("CLIENT", option, "OFF") == "OK"
        assert fields(many[0].call("CLIENT", "INFO"))["flags"] == "N"


def test_library_in_the_list(many):
    assert many[0].call("CLIENT", "SETINFO", "LIB-NAME", "mine") == "OK"
    assert many[0].call("CLIENT", "SETINFO", "LIB-VER", "1.2") == "OK"
    (line,) = [line for line in listed(many[3]) if line["name"] == "n0"]
    assert (line["lib-name"], line["lib-ver"]) == ("mine", "1.2")


def test_a_unix_socket(start_server, tmp_path):
    path = tmp_path / "socket"
    server = start_server("--unixsocket", path)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(encode("CLIENT", "INFO"))
        text = client.recv(4096).decode()
        line = fields(text.split("\r\n")[1])
        assert line["addr"] == line["laddr"] == f"{path}:0" and line["flags"] == "U"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", listed(server.connect())[-1]["addr"])


def test_keys_of_a_command(connection):
    assert connection.call("COMMAND", "GETKEYS", "RS.GET", 9, 1) == ["9"]
    assert (
        connection.call("COMMAND", "GETKEYS", "RS.ACK", 9)
        == "ERR Invalid number of arguments specified for command"
    )
