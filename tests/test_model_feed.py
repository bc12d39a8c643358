"""What the model publishes, and that a client who lists and reads the feed knows what is there."""

import copy

import pytest

from feed_reader import FeedReader
from model import Model

ANNA, BERT = 1, 2
NEWS, SPORT, MUSIC = (7, 0), (8, 0), (9, 0)


@pytest.fixture
def model():
    return Model(tombstones_kept=2)


# ---- the change feed


def published(model, user=ANNA):
    """(version, cause, [(channel, last_read, mentions)...]) of each message."""
    fields = ("channel", "last_read", "mentions")
    return [
        (
            message["version"],
            message["cause"],
            [tuple(view[field] for field in fields) for view in message["states"]],
        )
        for message in model.published(user)
    ]


def test_a_message_of_the_feed_has_the_fields_of_state(model):
    model.ack(7, (3, 0), 9)
    assert model.published(7) == [
        {
            "user": "7",
            "epoch": model.epoch(7),
            "version": 1,
            "cause": "ack",
            "states": [{"channel": "3", "last_read": "9", "mentions": 0, "version": 1}],
        }
    ]


def test_a_feeds_cause_names_the_command(model):
    model.ack(ANNA, NEWS, 1)
    model.ack(ANNA, NEWS, 2, manual=True)
    model.bulk_ack(ANNA, [(SPORT, 3), (NEWS, 3), (NEWS, 2)])
    model.mention(NEWS, 4, [ANNA, BERT])
    model.unmention(NEWS, 4, [ANNA, BERT])
    model.pin(ANNA, NEWS, 1)
    model.join(ANNA, MUSIC, 5)
    model.leave(ANNA, MUSIC, 6)
    model.delete(ANNA, [NEWS, SPORT])
    assert published(model) == [
        (1, "ack", [("7", "1", 0)]),
        (2, "ack", [("7", "2", 0)]),
        (3, "bulkack", [("7", "3", 0), ("8", "3", 0)]),
        (4, "mention", [("7", "3", 1)]),
        (5, "unmention", [("7", "3", 0)]),
        (6, "pin", [("7", "3", 0)]),
        (7, "join", [("9", "5", 0)]),
        (8, "leave", [("9", "6", 0)]),
        (9, "delete", [("7", "4", 0), ("8", "3", 0)]),
    ]
    assert published(model, BERT) == [
        (1, "mention", [("7", "0", 1)]),
        (2, "unmention", [("7", "0", 0)]),
    ]
    assert all("deleted" in view for view in model.published(ANNA)[-1]["states"])


def test_a_messages_cause_is_message_for_all_whom_it_changed(model):
    model.message(NEWS, 5, ANNA, users=[BERT])
    assert published(model) == [(1, "message", [("7", "5", 0)])]
    assert published(model, BERT) == [(1, "message", [("7", "0", 1)])]


def test_forget_is_published_with_the_old_epoch_and_the_version_after_the_last(model):
    old = model.epoch(ANNA)
    model.ack(ANNA, NEWS, 5)
    model.forget(ANNA)
    model.ack(ANNA, NEWS, 6)
    assert published(model) == [
        (1, "ack", [("7", "5", 0)]),
        (2, "forget", []),
        (1, "ack", [("7", "6", 0)]),
    ]
    epochs = [message["epoch"] for message in model.published(ANNA)]
    assert epochs == [old, old, model.epoch(ANNA)]


def test_the_feed_tells_of_a_tombstone_that_goes_at_once(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)])
    model.delete(ANNA, [NEWS, SPORT, MUSIC])
    assert [view["channel"] for view in model.published(ANNA)[-1]["states"]] == ["7", "8", "9"]
    assert len(model.user(ANNA).tombstones()) == 2


def test_a_message_of_the_feed_does_not_change_afterwards(model):
    model.ack(ANNA, NEWS, 5)
    before = copy.deepcopy(model.published(ANNA)[0])
    model.ack(ANNA, NEWS, 6)
    assert model.published(ANNA)[0] == before


# ---- a reader of the feed


def reading(model):
    """A client that has just listed."""
    reader = FeedReader()
    reader.take_list(model.epoch(ANNA), *model.list(ANNA))
    return reader


def test_a_reader_applies_what_is_newer_than_its_list(model):
    model.ack(ANNA, NEWS, 5)
    model.ack(ANNA, NEWS, 6)
    reader = reading(model)
    for message in model.published(ANNA):
        reader.take_message(message)
    assert list(reader.states.values()) == model.list(ANNA)[2]
    model.leave(ANNA, NEWS)
    reader.take_message(model.published(ANNA)[-1])
    gone = {"channel": "7", "last_read": "6", "mentions": 0, "version": 3, "deleted": 1}
    assert (reader.live(), reader.tombstones()) == ({}, {"7": gone})


def test_a_reader_drops_all_at_forget_and_goes_on_in_the_next_epoch(model):
    model.ack(ANNA, NEWS, 5)
    reader = reading(model)
    model.forget(ANNA)
    model.ack(ANNA, SPORT, 5)
    for message in model.published(ANNA)[1:]:
        reader.take_message(message)
    assert not reader.must_list
    assert list(reader.states.values()) == model.list(ANNA)[2]
    assert (reader.epoch, reader.version) == (model.epoch(ANNA), 1)


def test_a_reader_that_sees_another_epoch_than_its_own_lists_again(model):
    model.ack(ANNA, NEWS, 5)
    model.forget(ANNA)
    model.ack(ANNA, SPORT, 5)
    reader = reading(model)
    reader.take_message(model.published(ANNA)[1])
    assert reader.must_list and reader.states == {}


def test_at_version_0_the_epoch_does_not_bind_yet(model):
    reader = FeedReader()
    reader.take_list("of another time", 0, 1, [])
    model.ack(ANNA, NEWS, 5)
    reader.take_message(model.published(ANNA)[0])
    assert not reader.must_list
    assert reader.epoch == model.epoch(ANNA)


def test_a_reader_takes_the_newest_state_of_a_merged_message(model):
    reader = reading(model)
    model.ack(ANNA, NEWS, 5)
    model.bulk_ack(ANNA, [(NEWS, 6), (SPORT, 5)])
    newest = {**model.published(ANNA)[-1], "cause": "merged"}
    reader.take_message(newest)
    assert list(reader.states.values()) == model.list(ANNA)[2]
    assert reader.version == 2


def test_a_forget_merged_with_what_followed_drops_all_and_applies_the_states_given(model):
    """Who lists after the forget has it already, and with it what the message does not tell."""
    forget = {**message_of(model, NEWS), "version": 3, "cause": "forget"}
    for version, channels in ((2, ["7"]), (3, ["8"])):
        reader = FeedReader()
        reader.take_list(model.epoch(ANNA), version, 1, [view_of("8")])
        reader.take_message(forget)
        assert list(reader.states) == channels


def message_of(model, channel):
    model.ack(ANNA, channel, 5)
    return model.published(ANNA)[-1]


def view_of(channel):
    return {"channel": channel, "last_read": "5", "mentions": 0, "version": 1}
