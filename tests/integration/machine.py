"""What state machines that play a server have in common: connections, restarts, a bounded cache.

Each example takes users of its own, so one server (and its data folder, ever fuller) serves them
all.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from oracle import Oracle
from server import info, wait_until

CONNECTIONS = 4

connections = st.integers(0, CONNECTIONS - 1)

# Who only asks whether there is a failure need not wait for the shortest example of it.
PHASES = [Phase.generate] if "READSTATES_HUNT" in os.environ else list(Phase)


class ServerMachine(RuleBasedStateMachine):
    """Whoever runs it subclasses it, sets LIMITS, and plays it."""

    LIMITS = {}
    cache_users = 3
    server = None
    examples = 0
    steps = 0
    restarts = 0
    evictions = 0

    @initialize(restarts=st.sampled_from([0, 0, 0, 1, 2]))
    def begin(self, restarts):
        ServerMachine.examples += 1
        self.first_user = ServerMachine.examples * 100
        self.restarts_left = restarts
        self.oracle = Oracle(**self.LIMITS)
        self.connect()
        self.begin_example()

    def begin_example(self):
        pass

    @classmethod
    def count_evictions(cls):
        """Each start of the server counts anew."""
        with cls.server.connect() as connection:
            ServerMachine.evictions += int(info(connection)["evicted_users"])

    def connect(self):
        self.connections = [self.server.connect(2 + number % 2) for number in range(CONNECTIONS)]

    def play_batch(self, number, batch):
        ServerMachine.steps += len(batch)
        for command, reply in zip(batch, self.connections[number].pipeline(batch), strict=True):
            self.oracle.check(command, reply)

    @precondition(lambda self: self.restarts_left > 0)
    @rule()
    def restart(self):
        self.restarts_left -= 1
        ServerMachine.restarts += 1
        self.count_evictions()
        self.server.restart()
        self.connect()
        # Who is in memory changes by itself until then.
        wait_until(
            lambda: info(self.connections[0], "persistence").get("warm_state") != "loading",
            "all are loaded",
        )

    @invariant()
    def the_cache_is_bounded(self):
        if hasattr(self, "connections"):
            assert self.connections[0].call("DBSIZE") <= self.cache_users

    def teardown(self):
        if not hasattr(self, "connections"):
            return
        try:
            for protocol in (0, 1):
                self.end_example(protocol)
        finally:
            for connection in self.connections:
                connection.close()

    def end_example(self, number):
        """Looks at all there is, through that connection."""


def play(machine, start_server, threads, seed, *, examples, steps, users_a_thread=0):
    """Starts a server with the machine's limits, and plays so many examples of so many rules.

    Its cache holds 3 users, or as many of each thread's as are asked for if that is more.
    """
    cache_users = max(3, users_a_thread * threads)
    limits = [
        word
        for name, value in machine.LIMITS.items()
        for word in ("--" + name.replace("_", "-"), value)
    ]
    server = start_server(
        *("--threads", threads, "--cache-users", cache_users, "--commit-delay", "50ms"), *limits
    )

    class ForThisServer(machine):
        pass

    ForThisServer.server = server
    ForThisServer.cache_users = cache_users
    before = (ServerMachine.steps, ServerMachine.restarts, ServerMachine.evictions)
    with_seed(seed + threads)(ForThisServer)
    run_state_machine_as_test(
        ForThisServer,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=PHASES,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    ForThisServer.count_evictions()
    assert ServerMachine.steps - before[0] > 3000, "hypothesis made too few steps to mean much"
    assert ServerMachine.restarts > before[1]
    assert ServerMachine.evictions > before[2]
