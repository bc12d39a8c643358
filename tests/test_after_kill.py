"""The comparison after a kill: it takes what may be there, and finds all else. No server takes part."""

import pytest
from after_kill import Difference, changed_users, compare
from oracle import Oracle
from resp import ReplyError

from model import MENTIONS_MAX

ANNA, BERT = 1, 2
USERS = [ANNA, BERT]
CHANNELS = ["7", "8"]
LIMITS = {"max_channels": 3, "mention_ids_kept": 4, "tombstones_kept": 2}


class Fake:
    """A server in place of the one that was killed: it shows a model of its own."""

    def __init__(self, happened, epochs="e"):
        self.oracle = Oracle(**LIMITS)
        self.epochs = dict.fromkeys(USERS, epochs)
        for command in happened:
            self.oracle.model_says(command[0], command)

    def ask(self, commands):
        return [self.answer(*command) for command in commands]

    def answer(self, name, user, *rest):
        model = self.oracle.model
        epoch = self.epochs[user] + "-forgotten" * model.forgotten.get(user, 0)
        match name, rest:
            case "RS.LIST", ["SINCE", since_epoch, version]:
                today = model.epoch(user) if since_epoch == epoch else "another"
                return [epoch, *model.list(user, version, today)]
            case "RS.LIST", []:
                return [epoch, *model.list(user)]
        return self.oracle.model_says(name, [name, user, *rest])


ANSWERED = [
    ["RS.ACK", ANNA, "7", 5],
    ["RS.MENTION", "7", 6, ANNA, BERT],
    ["RS.ACK", BERT, "8", 5],
    ["RS.LEAVE", BERT, "8", 7],
    ["RS.ACK", ANNA, "8", 9],
]
UNANSWERED = [
    ["RS.MENTION", "7", 7, ANNA, BERT],
    ["RS.LIST", ANNA],
    ["RS.DEL", ANNA, "7", "8"],
    ["RS.ACK", BERT, "7", 7],
]


def after(answered=ANSWERED, epochs="e"):
    """An oracle that has seen these commands answered, and the epochs of all."""
    oracle = Oracle(**LIMITS)
    for command in answered:
        oracle.model_says(command[0], command)
    for user in USERS:
        oracle.see_epoch(user, epochs)
    return oracle


def compared(server, oracle=None, unanswered=()):
    return compare(server.ask, oracle or after(), USERS, unanswered, CHANNELS)


def test_the_users_whom_a_command_changes():
    assert changed_users(["RS.MESSAGE", "7", 5, ANNA]) == {ANNA}
    assert changed_users(["RS.MESSAGE", "7", 5, ANNA, "NOACK", "MENTIONS", BERT]) == {ANNA, BERT}
    assert changed_users(["RS.UNMENTION", "7", 5, ANNA, BERT]) == {ANNA, BERT}
    assert changed_users(["RS.DEL", ANNA, "7"]) == {ANNA}
    assert changed_users(["RS.BADGE", ANNA, BERT]) == set()
    assert changed_users(["RS.FLUSH"]) == set()


def test_all_that_was_answered_is_there():
    assert compared(Fake(ANSWERED)) == 0


@pytest.mark.parametrize("count", range(len(UNANSWERED) + 1))
def test_a_beginning_of_what_was_not_answered_may_be_there(count):
    oracle = after()
    server = Fake(ANSWERED + UNANSWERED[:count])
    happened = compared(server, oracle, UNANSWERED)
    assert happened == (2 if count > 0 else 0)
    # From here on it is what was answered.
    assert compared(server, oracle) == 0


def test_a_command_may_have_happened_for_some_of_its_users():
    assert compared(Fake([*ANSWERED, ["RS.MENTION", "7", 7, BERT]]), None, UNANSWERED) == 1


@pytest.mark.parametrize("lost", range(len(ANSWERED)))
def test_an_answered_change_that_is_lost_is_found(lost):
    server = Fake(ANSWERED[:lost] + ANSWERED[lost + 1 :])
    with pytest.raises(Difference, match="an answered change is lost"):
        compared(server)
    with pytest.raises(Difference):
        compared(server, None, UNANSWERED)


def test_a_lost_change_is_not_hidden_by_another_of_the_same_version():
    happened = [*ANSWERED[:-1], ["RS.ACK", ANNA, "8", 10]]
    with pytest.raises(Difference, match="user 1: version 3, answered was 3, and the states differ"):
        compared(Fake(happened))


def test_a_version_that_fell_is_found():
    server = Fake(ANSWERED)
    server.oracle.model.users[ANNA].version -= 1
    with pytest.raises(Difference, match="user 1: an answered change is lost: version 2"):
        compared(server)


def test_a_state_with_another_version_is_found():
    server = Fake(ANSWERED)
    server.oracle.model.users[ANNA].find((7, 0)).version -= 1
    with pytest.raises(Difference, match="the states differ"):
        compared(server)


def test_another_epoch_is_found():
    with pytest.raises(Difference, match="another epoch, f"):
        compared(Fake(ANSWERED, "f"))


def test_an_ack_that_was_not_sent_is_found():
    sent = [*ANSWERED, ["RS.ACK", ANNA, "7", 8]]
    with pytest.raises(Difference, match="user 1: a change that was not sent: version 4, at most 3"):
        compared(Fake(sent))
    with pytest.raises(Difference, match="user 1"):
        compared(Fake(sent), None, UNANSWERED)


def test_a_command_without_the_one_before_it_is_found():
    with pytest.raises(Difference, match="user 2"):
        compared(Fake([*ANSWERED, UNANSWERED[-1]]), None, UNANSWERED)


def test_half_of_a_command_on_one_user_is_found():
    half = [*ANSWERED, UNANSWERED[0], ["RS.DEL", ANNA, "7"]]
    with pytest.raises(Difference, match="user 1"):
        compared(Fake(half), None, UNANSWERED)


def test_a_lost_tombstone_is_found():
    server = Fake(ANSWERED)
    del server.oracle.model.users[BERT].states[(8, 0)]
    with pytest.raises(Difference, match="user 2"):
        compared(server)


def test_a_purged_tombstone_that_is_not_remembered_is_found():
    answered = [*ANSWERED, ["RS.LEAVE", BERT, "9", 1], ["RS.LEAVE", BERT, "10", 1]]
    server = Fake(answered)
    assert compared(server, after(answered)) == 0
    server.oracle.model.users[BERT].purged_to = 0
    with pytest.raises(Difference, match="user 2"):
        compared(server, after(answered))


def test_an_error_in_place_of_a_state_is_found():
    with pytest.raises(Difference, match="STORE"):
        compare(lambda commands: [ReplyError("STORE no")] * len(commands), after(), USERS, [], [])


# ---- forgotten users


FORGET = [["RS.FORGET", ANNA], ["RS.ACK", ANNA, "7", 5]]


@pytest.mark.parametrize("count", range(3))
def test_who_is_forgotten_has_the_old_epoch_before_and_another_after(count):
    assert compared(Fake(ANSWERED + FORGET[:count]), None, FORGET) == min(count, 1)


def test_an_old_epoch_after_the_user_was_forgotten_is_found():
    oracle = after()
    for command in FORGET:
        oracle.model_says(command[0], command)
    server = Fake(ANSWERED + FORGET)
    server.oracle.model.forgotten[ANNA] = 0
    with pytest.raises(Difference, match="an old epoch of user 1"):
        compared(server, oracle)


def test_who_was_forgotten_and_is_there_again_is_found():
    oracle = after()
    oracle.model_says("RS.FORGET", FORGET[0])
    with pytest.raises(Difference, match="user 1: another epoch, e; a change that was not sent"):
        compared(Fake(ANSWERED), oracle)


# ---- what is shown alike


# As many mentions as can be counted: one more is known by its id, and shows nothing.
FULL = [
    ["RS.ACK", ANNA, "7", 9],
    ["RS.ACK", ANNA, "7", 5, "MANUAL", "MENTIONS", MENTIONS_MAX],
]
ONE_MORE = ["RS.MENTION", "7", 12, ANNA]


@pytest.mark.parametrize("happened", [[], [ONE_MORE]], ids=["did not", "did"])
def test_candidates_that_are_shown_alike_are_told_apart(happened):
    oracle = after(ANSWERED + FULL)
    assert compared(Fake(ANSWERED + FULL + happened), oracle, [ONE_MORE]) == len(happened)
    gone = oracle.model.user(ANNA).tombstones()
    assert [state.floor for state in gone] == [12 if happened else 9, 9]


def test_what_shows_nothing_and_is_wrong_is_found_where_it_is_looked_for():
    server = Fake(ANSWERED + FULL)
    server.oracle.model.users[ANNA].find((7, 0)).known[13] = True
    with pytest.raises(Difference, match="user 1"):
        compared(server, after(ANSWERED + FULL), [ONE_MORE])
