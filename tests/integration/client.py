"""Drives the clients of tests/clients: real programs around the libraries that others wrote.

A client is told what to do, and answers, in one line of JSON each:

    {"do": "command", "arguments": [...]}           {"reply": ...} or {"error": "..."} or {"lost": "..."}
    {"do": "pipeline", "commands": [[...], ...]}    {"answers": [...]}: all at once on one connection
    {"do": "parallel", "commands": [[...], ...]}    {"answers": [...]}: all at once, as its pool does it
    {"do": "subscribe", "channel": "..."}           {"channel": "..."} when the server has confirmed it
    {"do": "message"}                               {"channel": "...", "message": "..."}: the next one
    {"do": "unsubscribe", "channel": "..."}         {"channel": "..."}

"error" is what the server refuses, "lost" what the connection does. At the end of its input a client closes its
connections and ends with 0. Whatever it has to say of its own accord goes to stderr: nothing is expected there.
"""

import json
import os
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass

from oracle import as_map
from server import ROOT, environment

BUILT = ROOT / "build" / "clients"
SOURCES = ROOT / "tests" / "clients"
JAVA_CLASSPATH = f"{BUILT}/java/classes:{BUILT}/java/lib/*"

ANSWER_S = 60
END_S = 60


@dataclass(frozen=True)
class Kind:
    """A library; its default comes first of the protocols. None of its own: it leaves the protocol as it is."""

    command: tuple
    protocols: tuple
    # What it says on stderr, rightly, when the connection is lost.
    says_when_lost: str = ""


KINDS = {
    "redis-py": Kind((sys.executable, "-W", "always", SOURCES / "python" / "sync_client.py"), (3, 2)),
    "redis-py-asyncio": Kind(
        (sys.executable, "-W", "always", SOURCES / "python" / "asyncio_client.py"), (3, 2)
    ),
    "go-redis": Kind(
        (BUILT / "go" / "client",), (3, 2), r"redis: \S+ \S+ pubsub\.go:\d+: redis: .*(EOF|reset|refused).*\n"
    ),
    "ioredis": Kind(("node", BUILT / "node" / "client.js"), (2,)),
    "jedis": Kind(("java", "-cp", JAVA_CLASSPATH, "Client"), (3, 2)),
}
# Those that tools/clients.sh builds.
FOREIGN = ("go-redis", "ioredis", "jedis")


class Client:
    """One program; a context, at whose end it has to end well."""

    def __init__(self, name, port, protocol=None):
        self.kind = KINDS[name]
        command = [*self.kind.command, port, *([protocol] if protocol else [])]
        self.process = subprocess.Popen(
            list(map(str, command)),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.protocol = protocol or self.kind.protocols[0]
        self.out = b""
        self.may_be_lost = False

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if failed:
            self.process.kill()
        try:
            _, said = self.process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        said = said.decode(errors="replace")
        if failed:
            print(f"---- what the client said\n{said}")
            return
        assert self.process.returncode == 0, said
        if self.may_be_lost:
            said = re.sub(self.kind.says_when_lost, "", said)
        assert not said, said

    def ask(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what} | more).encode() + b"\n")
        deadline = time.monotonic() + ANSWER_S
        while b"\n" not in self.out:
            left = max(0, deadline - time.monotonic())
            assert select.select([self.process.stdout], [], [], left)[0], f"no answer to {what}"
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            assert chunk, f"the client ended at {what}"
            self.out += chunk
        line, self.out = self.out.split(b"\n", 1)
        return json.loads(line)

    def call(self, *arguments):
        return self.reply(self.ask("command", arguments=list(map(str, arguments))))

    def refusal(self, *arguments):
        """The text of the error that the command gets. redis-py leaves the word ERR out."""
        return self.ask("command", arguments=list(map(str, arguments)))["error"].removeprefix("ERR ")

    def call_all(self, how, commands):
        """The replies to all of them; how is pipeline or parallel."""
        texts = [list(map(str, command)) for command in commands]
        return list(map(self.reply, self.ask(how, commands=texts)["answers"]))

    def call_all_again(self, commands):
        """As an application does after a restart: what is lost is sent again, in parallel."""
        for _ in range(100):
            texts = [list(map(str, command)) for command in commands]
            answers = self.ask("parallel", commands=texts)["answers"]
            commands = [
                command
                for command, answer in zip(commands, answers, strict=True)
                if "lost" in answer or not self.reply(answer)
            ]
            if not commands:
                return
            time.sleep(0.05)
        raise AssertionError(answers)

    def call_again(self, *arguments):
        """The same with one command, and its reply."""
        for _ in range(100):
            answer = self.ask("command", arguments=list(map(str, arguments)))
            if "lost" not in answer:
                return self.reply(answer)
            time.sleep(0.05)
        raise AssertionError(answer)

    def subscribe(self, channel):
        assert self.ask("subscribe", channel=channel) == {"channel": channel}

    def unsubscribe(self, channel):
        assert self.ask("unsubscribe", channel=channel) == {"channel": channel}

    def message(self, channel):
        answer = self.ask("message")
        assert answer.get("channel") == channel, answer
        return json.loads(answer["message"])

    def state(self, state):
        """A map is a map in RESP3 and a flat array in RESP2."""
        assert isinstance(state, dict if self.protocol == 3 else list)
        return as_map(state)

    @staticmethod
    def reply(answer):
        assert list(answer) == ["reply"], answer
        return answer["reply"]
