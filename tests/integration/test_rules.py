"""All commands in random sequences, found and shrunk by hypothesis, against the plain model."""

import pytest
from machine import play
from machine_rules import RulesMachine


# The time to find a shorter example after a failure, not what a good run takes.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("threads", [1, 3])
def test_random_rules(start_server, seed, threads):
    play(RulesMachine, start_server, threads, seed, examples=60, steps=25)
