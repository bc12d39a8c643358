"""Reads users' change feeds, and holds each message against what the model has published."""

import json

from resp import encode


class FeedWatch:
    """One connection that is subscribed to some users, and reads at once: nothing is merged for it."""

    def __init__(self, connection, oracle):
        self.connection = connection
        self.oracle = oracle
        self.seen = {}  # Of each user, how many of the model's messages there were until now.

    def subscribe(self, user):
        assert self._ask("SUBSCRIBE", user) == ["subscribe", f"rs:{user}", len(self.seen | {user: 0})]
        self.seen.setdefault(user, len(self.oracle.model.published(user)))

    def unsubscribe(self, user):
        self.seen.pop(user, None)
        assert self._ask("UNSUBSCRIBE", user) == ["unsubscribe", f"rs:{user}", len(self.seen)]

    def check(self):
        """All that was published since the last look has come, each once, in the order of its user.

        Returns how many messages that is.
        """
        due = {user: self.oracle.model.published(user)[seen:] for user, seen in self.seen.items()}
        count = sum(map(len, due.values()))
        for _ in range(count):
            kind, channel, text = self.connection.read()
            message = json.loads(text)
            user = int(message["user"])
            assert (kind, channel) == ("message", f"rs:{user}") and due.get(user), text
            self._compare(user, message, due[user].pop(0))
            self.seen[user] += 1
        return count

    def check_silence(self):
        """Nothing has come but what `check` has read."""
        self.connection.send(encode("PING"))
        assert self.connection.read() in ("PONG", ["pong", ""])

    def _ask(self, command, user):
        self.connection.send(encode(command, f"rs:{user}"))
        return self.connection.read()

    def _compare(self, user, told, published):
        """A server may order the states of a message as it likes, and spells epochs in its own way."""
        states = sorted(told.pop("states"), key=str)
        text = told.pop("epoch")
        epoch = published["epoch"]
        assert states == sorted(published["states"], key=str), (told, states, published)
        assert told == {name: published[name] for name in ("user", "version", "cause")}, published
        assert text == self.oracle.epochs.setdefault(epoch, text), f"another epoch of user {user}"
