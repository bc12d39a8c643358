"""States that come and go: joins, leaves, tombstones, forgotten users, and the bounds."""

import pytest

from model import Refused
from model_examples import (
    ANNA,
    BERT,
    CARL,
    FOOD,
    MUSIC,
    NEWS,
    SPORT,
    assert_changes_nothing,
    changes,
    mention_all,
    model,
    state,
    tombstone,
    version,
)

# ---- rule 8: join, leave, delete, tombstones


def test_a_join_creates_the_state_at_the_channels_newest_message(model):
    assert model.join(ANNA, NEWS, 50) == [1, 0]
    assert state(model) == {"last_read": "50", "mentions": 0}
    assert mention_all(model, [50, 51]) == [0, 1]


def test_a_join_of_an_empty_channel_creates_the_state_too(model):
    assert model.join(ANNA, NEWS, 0) == [1, 0]
    assert state(model) == {"last_read": "0", "mentions": 0}


def test_a_join_acts_as_an_ack_where_a_state_is_there(model):
    model.ack(ANNA, NEWS, 5)
    mention_all(model, [7])
    assert assert_changes_nothing(model, lambda: model.join(ANNA, NEWS, 0)) == [2, 1]
    assert assert_changes_nothing(model, lambda: model.join(ANNA, NEWS, 5)) == [2, 1]
    assert model.join(ANNA, NEWS, 7) == [3, 0]


def test_a_leave_removes_the_state_and_keeps_a_tombstone(model):
    model.ack(ANNA, NEWS, 5, viewed=1, flags=2)
    model.pin(ANNA, NEWS, 3)
    assert model.leave(ANNA, NEWS) == 1
    assert state(model) is None
    assert model.list(ANNA) == [3, 1, []]
    assert changes(model, 0) == [tombstone(NEWS, 5, 3)]


@pytest.mark.parametrize(
    ("prepare", "message", "floor"),
    [
        (lambda model: model.ack(ANNA, NEWS, 5), 0, 5),
        (lambda model: model.ack(ANNA, NEWS, 5), 4, 5),
        (lambda model: model.ack(ANNA, NEWS, 5), 6, 6),
        (lambda model: mention_all(model, [5, 8, 6]), 7, 8),
        (lambda model: (mention_all(model, [5, 8]), model.unmention(NEWS, 8, [ANNA])), 0, 8),
        (lambda model: (model.ack(ANNA, NEWS, 9), model.ack(ANNA, NEWS, 2, manual=True)), 0, 9),
        (lambda model: model.join(ANNA, NEWS, 0), 0, 0),
    ],
    ids=["floor", "lower", "named", "known", "withdrawn", "moved back", "empty"],
)
def test_the_floor_of_a_tombstone_is_the_highest_that_was_known(model, prepare, message, floor):
    prepare(model)
    assert model.leave(ANNA, NEWS, message) == 1
    assert changes(model, 0) == [tombstone(NEWS, floor, version(model))]


def test_the_floor_of_a_tombstone_is_counted_to_where_that_is_the_highest(model):
    """No command leads here: an ack that ends the known ids raises the floor above counted_to."""
    model.ack(ANNA, NEWS, 3)
    model.user(ANNA).find(NEWS).counted_to = 6
    model.leave(ANNA, NEWS)
    assert changes(model, 0) == [tombstone(NEWS, 6, 2)]


def test_a_leave_with_a_message_makes_a_tombstone_where_no_state_was(model):
    assert model.leave(ANNA, NEWS, 5) == 0
    assert model.list(ANNA) == [1, 1, []]
    assert changes(model, 0) == [tombstone(NEWS, 5, 1)]
    assert mention_all(model, [5]) == [0]


def test_a_leave_without_a_message_makes_none(model):
    assert assert_changes_nothing(model, lambda: model.leave(ANNA, NEWS)) == 0
    assert model.list(ANNA) == [0, 1, []]


def test_a_delete_is_a_leave_without_a_message(model):
    mention_all(model, [5])
    assert model.delete(ANNA, [NEWS]) == 1
    assert changes(model, 0) == [tombstone(NEWS, 5, 2)]
    assert assert_changes_nothing(model, lambda: model.delete(ANNA, [NEWS, SPORT])) == 0


@pytest.mark.parametrize("message", [1, 5])
@pytest.mark.parametrize(
    "act",
    [
        lambda model, message: model.ack(ANNA, NEWS, message),
        lambda model, message: model.ack(ANNA, NEWS, message, manual=True, mentions=4),
        lambda model, message: model.bulk_ack(ANNA, [(NEWS, message)]),
        lambda model, message: model.mention(NEWS, message, [ANNA]),
        lambda model, message: model.message(NEWS, message, ANNA),
        lambda model, message: model.unmention(NEWS, message, [ANNA]),
        lambda model, message: model.pin(ANNA, NEWS, message),
    ],
    ids=["ack", "manual", "bulkack", "mention", "message", "unmention", "pin"],
)
def test_what_comes_late_on_a_tombstone_changes_nothing(model, act, message):
    model.leave(ANNA, NEWS, 5)
    assert_changes_nothing(model, lambda: act(model, message))


def test_a_pin_ack_never_changes_a_tombstone(model):
    model.leave(ANNA, NEWS, 5)
    pin = assert_changes_nothing(model, lambda: model.pin(ANNA, NEWS, 2**53 - 1))
    assert pin == [0, 0]


def test_an_unmention_above_its_floor_leaves_a_tombstone_as_well(model):
    model.leave(ANNA, NEWS, 5)
    assert_changes_nothing(model, lambda: model.unmention(NEWS, 9, [ANNA]))


def test_a_higher_ack_creates_the_state_anew(model):
    model.ack(ANNA, NEWS, 5, viewed=1, flags=2)
    model.leave(ANNA, NEWS)
    assert model.ack(ANNA, NEWS, 6) == [3, 0]
    assert state(model) == {"last_read": "6", "mentions": 0}
    assert changes(model, 0) == model.list(ANNA)[2]


def test_a_higher_mention_creates_the_state_anew_at_the_tombstones_floor(model):
    model.leave(ANNA, NEWS, 5)
    assert mention_all(model, [6]) == [1]
    assert state(model) == {"last_read": "5", "mentions": 1}
    assert mention_all(model, [5]) == [0]


def test_a_higher_manual_ack_creates_the_state_anew(model):
    model.leave(ANNA, NEWS, 5)
    assert model.ack(ANNA, NEWS, 6, manual=True, mentions=3, flags=1) == [2, 0]
    assert state(model) == {"last_read": "6", "mentions": 0, "flags": 1}


@pytest.mark.parametrize(("newest", "last_read"), [(0, 5), (4, 5), (5, 5), (6, 6)])
def test_any_join_creates_the_state_anew(model, newest, last_read):
    model.leave(ANNA, NEWS, 5)
    assert model.join(ANNA, NEWS, newest) == [2, 0]
    assert state(model) == {"last_read": str(last_read), "mentions": 0}


def test_for_ifversion_a_tombstone_is_not_there(model):
    model.ack(ANNA, NEWS, 5)
    model.leave(ANNA, NEWS)
    for wrong in (1, 2):
        with pytest.raises(Refused, match="VERSION"):
            model.ack(ANNA, NEWS, 6, if_version=wrong)
    assert model.ack(ANNA, NEWS, 6, if_version=0) == [3, 0]


# ---- rule 9: forget


def test_forget_erases_everything_and_says_how_many_states(model):
    model.ack(ANNA, NEWS, 5)
    model.ack(ANNA, SPORT, 5)
    model.leave(ANNA, MUSIC, 5)
    assert model.forget(ANNA) == 2
    assert model.list(ANNA) == [0, 1, []]
    assert model.get(ANNA, [NEWS]) == [None]
    assert model.badge([ANNA]) == [[0, 0]]
    assert ANNA not in model.users


def test_the_next_state_begins_a_new_epoch_and_the_version_anew(model):
    model.ack(ANNA, NEWS, 5)
    old = model.epoch(ANNA)
    model.forget(ANNA)
    assert model.epoch(ANNA) != old
    epoch = model.epoch(ANNA)
    assert model.ack(ANNA, NEWS, 4) == [1, 0]
    assert model.epoch(ANNA) == epoch
    assert model.list(ANNA, 1, old) == [1, 1, model.get(ANNA, [NEWS])]
    assert model.list(ANNA, 1, epoch) == [1, 0, []]


def test_forget_also_forgets_which_tombstones_have_gone(model):
    for channel in (NEWS, SPORT, MUSIC):
        model.leave(ANNA, channel, 5)
    model.forget(ANNA)
    model.ack(ANNA, NEWS, 1)
    assert model.list(ANNA, 0)[1] == 0


def test_forget_leaves_other_users_alone(model):
    model.mention(NEWS, 5, [ANNA, BERT])
    before = model.epoch(BERT)
    model.forget(ANNA)
    assert (version(model, BERT), model.epoch(BERT)) == (1, before)


def test_forget_of_a_user_never_seen_says_nothing(model):
    assert model.forget(ANNA) == 0
    assert model.published(ANNA) == []


# ---- the bounds: live states, tombstones


@pytest.mark.parametrize(
    "act",
    [
        lambda model: model.ack(ANNA, FOOD, 6),
        lambda model: model.ack(ANNA, FOOD, 6, if_version=0),
        lambda model: model.bulk_ack(ANNA, [(NEWS, 9), (FOOD, 6)]),
        lambda model: model.mention(FOOD, 6, [ANNA]),
        lambda model: model.message(FOOD, 6, ANNA),
        lambda model: model.pin(ANNA, FOOD, 6),
        lambda model: model.join(ANNA, FOOD, 0),
    ],
    ids=["ack", "ifversion", "bulkack", "mention", "message", "pin", "join"],
)
def test_one_state_more_than_max_channels_is_refused(model, act):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)])
    with pytest.raises(Refused, match="LIMIT"):
        assert_changes_nothing(model, lambda: act(model))
    assert len(model.list(ANNA)[2]) == 3
    assert model.ack(ANNA, NEWS, 6) == [2, 0]


def test_a_tombstone_is_no_live_state(model):
    model.leave(ANNA, FOOD, 5)
    assert model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)]) == [2, 3]
    for late in (lambda: model.ack(ANNA, FOOD, 5), lambda: model.pin(ANNA, FOOD, 9)):
        assert assert_changes_nothing(model, late) == [0, 0]
    for anew in (lambda: model.ack(ANNA, FOOD, 6), lambda: model.join(ANNA, FOOD, 0)):
        with pytest.raises(Refused, match="LIMIT"):
            assert_changes_nothing(model, anew)
    model.leave(ANNA, NEWS)
    assert model.join(ANNA, FOOD, 0) == [4, 0]


def test_what_is_there_can_be_changed_where_max_channels_was_lowered(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5)])
    model.max_channels = 1
    assert model.ack(ANNA, NEWS, 6) == [2, 0]
    with pytest.raises(Refused, match="LIMIT"):
        model.ack(ANNA, MUSIC, 6)


def test_a_wrong_version_is_refused_before_a_state_too_many(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)])
    with pytest.raises(Refused, match="VERSION"):
        model.ack(ANNA, FOOD, 5, if_version=1)


def test_a_limit_of_one_of_several_users_says_how_many_succeeded(model):
    model.bulk_ack(BERT, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)])
    for risen in (2, 0):
        with pytest.raises(Refused) as refused:
            model.mention(FOOD, 6, [ANNA, BERT, CARL, BERT])
        told = refused.value
        assert (told.word, told.succeeded, told.named, told.risen) == ("LIMIT", 2, 3, risen)
    assert model.badge([ANNA, BERT, CARL]) == [[1, 1], [0, 0], [1, 1]]


def test_the_oldest_tombstone_goes_first(model):
    for channel in (MUSIC, NEWS, SPORT):
        model.leave(ANNA, channel, 5)
    assert model.user(ANNA).purged_to == 1
    assert changes(model, 1) == [tombstone(NEWS, 5, 2), tombstone(SPORT, 5, 3)]
    # Of the one that went nothing is known any more.
    assert model.ack(ANNA, MUSIC, 3) == [4, 0]


def test_a_tombstone_that_is_raised_is_the_newest_again(model):
    model.leave(ANNA, NEWS, 5)
    model.leave(ANNA, SPORT, 5)
    model.leave(ANNA, NEWS, 6)
    model.leave(ANNA, MUSIC, 5)
    assert model.user(ANNA).purged_to == 2
    assert changes(model, 2) == [tombstone(NEWS, 6, 3), tombstone(MUSIC, 5, 4)]


def test_a_tombstone_that_a_state_takes_over_counts_no_more(model):
    model.leave(ANNA, NEWS, 5)
    model.leave(ANNA, SPORT, 5)
    model.join(ANNA, NEWS, 0)
    model.leave(ANNA, MUSIC, 5)
    assert model.user(ANNA).purged_to == 0


def test_purged_to_is_the_version_of_the_newest_that_went(model):
    channels = [(number, 0) for number in range(1, 7)]
    for channel in channels:
        model.leave(ANNA, channel, 5)
    assert model.user(ANNA).purged_to == 4
    assert [model.list(ANNA, since)[1] for since in range(8)] == [1, 1, 1, 1, 0, 0, 0, 1]
