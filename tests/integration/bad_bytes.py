"""Bytes that are no command, or one that no shard sees.

Each with all that must come back, whether the connection is kept, and whether Redis 7 answers the
same.
"""

from dataclasses import dataclass

from bad_input import ARGUMENT_BYTES_MAX, ARGUMENTS_MAX, COMMANDS, FEED, Case, refused
from resp import encode

INLINE_BYTES_MAX = 64 * 1024
PONG = b"+PONG\r\n"


@dataclass(frozen=True)
class Raw(Case):
    as_redis: bool = True


def broken(raw, text, as_redis=True):
    """A protocol error: answered, then the connection is closed."""
    return Raw(raw, refused(f"Protocol error: {text}"), closes=True, as_redis=as_redis)


def kept(raw, reply, as_redis=True):
    return Raw(raw, reply, as_redis=as_redis)


def unknown(name, *arguments):
    quoted = "".join(f"'{text}' " for text in arguments)
    return refused(f"unknown command '{name}', with args beginning with: {quoted}")


def printed(byte):
    return chr(byte) if 32 <= byte <= 126 else f"\\x{byte:02x}"


# What RESP2 and RESP3 have beside bulk strings.
OTHER_TYPES = (
    b":5\r\n", b":-1\r\n", b"+OK\r\n", b"-ERR x\r\n", b"*0\r\n", b"*-1\r\n", b"*1\r\n$1\r\n7\r\n",
    b"_\r\n", b"#t\r\n", b",1.5\r\n", b",inf\r\n", b"(12345678901234567890\r\n",
    b"!5\r\nERR x\r\n", b"=5\r\ntxt:7\r\n", b"%1\r\n$1\r\na\r\n$1\r\n7\r\n", b"~1\r\n$1\r\n7\r\n",
    b">1\r\n$1\r\n7\r\n", b"|1\r\n$1\r\na\r\n$1\r\n7\r\n", b"%0\r\n", b"|0\r\n",
)  # fmt: skip
# As the beginning of a command they are words of an inline one.
OTHER_HEADS = (
    b"$4", b"+PING", b":1", b"_", b"#t", b",1.5", b"(1", b"!4", b"=8", b"~1", b"%1", b">1", b"|1",
    b"-ERR",
)  # fmt: skip

BAD_COUNTS = (
    b"", b"x", b"1x", b"x1", b"+1", b" 1", b"1 ", b"01", b"00", b"-0", b"-", b"--1", b"-1x", b"-01",
    b"1.0", b"1e1", b"0x1", b"\x00", b"1\x00", b"\xff", b"?", b"-" + b"9" * 20, b"$1", b"*1",
)  # fmt: skip
# A size is never negative: a null bulk string is no argument.
BAD_SIZES = (*BAD_COUNTS, b"-1", b"-2", b"-9223372036854775808")

UNBALANCED = (
    b'"PING', b"'PING", b'PING "', b"PING '", b'PING "a', b"PING 'a", b'"PING"x', b"'PING'x",
    b'PING "a"b', b'PING "a\\"', b"PING 'a\\'", b"PING \"a'", b"PING 'a\"", b'""x', b"''x",
    b'PING """"', b'PING "\\x4',
)  # fmt: skip
# They ask for nothing.
EMPTY = (
    b"\r\n", b"\n", b" \r\n", b"\t\r\n", b"*0\r\n", b"*-1\r\n", b"*-5\r\n",
    b"*-999999999999999999\r\n",
)  # fmt: skip

NO_COMMANDS = (
    "foo", "FoO", "rs.nope", "rs.", "rs", "rs.ackk", "rs.ac", "rs.ack ", " rs.ack", "rs_ack",
    "rs-ack", "%s%n", "x" * 128, "rs.ackrs.ackrs.ackrs.ack", "'", "''", "\\", '"',
)  # fmt: skip
WRONG_ARITY = (
    ("ECHO",), ("ECHO", "a", "b"), ("SELECT",), ("SELECT", 0, 0), ("PING", "a", "b"), ("DBSIZE", 1),
    ("CLIENT",), ("CONFIG",),
)  # fmt: skip
WRONG_ARITY_OF_SUBCOMMANDS = (
    ("CLIENT", "ID", "x"), ("CLIENT", "SETNAME"), ("CLIENT", "SETNAME", "a", "b"),
    ("CLIENT", "GETNAME", "x"), ("CONFIG", "GET"), ("CONFIG", "SET"), ("CONFIG", "SET", "a"),
)  # fmt: skip
# As Redis reads integers.
NO_INTEGERS = (
    b"", b"x", b"3x", b" 3", b"3 ", b"+3", b"03", b"00", b"-0", b"-03", b"3.0", b"\x00", b"3\x00",
    b"9" * 20, b"-" + b"9" * 20,
)  # fmt: skip
NO_NAMES = (b" ", b"a b", b"a\n", b"\r\n", b"\x00", b"\x7f", b"\xff", "é".encode())


def counts_and_sizes():
    for text in BAD_COUNTS:
        as_redis = b"\x00" not in text  # Redis waits for more bytes then, for ever.
        yield broken(b"*" + text + b"\r\n", "invalid multibulk length", as_redis)
        yield broken(b"*" + text + b"\r\n$4\r\nPING\r\n", "invalid multibulk length", as_redis)
    for text in BAD_SIZES:
        as_redis = b"\x00" not in text
        yield broken(b"*1\r\n$" + text + b"\r\nPING\r\n", "invalid bulk length", as_redis)
        raw = encode("RS.ACK", 7, 42, 9).replace(b"$2", b"$" + text)
        yield broken(raw, "invalid bulk length", as_redis)
    # A line that does not end with CRLF; Redis looks for the CR alone.
    for raw in (b"*1\n$4\r\nPING\r\n", b"*1\r\r\n", b"*1\r$4\r\nPING\r\n"):
        yield broken(raw, "invalid multibulk length", as_redis=False)
    for raw in (b"*1\r\n$4\nPING\r\n", b"*1\r\n$4\rxPING\r\n"):
        yield broken(raw, "invalid bulk length", as_redis=False)


def types():
    for byte in range(256):
        if byte != ord("$"):
            text = f"expected '$', got '{printed(byte)}'"
            is_same = 32 <= byte <= 126
            yield broken(b"*1\r\n" + bytes([byte]) + b"4\r\nPING\r\n", text, is_same)
            yield broken(b"*2\r\n$4\r\nECHO\r\n" + bytes([byte]) + b"1\r\na\r\n", text, is_same)
    # A RESP3 type, or a nested array, in the place of each argument of each command.
    for name, row in COMMANDS.items():
        kinds = row.first + row.more + row.maybe
        words = [name.upper().encode(), *(kind.good[0] for kind in kinds)]
        heads = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        for at in range(len(words)):
            for other in OTHER_TYPES:
                raw = b"*%d\r\n" % len(words) + b"".join([*heads[:at], other, *heads[at + 1 :]])
                yield broken(raw, f"expected '$', got '{chr(other[0])}'")
    # Too deep.
    for depth in (2, 3, 10, 1000):
        yield broken(b"*1\r\n" * depth + b"$4\r\nPING\r\n", "expected '$', got '*'")


def sizes_that_lie():
    """Longer or shorter than what they head: a command must not end there. Redis lets it."""
    text = "expected CRLF behind an argument, got"
    for name in COMMANDS:
        good = encode(name, *range(1, 4))
        for size, byte in ((len(name) - 1, name[-1]), (len(name) + 1, "\\x0a")):
            raw = good.replace(b"$%d" % len(name), b"$%d" % size, 1)
            yield broken(raw, f"{text} '{byte}'", as_redis=False)
    for end, byte in (b"x\r\n", "x"), (b"\n\r", "\\x0a"), (b"\r\r", "\\x0d"), (b"\r*", "*"):
        yield broken(b"*1\r\n$4\r\nPING" + end, f"{text} '{byte}'", as_redis=False)
    yield broken(b"*1\r\n$1\r\n*1\r\n*1\r\n", f"{text} '1'", as_redis=False)
    # A count too small: what is left over begins no array.
    yield kept(b"*1\r\n$4\r\nPING\r\n$1\r\na\r\n", PONG + unknown("$1") + unknown("a"))


def limits():
    too_many = f"too many arguments, max-arguments is {ARGUMENTS_MAX}"
    too_big = f"too big an argument, max-argument-bytes is {ARGUMENT_BYTES_MAX}"
    for count in (ARGUMENTS_MAX + 1, 9999, 2**31, 2**63 - 1, 2**63, 2**64 + 1, 10**19, 10**40):
        yield broken(b"*%d\r\n" % count, too_many, as_redis=False)
        yield broken(b"*%d\r\n$4\r\nPING\r\n" % count, too_many, as_redis=False)
    for size in (ARGUMENT_BYTES_MAX + 1, 9999, 2**31, 2**63 - 1, 2**63, 2**64 + 4, 10**19, 10**40):
        yield broken(b"*1\r\n$%d\r\nPING\r\n" % size, too_big, as_redis=False)
        yield broken(b"*4\r\n$6\r\nRS.ACK\r\n$%d\r\n7\r\n" % size, too_big, as_redis=False)
    for name in COMMANDS:
        yield broken(encode(name, "1" * (ARGUMENT_BYTES_MAX + 1), 1), too_big, as_redis=False)
    yield broken(b"RS.BADGE" + b" 1" * ARGUMENTS_MAX + b"\r\n", too_many, as_redis=False)
    yield broken(b"ECHO " + b"1" * (ARGUMENT_BYTES_MAX + 1) + b"\r\n", too_big, as_redis=False)
    yield broken(b'ECHO "' + b"1" * (ARGUMENT_BYTES_MAX + 1) + b'"\r\n', too_big, as_redis=False)
    yield broken(b"1" * (INLINE_BYTES_MAX + 1), "too big inline request")
    yield broken(b" " * (INLINE_BYTES_MAX + 1), "too big inline request")
    # The longest that are taken.
    most = b"1" * ARGUMENT_BYTES_MAX
    yield kept(encode("ECHO", most), b"$%d\r\n%s\r\n" % (len(most), most))
    yield kept(b"ECHO " + most + b"\r\n", b"$%d\r\n%s\r\n" % (len(most), most))
    yield kept(b" " * (INLINE_BYTES_MAX - 5) + b"PING\r\n", PONG)
    yield kept(encode(most), unknown("1" * 128))
    words = ["PING"] + ["x"] * (ARGUMENTS_MAX - 1)
    text = "wrong number of arguments for 'ping' command"
    yield kept(encode(*words), refused(text))
    yield kept(" ".join(words).encode() + b"\r\n", refused(text))


def inline():
    for line in UNBALANCED:
        yield broken(line + b"\r\n", "unbalanced quotes in request")
        yield broken(line + b"\n", "unbalanced quotes in request")
    for line in (b"\x00", b"PING\x00", b"\x00PING", b"PING \x00", b'PING "\x00"'):
        yield broken(line + b"\r\n", "unexpected '\\x00' in inline request", as_redis=False)
    for line in EMPTY:
        yield kept(line + b"PING\r\n", PONG)
        yield kept(3 * line + b"PING\r\n", PONG)
    yield kept(b"PING\n", PONG)
    yield kept(b"  PING  \r\n", PONG)
    yield kept(b'"PING" "a\\x00\\n\\\\\\""\r\n', b'$5\r\na\x00\n\\"\r\n')
    yield kept(b"PING 'a\\'\\x00'\r\n", b"$6\r\na'\\x00\r\n")
    yield kept(b'""\r\n', unknown(""))
    yield kept(b"FOO \"\" '' a\r\n", unknown("FOO", "", "", "a"))
    yield kept(b"*1\r\n$0\r\n\r\n", unknown(""))
    for head in OTHER_HEADS:
        yield kept(head + b"\r\nPING\r\n", unknown(head.decode()) + PONG)
    answers = unknown("%1") + unknown("$4") + PONG + unknown("$1") + unknown("a")
    yield kept(b"%1\r\n$4\r\nPING\r\n$1\r\na\r\n", answers)


def unknown_commands():
    for name in NO_COMMANDS:
        yield kept(encode(name), unknown(name))
        yield kept(encode(name, 7, 42, "a b"), unknown(name, "7", "42", "a b"))
    # What is shown is cut, line ends are spaces, a NUL ends it; other bytes are as they came.
    yield kept(encode("x" * 129, "y"), unknown("x" * 128, "y"))
    yield kept(encode("foo", "y" * 100, "z" * 100), unknown("foo", "y" * 100, "z" * 25))
    yield kept(encode("foo", "y" * 300, "z"), unknown("foo", "y" * 128))
    yield kept(encode("foo", *range(300)), unknown("foo", *range(28)))
    yield kept(encode("a\r\nb", "c\nd"), unknown("a  b", "c d"))
    yield kept(encode(b"rs.ack\x00", 7, 42, 9), unknown("rs.ack", "7", "42", "9"))
    yield kept(encode(b"ping\x00", b"a\x00b"), unknown("ping", "a"))
    reply = unknown("?", "\x01\x7f").replace(b"?", b"\xff\xfe")
    yield kept(encode(b"\xff\xfe", b"\x01\x7f"), reply)


def connection_commands():
    """Those that Redis has too, and what both say to a wrong one."""
    for name, *arguments in WRONG_ARITY:
        text = f"wrong number of arguments for '{name.lower()}' command"
        yield kept(encode(name, *arguments), refused(text))
        yield kept(encode(name.lower(), *arguments), refused(text))
    for name, word, *arguments in WRONG_ARITY_OF_SUBCOMMANDS:
        text = f"wrong number of arguments for '{name.lower()}|{word.lower()}' command"
        yield kept(encode(name, word, *arguments), refused(text))
    for text in NO_INTEGERS:
        yield kept(encode("SELECT", text), refused("value is not an integer or out of range"))
        wrong = refused("Protocol version is not an integer or out of range")
        yield kept(encode("HELLO", text), wrong)
    for text in ("-1", "16", "2147483647"):
        yield kept(encode("SELECT", text), refused("DB index is out of range"))
    for text in ("0", "1", "4", "-1", "-3", "2147483647"):
        yield kept(encode("HELLO", text), b"-NOPROTO unsupported protocol version\r\n")
    wrong = refused("Client names cannot contain spaces, newlines or special characters.")
    for text in NO_NAMES:
        yield kept(encode("CLIENT", "SETNAME", text), wrong)


def all_of_them():
    yield from counts_and_sizes()
    yield from types()
    yield from sizes_that_lie()
    yield from limits()
    yield from inline()
    yield from unknown_commands()
    yield from connection_commands()


# In RESP2 a connection that reads the feed may do no more than this.
ALLOWED_TO_SUBSCRIBERS = ("subscribe", "unsubscribe", "ping", "quit", "reset")
SUBSCRIBED = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nrs:7\r\n:1\r\n"
UNSUBSCRIBED = b"*3\r\n$11\r\nunsubscribe\r\n$4\r\nrs:7\r\n:0\r\n"


def of_subscriber(words, reply, as_redis=True):
    """Between SUBSCRIBE and UNSUBSCRIBE, in RESP2."""
    raw = encode("SUBSCRIBE", "rs:7") + encode(*words) + encode("UNSUBSCRIBE")
    return kept(raw, SUBSCRIBED + reply + UNSUBSCRIBED, as_redis)


def not_now(name):
    return refused(
        f"Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are"
        " allowed in this context"
    )


def subscribers(arities):
    """Misuse of a connection that reads the feed. `arities`: of all commands there are."""
    redis_has = ("echo", "select", "dbsize", "time", "hello", "info", "shutdown")
    for name, arity in arities.items():
        as_redis = name in redis_has
        row = COMMANDS.get(name)
        good = [kind.good[0] for kind in row.first + row.more] if row else ["1"] * (abs(arity) - 1)
        # A word that names no subcommand may be told of first.
        if name not in ALLOWED_TO_SUBSCRIBERS and (row or arity != -2):
            yield of_subscriber([name.upper(), *good], not_now(name), as_redis)
            # That comes before any look at the arguments, but for their number.
            yield of_subscriber([name, *(["x"] * len(good))], not_now(name), as_redis)
        if abs(arity) > 1:
            wrong = refused(f"wrong number of arguments for '{name}' command")
            yield of_subscriber([name], wrong, as_redis)
    for words in (["foo"], ["rs.nope", "7"], ["SUBSCRIBE7", "rs:7"]):
        yield of_subscriber(words, unknown(*words))
    yield of_subscriber(["PING"], b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")
    yield of_subscriber(["PING", "a"], b"*2\r\n$4\r\npong\r\n$1\r\na\r\n")
    yield of_subscriber(["PING", 1, 2], refused("wrong number of arguments for 'ping' command"))
    yield of_subscriber(["SUBSCRIBE", "rs:7"], SUBSCRIBED)
    wrong = refused(f"channel must be {FEED.must}, got 'x'")
    for words in (["SUBSCRIBE", "x"], ["SUBSCRIBE", "rs:8", "x"], ["UNSUBSCRIBE", "rs:7", "x"]):
        yield of_subscriber(words, wrong, as_redis=False)


def http(body):
    """What a web page can make a browser send: the connection is closed before the body is read."""
    get = unknown("GET", "/", "HTTP/1.1")
    for raw, reply in (
        (b"POST / HTTP/1.1\r\n", b""),
        (b"post / HTTP/1.1\r\nContent-Length: 10\r\n\r\n", b""),
        (b"Host: localhost:6677\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: localhost:6677\r\nAccept: */*\r\n\r\n", get),
        (b"GET / HTTP/1.1\r\nUser-Agent: x\r\nhOST: a\r\n\r\n", get + unknown("User-Agent:", "x")),
        (b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", unknown("PUT", "/", "HTTP/1.1")),
        (encode("POST", "/"), b""),
        (encode("Host:", "a"), b""),
    ):
        yield Raw(raw + body, reply, closes=True)
