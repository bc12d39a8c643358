"""The oracle: it takes what the model says in both protocols, and nothing else."""

import pytest
from oracle import Oracle
from resp import ReplyError

ANNA, BERT, CARL = 1, 2, 3


@pytest.fixture
def oracle():
    """Anna has a state of version 1 in channel 7."""
    oracle = Oracle(max_channels=2, tombstones_kept=1)
    oracle.check(["RS.ACK", ANNA, "7", 5], [1, 0])
    return oracle


def flat(view):
    return [word for pair in view.items() for word in pair]


STATE = {"channel": "7", "last_read": "5", "mentions": 0, "version": 1}
GONE = {"channel": "7", "last_read": "5", "mentions": 0, "version": 2, "deleted": 1}
ANOTHER = {**STATE, "last_read": "6"}


@pytest.mark.parametrize("protocol", [dict, flat], ids=["RESP3", "RESP2"])
def test_states_are_maps_or_flat_arrays(oracle, protocol):
    oracle.check(["RS.GET", ANNA, "7", "8"], [protocol(STATE), None])
    oracle.check(["RS.LIST", ANNA], ["e", 1, 1, [protocol(STATE)]])
    oracle.check(["RS.INSPECT", ANNA], protocol({"cached": 1}))
    oracle.check(["RS.LEAVE", ANNA, "7"], 1)
    oracle.check(["RS.LIST", ANNA, "SINCE", "e", 1], ["e", 2, 0, [protocol(GONE)]])


def test_each_command_is_known(oracle):
    for command, reply in [
        (["RS.ACK", ANNA, "7", 4, "MENTIONS", 2, "MANUAL", "COMMIT", "now"], [2, 2]),
        (["rs.ack", ANNA, "0:7", 5, "ifversion", 2, "viewed", 3, "flags", 4], [3, 0]),
        (["RS.ACK", ANNA, "7", 6, "IFVERSION", 2], ReplyError("VERSION the version is 3")),
        (["RS.BULKACK", ANNA, "7", 6, "8", 7], [4, 2]),
        (["RS.MENTION", "7", 8, ANNA, BERT], [2, 0]),
        (["RS.MESSAGE", "7", 9, BERT, "NOACK", "MENTIONS", ANNA, BERT], [1, 0]),
        (["RS.UNMENTION", "7", 9, ANNA, BERT], [1, 0]),
        (["RS.PIN", ANNA, "7", 1000], [8, 1]),
        (["RS.JOIN", ANNA, "8", 8], [9, 0]),
        (["RS.JOIN", ANNA, "9", 0], ReplyError("LIMIT too many channels")),
        (["RS.LEAVE", ANNA, "8", 9], 1),
        (["RS.LEAVE", ANNA, "8"], 0),
        (["RS.DEL", ANNA, "7", "8"], 1),
        (["RS.BADGE", ANNA, BERT], [[0, 0], [1, 1]]),
        (["RS.FORGET", BERT], 1),
        (["RS.EVICT", ANNA], 1),
        (["RS.EVICT", BERT], 0),
        (["RS.FLUSH"], "OK"),
        (["RS.FLUSH", ANNA], "OK"),
        (["PING"], "PONG"),
    ]:
        oracle.check(command, reply)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (["RS.ACK", ANNA, "7", 6], [2, 1]),
        (["RS.ACK", ANNA, "7", 6], [1, 0]),
        (["RS.ACK", ANNA, "7", 6], ReplyError("LIMIT too many channels")),
        (["RS.ACK", ANNA, "7", 6, "IFVERSION", 1], ReplyError("VERSION the version is 1")),
        (["RS.ACK", ANNA, "7", 6, "IFVERSION", 2], [2, 0]),
        (["RS.GET", ANNA, "7"], [ANOTHER]),
        (["RS.GET", ANNA, "7"], [None]),
        (["RS.GET", ANNA, "7"], [{**STATE, "flags": 0}]),
        (["RS.LIST", ANNA], ["e", 1, 0, [STATE]]),
        (["RS.LIST", ANNA], ["", 1, 1, [STATE]]),
        (["RS.LEAVE", ANNA, "7"], True),
        (["RS.LEAVE", ANNA, "8"], 1),
        (["RS.DEL", ANNA, "7"], 0),
        (["RS.FORGET", ANNA], 0),
        (["RS.EVICT", BERT], 1),
        (["RS.EVICT", ANNA], 2),
        (["RS.INSPECT", ANNA], []),
    ],
)
def test_what_the_model_does_not_say_is_refused(oracle, command, reply):
    with pytest.raises(AssertionError):
        oracle.check(command, reply)


# ---- several users


FULL = [["RS.BULKACK", BERT, "1", 1, "2", 1], ["RS.ACK", CARL, "7", 6]]
MENTION = ["RS.MENTION", "7", 6, ANNA, BERT, CARL]
MESSAGE = ["RS.MESSAGE", "7", 6, CARL, "MENTIONS", ANNA, BERT, CARL]


def several(oracle, command, reply):
    """Anna's count rises, Bert has too many channels, and Carl has read the message."""
    oracle.check(FULL[0], [1, 2])
    oracle.check(FULL[1], [1, 0])
    oracle.check(command, reply)


@pytest.mark.parametrize("command", [MENTION, MESSAGE])
@pytest.mark.parametrize(
    "reply",
    [
        ReplyError("LIMIT succeeded 2 of 3: too many channels"),
        [1, 1],
        [0, 2],
    ],
    ids=str,
)
def test_of_several_users_some_may_be_refused_and_some_pending(oracle, command, reply):
    several(oracle, command, reply)


@pytest.mark.parametrize("command", [MENTION, MESSAGE])
@pytest.mark.parametrize(
    "reply",
    [
        ReplyError("LIMIT too many channels"),
        ReplyError("LIMIT succeeded 1 of 3: too many channels"),
        ReplyError("LIMIT succeeded 3 of 3: too many channels"),
        ReplyError("LIMIT succeeded 2 of 4: too many channels"),
        ReplyError("STORE succeeded 2 of 3: no store"),
        [1, 0],
        [0, 1],
        [2, 1],
        [-1, 2],
        [1, 3],
    ],
    ids=str,
)
def test_of_several_users_wrong_counts_are_refused(oracle, command, reply):
    with pytest.raises(AssertionError):
        several(oracle, command, reply)


def test_one_user_who_is_refused_needs_no_count(oracle):
    oracle.check(FULL[0], [1, 2])
    oracle.check(["RS.MENTION", "7", 6, BERT], ReplyError("LIMIT too many channels"))
    oracle.check(["RS.MENTION", "7", 6, BERT], ReplyError("LIMIT succeeded 0 of 1: too many"))


def test_the_author_of_a_message_is_never_pending(oracle):
    oracle.check(["RS.MESSAGE", "7", 6, ANNA], [0, 0])
    with pytest.raises(AssertionError):
        oracle.check(["RS.MESSAGE", "7", 7, ANNA], [0, 1])


# ---- epochs


def test_an_epoch_stays_from_before_the_first_state_until_the_user_is_forgotten(oracle):
    oracle.check(["RS.LIST", BERT], ["e", 0, 1, []])
    oracle.check(["RS.ACK", BERT, "7", 5], [1, 0])
    oracle.check(["RS.LIST", BERT], ["e", 1, 1, [STATE]])
    with pytest.raises(AssertionError, match="a new epoch of user 2"):
        oracle.check(["RS.LIST", BERT], ["f", 1, 1, [STATE]])


def test_who_was_forgotten_has_another_epoch(oracle):
    oracle.check(["RS.LIST", ANNA], ["e", 1, 1, [STATE]])
    oracle.check(["RS.FORGET", ANNA], 1)
    with pytest.raises(AssertionError, match="an old epoch of user 1"):
        oracle.check(["RS.LIST", ANNA], ["e", 0, 1, []])


def test_an_epoch_is_known_by_the_text_that_the_server_gave_it(oracle):
    oracle.check(["RS.LIST", ANNA], ["e", 1, 1, [STATE]])
    oracle.check(["RS.LIST", ANNA, "SINCE", "e", 1], ["e", 1, 0, []])
    oracle.check(["RS.LIST", ANNA, "SINCE", "x", 1], ["e", 1, 1, [STATE]])
    oracle.check(["RS.FORGET", ANNA], 1)
    oracle.check(["RS.ACK", ANNA, "7", 5], [1, 0])
    oracle.check(["RS.LIST", ANNA, "SINCE", "e", 1], ["f", 1, 1, [STATE]])
    oracle.check(["RS.LIST", ANNA, "SINCE", "f", 1], ["f", 1, 0, []])


@pytest.mark.parametrize("text", ["e", "f"])
def test_who_had_nothing_and_was_forgotten_may_keep_the_epoch(oracle, text):
    oracle.check(["RS.LIST", BERT], ["e", 0, 1, []])
    oracle.check(["RS.FORGET", BERT], 0)
    oracle.check(["RS.LIST", BERT], [text, 0, 1, []])
