"""What the docs show is typed in, and what comes back is compared; INFO has the fields they tell of."""

import re
import subprocess
import threading

import pytest
from server import ROOT, info

DOCS = ROOT / "docs"
COMMAND_S = 60


def examples(text):
    """(commands, what redis-cli prints for all of them) of each block that shows any."""
    for block in re.findall(r"^```text\n(> .*?)^```", text, re.S | re.M):
        lines = block.splitlines()
        commands = [line[2:] for line in lines if line.startswith("> ")]
        yield commands, [line for line in lines if not line.startswith("> ")]


def matches(expected, printed):
    """"..." stands for any text of a line."""
    pattern = [".*".join(map(re.escape, line.split("..."))) for line in expected]
    return re.fullmatch("\n".join(pattern), "\n".join(printed)) is not None


def type_in(port, commands):
    done = subprocess.run(
        ["redis-cli", "-3", "--no-raw", "-p", str(port)],
        input="".join(f"{command}\n" for command in commands),
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
    assert (done.returncode, done.stderr) == (0, ""), commands
    return done.stdout.splitlines()


def read_feed(port, subscribe, commands, lines):
    """What one redis-cli that reads the feed prints, while another types the commands."""
    reader = subprocess.Popen(
        ["stdbuf", "-oL", "redis-cli", "-3", "--no-raw", "-p", str(port), *subscribe.split()],
        stdout=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(COMMAND_S, reader.kill)
    end.start()
    try:
        assert reader.stdout.readline() == "Reading messages... (press Ctrl-C to quit)\n"
        printed = [reader.stdout.readline().rstrip("\n") for _ in range(3)]
        type_in(port, commands)
        return printed + [reader.stdout.readline().rstrip("\n") for _ in range(lines - 3)]
    finally:
        end.cancel()
        reader.kill()
        reader.communicate()


def print_example(port, commands, expected):
    if commands[0].startswith("SUBSCRIBE"):
        return read_feed(port, commands[0], commands[1:], len(expected))
    return type_in(port, commands)


@pytest.mark.parametrize("name", ["commands.md", "semantics.md"])
def test_examples(start_server, name):
    server = start_server("--threads", 2)
    wrong = []
    count = 0
    for commands, expected in examples((DOCS / name).read_text()):
        count += 1
        printed = print_example(server.port, commands, expected)
        if not matches(expected, printed):
            wrong.append("\n".join([*commands, "-- shown:", *expected, "-- printed:", *printed]))
        if "SHUTDOWN" in commands:
            assert server.wait() == 0
            break
    assert count >= 10
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "packaging" / "man").iterdir()), ids=lambda p: p.name
)
def test_man_pages_are_clean(page):
    assert render(page, "-ww") != ""


def render(page, *options):
    """As plain text, in long lines; groff has nothing to say against the page."""
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-rLL=500n", *options, page],
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
    )
    assert (done.returncode, done.stderr) == (0, ""), page
    return done.stdout


def test_man_page_of_commands(start_server):
    """It tells of every command what the server itself tells, shows its example, and no other."""
    page = render(ROOT / "packaging" / "man" / "readstates-commands.7")
    _, *parts = re.split(r"^   (\S+)$", page, flags=re.M)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    with start_server().connect(3) as connection:
        docs = connection.call("COMMAND", "DOCS")
    assert sorted(texts) == sorted(name.upper() for name in docs)
    for name, doc in docs.items():
        text = texts[name.upper()]
        lines = [" ".join(line.split()) for line in text.splitlines()]
        for line in (
            f"{name.upper()} {doc['syntax']}".strip(),
            doc["summary"],
            f"Reply {doc['reply']}",
            f"Complexity {doc['complexity']}",
        ):
            assert line in lines, f"{name}: {line}"
        assert re.search(r"^ +RESP2", text, re.M) and re.search(r"^ +> ", text, re.M), name


def test_info_has_the_fields_that_are_told_of(start_server):
    server = start_server()
    told = re.findall(r"^\| `(\w+)` \|", (DOCS / "operations.md").read_text(), re.M)
    with server.connect() as connection:
        fields = [name for name in info(connection) if not name.endswith("_human")]
    assert sorted(told) == sorted(fields)
