"""All commands in random sequences, found and shrunk by hypothesis, against the plain model."""

import pytest
from machine import play
from machine_rules import RulesMachine


# The time to find a shorter example after a failure, not what a good run takes.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("threads", [1, 3])
def test_random_rules(start_server, seed, threads):
    before = RulesMachine.messages
    # One of them may be subscribed to, and stays.
    play(RulesMachine, start_server, threads, seed, examples=60, steps=25, users_a_thread=2)
    assert RulesMachine.messages - before > 100, "too few messages of the feed to mean much"
