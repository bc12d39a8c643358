"""A bare RESP client over a socket: what goes over the wire, without a library in between."""

import select
import socket
import time

WAIT_S = 60


class ReplyError(str):
    """An error reply, as a value; the text without the dash."""

    @property
    def word(self):
        return self.split(" ", 1)[0]


class Status(str):
    """A simple string, to tell it from a bulk string."""


class Closed(Exception):
    """The server closed the connection."""


def encode(*arguments):
    """One command. Arguments are bytes, or anything whose str() is meant."""
    raw = [item if isinstance(item, bytes) else str(item).encode() for item in arguments]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(item), item) for item in raw)


class Connection:
    def __init__(self, port, protocol=2, host="127.0.0.1", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(WAIT_S)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.at = 0
        self.protocol = protocol
        if protocol != 2:
            self.hello = self.call("HELLO", protocol)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def call(self, *arguments):
        self.send(encode(*arguments))
        return self.read()

    def pipeline(self, commands):
        """Sends all, and reads all: in between nobody waits for the other, however much it is."""
        raw = memoryview(b"".join(encode(*command) for command in commands))
        replies = []
        deadline = time.monotonic() + WAIT_S
        while len(raw) > 0:
            assert time.monotonic() < deadline, "the server takes no more commands"
            readable, writable, _ = select.select([self.socket], [self.socket], [], 1)
            if writable:
                raw = raw[self.socket.send(raw[:65536], socket.MSG_DONTWAIT) :]
            if readable:
                self._receive()
        while len(replies) < len(commands):
            replies.append(self.read())
        return replies

    def read(self):
        """One reply. Maps are dicts, nulls None, errors ReplyError, texts str."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode())
        if kind == b"-":
            return ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"_":
            return None
        if kind == b"#":
            return rest == b"t"
        if kind == b",":
            return float(rest)
        if kind in (b"$", b"="):
            size = int(rest)
            if size < 0:
                return None
            text = self._bytes(size).decode("utf-8", "surrogateescape")
            return text if kind == b"$" else text[4:]
        if kind in (b"*", b"~", b">"):
            size = int(rest)
            return None if size < 0 else [self.read() for _ in range(size)]
        if kind == b"%":
            pairs = [(self.read(), self.read()) for _ in range(int(rest))]
            assert len(dict(pairs)) == len(pairs), f"a map names a key twice: {pairs}"
            return dict(pairs)
        raise AssertionError(f"no RESP reply begins with {line!r}")

    def read_rest(self):
        """All bytes until the server closes."""
        while True:
            try:
                self._receive()
            except Closed:
                rest, self.at = self.buffer[self.at :], len(self.buffer)
                return rest

    def is_quiet(self, seconds=0.2):
        """True where nothing has come, and the connection is still open."""
        return self.at == len(self.buffer) and not select.select([self.socket], [], [], seconds)[0]

    def _line(self):
        while (end := self.buffer.find(b"\r\n", self.at)) < 0:
            self._receive()
        line = self.buffer[self.at : end]
        self.at = end + 2
        return line

    def _bytes(self, size):
        while len(self.buffer) < self.at + size + 2:
            self._receive()
        chunk = self.buffer[self.at : self.at + size]
        assert self.buffer[self.at + size : self.at + size + 2] == b"\r\n"
        self.at += size + 2
        return chunk

    def _receive(self):
        try:
            chunk = self.socket.recv(1 << 20)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            raise Closed
        self.buffer = self.buffer[self.at :] + chunk
        self.at = 0
