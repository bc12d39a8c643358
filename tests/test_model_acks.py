"""How far a user has read: acks, forward and back, their options, pins and bulks."""

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
    mention_all,
    model,
    state,
    version,
)

# ---- rule 1: ack


def test_an_ack_moves_last_read_and_floor_forward(model):
    model.ack(ANNA, NEWS, 5)
    model.ack(ANNA, NEWS, 8)
    assert state(model) == {"last_read": "8", "mentions": 0}
    assert model.user(ANNA).find(NEWS).floor == 8


@pytest.mark.parametrize("message", [1, 4, 5])
def test_an_ack_at_or_below_last_read_moves_nothing_and_succeeds(model, message):
    model.ack(ANNA, NEWS, 5)
    assert assert_changes_nothing(model, lambda: model.ack(ANNA, NEWS, message)) == [1, 0]


@pytest.mark.parametrize("message", [1, 5])
def test_the_options_of_a_late_ack_act_all_the_same(model, message):
    model.ack(ANNA, NEWS, 5)
    assert model.ack(ANNA, NEWS, message, viewed=3, flags=4) == [2, 0]
    assert state(model) == {"last_read": "5", "mentions": 0, "viewed": 3, "flags": 4}


def test_an_ack_below_the_floor_moves_forward_what_a_manual_ack_moved_back(model):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 2, manual=True)
    model.ack(ANNA, NEWS, 5)
    assert state(model) == {"last_read": "5", "floor": "9", "mentions": 0}
    model.ack(ANNA, NEWS, 9)
    assert state(model) == {"last_read": "9", "mentions": 0}


# ---- rule 5: manual ack


def test_a_manual_ack_moves_back(model):
    model.ack(ANNA, NEWS, 9)
    assert model.ack(ANNA, NEWS, 4, manual=True) == [2, 0]
    assert state(model) == {"last_read": "4", "floor": "9", "mentions": 0}


def test_a_higher_manual_ack_raises_the_floor_too(model):
    model.ack(ANNA, NEWS, 4)
    mention_all(model, [6, 12])
    assert model.ack(ANNA, NEWS, 9, manual=True) == [4, 1]
    assert state(model) == {"last_read": "9", "mentions": 1}


def test_a_manual_ack_between_last_read_and_floor_leaves_the_floor(model):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 2, manual=True)
    model.ack(ANNA, NEWS, 7, manual=True)
    assert state(model) == {"last_read": "7", "floor": "9", "mentions": 0}


def test_a_manual_ack_of_last_read_changes_nothing(model):
    model.ack(ANNA, NEWS, 9)
    assert_changes_nothing(model, lambda: model.ack(ANNA, NEWS, 9, manual=True))


def test_retried_mentions_of_what_was_once_read_do_not_count_again(model):
    mention_all(model, [3, 5])
    model.ack(ANNA, NEWS, 5)
    model.ack(ANNA, NEWS, 1, manual=True)
    assert mention_all(model, [3, 5]) == [0, 0]
    assert mention_all(model, [6]) == [1]


def test_a_manual_ack_back_keeps_the_known_and_the_counted_mentions(model):
    model.ack(ANNA, NEWS, 2)
    mention_all(model, [3, 4, 5, 6, 7])
    assert model.ack(ANNA, NEWS, 1, manual=True)[1] == 5
    assert state(model) == {"last_read": "1", "floor": "2", "mentions": 5, "approximate": 1}


def test_mentions_says_how_many_lie_above_the_message(model):
    model.ack(ANNA, NEWS, 9)
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=3) == [2, 3]
    assert state(model) == {"last_read": "4", "floor": "9", "mentions": 3, "approximate": 1}


def test_what_is_known_by_id_is_part_of_mentions(model):
    model.ack(ANNA, NEWS, 9)
    mention_all(model, [10, 11])
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=5)[1] == 5
    assert model.user(ANNA).find(NEWS).counted == 3
    # An ack up to the floor ends what was only counted there, and leaves what is known above it.
    assert model.ack(ANNA, NEWS, 8)[1] == 5
    assert model.ack(ANNA, NEWS, 9)[1] == 2


@pytest.mark.parametrize("mentions", [0, 1, 2])
def test_mentions_lower_than_what_is_known_leaves_what_is_known(model, mentions):
    model.ack(ANNA, NEWS, 9)
    mention_all(model, [10, 11])
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=mentions)[1] == 2
    assert state(model) == {"last_read": "4", "floor": "9", "mentions": 2}


def test_a_withdrawn_id_is_no_part_of_mentions(model):
    model.ack(ANNA, NEWS, 9)
    mention_all(model, [10, 11])
    model.unmention(NEWS, 10, [ANNA])
    model.ack(ANNA, NEWS, 4, manual=True, mentions=3)
    it = model.user(ANNA).find(NEWS)
    assert (it.mentions(), it.counted) == (3, 2)


def test_mentions_sets_counted_to_to_the_floor_where_that_is_higher(model):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 4, manual=True, mentions=3)
    assert model.user(ANNA).find(NEWS).counted_to == 9
    assert model.ack(ANNA, NEWS, 8)[1] == 3
    assert model.ack(ANNA, NEWS, 9)[1] == 0


def test_mentions_keeps_counted_to_where_that_is_higher_than_the_floor(model):
    mention_all(model, [3, 4, 5, 6, 7, 8])
    assert model.user(ANNA).find(NEWS).counted_to == 4
    assert model.ack(ANNA, NEWS, 2, manual=True, mentions=9)[1] == 9
    assert model.user(ANNA).find(NEWS).counted_to == 4
    assert model.ack(ANNA, NEWS, 3)[1] == 9
    assert model.ack(ANNA, NEWS, 4)[1] == 4


def test_mentions_may_also_lower_what_was_only_counted(model):
    mention_all(model, [3, 4, 5, 6, 7, 8])
    assert model.ack(ANNA, NEWS, 2, manual=True, mentions=5)[1] == 5
    assert model.ack(ANNA, NEWS, 1, manual=True, mentions=0)[1] == 4
    assert state(model) == {"last_read": "1", "floor": "2", "mentions": 4}


@pytest.mark.parametrize("message", [9, 10])
def test_mentions_has_no_effect_where_nothing_unknown_can_lie_above(model, message):
    """9 is the floor."""
    model.ack(ANNA, NEWS, 9)
    mention_all(model, [11])
    assert model.ack(ANNA, NEWS, message, manual=True, mentions=5)[1] == 1
    assert state(model) == {"last_read": str(message), "mentions": 1}


def test_mentions_has_no_effect_at_counted_to(model):
    mention_all(model, [3, 4, 5, 6, 7, 8])
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=9)[1] == 4


def test_mentions_has_no_effect_on_a_state_that_it_creates(model):
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=5) == [1, 0]
    assert state(model) == {"last_read": "4", "mentions": 0}


def test_mentions_of_the_same_message_again_is_a_change_of_its_own(model):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 4, manual=True, mentions=3)
    assert model.ack(ANNA, NEWS, 4, manual=True, mentions=2) == [3, 2]
    assert_changes_nothing(model, lambda: model.ack(ANNA, NEWS, 4, manual=True, mentions=2))


# ---- rule 6: a user's own message


def test_a_message_acks_its_author_and_mentions_the_others(model):
    mention_all(model, [3])
    assert model.message(NEWS, 5, ANNA, users=[BERT, CARL, BERT]) == [2, 0]
    assert state(model) == {"last_read": "5", "mentions": 0}
    assert state(model, user=BERT) == {"last_read": "0", "mentions": 1}


def test_a_message_never_mentions_its_author(model):
    assert model.message(NEWS, 5, ANNA, users=[ANNA, BERT]) == [1, 0]
    assert state(model) == {"last_read": "5", "mentions": 0}


def test_a_message_with_noack_leaves_its_author_alone(model):
    assert model.message(NEWS, 5, ANNA, no_ack=True, users=[ANNA, BERT]) == [1, 0]
    assert state(model) is None
    assert model.message(NEWS, 6, ANNA, no_ack=True) == [0, 0]
    assert version(model) == 0


# ---- rule 7: pin ack


def test_a_pin_ack_keeps_the_highest_timestamp(model):
    assert model.pin(ANNA, NEWS, 5) == [1, 0]
    assert model.pin(ANNA, NEWS, 9) == [2, 0]
    assert assert_changes_nothing(model, lambda: model.pin(ANNA, NEWS, 7)) == [2, 0]
    assert state(model) == {"last_read": "0", "mentions": 0, "pin": 9}


# ---- rule 10: bulk


def test_a_bulk_is_one_version_and_one_message_of_the_feed(model):
    model.ack(ANNA, NEWS, 5)
    assert model.bulk_ack(ANNA, [(NEWS, 6), (SPORT, 7)]) == [2, 2]
    assert [view["version"] for view in model.list(ANNA)[2]] == [2, 2]
    assert model.published(ANNA)[-1]["states"] == model.list(ANNA)[2]
    assert len(model.published(ANNA)) == 2


def test_a_bulk_is_checked_whole_before_any_of_it_is_applied(model):
    model.ack(ANNA, NEWS, 5)
    pairs = [(NEWS, 9), (SPORT, 1), (MUSIC, 1), (FOOD, 1)]
    with pytest.raises(Refused, match="LIMIT"):
        assert_changes_nothing(model, lambda: model.bulk_ack(ANNA, pairs))
    assert state(model) == {"last_read": "5", "mentions": 0}


def test_a_bulk_says_the_users_version_and_how_many_changed(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5)])
    model.ack(ANNA, MUSIC, 5)
    assert model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 6)]) == [3, 1]
    unchanged = assert_changes_nothing(model, lambda: model.bulk_ack(ANNA, [(NEWS, 5)]))
    assert unchanged == [3, 0]


def test_a_channel_named_twice_in_a_bulk_is_applied_twice_and_counts_once(model):
    model.leave(ANNA, NEWS, 5)
    assert model.bulk_ack(ANNA, [(NEWS, 3), (NEWS, 8), (NEWS, 4), (NEWS, 6)]) == [2, 1]
    assert state(model) == {"last_read": "8", "mentions": 0}


def test_a_bulk_of_what_is_late_on_tombstones_alone_takes_no_version(model):
    model.leave(ANNA, NEWS, 5)
    assert assert_changes_nothing(model, lambda: model.bulk_ack(ANNA, [(NEWS, 5)])) == [1, 0]


# ---- the options of an ack


def test_viewed_keeps_the_highest_day(model):
    model.ack(ANNA, NEWS, 5, viewed=3)
    assert_changes_nothing(model, lambda: model.ack(ANNA, NEWS, 5, viewed=2))
    model.ack(ANNA, NEWS, 5, viewed=4)
    assert state(model) == {"last_read": "5", "mentions": 0, "viewed": 4}


def test_flags_replace_and_the_last_one_wins(model):
    model.ack(ANNA, NEWS, 5, flags=3)
    model.ack(ANNA, NEWS, 5, flags=1)
    assert state(model) == {"last_read": "5", "mentions": 0, "flags": 1}
    model.ack(ANNA, NEWS, 4, flags=0)
    assert state(model) == {"last_read": "5", "mentions": 0}
    assert version(model) == 3


def test_an_ack_without_an_option_leaves_what_it_would_change(model):
    model.ack(ANNA, NEWS, 5, viewed=3, flags=3)
    model.ack(ANNA, NEWS, 6)
    assert state(model) == {"last_read": "6", "mentions": 0, "viewed": 3, "flags": 3}


def test_ifversion_applies_only_to_the_states_version(model):
    assert model.ack(ANNA, NEWS, 5, if_version=0) == [1, 0]
    model.ack(ANNA, SPORT, 5)
    for wrong in (0, 2):
        with pytest.raises(Refused, match="VERSION"):
            wrongly = {"manual": True, "flags": 1, "if_version": wrong}
            assert_changes_nothing(model, lambda given=wrongly: model.ack(ANNA, NEWS, 1, **given))
    assert state(model) == {"last_read": "5", "mentions": 0}
    assert model.ack(ANNA, NEWS, 1, manual=True, if_version=1) == [3, 0]


def test_ifversion_of_a_state_that_is_not_there_is_0(model):
    with pytest.raises(Refused, match="VERSION"):
        model.ack(ANNA, NEWS, 5, if_version=1)
    assert state(model) is None


def test_commit_changes_nothing_but_when_the_reply_comes(model):
    assert model.ack(ANNA, NEWS, 5, commit="now") == [1, 0]
    assert model.ack(ANNA, NEWS, 6, commit="delayed") == [2, 0]
