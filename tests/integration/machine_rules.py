"""A server driven through every command in random sequences, against the plain model.

Several connections in both protocols, evictions and clean restarts in between. One user at a time
is subscribed to, in one protocol or both: whoever is stays in memory, and few may be there.
"""

from feed_watch import FeedWatch
from hypothesis import strategies as st
from hypothesis.stateful import rule
from machine import ServerMachine, connections
from strategies import LIMITS, USERS, Epoch, UserVersion, Who, batches, channels, spelled, users


class RulesMachine(ServerMachine):
    LIMITS = LIMITS
    messages = 0

    def connect(self):
        super().connect()
        self.watches = [FeedWatch(self.server.connect(protocol), self.oracle) for protocol in (2, 3)]
        for watch in self.watches:
            watch.subscribe(self.first_user + 1 + ServerMachine.examples % USERS)

    def begin_example(self):
        # The epochs of users never seen, which stay when their first states come.
        self.send(0, [["RS.LIST", Who(number)] for number in range(1, USERS + 1)])

    @rule(sent=st.lists(st.tuples(connections, batches, st.booleans()), min_size=2, max_size=6))
    def pipeline(self, sent):
        for number, batch, at_once in sent:
            for commands in [batch] if at_once else [[command] for command in batch]:
                self.send(number, commands)

    def send(self, number, batch):
        """Versions and epochs in the commands are those from before the first of them."""
        batch = [spelled(command, self.first_user, self.oracle) for command in batch]
        self.play_batch(number, batch)
        for watch in self.watches:
            RulesMachine.messages += watch.check()

    @rule(number=st.integers(0, 1), user=users)
    def subscribe(self, number, user):
        user = self.first_user + user.number
        for watch in self.watches:
            for other in set(watch.seen) - {user}:
                watch.unsubscribe(other)
        self.watches[number].subscribe(user)

    @rule(number=st.integers(0, 1), user=users)
    def unsubscribe(self, number, user):
        self.watches[number].unsubscribe(self.first_user + user.number)

    @rule(number=connections, user=users)
    def list_since_each_version(self, number, user):
        versions = range(-1, self.oracle.model.user(self.first_user + user.number).version + 1)
        since = [["RS.LIST", user, "SINCE", Epoch(0), UserVersion(back)] for back in versions]
        self.send(number, [["RS.LIST", user]])
        self.send(number, since)

    @rule(number=connections, user=users, channel=channels)
    def evict_and_inspect(self, number, user, channel):
        """Nobody is there twice, and who looks into a user does not bring it back."""
        command = ["RS.EVICT", self.first_user + user.number]
        first, second = self.connections[number].pipeline([command] * 2)
        self.oracle.check(command, first)
        assert second == 0
        before = self.connections[number].call("DBSIZE")
        self.send(number, [["RS.INSPECT", user], ["RS.INSPECT", user, channel]])
        assert self.connections[number].call("DBSIZE") == before

    def end_example(self, number):
        for user in map(Who, range(1, USERS + 1)):
            self.send(number, [["RS.LIST", user], ["RS.BADGE", user]])
        self.watches[number].check_silence()
        self.watches[number].connection.close()
