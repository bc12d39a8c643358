"""Each command: its reply in both protocols, its errors, and that an error changes nothing."""

import re

import pytest
from oracle import as_map
from resp import ReplyError, encode
from server import info

MAX = 2**63 - 1


def lists(connection, user):
    """All that is shown of a user: [epoch, version, full, [state…]] with the states as maps."""
    epoch, version, full, states = connection.call("RS.LIST", user)
    return [epoch, version, full, [as_map(state) for state in states]]


def states(connection, user):
    return lists(connection, user)[3]


# ---- read states


def test_ack_moves_forward_only(connection, user):
    assert connection.call("RS.ACK", user, 7, 100) == [1, 0]
    assert connection.call("RS.ACK", user, 7, 50) == [1, 0]
    assert connection.call("RS.ACK", user, 7, 100) == [1, 0]
    assert connection.call("RS.ACK", user, 8, 1) == [2, 0]
    assert connection.call("RS.ACK", user, 7, 101) == [3, 0]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "101", "mentions": 0, "version": 3},
        {"channel": "8", "last_read": "1", "mentions": 0, "version": 2},
    ]


def test_command_names_in_any_case(connection, user):
    assert connection.call("rs.Ack", user, 7, 100) == [1, 0]
    assert connection.call("Rs.bAdGe", user) == [[0, 0]]
    assert connection.call("pInG") == "PONG"
    assert connection.call("RS.message", 7, 101, user, "noack", "mentions", user + 1) == [1, 0]


def test_the_greatest_ids(connection):
    """2^63-1 is a user, a channel and a message like any other, and travels as text."""
    user = MAX - connection.protocol
    assert connection.call("RS.ACK", user, MAX, MAX) == [1, 0]
    assert connection.call("RS.ACK", user, f"255:{MAX}", MAX) == [2, 0]
    assert states(connection, user) == [
        {"channel": str(MAX), "last_read": str(MAX), "mentions": 0, "version": 1},
        {"channel": f"255:{MAX}", "last_read": str(MAX), "mentions": 0, "version": 2},
    ]


def test_types_of_one_id_are_states_of_their_own(connection, user):
    """Type 0 is plain `ID`; a list goes by id, then by type, each as a number."""
    keys = ["10", "9", "0:2", "255:2", "5:2", "10:2", "1:9"]
    for version, key in enumerate(keys, 1):
        assert connection.call("RS.ACK", user, key, 5) == [version, 0]
    assert connection.call("RS.ACK", user, "2", 6) == [8, 0]
    found = states(connection, user)
    assert [state["channel"] for state in found] == ["2", "5:2", "10:2", "255:2", "9", "1:9", "10"]
    assert found[0] == {"channel": "2", "last_read": "6", "mentions": 0, "version": 8}


def test_bulkack(connection, user):
    assert connection.call("RS.BULKACK", user, 7, 100, 8, 200, 9, 300) == [1, 3]
    assert connection.call("RS.BULKACK", user, 7, 100, 8, 200) == [1, 0]
    assert connection.call("RS.BULKACK", user, 7, 99, 8, 201) == [2, 1]
    assert [(state["last_read"], state["version"]) for state in states(connection, user)] == [
        ("100", 1),
        ("201", 2),
        ("300", 1),
    ]


def test_bulkack_with_a_channel_named_twice_counts_it_once(connection, user):
    assert connection.call("RS.BULKACK", user, 7, 100, 7, 300, "0:7", 200) == [1, 1]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "300", "mentions": 0, "version": 1}
    ]


def test_bulkack_takes_a_thousand_pairs_and_no_more(connection, user):
    pairs = [item for channel in range(1, 1001) for item in (channel, 5)]
    assert connection.call("RS.BULKACK", user, *pairs) == [1, 1000]
    refused = connection.call("RS.BULKACK", user, *pairs, 1001, 5)
    assert (
        isinstance(refused, ReplyError)
        and refused.word == "ERR"
        and "1000" in refused.replace(",", "")
    )
    assert connection.call("RS.GET", user, 1001) == [None]


def test_bulkack_is_whole_or_not_at_all(connection, user):
    connection.call("RS.ACK", user, 7, 100)
    before = lists(connection, user)
    for pairs in ([7, 200, 8, 0], [7, 200, 0, 5], [7, 200, 8, "x"], [7, 200, "256:8", 5]):
        assert isinstance(connection.call("RS.BULKACK", user, *pairs), ReplyError)
        assert lists(connection, user) == before


def test_mentions_rise_once_each_and_end_with_an_ack(connection, user):
    other = user + 1
    assert connection.call("RS.MENTION", 7, 100, user, other) == [2, 0]
    assert connection.call("RS.MENTION", 7, 100, user, other) == [0, 0]
    assert connection.call("RS.MENTION", 7, 102, user) == [1, 0]
    assert connection.call("RS.MENTION", 7, 101, user, other) == [2, 0]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "0", "mentions": 3, "version": 3}
    ]
    assert connection.call("RS.ACK", user, 7, 101) == [4, 1]
    assert connection.call("RS.MENTION", 7, 100, user) == [0, 0]
    assert connection.call("RS.MENTION", 7, 101, user) == [0, 0]
    assert connection.call("RS.ACK", user, 7, 500) == [5, 0]
    assert connection.call("RS.MENTION", 7, 500, user) == [0, 0]
    assert states(connection, other) == [
        {"channel": "7", "last_read": "0", "mentions": 2, "version": 2}
    ]


def test_a_user_named_twice_in_a_mention_counts_once(connection, user):
    assert connection.call("RS.MENTION", 7, 100, user, user) == [1, 0]
    assert connection.call("RS.BADGE", user, user) == [[1, 1], [1, 1]]


def test_more_mentions_than_are_kept_are_approximate(connection, user):
    """Of 20 mentions 16 are kept by id: an ack among the counted ones leaves the count alone."""
    for message in range(1, 21):
        assert connection.call("RS.MENTION", 7, message, user) == [1, 0]
    kept = {"channel": "7", "last_read": "0", "mentions": 20, "version": 20, "approximate": 1}
    assert states(connection, user) == [kept]
    assert connection.call("RS.ACK", user, 7, 3) == [21, 20]
    assert connection.call("RS.MENTION", 7, 4, user) == [0, 0]
    assert connection.call("RS.ACK", user, 7, 4) == [22, 16]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "4", "mentions": 16, "version": 22}
    ]
    assert connection.call("RS.ACK", user, 7, 10) == [23, 10]


def test_message_acks_its_author_and_mentions_the_others(connection, user):
    first, second = user + 1, user + 2
    connection.call("RS.MENTION", 7, 50, user)
    assert connection.call("RS.MESSAGE", 7, 100, user, "MENTIONS", first, second, user, first) == [
        2,
        0,
    ]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "100", "mentions": 0, "version": 2}
    ]
    assert connection.call("RS.MESSAGE", 7, 100, user, "MENTIONS", first, second) == [0, 0]
    assert connection.call("RS.MESSAGE", 7, 101, first) == [0, 0]
    assert connection.call("RS.BADGE", user, first, second) == [[0, 0], [0, 0], [1, 1]]


def test_message_with_noack_leaves_its_author_alone(connection, user):
    assert connection.call("RS.MESSAGE", 7, 100, user, "NOACK") == [0, 0]
    assert connection.call("RS.MESSAGE", 7, 101, user, "NOACK", "MENTIONS", user, user + 1) == [
        1,
        0,
    ]
    assert states(connection, user) == []
    assert connection.call("RS.BADGE", user, user + 1) == [[0, 0], [1, 1]]


def test_join(connection, user):
    assert connection.call("RS.JOIN", user, 7, 0) == [1, 0]
    assert connection.call("RS.JOIN", user, 7, 0) == [1, 0]
    assert connection.call("RS.JOIN", user, 8, 500) == [2, 0]
    assert connection.call("RS.MENTION", 8, 500, user) == [0, 0]
    assert connection.call("RS.MENTION", 8, 501, user) == [1, 0]
    assert connection.call("RS.JOIN", user, 8, 400) == [3, 1]
    assert connection.call("RS.JOIN", user, 8, 501) == [4, 0]
    assert states(connection, user) == [
        {"channel": "7", "last_read": "0", "mentions": 0, "version": 1},
        {"channel": "8", "last_read": "501", "mentions": 0, "version": 4},
    ]


def test_get(connection, user):
    assert connection.call("RS.GET", user, 7) == [None]
    connection.call("RS.ACK", user, 7, 100)
    connection.call("RS.MENTION", "3:7", 1, user)
    there = {"channel": "7", "last_read": "100", "mentions": 0, "version": 1}
    typed = {"channel": "3:7", "last_read": "0", "mentions": 1, "version": 2}
    reply = connection.call("RS.GET", user, "0:7", 8, "3:7", 7)
    assert [state and as_map(state) for state in reply] == [there, None, typed, there]


def test_list_of_a_user_never_seen(connection, user):
    """An epoch that stays when the first state comes; looking leaves nothing behind."""
    epoch, version, full, none = connection.call("RS.LIST", user)
    assert (version, full, none) == (0, 1, [])
    assert isinstance(epoch, str) and epoch
    assert connection.call("RS.EVICT", user) == 0
    connection.call("RS.ACK", user, 7, 100)
    assert connection.call("RS.LIST", user)[:3] == [epoch, 1, 1]


def test_the_shape_of_a_state(connection, user):
    """A map in RESP3, a flat array in RESP2; ids are texts, counts and versions integers."""
    connection.call("RS.ACK", user, 7, 100)
    in_list = connection.call("RS.LIST", user)[3][0]
    in_get = connection.call("RS.GET", user, 7)[0]
    for state in (in_list, in_get):
        assert isinstance(state, dict if connection.protocol == 3 else list)
        types = {name: type(value) for name, value in as_map(state).items()}
        assert types == {"channel": str, "last_read": str, "mentions": int, "version": int}


def test_nil_is_the_protocols_own(shared_server, user):
    for protocol, nils in ((2, (b"$-1\r\n", b"*-1\r\n")), (3, (b"_\r\n",))):
        with shared_server.connect(protocol) as connection:
            connection.send(encode("RS.GET", user, 7) + encode("QUIT"))
            assert connection.read_rest() in [b"*1\r\n" + nil + b"+OK\r\n" for nil in nils]


def test_badge(connection, user):
    connection.call("RS.MENTION", 7, 1, user)
    connection.call("RS.MENTION", 7, 2, user)
    connection.call("RS.MENTION", 8, 1, user)
    connection.call("RS.ACK", user, 9, 1)
    assert connection.call("RS.BADGE", user) == [[3, 2]]
    assert connection.call("RS.BADGE", user + 1, user) == [[0, 0], [3, 2]]


def test_flush(connection, user):
    connection.call("RS.ACK", user, 7, 100)
    assert connection.call("RS.FLUSH", user) == "OK"
    assert connection.call("RS.FLUSH", user + 1) == "OK"
    connection.call("RS.ACK", user, 7, 101)
    assert connection.call("RS.FLUSH") == "OK"


def test_flush_leaves_nothing_dirty(start_server):
    connection = start_server("--threads", 2, "--commit-delay", "1h").connect()
    connection.pipeline([("RS.ACK", user, 7, 100) for user in range(1, 501)])
    assert info(connection)["dirty_users"] == "500"
    assert connection.call("RS.FLUSH", 1) == "OK"
    assert info(connection)["dirty_users"] == "499"
    assert connection.call("RS.FLUSH") == "OK"
    assert info(connection)["dirty_users"] == "0"


def test_evict(connection, user):
    assert connection.call("RS.EVICT", user) == 0
    connection.call("RS.ACK", user, 7, 100)
    before = lists(connection, user)
    assert connection.call("RS.EVICT", user) == 1
    assert connection.call("RS.EVICT", user) == 0
    assert lists(connection, user) == before
    assert connection.call("RS.EVICT", user) == 1


def test_dbsize_counts_cached_users(start_server):
    connection = start_server("--threads", 2).connect()
    assert connection.call("DBSIZE") == 0
    connection.pipeline([("RS.ACK", user, 7, 100) for user in range(1, 101)])
    connection.pipeline([("RS.LIST", user) for user in range(1001, 1011)])
    assert connection.call("DBSIZE") == 100
    connection.pipeline([("RS.EVICT", user) for user in range(1, 41)])
    assert connection.call("DBSIZE") == 60
    assert info(connection)["cached_users"] == "60"


def test_inspect_is_a_map_and_changes_nothing(connection, user):
    connection.call("RS.ACK", user, 7, 100)
    connection.call("RS.MENTION", 7, 101, user)
    for arguments in ((user,), (user, 7), (user, 8)):
        reply = connection.call("RS.INSPECT", *arguments)
        assert isinstance(reply, dict if connection.protocol == 3 else list)
        assert as_map(reply)
    assert as_map(connection.call("RS.INSPECT", user))["cached"] == 1
    assert connection.call("RS.EVICT", user) == 1
    assert as_map(connection.call("RS.INSPECT", user))["cached"] == 0
    connection.call("RS.INSPECT", user, 7)
    assert connection.call("RS.EVICT", user) == 0


# ---- errors


RS_ARITY = {
    "rs.ack": [(), (1,), (1, 2)],
    "rs.bulkack": [(), (1,), (1, 2), (1, 2, 3, 4)],
    "rs.mention": [(), (1,), (1, 2)],
    "rs.message": [(), (1,), (1, 2)],
    "rs.join": [(), (1,), (1, 2), (1, 2, 3, 4)],
    "rs.get": [(), (1,)],
    "rs.list": [()],
    "rs.badge": [()],
    "rs.flush": [(1, 2)],
    "rs.evict": [(), (1, 2)],
    "rs.inspect": [(), (1, 2, 3)],
    "echo": [(), (1, 2)],
    "ping": [(1, 2)],
    "select": [(), (1, 2)],
    "dbsize": [(1,)],
    "client": [()],
    "config": [()],
}


@pytest.mark.parametrize("name", RS_ARITY)
def test_arity(connection, name):
    for arguments in RS_ARITY[name]:
        expected = f"ERR wrong number of arguments for '{name}' command"
        assert connection.call(name.upper(), *arguments) == expected, arguments


@pytest.mark.parametrize("name", ["client|id", "client|setname", "config|get", "config|set"])
def test_arity_of_subcommands(connection, name):
    words = name.upper().split("|")
    too_many = ["x"] if name == "client|id" else []
    assert (
        connection.call(*words, *too_many) == f"ERR wrong number of arguments for '{name}' command"
    )


def test_unknown_commands_are_answered_as_redis_does(connection):
    text = "ERR unknown command '{}', with args beginning with: {}"
    assert connection.call("foo") == text.format("foo", "")
    assert connection.call("foo", "bar") == text.format("foo", "'bar' ")
    assert connection.call("FoO", "bar", "b z") == text.format("FoO", "'bar' 'b z' ")
    assert connection.call("") == text.format("", "")
    assert connection.call("foo", "a\r\nb") == text.format("foo", "'a  b' ")
    assert connection.call("x" * 300, "b" * 100, "c" * 100) == text.format(
        "x" * 128, f"'{'b' * 100}' '{'c' * 25}' "
    )
    assert connection.call("RS.NOPE", 1) == text.format("RS.NOPE", "'1' ")


BAD_IDS = [
    "0",
    "-5",
    "+5",
    "05",
    " 5",
    "5 ",
    "",
    "x",
    "5x",
    "1.0",
    "9223372036854775808",
    "99999999999999999999",
    "1e3",
]
MESSAGE = "message id must be 1 to 9223372036854775807"
USER = "user id must be 1 to 9223372036854775807"


@pytest.mark.parametrize("bad", BAD_IDS)
def test_numbers_are_canonical(connection, user, bad):
    """The error names the argument and what it got, and nothing is changed."""
    connection.call("RS.ACK", user, 7, 100)
    before = lists(connection, user)
    for command in (
        ("RS.ACK", user, 7, bad),
        ("RS.BULKACK", user, 7, 200, 8, bad),
        ("RS.MENTION", 7, bad, user),
        ("RS.MESSAGE", 7, bad, user),
    ):
        assert connection.call(*command) == f"ERR {MESSAGE}, got '{bad}'", command
    for command in (
        ("RS.ACK", bad, 7, 200),
        ("RS.BULKACK", bad, 7, 200),
        ("RS.MENTION", 7, 200, user, bad),
        ("RS.MESSAGE", 7, 200, bad),
        ("RS.MESSAGE", 7, 200, user, "MENTIONS", bad),
        ("RS.JOIN", bad, 7, 200),
        ("RS.GET", bad, 7),
        ("RS.LIST", bad),
        ("RS.BADGE", user, bad),
        ("RS.FLUSH", bad),
        ("RS.EVICT", bad),
        ("RS.INSPECT", bad),
    ):
        assert connection.call(*command) == f"ERR {USER}, got '{bad}'", command
    if bad != "0":
        got = connection.call("RS.JOIN", user, 7, bad)
        assert re.fullmatch(
            rf"ERR message id must be .*9223372036854775807, got '{re.escape(bad)}'", got
        )
    assert lists(connection, user) == before


@pytest.mark.parametrize(
    "bad",
    [
        *BAD_IDS,
        "256:1",
        "01:1",
        "0:0",
        "1:",
        ":1",
        "1:01",
        "1:2:3",
        "-1:1",
        "x:1",
        "1: 1",
        "4294967296:1",
    ],
)
def test_channels_are_canonical(connection, user, bad):
    connection.call("RS.ACK", user, 7, 100)
    before = lists(connection, user)
    for command in (
        ("RS.ACK", user, bad, 200),
        ("RS.BULKACK", user, 7, 200, bad, 5),
        ("RS.MENTION", bad, 200, user),
        ("RS.MESSAGE", bad, 200, user),
        ("RS.JOIN", user, bad, 200),
        ("RS.GET", user, 7, bad),
        ("RS.INSPECT", user, bad),
    ):
        got = connection.call(*command)
        assert isinstance(got, ReplyError), command
        assert re.fullmatch(rf"ERR channel.* must be .*, got '{re.escape(bad)}'", got), command
    assert lists(connection, user) == before


def test_what_an_error_quotes_is_cut_and_printable(connection, user):
    assert connection.call("RS.ACK", user, 7, "9" * 64) == f"ERR {MESSAGE}, got '{'9' * 64}'"
    got = connection.call("RS.ACK", user, 7, "9" * 65)
    assert re.fullmatch(rf"ERR {MESSAGE}, got '9{{64}}'?(\.\.\.)?'?", got), got
    got = connection.call("RS.ACK", user, 7, b"1\x00\r\n\x7f\xff\xc3\xa4")
    assert got.lower() == f"ERR {MESSAGE}, got '1\\x00\\x0d\\x0a\\x7f\\xff\\xc3\\xa4'".lower()
    assert connection.call("PING") == "PONG"


def test_words_that_do_not_belong_are_syntax_errors(connection, user):
    before = lists(connection, user)
    for command in (
        ("RS.MESSAGE", 7, 100, user, "NOPE"),
        ("RS.MESSAGE", 7, 100, user, "MENTIONS"),
        ("RS.MESSAGE", 7, 100, user, "NOACK", "NOACK"),
        ("RS.MESSAGE", 7, 100, user, "NOACK", "NOPE", 5),
        ("RS.ACK", user, 7, 100, "NOPE"),
    ):
        got = connection.call(*command)
        assert isinstance(got, ReplyError) and got.word == "ERR", command
    assert lists(connection, user) == before


def test_several_users_are_checked_whole_first(connection, user):
    refused = connection.call("RS.MENTION", 7, 100, user, user + 1, "x")
    assert refused == f"ERR {USER}, got 'x'"
    refused = connection.call("RS.MESSAGE", 7, 100, user, "MENTIONS", user + 1, 0)
    assert refused == f"ERR {USER}, got '0'"
    assert connection.call("RS.BADGE", user, user + 1) == [[0, 0], [0, 0]]
    assert states(connection, user) == []


@pytest.mark.parametrize("protocol", [2, 3])
def test_limit(start_server, protocol):
    """At most max-channels live states a user; the next one is refused, and changes nothing."""
    connection = start_server("--threads", 1, "--max-channels", 3).connect(protocol)
    assert connection.call("RS.BULKACK", 1, 7, 10, 8, 10, 9, 10) == [1, 3]
    before = lists(connection, 1)
    for command in (
        ("RS.ACK", 1, 10, 5),
        ("RS.JOIN", 1, 10, 0),
        ("RS.MENTION", 10, 5, 1),
        ("RS.MESSAGE", 10, 5, 1),
        ("RS.BULKACK", 1, 7, 20, 10, 5),
    ):
        got = connection.call(*command)
        assert isinstance(got, ReplyError) and got.word == "LIMIT", command
        assert lists(connection, 1) == before
    assert connection.call("RS.ACK", 1, 7, 11) == [2, 0]
    assert connection.call("RS.BULKACK", 2, 7, 1, 8, 1, 9, 1, 10, 1).word == "LIMIT"
    assert connection.call("RS.BULKACK", 2, 7, 1, 8, 1, 7, 2, 9, 1, 8, 2) == [1, 3]


def test_a_limit_of_one_of_several_users(start_server):
    """The others are changed, the reply says how many, and sending it again is safe."""
    connection = start_server("--threads", 2, "--max-channels", 1).connect()
    assert connection.call("RS.ACK", 2, 7, 1) == [1, 0]
    for _ in range(2):
        got = connection.call("RS.MENTION", 8, 5, 1, 2, 3, 4)
        assert isinstance(got, ReplyError) and got.word == "LIMIT"
        assert "succeeded 3 of 4" in got
    assert connection.call("RS.BADGE", 1, 2, 3, 4) == [[1, 1], [0, 0], [1, 1], [1, 1]]
