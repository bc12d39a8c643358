"""What may be there after kill -9: all that was answered, and of what was sent and not answered the beginning.

Commands of one connection on one user act in order, and each user of a command that names several changes by itself.
So where a user belongs to one connection only few things can be there: the user as answered, or after the first one,
two … of the unanswered commands on this user. Each of these candidates is an oracle of this user alone; one of them has
to agree with everything that the server shows.
"""

from oracle import SEVERAL, Oracle, mentioned_users
from resp import ReplyError

from model import channel_text

CHANGE_ONE = ("RS.ACK", "RS.BULKACK", "RS.PIN", "RS.JOIN", "RS.LEAVE", "RS.DEL", "RS.FORGET")
LOST = "an answered change is lost"
SHOWN = 3


class Difference(AssertionError):
    """The server shows what cannot be there."""


def changed_users(command):
    """Those whom the command may change."""
    name, *arguments = command
    if name == "RS.MESSAGE":
        return mentioned_users(name, arguments) | {arguments[2]}
    if name in SEVERAL:
        return mentioned_users(name, arguments)
    return {arguments[0]} if name in CHANGE_ONE else set()


def alone(oracle, user):
    """An oracle of this user alone, who is a copy."""
    model = oracle.model
    other = Oracle(
        max_channels=model.max_channels,
        mention_ids_kept=model.mention_ids_kept,
        tombstones_kept=model.tombstones_kept,
    )
    take_over(other, oracle, user)
    return other


def take_over(oracle, other, user):
    """What the other one knows of the user, in place of what this one does."""
    oracle.model.users.pop(user, None)
    if user in other.model.users:
        oracle.model.users[user] = other.model.users[user].copy()
    oracle.model.forgotten[user] = other.model.forgotten.get(user, 0)
    others = {epoch: text for epoch, text in oracle.epochs.items() if epoch[1] != user}
    oracle.epochs = others | {
        epoch: text for epoch, text in other.epochs.items() if epoch[1] == user
    }


def whole(oracle, user):
    """All there is of the user, also what no reply shows."""
    it = oracle.model.user(user)
    states = {channel: vars(state) for channel, state in it.states.items()}
    return oracle.model.forgotten.get(user, 0), it.version, it.purged_to, states


def candidates(oracle, user, unanswered):
    """As answered first; then after each unanswered command that changes the user."""
    found = [alone(oracle, user)]
    for command in unanswered:
        if user not in changed_users(command):
            continue
        after = alone(found[-1], user)
        after.model_says(command[0], command)
        if whole(after, user) != whole(found[-1], user):
            found.append(after)
    return found


def looks(user, channels):
    return [["RS.LIST", user], ["RS.BADGE", user], ["RS.GET", user, *channels]]


def lists_since(user, epoch, found):
    """They show the tombstones, and by which lists come in full, how many have gone."""
    purged_to = {candidate.model.user(user).purged_to for candidate in found}
    since = purged_to | {version - 1 for version in purged_to if version > 0}
    return [["RS.LIST", user, "SINCE", epoch, version] for version in sorted(since)]


def ask_all(ask, commands):
    """{user: [(command, reply) …]} of {user: commands}; `ask` answers many commands at once."""
    flat = [command for of_user in commands.values() for command in of_user]
    replies = iter(ask(flat))
    shown = {
        user: [(command, next(replies)) for command in of_user]
        for user, of_user in commands.items()
    }
    for of_user in shown.values():
        for command, reply in of_user:
            if isinstance(reply, ReplyError):
                raise Difference(f"{' '.join(map(str, command))}: {reply}")
    return shown


def look_at(ask, found, channels):
    """All that the server shows of each user, in {user: [(command, reply) …]}."""
    shown = ask_all(ask, {user: looks(user, channels) for user in found})
    epochs = {user: of_user[0][1][0] for user, of_user in shown.items()}
    since = {user: lists_since(user, epochs[user], found[user]) for user in found}
    more = ask_all(ask, since)
    return {user: shown[user] + more[user] for user in found}


def disagreement(candidate, shown):
    """Where the candidate disagrees first, or None."""
    try:
        for command, reply in shown:
            candidate.check(command, reply)
    except AssertionError as difference:
        return str(difference)
    return None


def tell_apart(ask, user, alike, channels):
    """They are shown alike, and differ in what acts only later: a removal shows how far it went."""
    live = [channel_text(state.channel) for state in alike[0].model.user(user).live()]
    if not live:
        return alike
    removal = ["RS.DEL", user, *live]
    removed = [(removal, ask([removal])[0])]
    alike = [candidate for candidate in alike if disagreement(candidate, removed) is None]
    if not alike:
        return []
    shown = look_at(ask, {user: alike}, channels)[user]
    return [candidate for candidate in alike if disagreement(candidate, shown) is None]


def explain(user, shown, found):
    """What is wrong in one sentence, and how the first and the last candidate disagree."""
    disagreements = [disagreement(candidate, shown) for candidate in found]
    epoch, version, *_ = shown[0][1]
    answered = found[0].model.user(user).version
    versions = [candidate.model.user(user).version for candidate in found]
    wrong = []
    if all(text and "epoch of user" in text for text in disagreements):
        wrong.append(f"another epoch, {epoch}")
    if version < min(versions):
        wrong.append(f"{LOST}: version {version}, answered was {answered}")
    elif version > max(versions):
        wrong.append(f"a change that was not sent: version {version}, at most {max(versions)}")
    elif not wrong:
        wrong.append(f"version {version}, answered was {answered}, and the states differ")
    lines = [f"user {user}: {'; '.join(wrong)}", f"as answered: {disagreements[0]}"]
    if len(found) > 1:
        lines.append(f"with all {len(found) - 1} that were not answered: {disagreements[-1]}")
    return "\n".join(lines)


def summary(wrong, users):
    """The worst of them first."""
    lost = [text for text in wrong if LOST in text]
    others = [text for text in wrong if LOST not in text]
    shown = "\n".join((lost + others)[:SHOWN])
    return f"{shown}\n{len(wrong)} of {users} users differ, {len(lost)} have lost an answered change"


def compare(ask, oracle, users, unanswered, channels):
    """Raises a Difference, or lets the oracle go on from what is there.

    Returns for how many users something happened that was not answered.
    """
    found = {user: candidates(oracle, user, unanswered) for user in users}
    shown = look_at(ask, found, channels)
    wrong = []
    happened = 0
    for user in users:
        agreeing = [one for one in found[user] if disagreement(one, shown[user]) is None]
        if len(agreeing) > 1:
            agreeing = tell_apart(ask, user, agreeing, channels)
        if not agreeing:
            wrong.append(explain(user, shown[user], found[user]))
            continue
        happened += agreeing[-1] is not found[user][0]
        take_over(oracle, agreeing[-1], user)
    if wrong:
        raise Difference(summary(wrong, len(users)))
    return happened
