"""Every command of the contract, drawn by hypothesis from so few ids that they meet often.

What a client takes from an earlier reply (a version, an epoch) is drawn as a distance from today's,
and so are users from the first one of an example: `spelled` says what is sent.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from model import channel_parse

USERS = 4
# What a server and its model must be started with, so that each bound is reached.
LIMITS = {"max_channels": 6, "mention_ids_kept": 4, "tombstones_kept": 3}


@dataclass(frozen=True)
class Who:
    """A user of the example."""

    number: int


@dataclass(frozen=True)
class StateVersion:
    """For IFVERSION: the version of the state that the command names, and `more`."""

    more: int


@dataclass(frozen=True)
class UserVersion:
    """For SINCE: the version of the user that the command names, less `back`; at least 0."""

    back: int


@dataclass(frozen=True)
class Epoch:
    """The epoch of the user that the command names, as many times forgotten ago."""

    ago: int


def spelled(command, first_user, oracle):
    """The command as it is sent, after all that the oracle has seen."""
    words = []
    for word in command:
        match word:
            case Who(number):
                words.append(first_user + number)
            case StateVersion(more):
                state = oracle.model.user(words[1]).find(channel_parse(words[2]))
                words.append((state.version if state else 0) + more)
            case UserVersion(back):
                words.append(max(0, oracle.model.user(words[1]).version - back))
            case Epoch(ago):
                kind, user, forgotten = oracle.model.epoch(words[1])
                words.append(oracle.epochs.get((kind, user, forgotten - ago), "of-nobody"))
            case _:
                words.append(word)
    return words


@st.composite
def weighted(draw, *kinds):
    """Each strategy as often as its number says; st.one_of takes what it is given twice once."""
    return draw(draw(st.sampled_from([kind for times, kind in kinds for _ in range(times)])))


users = st.integers(1, USERS).map(Who)
some_users = st.lists(users, min_size=1, max_size=USERS + 1)
# Two of them often, and one of these under both of its names.
channels = weighted(
    (1, st.sampled_from(["1", "1:1"])),
    (1, st.sampled_from(["2", "3", "4", "1:2", "1:3", "1:4", "0:1"])),
)
messages = st.integers(1, 12)
timestamps = st.integers(1, 5) | st.just(2**53 - 1)
pairs = st.lists(st.tuples(channels, messages), min_size=1, max_size=8)

VALUES = {
    "MENTIONS": st.integers(0, 6),
    "VIEWED": st.sampled_from([0, 1, 2, 65535]),
    "FLAGS": st.sampled_from([0, 1, 2, 65535]),
    "IFVERSION": st.builds(StateVersion, st.sampled_from([0, 0, 0, 1])),
    "COMMIT": st.sampled_from(["now", "delayed"]),
}


@st.composite
def ack_options(draw):
    """In any order, each at most once; MENTIONS only where MANUAL is, before it or behind."""
    names = draw(st.lists(st.sampled_from(["MANUAL", *VALUES]), unique=True))
    if "MANUAL" not in names:
        names = [name for name in names if name != "MENTIONS"]
    return flat((name, draw(VALUES[name])) if name in VALUES else (name,) for name in names)


def flat(items):
    return [word for item in items for word in item]


def command(name, *parts):
    """Each part is a strategy of one word, or of a list of words."""
    return st.tuples(*parts).map(
        lambda drawn: [
            name,
            *flat(part if isinstance(part, list) else [part] for part in drawn),
        ]
    )


manual = st.tuples(st.just("MANUAL"), st.just("MENTIONS"), VALUES["MENTIONS"]).map(list)
no_ack = st.sampled_from([[], ["NOACK"]])
mentions = st.just([]) | some_users.map(lambda named: ["MENTIONS", *named])
since = st.tuples(
    st.just("SINCE"),
    st.builds(Epoch, st.sampled_from([0, 0, 0, 1])),
    st.builds(UserVersion, st.integers(-1, 8)),
).map(list)

acks = st.one_of(
    command("RS.ACK", users, channels, messages),
    command("RS.ACK", users, channels, messages, st.just(["MANUAL"])),
    command("RS.ACK", users, channels, messages, manual),
    command("RS.ACK", users, channels, messages, ack_options()),
)
removals = st.one_of(
    command("RS.LEAVE", users, channels),
    command("RS.LEAVE", users, channels, messages),
    command("RS.DEL", users, st.lists(channels, min_size=1, max_size=6)),
)
looks = st.one_of(
    command("RS.GET", users, st.lists(channels, min_size=1, max_size=6)),
    command("RS.LIST", users),
    command("RS.LIST", users, since),
    command("RS.BADGE", st.lists(users, min_size=1, max_size=6)),
    command("RS.FLUSH"),
    command("RS.FLUSH", users),
    command("RS.EVICT", users),
    command("RS.INSPECT", users),
    command("RS.INSPECT", users, channels),
    command("PING"),
)
commands = weighted(
    (6, acks),
    (2, command("RS.BULKACK", users, pairs.map(flat))),
    (4, command("RS.MENTION", channels, messages, some_users)),
    (3, command("RS.MESSAGE", channels, messages, users, no_ack, mentions)),
    (3, command("RS.UNMENTION", channels, messages, some_users)),
    (2, command("RS.PIN", users, channels, timestamps)),
    (2, command("RS.JOIN", users, channels, st.just(0) | messages)),
    (3, removals),
    (5, looks),
)


@st.composite
def openings(draw, user):
    """Floors only rise: where nobody is forgotten, soon every message has been read."""
    return draw(st.sampled_from([[], [["RS.FORGET", user]]]))


@st.composite
def endings(draw, user, channel):
    """What may become of a state whose mentions are many, and whether that can be asked for."""
    acked = ["RS.ACK", user, channel, draw(messages)]
    ending = draw(
        st.sampled_from(
            [
                ["RS.GET", user, channel],
                ["RS.LEAVE", user, channel],
                ["RS.DEL", user, channel],
                [*acked, "MANUAL"],
                [*acked, *draw(manual)],
            ]
        )
    )
    return [ending, ["RS.LIST", user, "SINCE", Epoch(0), UserVersion(1)]]


@st.composite
def mentioned_and_withdrawn(draw):
    """More than are kept by id, late and twice: random mentions alone seldom are."""
    channel, named = draw(channels), draw(some_users)
    sent = draw(st.lists(messages, min_size=5, max_size=10, unique=True))
    withdrawn = draw(st.lists(st.sampled_from(sent), max_size=3))
    batch = [["RS.MENTION", channel, message, *named] for message in sent]
    for message in withdrawn:
        batch += [[name, channel, message, *named] for name in ("RS.UNMENTION", "RS.MENTION")]
    later = draw(st.lists(messages, max_size=4))
    batch += [["RS.MENTION", channel, message, *named] for message in later]
    return [*draw(openings(named[0])), *batch, *draw(endings(named[0], channel))]


@st.composite
def read_and_unread(draw):
    """What lies above a message becomes unread again, and is read step by step."""
    user, channel = draw(users), draw(channels)
    read, back, *partial = draw(st.lists(messages, min_size=2, max_size=5))
    mentioned = draw(st.lists(messages, max_size=7))
    withdrawn = draw(st.lists(messages, max_size=2))
    return [
        *draw(openings(user)),
        ["RS.ACK", user, channel, read],
        *(["RS.MENTION", channel, message, user] for message in mentioned),
        *(["RS.UNMENTION", channel, message, user] for message in withdrawn),
        ["RS.ACK", user, channel, back, *draw(manual)],
        *(["RS.ACK", user, channel, message] for message in partial),
        *draw(endings(user, channel)),
    ]


@st.composite
def acked_and_pinned(draw):
    """One state with options, again and again, the last time as the time before."""
    user, channel = draw(users), draw(channels)
    options = draw(st.lists(ack_options(), min_size=2, max_size=5))
    acks = [["RS.ACK", user, channel, draw(messages), *words] for words in options]
    pins = [["RS.PIN", user, channel, at] for at in draw(st.lists(timestamps, max_size=3))]
    return [*draw(openings(user)), *acks, *pins, acks[-1], ["RS.GET", user, channel]]


@st.composite
def joined_and_left(draw):
    """More tombstones than are kept; removed at once they are all of one version."""
    user = draw(users)
    left = draw(st.lists(st.tuples(channels, messages), min_size=4, max_size=8))
    joins = [["RS.JOIN", user, channel, message] for channel, message in left]
    if draw(st.booleans()):
        leaves = [["RS.DEL", user, *(channel for channel, _ in left)]]
    else:
        leaves = [["RS.LEAVE", user, channel, message] for channel, message in left]
    lists = [["RS.LIST", user, "SINCE", Epoch(0), UserVersion(back)] for back in range(6)]
    return [*joins, *leaves, *lists]


@st.composite
def forgotten(draw):
    """A new history begins, and who knows only the old one asks for its changes."""
    user, channel, message = draw(users), draw(channels), draw(messages)
    return [
        ["RS.LIST", user],
        ["RS.FORGET", user],
        ["RS.LIST", user, "SINCE", Epoch(0), UserVersion(0)],
        ["RS.MENTION", channel, message, user],
        ["RS.LIST", user, "SINCE", Epoch(0), 1],
    ]


batches = weighted(
    (5, st.lists(commands, min_size=3, max_size=12)),
    (2, mentioned_and_withdrawn()),
    (2, read_and_unread()),
    (1, acked_and_pinned()),
    (1, joined_and_left()),
    (1, forgotten()),
)
