"""What the model answers to a command and what the server answered, in one form to compare."""

import binascii
import re

from resp import ReplyError

from model import Model, Refused, channel_parse

# Commands that change several users, each by itself: an error says how many succeeded.
SEVERAL = ("RS.MENTION", "RS.MESSAGE", "RS.UNMENTION")
# Commands that are answered with one integer. In Python True is 1; on the wire it is not.
COUNTED = ("RS.LEAVE", "RS.DEL", "RS.FORGET", "RS.EVICT")


def as_map(reply):
    """A map of RESP3, or the flat array it is in RESP2."""
    if isinstance(reply, dict):
        return reply
    assert len(reply) % 2 == 0, reply
    pairs = dict(zip(reply[::2], reply[1::2], strict=True))
    assert len(pairs) * 2 == len(reply), f"a map names a key twice: {reply}"
    return pairs


def ack_options(words):
    """What the options of an RS.ACK are as arguments of Model.ack."""
    options = {}
    rest = iter(words)
    for word in rest:
        match word.upper():
            case "MANUAL":
                options["manual"] = True
            case "IFVERSION":
                options["if_version"] = next(rest)
            case "MENTIONS" | "VIEWED" | "FLAGS" | "COMMIT":
                options[word.lower()] = next(rest)
            case _:
                raise AssertionError(f"the oracle does not know the option {word}")
    return options


def message_options(words):
    """(NOACK, the users to mention) of an RS.MESSAGE."""
    words = [word.upper() if isinstance(word, str) else word for word in words]
    users = words[words.index("MENTIONS") + 1 :] if "MENTIONS" in words else []
    return "NOACK" in words, users


def mentioned_users(name, arguments):
    """The users, each once, whom a command of SEVERAL changes but the author of a message."""
    if name == "RS.MESSAGE":
        _, _, author, *rest = arguments
        return set(message_options(rest)[1]) - {author}
    return set(arguments[2:])


def moved_agrees(reply, mentioned, moved, failed=0):
    """[how many counts moved, how many users are pending]; all who failed must be pending then."""
    if isinstance(reply, ReplyError):
        return False
    told, pending = reply
    fewest = max(0, moved - (pending - failed))
    return failed <= pending and fewest <= told <= min(moved, mentioned - pending)


def refusal_agrees(reply, mentioned, refused):
    """`succeeded N of M`: who is pending has succeeded, for now. One user alone needs no count."""
    failed = refused.named - refused.succeeded
    if not isinstance(reply, ReplyError):
        return moved_agrees(reply, mentioned, refused.risen, failed)
    counts = re.search(r"succeeded (\d+) of (\d+)", reply)
    succeeded, named = map(int, counts.groups()) if counts else (0, 1)
    is_counted = named == refused.named and refused.succeeded <= succeeded < named
    return reply.word == refused.word and is_counted


def without_common_states(told, other):
    """Of a list only the states that the other one does not have: there may be thousands."""
    match told, other:
        case [version, 0 | 1 as full, [*states]], [_, _, [*others]]:
            return [version, full, [state for state in states if state not in others]]
    return told


def difference(command, told, expected):
    server = without_common_states(told, expected)
    model = without_common_states(expected, told)
    return f"{' '.join(map(str, command))}\n   server: {server}\n   model:  {model}"


def slot_of(user):
    """As Redis Cluster's specification has it."""
    return binascii.crc_hqx(str(user).encode(), 0) % 16384


class Oracle:
    """Knows a model, and how the server spelled each of the model's epochs: {epoch: text}."""

    def __init__(self, **limits):
        self.model = Model(**limits)
        self.epochs = {}

    def check(self, command, reply):
        """That the server's reply is the model's; the model takes the command here."""
        name = command[0].upper()
        if name in SEVERAL:
            self._check_several(name, command, reply)
            return
        told = self.server_says(name, command, reply)
        expected = self.model_says(name, command)
        assert told == expected, difference(command, told, expected)

    def _check_several(self, name, command, reply):
        """Of users who are not in memory the reply can only say that they are pending.

        How their counts move is not in it then, nor that one of them is refused.
        """
        mentioned = len(mentioned_users(name, command[1:]))
        try:
            expected = self._answer(name, command[1:])
            agree = moved_agrees(reply, mentioned, expected[0])
        except Refused as refused:
            expected = f"{refused.word} succeeded {refused.succeeded} of {refused.named}"
            agree = refusal_agrees(reply, mentioned, refused)
        assert agree, difference(command, reply, expected)

    def server_says(self, name, command, reply):
        if isinstance(reply, ReplyError):
            return reply.word
        if name in COUNTED:
            assert type(reply) is int, reply
        match name:
            case "RS.GET":
                return [None if state is None else as_map(state) for state in reply]
            case "RS.LIST":
                epoch, version, full, states = reply
                self.see_epoch(command[1], epoch)
                return [version, full, [as_map(state) for state in states]]
            case "RS.EVICT":
                is_known = self.model.user(command[1]).version > 0
                return "as it is cached" if reply in (0, int(is_known)) else reply
            case "RS.INSPECT":
                return "a map" if as_map(reply) else reply
        return reply

    def see_epoch(self, user, text):
        """Today's epoch of the user is spelled as ever, and not as an earlier one."""
        assert isinstance(text, str) and text, text
        today = self.model.epoch(user)
        assert text == self.epochs.setdefault(today, text), f"a new epoch of user {user}"
        earlier = [epoch for epoch in self.epochs if epoch[:2] == today[:2] and epoch != today]
        assert text not in [self.epochs[epoch] for epoch in earlier], f"an old epoch of user {user}"

    def model_says(self, name, command):
        try:
            return self._answer(name, command[1:])
        except Refused as refused:
            return refused.word

    def _answer(self, name, arguments):
        model = self.model
        match name, arguments:
            case "RS.ACK", [user, channel, message, *options]:
                return model.ack(user, channel_parse(channel), message, **ack_options(options))
            case "RS.BULKACK", [user, *pairs]:
                channels = [channel_parse(channel) for channel in pairs[::2]]
                return model.bulk_ack(user, list(zip(channels, pairs[1::2], strict=True)))
            case "RS.MENTION", [channel, message, *users]:
                return model.mention(channel_parse(channel), message, users)
            case "RS.MESSAGE", [channel, message, author, *rest]:
                no_ack, users = message_options(rest)
                return model.message(channel_parse(channel), message, author, no_ack, users)
            case "RS.UNMENTION", [channel, message, *users]:
                return model.unmention(channel_parse(channel), message, users)
            case "RS.PIN", [user, channel, timestamp]:
                return model.pin(user, channel_parse(channel), timestamp)
            case "RS.JOIN", [user, channel, newest]:
                return model.join(user, channel_parse(channel), newest)
            case "RS.LEAVE", [user, channel, *newest]:
                return model.leave(user, channel_parse(channel), *newest)
            case "RS.DEL", [user, *channels]:
                return model.delete(user, [channel_parse(channel) for channel in channels])
            case "RS.FORGET", [user]:
                return self._forget(user)
        return self._look(name, arguments)

    def _forget(self, user):
        """At version 0 no epoch binds: it may go or stay, of this user and others of the slot."""
        for epoch in list(self.epochs):
            _, other, _ = epoch
            if slot_of(other) == slot_of(user) and self.model.user(other).version == 0:
                del self.epochs[epoch]
        return self.model.forget(user)

    def _look(self, name, arguments):
        model = self.model
        match name, arguments:
            case "RS.GET", [user, *channels]:
                return model.get(user, [channel_parse(channel) for channel in channels])
            case "RS.LIST", [user]:
                return model.list(user)
            case "RS.LIST", [user, _, text, version]:
                return model.list(user, version, self._epoch_of(user, text))
            case "RS.BADGE", users:
                return model.badge(users)
            case ("RS.FLUSH", []) | ("RS.FLUSH", [_]):
                return "OK"
            case "RS.EVICT", [_]:
                return "as it is cached"
            case ("RS.INSPECT", [_]) | ("RS.INSPECT", [_, _]):
                return "a map"
            case "PING", []:
                return "PONG"
        raise AssertionError(f"the oracle does not know {name} {arguments}")

    def _epoch_of(self, user, text):
        """Today's, or what is no epoch of the user at all: an earlier one is as foreign as that."""
        today = self.model.epoch(user)
        return today if text == self.epochs.get(today) else "another"


def random_command(source, users, channels, messages):
    """One command that moves states forward, or only looks; `source` is a random.Random."""
    user, channel = source.choice(users), source.choice(channels)
    message = source.randint(1, messages)
    some_users = source.sample(users, source.randint(1, min(5, len(users))))
    match source.randrange(12):
        case 0 | 1:
            return ["RS.ACK", user, channel, message]
        case 2:
            pairs = [
                (source.choice(channels), source.randint(1, messages))
                for _ in range(source.randint(1, 6))
            ]
            return ["RS.BULKACK", user, *(item for pair in pairs for item in pair)]
        case 3 | 4:
            return ["RS.MENTION", channel, message, *some_users]
        case 5 | 6:
            no_ack = ["NOACK"] if source.random() < 0.3 else []
            mentions = ["MENTIONS", *some_users] if source.random() < 0.7 else []
            return ["RS.MESSAGE", channel, message, user, *no_ack, *mentions]
        case 7:
            return ["RS.JOIN", user, channel, source.choice([0, message])]
        case 8:
            return ["RS.GET", user, *source.sample(channels, source.randint(1, len(channels)))]
        case 9:
            return ["RS.LIST", user]
        case 10:
            return ["RS.BADGE", *(source.choice(users) for _ in range(source.randint(1, 6)))]
        case _:
            return ["PING"]
