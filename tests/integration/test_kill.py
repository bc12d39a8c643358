"""kill -9 of a server under load: nothing that was answered is missing afterwards. ./dev torture does it for longer."""

import pytest
from torture import JOURNAL_SYNCS, MIN_ANSWERS, Series

KILLS = 10


@pytest.mark.parametrize("journal_sync", JOURNAL_SYNCS)
def test_kill(tmp_path, seed, journal_sync):
    with Series(tmp_path, seed, journal_sync) as series:
        series.play(KILLS)
    assert series.kills == KILLS
    assert series.answers >= KILLS * MIN_ANSWERS
    assert series.unanswered > 0
