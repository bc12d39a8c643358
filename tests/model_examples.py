"""What the tests of the model have in common: a small model, some people and channels, and how they look."""

import copy

import pytest

from model import Model, channel_text

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
