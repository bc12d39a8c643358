"""Everything that can be wrong with a command, and the error that must say so.

COMMANDS has a row for each command on read states: what its arguments are. From a row come its bad
commands and, by `judge`, what the server must answer to each. It is written from the contract, and
knows nothing of the server's code. A new command needs its row here, and a new kind of argument or
option its rules; nothing else.
"""

import itertools
import re
from dataclasses import dataclass

from resp import encode

MAX = 2**63 - 1

# Of good arguments. Any change to WATCHED's channel by them would be seen.
WATCHED = 7
CHANNEL_ID = 42
MESSAGE_ID = 1000

# A name counts as one argument.
ARGUMENTS_MAX = 4096
ARGUMENT_BYTES_MAX = 4096
BULK_MAX = 1000
SHOWN_MAX = 64


@dataclass(frozen=True)
class Kind:
    """Of an argument: its name and bounds as errors tell them, what is good, what is bad."""

    what: str
    must: str
    accepts: callable
    good: tuple
    bad: tuple

    def judge(self, text):
        if not self.accepts(text):
            return f"{self.what} must be {self.must}, got '{shown(text)}'"
        return None


@dataclass(frozen=True)
class Row:
    """first; then `more`, at least so many times; or `maybe`, or not; or options."""

    first: tuple = ()
    more: tuple = ()
    more_least: int = 1
    maybe: tuple = ()
    more_max: int | None = None
    options: object = None


def shown(text):
    """What was sent, as an error quotes it."""
    return "".join(chr(c) if 32 <= c <= 126 else f"\\x{c:02x}" for c in text[:SHOWN_MAX])


# ---- kinds of arguments


BAD_NUMBERS = (
    b"", b" ", b"-", b"+", b"-1", b"+1", b"-0", b"+0", b"--1", b"00", b"01", b"007",
    b"0000000000000000001", b" 1", b"1 ", b"1\t", b"\t1", b"1\n", b"\n1", b"1\r\n", b"\r\n", b"1 2",
    b"1\x00", b"\x001", b"\x00", b"x", b"1x", b"x1", b"0x1", b"1e3", b"1.0", b"1.", b".1", b"1,000",
    b"1_000", b"1-", b"1/", b"/1", b"1;", b"NaN", b"inf", b"true", b"null", b"nil", b"*", b"$1",
    b":1", b"%s%s%s%n", b"'1'", b'"1"', b"\\x31", b"1\x7f", "１".encode(), "٣".encode(),
    "½".encode(), b"\xff", b"1\xff", b"\xc3\x28", b"\x80" * 8, b"\x1b[31m", b"1234567x",
    b"x1234567", b"123456789:", b"12345678/1234567", b"1234567890123456x8", b"123456789012345678x",
    b"1" * 20, b"9" * 20, b"0" * 20, b"1" * 21, b"9" * 63, b"9" * 64, b"9" * 65, b"\xff" * 64,
    b"\xff" * 65, b"1" * 63 + b"\x00\x01", b"0" * 300, b" " * 300, b"\x00" * 300,
    b"1" * ARGUMENT_BYTES_MAX, b"\xfe" * ARGUMENT_BYTES_MAX,
    *(b"%d" % n for n in (2**31, 2**32, 2**32 + 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, 2**64 + 1)),
    b"1" + b"0" * 19,
    *(b"-%d" % n for n in (7, 2**31, 2**63, 2**63 + 1, 2**64 - 1)),
)  # fmt: skip

BAD_TYPES = (
    b"", b" ", b"256", b"257", b"999", b"1000", b"-1", b"+1", b"-0", b"01", b"00", b"000", b"0255",
    b" 1", b"1 ", b"x", b"0x1", b"1.0", b"1\x00", b"\xff", b"4294967296", b"18446744073709551616",
    b"rs", b"1" * 300,
)  # fmt: skip


def is_number(text, lowest, highest):
    return re.fullmatch(rb"0|[1-9][0-9]{0,18}", text) is not None and lowest <= int(text) <= highest


def number(what, lowest, highest, good):
    edges = (b"%d" % (lowest - 1), b"%d" % (highest + 1), b"%d" % (10 * highest + 9), b"0")
    good = tuple(b"%d" % n for n in (good, highest, lowest))
    return Kind(
        what,
        f"{lowest} to {highest}",
        lambda text: is_number(text, lowest, highest),
        good,
        tuple(
            text
            for text in dict.fromkeys((*BAD_NUMBERS, *edges))
            if not is_number(text, lowest, highest)
        ),
    )


def is_channel(text):
    kind, colon, rest = text.rpartition(b":")
    return is_number(rest, 1, MAX) and (not colon or is_number(kind, 0, 255))


BAD_CHANNELS = (
    *BAD_NUMBERS, b"0", *(b"1:" + text for text in (*BAD_NUMBERS, b"0")),
    *(text + b":1" for text in BAD_TYPES), b":", b"::", b":1:", b"1:2:3", b"1::1", b"0:0", b"255:0",
    b"256:0", b"1;1", b"1,1", b"1.1", b"1/1", b"1:1:", b"1:1 ", b"1: 1", b"1 :1", b"rs:7",
    b"0255:1", b"2550:1", b"25:5:1",
)  # fmt: skip

BAD_FEEDS = (
    b"", b"7", b"rs", b"rs;7", b"rs:rs:7", b"RS:7", b"Rs:7", b" rs:7", b"rs :7", b"rs: 7", b"rs:7 ",
    b"rs:*", b"rs:7*", b"rs:?", b"rs:[17]", b"rs:7,8", b"rs::7", b":7", b"s:7", b"r", b"rs:7:8",
    b"xrs:7", b"\x00rs:7", b"rs\x00:7", b"__keyspace@0__:7", b"*", b"\xff" * 65,
    *(b"rs:" + text for text in (*BAD_NUMBERS, b"0")),
)  # fmt: skip

USER = number("user id", 1, MAX, WATCHED)
MESSAGE = number("message id", 1, MAX, MESSAGE_ID)
MESSAGE_OR_0 = number("message id", 0, MAX, MESSAGE_ID)
TIMESTAMP = number("timestamp", 1, 2**53 - 1, 1_700_000_000_000)
VERSION = number("version", 0, MAX, 1)
CHANNEL = Kind(
    "channel",
    f"ID or TYPE:ID with TYPE 0 to 255 and ID 1 to {MAX}",
    is_channel,
    (b"%d" % CHANNEL_ID, b"0:%d" % CHANNEL_ID, b"255:%d" % MAX),
    tuple(text for text in dict.fromkeys(BAD_CHANNELS) if len(text) <= ARGUMENT_BYTES_MAX),
)
COMMIT = Kind(
    "COMMIT",
    "now or delayed",
    lambda text: text.lower() in (b"now", b"delayed"),
    (b"delayed", b"NOW"),
    (b"", b"no", b"noww", b"now ", b" now", b"later", b"always", b"1", b"now\x00", b"\xff" * 70),
)
FEED = Kind(
    "channel",
    f"rs: and a user id of 1 to {MAX}",
    lambda text: text.startswith(b"rs:") and is_number(text[3:], 1, MAX),
    (b"rs:%d" % WATCHED, b"rs:1"),
    tuple(text for text in BAD_FEEDS if len(text) <= ARGUMENT_BYTES_MAX),
)
# Any text is some server's.
EPOCH = Kind("epoch", "", lambda _: True, (b"e", b"", b"\x00\xff", b"e-1"), ())


# ---- options: their names, judge(arguments) for the error or None, good and bad arguments


WRONG_WORDS = (
    b"", b" ", b"x", b"0", b"NOPE", b"MANUA", b"MANUALS", b" MANUAL", b"MANUAL ", b"MANUAL\x00",
    b"MENTION", b"MENTIONSS", b"SINC", b"SINCES", b"NOACKS", b"NO", b"--MANUAL", b"m\xc3\xa4nual",
    b"\x00", b"\xff" * 65, b"XX", b"NX", b"EX", b"LIMIT", b"y" * 64, b"y" * 65,
)  # fmt: skip


class AckOptions:
    values = {
        b"MANUAL": None,
        b"MENTIONS": number("MENTIONS", 0, 2**31 - 1, 3),
        b"VIEWED": number("VIEWED", 0, 65535, 5000),
        b"FLAGS": number("FLAGS", 0, 65535, 1),
        b"IFVERSION": number("IFVERSION", 0, MAX, 1),
        b"COMMIT": COMMIT,
    }
    words = frozenset(values)
    must = (
        "an option of RS.ACK must be MANUAL, MENTIONS, VIEWED, FLAGS, IFVERSION or COMMIT,"
        " each at most once"
    )

    def judge(self, arguments):
        seen = set()
        rest = iter(arguments)
        for text in rest:
            word = text.upper()
            if word not in self.values or word in seen:
                return f"{self.must}, got '{shown(text)}'"
            seen.add(word)
            kind = self.values[word]
            if kind is None:
                continue
            value = next(rest, None)
            if value is None:
                return f"{word.decode()} must be followed by a value"
            if error := kind.judge(value):
                return error
        if b"MENTIONS" in seen and b"MANUAL" not in seen:
            return "MENTIONS must come with MANUAL"
        return None

    def good(self):
        """Lists of arguments that are taken; all options are in them."""
        each = [
            (name,) if kind is None else (name, kind.good[0]) for name, kind in self.values.items()
        ]
        yield ()
        yield tuple(itertools.chain(*each))
        yield tuple(itertools.chain(*reversed(each)))
        yield from each[2:]
        yield (b"manual",)

    def bad(self):
        manual = (b"MANUAL",)
        for name, kind in self.values.items():
            words = (name,) if kind is None else (name, kind.good[0])
            yield (*manual, *words, *words) if words != manual else (*manual, *manual)
            yield (*words, *words, *manual)
            yield (*words, name.lower())
            if kind is not None:
                yield (name,)
                yield (*manual, name)
                yield from ((*manual, name, bad) for bad in kind.bad)
                yield from ((name, kind.good[0], bad) for bad in WRONG_WORDS)
        yield (b"MENTIONS", b"3")
        yield (b"VIEWED", b"1", b"MENTIONS", b"0")
        yield from ((bad,) for bad in WRONG_WORDS)
        yield from ((*manual, bad) for bad in WRONG_WORDS)


class ListOptions:
    words = frozenset({b"SINCE"})
    must = "an option of RS.LIST must be SINCE, at most once"

    def judge(self, arguments):
        if not arguments:
            return None
        if arguments[0].upper() != b"SINCE":
            return f"{self.must}, got '{shown(arguments[0])}'"
        if len(arguments) < 3:
            return "SINCE must be followed by an epoch and a version"
        if error := VERSION.judge(arguments[2]):
            return error
        if len(arguments) > 3:
            return f"{self.must}, got '{shown(arguments[3])}'"
        return None

    def good(self):
        yield ()
        yield from ((b"SINCE", epoch, b"1") for epoch in EPOCH.good)

    def bad(self):
        yield from ((bad,) for bad in WRONG_WORDS)
        yield from ((bad, b"e", b"1") for bad in WRONG_WORDS)
        yield from ((b"SINCE", b"e", bad) for bad in VERSION.bad)
        yield from ((b"SINCE", b"e", b"1", bad) for bad in WRONG_WORDS)
        yield (b"SINCE",)
        yield (b"SINCE", b"e")
        yield (b"SINCE", b"SINCE", b"SINCE")
        yield (b"SINCE", b"e", b"1", b"SINCE", b"e", b"1")


class MessageOptions:
    words = frozenset({b"NOACK", b"MENTIONS"})
    must = "an option of RS.MESSAGE must be NOACK or MENTIONS, each at most once"

    def judge(self, arguments):
        rest = list(arguments)
        if rest and rest[0].upper() == b"NOACK":
            rest.pop(0)
        if not rest:
            return None
        if rest[0].upper() != b"MENTIONS":
            return f"{self.must}, got '{shown(rest[0])}'"
        if len(rest) == 1:
            return "MENTIONS must be followed by a user id"
        return first_error(USER.judge(text) for text in rest[1:])

    def good(self):
        yield ()
        yield (b"NOACK",)
        yield (b"MENTIONS", b"8", b"9")
        yield (b"noack", b"mentions", b"8")

    def bad(self):
        for before in ((), (b"NOACK",)):
            yield (*before, b"MENTIONS")
            yield from ((*before, bad) for bad in WRONG_WORDS)
            yield from ((*before, bad, b"8") for bad in WRONG_WORDS)
            yield from ((*before, b"MENTIONS", bad) for bad in USER.bad)
            yield from ((*before, b"MENTIONS", b"8", bad, b"9") for bad in USER.bad)
        yield (b"NOACK", b"NOACK")
        yield (b"MENTIONS", b"8", b"NOACK")
        yield (b"MENTIONS", b"8", b"MENTIONS", b"9")
        yield (b"NOACK", b"MENTIONS", b"MENTIONS")


# ---- the table


COMMANDS = {
    "rs.ack": Row((USER, CHANNEL, MESSAGE), options=AckOptions()),
    "rs.badge": Row(more=(USER,)),
    "rs.bulkack": Row((USER,), more=(CHANNEL, MESSAGE), more_max=BULK_MAX),
    "rs.del": Row((USER,), more=(CHANNEL,)),
    "rs.evict": Row((USER,)),
    "rs.flush": Row(maybe=(USER,)),
    "rs.forget": Row((USER,)),
    "rs.get": Row((USER,), more=(CHANNEL,)),
    "rs.inspect": Row((USER,), maybe=(CHANNEL,)),
    "rs.join": Row((USER, CHANNEL, MESSAGE_OR_0)),
    "rs.leave": Row((USER, CHANNEL), maybe=(MESSAGE_OR_0,)),
    "rs.list": Row((USER,), options=ListOptions()),
    "rs.mention": Row((CHANNEL, MESSAGE), more=(USER,)),
    "rs.message": Row((CHANNEL, MESSAGE, USER), options=MessageOptions()),
    "rs.pin": Row((USER, CHANNEL, TIMESTAMP)),
    "rs.unmention": Row((CHANNEL, MESSAGE), more=(USER,)),
    "subscribe": Row(more=(FEED,)),
    "unsubscribe": Row(more=(FEED,), more_least=0),
}


def first_error(errors):
    return next((error for error in errors if error is not None), None)


def judge(name, arguments):
    """The sentence that the server must answer with, or None where it must take the command."""
    row = COMMANDS[name]
    wrong_arity = f"wrong number of arguments for '{name}' command"
    first, rest = arguments[: len(row.first)], arguments[len(row.first) :]
    if len(first) < len(row.first) or len(rest) < row.more_least * len(row.more):
        return wrong_arity
    if not row.more and not row.options and len(rest) > len(row.maybe):
        return wrong_arity
    error = first_error(kind.judge(text) for kind, text in zip(row.first, first, strict=True))
    if error is not None:
        return error
    if row.options:
        return row.options.judge(rest)
    if row.more and len(rest) % len(row.more) != 0:
        return wrong_arity
    if row.more_max is not None and len(rest) // len(row.more) > row.more_max:
        return f"a bulk may name at most {row.more_max} channels, got {len(rest) // len(row.more)}"
    kinds = itertools.cycle(row.more) if row.more else row.maybe
    return first_error(kind.judge(text) for kind, text in zip(kinds, rest, strict=False))


# ---- what comes from the table


def good_commands(row):
    """Lists of kinds, and of options' texts behind them: every form that a command has."""
    if row.options:
        for options in row.options.good():
            yield row.first, options
    elif row.more:
        for times in (1, 2, 5):
            yield row.first + times * row.more, ()
    else:
        yield row.first, ()
        if row.maybe:
            yield row.first + row.maybe, ()


def bad_commands(name):
    """Each argument replaced by each bad value; every wrong option; every wrong number of them."""
    row = COMMANDS[name]
    for kinds, options in good_commands(row):
        good = [kind.good[0] for kind in kinds]
        for at, kind in enumerate(kinds):
            for bad in kind.bad if options == () else kind.bad[:12]:
                yield [*good[:at], bad, *good[at + 1 :], *options]
        everything = [*good, *options]
        yield from (everything[:count] for count in range(len(everything)))
        yield [*everything, b"1"]
        yield [*everything, b""]
        yield [*everything, *everything]
    if row.options:
        good = [kind.good[0] for kind in row.first]
        yield from ([*good, *bad] for bad in row.options.bad())
    if row.more:
        first = [kind.good[0] for kind in row.first]
        more = [kind.good[0] for kind in row.more]
        most = row.more_max or (ARGUMENTS_MAX - 1 - len(first)) // len(more)
        # As many as may be, of which the last is wrong.
        yield [*first, *(most * more)[:-1], b"x"]
        if row.more_max:
            yield [*first, *(most + 1) * more]
            yield [*first, *most * more, more[0]]


def mutate(random, name):
    """A good command with something replaced, left out, doubled or moved; it may stay good."""
    row = COMMANDS[name]
    kinds, options = random.choice(list(good_commands(row)))
    arguments = [random.choice(kind.good) for kind in kinds] + list(options)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(arguments) + 1)
        how = random.randrange(6)
        if how == 0 or at == len(arguments):
            arguments.insert(at, random_text(random))
        elif how == 1:
            del arguments[at]
        elif how == 2:
            arguments.insert(at, arguments[random.randrange(len(arguments))])
        elif how == 3:
            other = random.randrange(len(arguments))
            arguments[at], arguments[other] = arguments[other], arguments[at]
        elif how == 4:
            arguments[at] = spoil(random, arguments[at])
        else:
            arguments[at] = random_text(random)
    return arguments


def random_text(random):
    choice = random.randrange(5)
    if choice == 0:
        return random.choice(CHANNEL.bad)
    if choice == 1:
        return random.choice(WRONG_WORDS)
    if choice == 2:
        return b"%d" % random.randrange(-5, random.choice((10, 300, 2**16 + 2, 2**31 + 2, 2**64)))
    if choice == 3:
        return bytes(random.choice(b"0123456789:- ") for _ in range(random.randrange(24)))
    return random.randbytes(random.randrange(80))


def spoil(random, text):
    """One byte more, less or another; not longer than an argument may be, which is another error."""
    at = random.randrange(len(text) + 1)
    byte = bytes([random.choice((random.randrange(256), random.choice(b" 0:-+")))])
    spoiled = text[:at] + random.choice((byte, b"")) + text[at + random.randrange(2) :]
    return spoiled[:ARGUMENT_BYTES_MAX]


def any_case(random, name):
    return "".join(random.choice((c, c.upper())) for c in name)


# ---- forms of a command on the wire


def encode_inline(arguments):
    """As typed by hand: words between quotes where need be, each of their bytes as \\xNN."""
    plain = re.compile(rb"[0-9A-Za-z.:]+")
    words = [
        word if plain.fullmatch(word) else b'"' + b"".join(b"\\x%02x" % c for c in word) + b'"'
        for word in arguments
    ]
    return b" ".join(words) + b"\r\n"


@dataclass(frozen=True)
class Case:
    """Bytes to send, and all that comes back: `closes`, then the server ends the connection."""

    raw: bytes
    reply: bytes
    closes: bool = False


def refused(text):
    return b"-ERR " + text.encode() + b"\r\n"


def cases_of(name, lists, random):
    """A case for each list of arguments that is bad, most as arrays, some typed by hand."""
    for arguments in lists:
        error = judge(name, arguments)
        if error is None:
            continue
        words = [any_case(random, name).encode(), *arguments]
        is_inline = random.randrange(4) == 0 and sum(map(len, words)) < 10_000
        raw = encode_inline(words) if is_inline else encode(*words)
        yield Case(raw, refused(error))
