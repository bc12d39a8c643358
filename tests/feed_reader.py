"""What a client keeps of one user: it lists, then applies the feed, as the contract tells it to."""


class FeedReader:
    """Takes lists and messages as Python values; an epoch may be anything that compares.

    `must_list` says that what it had is dropped: it lists before it takes another message.
    """

    def __init__(self):
        self.drop()

    def drop(self):
        self.epoch = None
        self.version = 0
        self.states = {}  # By the channel's text; of a removed one the tombstone.
        self.must_list = True

    def live(self):
        return {channel: state for channel, state in self.states.items() if "deleted" not in state}

    def tombstones(self):
        return {channel: state for channel, state in self.states.items() if "deleted" in state}

    def take_list(self, epoch, version, full, states):
        """The answer to RS.LIST, with SINCE or without."""
        if full:
            self.states = {}
        self._apply(states)
        self.epoch, self.version, self.must_list = epoch, version, False

    def take_message(self, message):
        assert not self.must_list
        is_foreign = message["epoch"] != self.epoch
        # At version 0 the epoch does not bind yet.
        if is_foreign and self.version > 0:
            self.drop()
        elif is_foreign or message["version"] > self.version:
            self._take_newer(message)

    def _take_newer(self, message):
        """A forget alone leaves nothing, at version 0: what comes next is of another epoch."""
        if message["cause"] == "forget":
            self.states = {}
        self._apply(message["states"])
        self.epoch = message["epoch"]
        self.version = message["version"] if self.states else 0

    def _apply(self, states):
        """What is newer wins: a long list may show a state newer than the list's own version."""
        for state in states:
            there = self.states.get(state["channel"])
            if there is None or state["version"] >= there["version"]:
                self.states[state["channel"]] = state
