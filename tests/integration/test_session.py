"""What a connection says of itself, as Redis 7 has it: the same bytes where both should be equal."""

import time

import pytest
from resp import Connection, ReplyError, encode

# Each begins on a connection of its own; what comes back is the same from both.
SAME = [
    [["AUTH", "x"]],
    [["AUTH", "default", "x"]],
    [["AUTH", "anna", "x"]],
    [["AUTH", "a", "b", "c"]],
    [["AUTH"]],
    [["HELLO", "3", "AUTH", "anna", "x"]],
    [["HELLO", "3", "AUTH", "anna"]],
    [["CLUSTER", "INFO"]],
    [["CLUSTER"]],
    [["TIME", "x"]],
    [["RESET", "x"]],
    [["CLIENT", "SETNAME", "anna"], ["RESET"], ["CLIENT", "GETNAME"]],
    [["HELLO", "3"], ["RESET"], ["CLIENT", "GETNAME"]],
    [["SELECT", "0"], ["SELECT", "x"], ["ECHO", "hi"], ["PING"], ["PING", "hi"]],
]


def shown(reply):
    if isinstance(reply, ReplyError):
        return f"-{reply}"
    if isinstance(reply, dict):
        return sorted(reply)
    return reply


@pytest.mark.parametrize("commands", SAME, ids=lambda commands: " / ".join(map(" ".join, commands)))
def test_as_redis_answers(shared_server, redis_port, commands):
    both = []
    for port in (shared_server.port, redis_port):
        with Connection(port) as connection:
            both.append([shown(connection.call(*command)) for command in commands])
    assert both[0] == both[1]


def test_time(connection):
    seconds, microseconds = connection.call("TIME")
    assert abs(int(seconds) - time.time()) < 60
    assert 0 <= int(microseconds) < 1_000_000


def test_a_cluster_clients_habits(connection):
    assert [connection.call("READONLY"), connection.call("READWRITE")] == ["OK", "OK"]
    assert isinstance(connection.call("HELLO", "3", "AUTH", "default", "x"), dict)


def test_reset_ends_subscriptions(shared_server):
    """As many as take several slices; and in RESP2, where little else is allowed."""
    reader = shared_server.connect(2)
    names = [f"rs:{user}" for user in range(50_001, 50_601)]
    reader.send(encode("SUBSCRIBE", *names) + encode("RS.GET", 1, 1) + encode("RESET"))
    assert [reader.read()[2] for _ in names] == list(range(1, 601))
    assert isinstance(reader.read(), ReplyError)
    assert reader.read() == "RESET"
    writer = shared_server.connect()
    writer.pipeline([["RS.ACK", user, 3, 9] for user in range(50_001, 50_601)])
    assert reader.call("RS.GET", 50_001, 4) == [None]
