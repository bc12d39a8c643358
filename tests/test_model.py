"""What the contract says of all states: words and versions, the small print, and what only looks."""

import pytest

from model import MENTIONS_MAX, MESSAGE_MAX, channel_parse, channel_text
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

# ---- words


def test_a_channel_without_a_type_is_of_type_0():
    assert [channel_parse(key) for key in ("7", "0:7", "255:7")] == [(7, 0), (7, 0), (7, 255)]
    assert [channel_text(channel) for channel in ((7, 0), (7, 255))] == ["7", "255:7"]


def test_two_types_of_one_id_are_two_states(model):
    model.ack(ANNA, (7, 1), 5)
    model.ack(ANNA, (7, 0), 6)
    assert state(model, (7, 1))["last_read"] == "5"
    assert state(model, (7, 0))["last_read"] == "6"


def test_each_visible_change_takes_one_version_of_the_user(model):
    assert model.ack(ANNA, NEWS, 5) == [1, 0]
    assert model.ack(ANNA, SPORT, 5) == [2, 0]
    assert model.ack(BERT, NEWS, 5) == [1, 0]
    assert model.ack(ANNA, NEWS, 6) == [3, 0]
    assert [view["version"] for view in model.list(ANNA)[2]] == [3, 2]


def test_ids_are_texts_and_counts_are_integers(model):
    model.ack(ANNA, NEWS, MESSAGE_MAX)
    model.ack(ANNA, NEWS, 5, manual=True, mentions=1, viewed=2, flags=3)
    model.pin(ANNA, NEWS, 4)
    assert model.get(ANNA, [NEWS]) == [
        {
            "channel": "7",
            "last_read": "5",
            "floor": str(MESSAGE_MAX),
            "mentions": 1,
            "approximate": 1,
            "viewed": 2,
            "flags": 3,
            "pin": 4,
            "version": 3,
        }
    ]


def test_a_state_shows_what_is_zero_only_where_it_must(model):
    model.join(ANNA, NEWS, 0)
    assert model.get(ANNA, [NEWS]) == [
        {"channel": "7", "last_read": "0", "mentions": 0, "version": 1}
    ]


# ---- small print


@pytest.mark.parametrize(
    ("act", "shown"),
    [
        (lambda model: model.ack(ANNA, NEWS, 5), {"last_read": "5", "mentions": 0}),
        (lambda model: model.mention(NEWS, 5, [ANNA]), {"last_read": "0", "mentions": 1}),
        (lambda model: model.pin(ANNA, NEWS, 5), {"last_read": "0", "mentions": 0, "pin": 5}),
        (lambda model: model.join(ANNA, NEWS, 5), {"last_read": "5", "mentions": 0}),
    ],
    ids=["ack", "mention", "pin", "join"],
)
def test_what_creates_a_state(model, act, shown):
    act(model)
    assert state(model) == shown
    assert version(model) == 1


def test_a_tombstone_shows_its_floor_no_mentions_and_deleted(model):
    mention_all(model, [3, 5])
    model.leave(ANNA, NEWS)
    assert changes(model, 2) == [
        {"channel": "7", "last_read": "5", "mentions": 0, "version": 3, "deleted": 1}
    ]


def test_leaving_again_with_a_higher_message_raises_the_tombstone(model):
    model.leave(ANNA, NEWS, 5)
    assert model.leave(ANNA, NEWS, 6) == 0
    assert changes(model, 1) == [tombstone(NEWS, 6, 2)]
    for message in (0, 5, 6):
        again = assert_changes_nothing(
            model, lambda message=message: model.leave(ANNA, NEWS, message)
        )
        assert again == 0
    assert model.published(ANNA)[-1]["states"] == [tombstone(NEWS, 6, 2)]


def test_where_no_state_is_there_after_a_command_the_reply_says_zeros(model):
    model.leave(ANNA, NEWS, 5)
    assert model.ack(ANNA, NEWS, 5) == [0, 0]
    assert model.pin(ANNA, NEWS, 5) == [0, 0]


def test_what_changes_nothing_shown_takes_no_version_though_it_is_kept(model):
    """A mention of a count that has stopped is shown nowhere, and is a known id from then on."""
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 4, manual=True, mentions=MENTIONS_MAX)
    assert assert_changes_nothing(model, lambda: mention_all(model, [10])) == [0]
    assert sorted(model.user(ANNA).find(NEWS).known) == [10]
    assert model.ack(ANNA, NEWS, 9)[1] == 1


@pytest.mark.parametrize("options", [{"flags": 1}, {"viewed": 1}, {"manual": True, "mentions": 1}])
def test_the_options_of_an_ack_do_nothing_on_a_tombstone_that_stays(model, options):
    model.leave(ANNA, NEWS, 5)
    assert assert_changes_nothing(model, lambda: model.ack(ANNA, NEWS, 5, **options)) == [0, 0]
    model.join(ANNA, NEWS, 0)
    assert state(model) == {"last_read": "5", "mentions": 0}


def test_a_withdrawn_id_that_is_pushed_out_counts_nothing(model):
    mention_all(model, [2, 4, 5, 6])
    model.unmention(NEWS, 2, [ANNA])
    assert mention_all(model, [7]) == [1]
    assert state(model) == {"last_read": "0", "mentions": 4}
    it = model.user(ANNA).find(NEWS)
    assert (it.counted, it.counted_to) == (0, 2)
    assert mention_all(model, [1, 2]) == [0, 0]


def test_an_unmention_that_comes_before_its_mention_does_nothing(model):
    mention_all(model, [4])
    assert_changes_nothing(model, lambda: model.unmention(NEWS, 5, [ANNA]))
    assert mention_all(model, [5]) == [1]


def test_the_number_of_mentions_stops(model):
    model.ack(ANNA, NEWS, 9)
    model.ack(ANNA, NEWS, 4, manual=True, mentions=MENTIONS_MAX - 1)
    assert mention_all(model, [10]) == [1]
    assert state(model)["mentions"] == MENTIONS_MAX
    assert assert_changes_nothing(model, lambda: mention_all(model, [11])) == [0]
    assert model.badge([ANNA]) == [[MENTIONS_MAX, 1]]
    assert model.ack(ANNA, NEWS, 9)[1] == 2


def test_of_tombstones_of_one_version_the_lowest_channel_goes_first(model):
    """Lowest by id, then by type, as a list goes."""
    channels = [(10, 0), (9, 5), (9, 1)]
    for channel in channels:
        model.ack(ANNA, channel, 5)
    model.delete(ANNA, channels)
    assert changes(model, 4) == []
    assert [gone.channel for gone in model.user(ANNA).tombstones()] == [(9, 5), (10, 0)]


def test_each_pending_mention_that_counts_takes_a_version_of_its_own(model):
    mention_all(model, [5, 5, 6])
    assert version(model) == 2


def test_del_takes_one_version_for_all_it_removes(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 6), (MUSIC, 7)])
    assert model.delete(ANNA, [MUSIC, NEWS, MUSIC, FOOD]) == 2
    assert changes(model, 1) == [tombstone(NEWS, 5, 2), tombstone(MUSIC, 7, 2)]


# ---- what only looks


def test_get_shows_nil_for_what_is_not_there_and_for_a_tombstone(model):
    model.ack(ANNA, NEWS, 5)
    model.leave(ANNA, SPORT, 5)
    there = {"channel": "7", "last_read": "5", "mentions": 0, "version": 1}
    assert model.get(ANNA, [SPORT, NEWS, MUSIC, NEWS]) == [None, there, None, there]


def test_a_list_goes_by_channel_id_then_type(model):
    model.bulk_ack(ANNA, [((10, 0), 5), ((9, 1), 5), ((9, 0), 5)])
    assert [view["channel"] for view in model.list(ANNA)[2]] == ["9", "1:9", "10"]
    assert [view["channel"] for view in changes(model, 0)] == ["9", "1:9", "10"]


def test_list_since_gives_the_states_changed_after_that_version(model):
    model.bulk_ack(ANNA, [(NEWS, 5), (SPORT, 5), (MUSIC, 5)])
    model.leave(ANNA, SPORT)
    model.ack(ANNA, MUSIC, 6)
    everything = model.list(ANNA)
    assert [view["channel"] for view in everything[2]] == ["7", "9"]
    assert model.list(ANNA, 0)[:2] == [3, 0]
    assert [view["channel"] for view in changes(model, 0)] == ["7", "8", "9"]
    assert [view["channel"] for view in changes(model, 1)] == ["8", "9"]
    assert [view["channel"] for view in changes(model, 2)] == ["9"]
    assert model.list(ANNA, 3) == [3, 0, []]
    assert model.list(ANNA, 4) == everything


def test_list_since_of_another_epoch_is_full(model):
    model.ack(ANNA, NEWS, 5)
    model.leave(ANNA, SPORT, 5)
    assert model.list(ANNA, 1, model.epoch(ANNA))[:2] == [2, 0]
    for another in (model.epoch(BERT), "x"):
        assert model.list(ANNA, 1, another) == [2, 1, model.get(ANNA, [NEWS])]


def test_a_user_never_seen_has_version_0_and_an_epoch_that_stays(model):
    epoch = model.epoch(ANNA)
    assert model.list(ANNA) == [0, 1, []]
    assert model.list(ANNA, 0, epoch) == [0, 0, []]
    assert model.list(ANNA, 1, epoch) == [0, 1, []]
    model.ack(ANNA, NEWS, 5)
    assert model.epoch(ANNA) == epoch
    assert model.list(ANNA, 0, epoch) == [1, 0, model.get(ANNA, [NEWS])]


def test_looking_leaves_nothing_behind(model):
    model.get(ANNA, [NEWS])
    model.list(ANNA, 0)
    model.badge([ANNA])
    assert model.users == {}


def test_badge_says_all_mentions_and_the_states_that_have_some(model):
    model.mention(NEWS, 5, [ANNA])
    model.mention(NEWS, 6, [ANNA])
    model.mention(SPORT, 5, [ANNA, BERT])
    model.ack(ANNA, MUSIC, 5)
    assert model.badge([ANNA, CARL, BERT, ANNA]) == [[3, 2], [0, 0], [1, 1], [3, 2]]
