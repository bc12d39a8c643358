"""Clients that others wrote, each with its defaults: client.py says how they are driven."""

import re
import socket
import threading

import pytest
from client import FOREIGN, KINDS, Client
from server import wait_until

# What a client may send unasked, and Redis 7 refuses in the same words.
REFUSED_BY_REDIS = {"err unknown subcommand 'maint_notifications'. try client help."}
LARGEST = 2**63 - 1
RELAY_CHUNK = 1 << 16


def every_client():
    """(name, protocol), None for its default."""
    for name, kind in KINDS.items():
        marks = [pytest.mark.foreign] if name in FOREIGN else []
        for protocol in (None, *kind.protocols[1:]):
            yield pytest.param(name, protocol, marks=marks, id=f"{name}-{protocol or 'default'}")


each_client = pytest.mark.parametrize(("name", "protocol"), list(every_client()))


@each_client
def test_commands(shared_server, user, name, protocol):
    with Client(name, shared_server.port, protocol) as client:
        assert client.call("RS.ACK", user, 7, 100) == [1, 0]
        assert client.call("RS.MENTION", 7, 101, user, user + 1) == [2, 0]
        epoch, version, full, (state,) = client.call("RS.LIST", user)
        assert (version, full) == (2, 1)
        assert isinstance(epoch, str) and epoch
        assert client.state(state) == {
            "channel": "7",
            "last_read": "100",
            "mentions": 1,
            "version": 2,
        }
        assert client.call("RS.LIST", user, "SINCE", epoch, 2) == [epoch, 2, 0, []]
        assert client.call("RS.GET", user, 8) == [None]
        assert client.call("RS.BADGE", user, user + 1, user + 2) == [[1, 1], [1, 1], [0, 0]]
        assert client.call("RS.LEAVE", user, 7, 102) == 1
        assert client.call("RS.FLUSH", user) == "OK"


@each_client
def test_the_largest_ids(shared_server, user, name, protocol):
    """Ids travel as strings, so that no language rounds them."""
    with Client(name, shared_server.port, protocol) as client:
        assert client.call("RS.ACK", user, f"255:{LARGEST}", LARGEST - 1) == [1, 0]
        (state,) = client.call("RS.GET", user, f"255:{LARGEST}")
        state = client.state(state)
        assert state["channel"] == f"255:{LARGEST}"
        assert state["last_read"] == str(LARGEST - 1)


@each_client
def test_errors(shared_server, user, name, protocol):
    """They come as the library's own kind of error, and leave the connection as it is."""
    with Client(name, shared_server.port, protocol) as client:
        expected = "message id must be 1 to 9223372036854775807, got '-5'"
        assert client.refusal("RS.ACK", user, 7, -5) == expected
        assert client.refusal("RS.ACK", user, 7, 1, "IFVERSION", 9).startswith("VERSION ")
        assert client.refusal("GET", user).startswith("unknown command 'GET'")
        expected = "wrong number of arguments for 'rs.ack' command"
        assert client.refusal("RS.ACK", user) == expected
        assert client.call("RS.ACK", user, 7, 1) == [1, 0]


@each_client
def test_pipeline(shared_server, user, name, protocol):
    with Client(name, shared_server.port, protocol) as client:
        commands = [("RS.ACK", user, 7, message) for message in range(1, 3001)]
        replies = client.call_all("pipeline", commands)
        assert replies == [[version, 0] for version in range(1, 3001)]
        wrong = ["RS.ACK", str(user), "7", "x"]
        right = ["RS.ACK", str(user), "7", "1"]
        answers = client.ask("pipeline", commands=[right, wrong, right])["answers"]
        assert [list(answer) for answer in answers] == [["reply"], ["error"], ["reply"]]


@each_client
def test_pool(shared_server, user, name, protocol):
    """As many connections at once as the library takes by itself."""
    with Client(name, shared_server.port, protocol) as client:
        commands = [("RS.MENTION", channel, 5, user) for channel in range(1, 401)]
        assert client.call_all("parallel", commands) == [[1, 0]] * 400
        assert client.call("RS.BADGE", user) == [[400, 400]]


def check_message(message, user, version, cause, **state):
    assert list(message) == ["user", "epoch", "version", "cause", "states"]
    assert (message["user"], message["version"], message["cause"]) == (str(user), version, cause)
    assert message["states"] == [state | {"version": version}]


@each_client
def test_feed(shared_server, user, name, protocol):
    """From the confirmation on nothing is missed; after the end nothing comes, and commands go on."""
    channel = f"rs:{user}"
    other = shared_server.connect()
    with Client(name, shared_server.port, protocol) as client:
        client.subscribe(channel)
        epoch, version, _, states = client.call("RS.LIST", user)
        assert (version, states) == (0, [])
        assert other.call("RS.ACK", user, 7, LARGEST) == [1, 0]
        assert client.call("RS.MENTION", 8, 5, user) == [1, 0]
        first = client.message(channel)
        check_message(first, user, 1, "ack", channel="7", last_read=str(LARGEST), mentions=0)
        assert first["epoch"] == epoch
        second = client.message(channel)
        check_message(second, user, 2, "mention", channel="8", last_read="0", mentions=1)
        client.unsubscribe(channel)
        assert client.call("RS.ACK", user, 8, 5) == [3, 0]
        client.subscribe(channel)
        assert client.call("RS.ACK", user, 8, 6) == [4, 0]
        assert client.message(channel)["version"] == 4


@each_client
def test_restart(start_server, user, name, protocol):
    """The server goes and comes back on the same port: so does the client, and finds everything."""
    server = start_server("--threads", 2)
    with Client(name, server.port, protocol) as client:
        client.may_be_lost = True
        client.call_all("parallel", [("RS.ACK", user, channel, 100) for channel in range(1, 101)])
        before = client.call("RS.LIST", user)
        for _ in range(2):
            server.restart(on_same_port=True)
            assert client.call_again("RS.LIST", user) == before
        # All the connections of its pool come back, though some libraries notice at the next use only.
        client.call_all_again([("RS.ACK", user, channel, 101) for channel in range(1, 101)])
        assert client.call("RS.LIST", user)[1] == 200
        commands = [("RS.ACK", user, channel, 102) for channel in range(1, 101)]
        replies = client.call_all("parallel", commands)
        assert sorted(version for version, _ in replies) == list(range(201, 301))


@each_client
def test_feed_after_a_restart(start_server, user, name, protocol):
    """The client subscribes anew, and asks for what it missed, from the version it knows."""
    server = start_server("--threads", 2)
    channel = f"rs:{user}"
    with Client(name, server.port, protocol) as client:
        client.may_be_lost = True
        client.subscribe(channel)
        assert client.call("RS.ACK", user, 7, 1) == [1, 0]
        known = client.message(channel)
        server.restart(on_same_port=True)
        assert client.call_again("RS.ACK", user, 8, 1) == [2, 0]
        heard = threading.Event()

        def change():
            """Until one of the changes is heard of: when it has subscribed only the client knows."""
            with server.connect() as other:
                for message in range(2, 600):
                    assert other.call("RS.ACK", user, 7, message)[1] == 0
                    if heard.wait(0.1):
                        return

        changing = threading.Thread(target=change)
        changing.start()
        try:
            message = client.message(channel)
        finally:
            heard.set()
            changing.join()
        assert message["epoch"] == known["epoch"] and message["version"] > known["version"]
        missed = client.call("RS.LIST", user, "SINCE", known["epoch"], known["version"])
        assert missed[2] == 0
        assert [client.state(state)["channel"] for state in missed[3]] == ["7", "8"]


class Relay:
    """Stands between a client and the server, and keeps what the server says."""

    def __init__(self, port):
        self.port_behind = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.said = {}
        self.threads = []

    def __enter__(self):
        self._run(self._accept)
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def errors(self):
        texts = [bytes(said) for said in self.said.values()]
        return {
            error.decode()
            for text in texts
            for error in re.findall(rb"(?:\A|\r\n)-([^\r]*)(?=\r\n)", text)
        }

    def _run(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port_behind))
            self.said[server] = bytearray()
            self._run(self._pass_on, client, server, bytearray())
            self._run(self._pass_on, server, client, self.said[server])

    @staticmethod
    def _pass_on(source, target, kept):
        try:
            while chunk := source.recv(RELAY_CHUNK):
                kept += chunk
                target.sendall(chunk)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@each_client
def test_what_it_sends_by_itself_is_known(shared_server, user, name, protocol):
    """Greetings, checks that the server is ready, names of libraries: none of it is an error."""
    with Relay(shared_server.port) as relay:
        with Client(name, relay.port, protocol) as client:
            assert client.call("RS.ACK", user, 7, 1) == [1, 0]
            client.call_all("pipeline", [("PING",), ("RS.LIST", user)])
            client.call_all("parallel", [("RS.LIST", user)] * 20)
        wait_until(lambda: len(relay.said) > 0, "a connection")
        assert {error.lower() for error in relay.errors()} <= REFUSED_BY_REDIS
