"""The model itself: each rule and each sentence of the contract's section 3, with an example."""

import copy

import pytest

from model import MENTIONS_MAX, MESSAGE_MAX, Model, Refused, channel_parse, channel_text

ANNA, BERT, CARL = 1, 2, 3
NEWS, SPORT, MUSIC, FOOD = (7, 0), (8, 0), (9, 0), (10, 0)
IDS_KEPT = 4


@pytest.fixture
def model():
    return Model(max_channels=3, mention_ids_kept=IDS_KEPT, tombstones_kept=2)


def state(model, channel=NEWS, user=ANNA):
    """What is shown of a live state but the channel and the version; None where there is none."""
    view = model.get(user, [channel])[0]
    return view and {key: view[key] for key in view if key not in ("channel", "version")}


def version(model, user=ANNA):
    return model.list(user)[0]


def changes(model, since, user=ANNA):
    """The states of a list of changes, tombstones too; there must be one."""
    _, full, states = model.list(user, since)
    assert full == 0
    return states


def tombstone(channel, floor, version):
    return {
        "channel": channel_text(channel),
        "last_read": str(floor),
        "mentions": 0,
        "version": version,
        "deleted": 1,
    }


def mention_all(model, messages, channel=NEWS, user=ANNA):
    return [model.mention(channel, message, [user])[0] for message in messages]


def assert_changes_nothing(model, act):
    """Neither what is shown, nor a version, nor the feed."""
    before = copy.deepcopy((model.users, model.feed))
    result = act()
    users, feed = before
    assert model.feed == feed
    assert model.users.keys() == users.keys()
    for user, it in users.items():
        assert model.user(user).version == it.version
        assert views(model.user(user)) == views(it)
    return result


def views(it):
    return [state.view() for _, state in sorted(it.states.items())]


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
