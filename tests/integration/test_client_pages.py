"""The pages of docs/clients: the code of a page is put together, built, run, and prints what the page shows."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from client import BUILT, JAVA_CLASSPATH, SOURCES
from resp import ReplyError
from server import ROOT, environment, wait_until

PAGES = ROOT / "docs" / "clients"
# In a page the server has its default port.
PORT = re.compile(r"\b6677\b")
BUILD_S = 150
RUN_S = 60


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def build(*command, folder, **variables):
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_S,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), done.stdout + done.stderr


def python_program(parts, follow, folder):
    (folder / "page.py").write_text("\n".join([*parts, follow]))
    return [sys.executable, "-W", "always", "page.py"]


def go_program(parts, follow, folder):
    """With the modules of the test client, which are there: nothing is fetched."""
    (folder / "page.go").write_text("\n".join(parts))
    if follow:
        (folder / "follow.go").write_text(follow)
    for name in ("go.mod", "go.sum"):
        shutil.copy(BUILT / "go" / name, folder)
    build(
        *("go", "build", "-o", "page", "."),
        folder=folder,
        GOPATH=str(BUILT / "downloads" / "go"),
        GOCACHE=str(BUILT / "downloads" / "go-build"),
        GOPROXY="off",
        GOTOOLCHAIN="local",
    )
    return ["./page"]


def node_program(parts, follow, folder):
    (folder / "page.mjs").write_text("\n".join([*parts, follow]))
    (folder / "node_modules").symlink_to(BUILT / "node" / "node_modules")
    return ["node", "page.mjs"]


def java_program(parts, follow, folder):
    """The pieces are members of one class; what they import stands above it."""
    imports, members = set(), []
    for line in "\n".join(parts).splitlines():
        if line.startswith("import "):
            imports.add(line)
        else:
            members.append(line)
    source = [*sorted(imports), "", "final class Page {", *members, "}", ""]
    (folder / "Page.java").write_text("\n".join(source))
    (folder / "Follow.java").write_text(follow)
    files = ("Page.java", "Follow.java") if follow else ("Page.java",)
    build("javac", "-Xlint:all", "-Werror", "-cp", JAVA_CLASSPATH, *files, folder=folder)
    return ["java", "-cp", f".:{JAVA_CLASSPATH}", "Follow" if follow else "Page"]


@dataclass(frozen=True)
class Page:
    name: str
    language: str
    program: Callable
    follow: str

    def read(self):
        return (PAGES / f"{self.name}.md").read_text()

    def make(self, port, folder, is_following=False):
        """The command of the page's program; or of one that is the page without its last piece, and follows a user."""
        parts = blocks(self.read(), self.language)
        assert len(parts) >= 6 and PORT.search("".join(parts))
        follow = (SOURCES / "pages" / self.follow).read_text() if is_following else ""
        if is_following:
            parts.pop()
        return self.program(
            [PORT.sub(str(port), part) for part in parts], PORT.sub(str(port), follow), folder
        )


FOREIGN_PAGES = (
    Page("go", "go", go_program, "follow.go"),
    Page("nodejs", "js", node_program, "follow.mjs"),
    Page("java", "java", java_program, "Follow.java"),
)
each_page = pytest.mark.parametrize(
    "page",
    [
        pytest.param(Page("python", "python", python_program, "follow.py"), id="python"),
        *(pytest.param(page, id=page.name, marks=pytest.mark.foreign) for page in FOREIGN_PAGES),
    ],
)


@each_page
def test_page(start_server, tmp_path, page):
    """It prints what the page shows, and nothing else."""
    server = start_server("--threads", 2)
    (shown,) = blocks(page.read(), "text")
    done = subprocess.run(
        page.make(server.port, tmp_path),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert len(shown.splitlines()) >= 6
    assert done.stdout == shown


class Follower:
    """A page's program that follows a user; `states` is what it printed last."""

    def __init__(self, command, user, folder):
        self.states = None
        self.said = folder / "stderr.txt"
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [*command, str(user)],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        self.reader = threading.Thread(target=self._read)

    def __enter__(self):
        self.reader.start()
        return self

    def __exit__(self, failed, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        if failed:
            print(f"---- what the page's program said\n{self.said.read_text()[-5000:]}")

    def _read(self):
        for line in self.process.stdout:
            self.states = json.loads(line)

    def wait_for(self, connection, user):
        """Until it knows what the server knows."""
        _, _, _, states = connection.call("RS.LIST", user)
        expected = {state["channel"]: [state["last_read"], state["mentions"]] for state in states}
        wait_until(lambda: self.states == expected, f"{expected}, not {self.states}")
        assert self.process.poll() is None, "the page's program has ended"


def change(connection, user, random, steps):
    """Of few channels, so that states go and come back."""
    for _ in range(steps):
        channel, message = random.randrange(1, 6), random.randrange(1, 100)
        command = random.choice(
            [
                ("RS.ACK", user, channel, message),
                ("RS.ACK", user, channel, message, "MANUAL"),
                ("RS.MENTION", channel, message, user, user + 1),
                ("RS.MESSAGE", channel, message, user + 1, "MENTIONS", user),
                ("RS.JOIN", user, channel, message),
                ("RS.LEAVE", user, channel, message),
                ("RS.DEL", user, channel, channel + 1),
                ("RS.FORGET", user),
                ("RS.BULKACK", user, channel, message, channel + 1, message),
            ]
        )
        assert not isinstance(connection.call(*command), ReplyError)


@each_page
def test_page_stays_up_to_date(start_server, tmp_path, user, seed, page):
    """Whatever happens to the states, the server and the epoch, it ends with the server's states."""
    random = Random(f"{seed} {page.name}")
    server = start_server("--threads", 2)
    with Follower(page.make(server.port, tmp_path, is_following=True), user, tmp_path) as follower:
        for ending in ("stop", "kill", "stop", "kill"):
            with server.connect(3) as connection:
                change(connection, user, random, 100)
                follower.wait_for(connection, user)
                change(connection, user, random, random.randrange(3))
            # What it has heard of last may be lost: then the epoch is another one.
            getattr(server, ending)()
            server.start(server.port)
            with server.connect(3) as connection:
                change(connection, user, random, random.randrange(100))
                follower.wait_for(connection, user)
