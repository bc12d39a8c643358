"""What Redis clients and tools expect: HELLO, CLIENT, COMMAND, CONFIG, INFO, SHUTDOWN."""

import re

from oracle import as_map
from resp import ReplyError, Status, encode
from server import info, wait_until


def test_hello(shared_server):
    with shared_server.connect() as connection:
        for protocol in (2, 3, 2):
            reply = connection.call("HELLO", protocol)
            assert isinstance(reply, dict if protocol == 3 else list)
            hello = as_map(reply)
            assert list(hello) == ["server", "version", "proto", "id", "mode", "role", "modules"]
            assert (hello["server"], hello["proto"]) == ("readstates", protocol)
            assert (hello["mode"], hello["role"], hello["modules"]) == ("standalone", "master", [])
            assert re.fullmatch(r"\d+\.\d+\.\d+.*", hello["version"])
            assert hello["id"] == connection.call("CLIENT", "ID")
        assert as_map(connection.call("HELLO"))["proto"] == 2


def test_hello_refuses(connection):
    protocol = connection.protocol
    assert connection.call("HELLO", 4) == "NOPROTO unsupported protocol version"
    assert connection.call("HELLO", 1) == "NOPROTO unsupported protocol version"
    assert connection.call("HELLO", "x") == "ERR Protocol version is not an integer or out of range"
    assert connection.call("HELLO", 3, "FOO") == "ERR Syntax error in HELLO option 'FOO'"
    assert connection.call("HELLO", 3, "SETNAME") == "ERR Syntax error in HELLO option 'SETNAME'"
    assert as_map(connection.call("HELLO"))["proto"] == protocol


def test_hello_with_a_name(shared_server):
    with shared_server.connect() as connection:
        assert isinstance(connection.call("HELLO", 3, "SETNAME", "alice"), dict)
        assert connection.call("CLIENT", "GETNAME") == "alice"


def test_ping_and_echo(connection):
    assert connection.call("PING") == "PONG"
    assert isinstance(connection.call("PING"), Status)
    assert connection.call("PING", "a b") == "a b"
    assert connection.call("ECHO", "") == ""
    assert connection.call("ECHO", "x" * 3000) == "x" * 3000
    connection.send(b"*2\r\n$4\r\nECHO\r\n$4\r\n\x00\r\n\xff\r\n")
    assert connection.read().encode("utf-8", "surrogateescape") == b"\x00\r\n\xff"


def test_quit_answers_what_came_before_it(shared_server, user):
    with shared_server.connect() as connection:
        connection.send(encode("RS.ACK", user, 7, 100) + encode("QUIT") + encode("PING"))
        assert connection.read_rest() == b"*2\r\n:1\r\n:0\r\n+OK\r\n"


def test_select(connection):
    assert connection.call("SELECT", 0) == "OK"
    assert connection.call("SELECT", 1) == "ERR DB index is out of range"
    assert connection.call("SELECT", -1) == "ERR DB index is out of range"
    assert connection.call("SELECT", "x") == "ERR value is not an integer or out of range"


def test_client(shared_server):
    first, second = shared_server.connect(), shared_server.connect(3)
    ids = [first.call("CLIENT", "ID"), second.call("CLIENT", "ID")]
    assert ids[0] != ids[1] and min(ids) > 0
    assert ids[0] == first.call("client", "id")
    assert first.call("CLIENT", "GETNAME") in (None, "")
    assert first.call("CLIENT", "SETNAME", "alice") == "OK"
    assert first.call("CLIENT", "GETNAME") == "alice"
    assert second.call("CLIENT", "GETNAME") in (None, "")
    for name in ("a b", "a\nb"):
        expected = "ERR Client names cannot contain spaces, newlines or special characters."
        assert first.call("CLIENT", "SETNAME", name) == expected
    assert first.call("CLIENT", "GETNAME") == "alice"
    assert first.call("CLIENT", "SETINFO", "lib-name", "test") == "OK"
    assert first.call("CLIENT", "SETINFO", "LIB-VER", "1.2.3") == "OK"
    assert first.call("CLIENT", "SETINFO", "nope", "x").word == "ERR"
    assert first.call("CLIENT", "NOPE") == "ERR unknown subcommand 'NOPE'. Try CLIENT HELP."


RS_COMMANDS = {
    "rs.ack": 1,
    "rs.bulkack": 1,
    "rs.join": 1,
    "rs.get": 1,
    "rs.list": 1,
    "rs.evict": 1,
    "rs.inspect": 1,
    "rs.mention": None,
    "rs.message": None,
    "rs.badge": None,
    "rs.flush": None,
}
OTHERS = {
    "hello",
    "ping",
    "echo",
    "quit",
    "select",
    "client",
    "command",
    "config",
    "info",
    "dbsize",
    "shutdown",
}


def test_command_names_every_command(connection):
    every = connection.call("COMMAND")
    names = [entry[0] for entry in every]
    assert len(set(names)) == len(names)
    assert set(RS_COMMANDS) | OTHERS <= set(names)
    assert connection.call("COMMAND", "COUNT") == len(every)
    assert connection.call("COMMAND", "NOPE") == "ERR unknown subcommand 'NOPE'. Try COMMAND HELP."


def test_command_info(connection):
    """The user is the key of every command that takes exactly one."""
    entries = connection.call("COMMAND", "INFO", *RS_COMMANDS, "PING", "nope")
    assert entries[-1] is None
    assert entries[-2][0] == "ping"
    for (name, key), entry in zip(RS_COMMANDS.items(), entries[:-2], strict=True):
        assert len(entry) == 10
        assert entry[0] == name
        assert isinstance(entry[1], int) and entry[1] != 0
        assert isinstance(entry[2], list)
        if key is not None:
            assert entry[3:6] == [key, key, 1], name
        elif name != "rs.flush":
            assert entry[3] == 0 or name == "rs.message", name
    arity = {entry[0]: entry[1] for entry in entries[:-1]}
    assert arity["rs.bulkack"] == -4
    assert arity["rs.join"] == 4
    assert arity["rs.list"] in (2, -2)


def test_command_docs(connection):
    docs = as_map(connection.call("COMMAND", "DOCS", "rs.ack", "ping", "nope"))
    assert set(docs) == {"rs.ack", "ping"}
    for doc in docs.values():
        doc = as_map(doc)
        assert isinstance(doc["summary"], str) and doc["summary"]
        assert isinstance(doc["group"], str) and doc["group"]
    every = as_map(connection.call("COMMAND", "DOCS"))
    assert len(every) == connection.call("COMMAND", "COUNT")


def as_syntax(argument):
    """The text of the syntax that an argument of COMMAND DOCS was made of."""
    argument = as_map(argument)
    parts = [as_syntax(part) for part in argument.get("arguments", [])]
    kinds = {"pure-token": argument.get("token"), "oneof": "|".join(parts), "block": " ".join(parts)}
    text = kinds.get(argument["type"], argument["name"])
    flags = argument.get("flags", [])
    if "multiple" in flags:
        is_in_brackets = flags == ["optional", "multiple"] and "token" not in argument
        text = f"{text} ..." if is_in_brackets else f"{text} [{text} ...]"
    if "token" in argument and argument["type"] != "pure-token":
        text = f"{argument['token']} {text}"
    return f"[{text}]" if "optional" in flags else text


def test_command_docs_has_the_arguments(connection):
    """In Redis's form, in which redis-cli finds its hints; a command with subcommands has none."""
    for name, doc in as_map(connection.call("COMMAND", "DOCS")).items():
        doc = as_map(doc)
        arguments = doc.get("arguments", [])
        if " | " in doc["syntax"]:
            assert arguments == [], name
        else:
            assert " ".join(map(as_syntax, arguments)) == doc["syntax"], name


def test_config_get(connection):
    def get(*patterns):
        return as_map(connection.call("CONFIG", "GET", *patterns))

    assert get("max-channels") == {"max-channels": "100000"}
    assert get("MAX-Channels") == {"max-channels": "100000"}
    assert get("nope") == {}
    assert set(get("cache-*")) == {"cache-memory", "cache-users"}
    assert get("cache-users", "mention-ids-kept") == {"cache-users": "0", "mention-ids-kept": "16"}
    assert get("c?che-[u]sers") == {"cache-users": "0"}
    assert {"port", "data-dir", "threads", "commit-delay", "maxclients", "timeout"} <= set(get("*"))
    assert get("client-output-limit") == {"client-output-limit": str(32 * 1024 * 1024)}
    # What Redis's tools ask for, and warn without.
    assert get("save") == {"save": ""} and get("appendonly") == {"appendonly": "no"}


def test_config_set(start_server):
    connection = start_server("--threads", 2).connect()

    def get(name):
        return as_map(connection.call("CONFIG", "GET", name))[name]

    assert connection.call("CONFIG", "SET", "cache-users", 200) == "OK"
    assert get("cache-users") == "200"
    assert connection.call("CONFIG", "SET", "CACHE-MEMORY", "64mb") == "OK"
    assert get("cache-memory") == str(64 * 1024 * 1024)
    got = connection.call("CONFIG", "SET", "nope", 1)
    assert got == "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"
    for name, value in (("port", 7000), ("threads", 1), ("data-dir", "/nowhere")):
        before = get(name)
        got = connection.call("CONFIG", "SET", name, value)
        assert isinstance(got, ReplyError) and got.word == "ERR" and name in got
        assert re.search(r"live|immutable|start|runtime|running", got), got
        assert get(name) == before
    for value in ("x", "-1", "", "200x", "99999999999999999999", "1"):
        got = connection.call("CONFIG", "SET", "cache-users", value)
        assert isinstance(got, ReplyError) and got.word == "ERR" and "cache-users" in got, value
        assert get("cache-users") == "200"
    assert connection.call("CONFIG", "SET", "cache-users").word == "ERR"
    wrong = "ERR CONFIG GET takes at most 64 patterns of at most 128 bytes"
    assert connection.call("CONFIG", "GET", *["*"] * 65) == wrong
    assert connection.call("CONFIG", "GET", "port", "*" * 129) == wrong
    assert len(as_map(connection.call("CONFIG", "GET", *["*" * 128] * 64))) > 30
    assert connection.call("CONFIG", "NOPE") == "ERR unknown subcommand 'NOPE'. Try CONFIG HELP."


MEMORY_FIELDS = {
    "used_memory",
    "used_memory_cache",
    "used_memory_cache_resident",
    "used_memory_clients",
    "used_memory_store",
}
OWN_FIELDS = {
    "cached_users",
    "cached_states",
    "dirty_users",
    "evicted_users",
    "store_loads",
    "store_writes",
}


def test_info(connection, user):
    connection.call("RS.ACK", user, 7, 100)
    every = info(connection)
    for name in MEMORY_FIELDS | OWN_FIELDS:
        assert every[name].isdigit(), name
    assert int(every["used_memory_cache"]) > 0
    assert int(every["used_memory_cache_resident"]) > 0
    assert int(every["cached_users"]) > 0 and int(every["cached_states"]) > 0
    memory = info(connection, "memory")
    assert MEMORY_FIELDS <= set(memory) and not OWN_FIELDS & set(memory)
    own = info(connection, "ReadStates")
    assert OWN_FIELDS <= set(own) and not MEMORY_FIELDS & set(own)
    both = info(connection, "memory", "readstates")
    assert set(memory) | set(own) == set(both)
    assert info(connection, "nope") == {}
    assert "# Memory\r\n" in connection.call("INFO", "memory")


def test_info_counts(start_server):
    connection = start_server("--threads", 2).connect()
    connection.pipeline([("RS.BULKACK", user, 7, 1, 8, 1) for user in range(1, 11)])
    counts = info(connection, "readstates")
    assert (counts["cached_users"], counts["cached_states"], counts["dirty_users"]) == (
        "10",
        "20",
        "10",
    )
    assert counts["store_writes"] == "0"
    connection.pipeline([("RS.EVICT", user) for user in range(1, 6)])
    counts = info(connection, "readstates")
    assert (counts["cached_users"], counts["cached_states"], counts["dirty_users"]) == (
        "5",
        "10",
        "5",
    )
    assert int(counts["store_writes"]) > 0
    loads = int(counts["store_loads"])
    connection.pipeline([("RS.LIST", user) for user in range(1, 6)])
    assert int(info(connection, "readstates")["store_loads"]) == loads + 5


def test_shutdown(start_server):
    """SHUTDOWN writes all that is dirty and ends with 0; NOSAVE is refused."""
    server = start_server("--threads", 2)
    connection = server.connect()
    connection.call("RS.ACK", 1, 7, 100)
    before = connection.call("RS.LIST", 1)
    for words in (("NOSAVE",), ("FOO",), ("NOSAVE", "NOW")):
        assert connection.call("SHUTDOWN", *words).word == "ERR"
    assert connection.call("PING") == "PONG"
    connection.send(encode("SHUTDOWN"))
    assert connection.read_rest() in (b"", b"+OK\r\n")
    wait_until(lambda: server.process.poll() is not None, "the end after SHUTDOWN")
    assert server.wait() == 0
    server.start()
    assert server.connect().call("RS.LIST", 1) == before
