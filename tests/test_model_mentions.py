"""Mentions: known by id, only counted, withdrawn."""

import pytest

from model_examples import ANNA, BERT, CARL, NEWS, assert_changes_nothing, mention_all, model, state

# ---- rule 2: ids first, a count second


def test_the_newest_ids_are_kept_and_the_oldest_only_counted(model):
    mention_all(model, [1, 2, 3, 4])
    assert state(model) == {"last_read": "0", "mentions": 4}
    mention_all(model, [5, 6])
    assert state(model) == {"last_read": "0", "mentions": 6, "approximate": 1}
    it = model.user(ANNA).find(NEWS)
    assert (sorted(it.known), it.counted, it.counted_to) == ([3, 4, 5, 6], 2, 2)


def test_a_new_id_below_all_that_are_known_is_the_oldest_itself(model):
    mention_all(model, [4, 5, 6, 7])
    assert mention_all(model, [2]) == [1]
    it = model.user(ANNA).find(NEWS)
    assert (sorted(it.known), it.counted, it.counted_to) == ([4, 5, 6, 7], 1, 2)
    assert mention_all(model, [2]) == [0]


def test_an_ack_drops_the_ids_at_or_below_it(model):
    mention_all(model, [2, 4, 6])
    assert model.ack(ANNA, NEWS, 3)[1] == 2
    assert model.ack(ANNA, NEWS, 4)[1] == 1
    assert model.ack(ANNA, NEWS, 5)[1] == 1
    assert model.ack(ANNA, NEWS, 6)[1] == 0


def test_the_counted_ones_end_when_an_ack_reaches_counted_to(model):
    mention_all(model, [1, 2, 3, 4, 5, 6])
    assert model.ack(ANNA, NEWS, 1)[1] == 6
    assert state(model) == {"last_read": "1", "mentions": 6, "approximate": 1}
    assert model.ack(ANNA, NEWS, 2)[1] == 4
    assert state(model) == {"last_read": "2", "mentions": 4}


# ---- rule 3: mention


@pytest.mark.parametrize("message", [1, 5, 9])
def test_a_mention_at_or_below_the_floor_counts_nothing(model, message):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 4, manual=True)
    assert assert_changes_nothing(model, lambda: mention_all(model, [message])) == [0]
    assert mention_all(model, [10]) == [1]


@pytest.mark.parametrize("message", [3, 4])
def test_a_mention_at_or_below_counted_to_counts_nothing(model, message):
    mention_all(model, [2, 4, 6, 7, 8, 9])
    assert model.user(ANNA).find(NEWS).counted_to == 4
    assert assert_changes_nothing(model, lambda: mention_all(model, [message])) == [0]
    assert mention_all(model, [5]) == [1]


def test_a_mention_known_by_id_counts_nothing(model):
    mention_all(model, [5, 7])
    assert assert_changes_nothing(model, lambda: mention_all(model, [5, 7])) == [0, 0]
    assert mention_all(model, [6]) == [1]


def test_every_mention_can_be_sent_again_whatever_was_pushed_out(model):
    sent = [3, 1, 2, 9, 7, 8, 5, 4, 6]
    for number, message in enumerate(sent):
        mention_all(model, [message])
        again = sent[: number + 1]
        assert_changes_nothing(model, lambda again=again: mention_all(model, again))


# ---- rule 4: unmention


def test_an_unmention_of_a_known_id_takes_it_off(model):
    mention_all(model, [5, 6])
    assert model.unmention(NEWS, 5, [ANNA]) == [1, 0]
    assert state(model) == {"last_read": "0", "mentions": 1}


def test_the_id_stays_known_as_withdrawn(model):
    mention_all(model, [5, 6])
    model.unmention(NEWS, 5, [ANNA])
    assert assert_changes_nothing(model, lambda: mention_all(model, [5])) == [0]
    again = assert_changes_nothing(model, lambda: model.unmention(NEWS, 5, [ANNA]))
    assert again == [0, 0]


@pytest.mark.parametrize("message", [1, 3, 8])
def test_an_unmention_of_what_is_not_known_by_id_does_nothing(model, message):
    """1 is read, 3 is only counted, and of 8 nobody ever heard."""
    model.ack(ANNA, NEWS, 2)
    mention_all(model, [3, 4, 5, 6, 7])
    assert model.user(ANNA).find(NEWS).counted_to == 3
    unmention = assert_changes_nothing(model, lambda: model.unmention(NEWS, message, [ANNA]))
    assert unmention == [0, 0]


def test_an_unmention_makes_no_state(model):
    assert model.unmention(NEWS, 5, [ANNA]) == [0, 0]
    assert model.list(ANNA) == [0, 1, []]


def test_an_unmention_names_a_user_twice_and_counts_once(model):
    model.mention(NEWS, 5, [ANNA, BERT])
    assert model.unmention(NEWS, 5, [ANNA, BERT, CARL, ANNA]) == [2, 0]


def test_an_ack_forgets_a_withdrawn_id_like_any_other(model):
    mention_all(model, [5, 6])
    model.unmention(NEWS, 5, [ANNA])
    assert model.ack(ANNA, NEWS, 5)[1] == 1
    assert sorted(model.user(ANNA).find(NEWS).known) == [6]
