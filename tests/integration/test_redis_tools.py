"""redis-cli and redis-benchmark: in scripts, and on a terminal as people use them."""

import os
import pty
import re
import select
import shutil
import subprocess
import termios
import time

import pytest
from server import environment, info

TERMINAL_S = 30
# Colours, moves of the cursor.
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run(*command, text_in=""):
    assert shutil.which(command[0]), f"{command[0]} is not installed"
    done = subprocess.run(
        list(map(str, command)),
        input=text_in,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


class Terminal:
    """A program on a terminal of its own: what is typed, and what it shows, without colours."""

    def __init__(self, home, *command):
        mine, its = pty.openpty()
        termios.tcsetwinsize(its, (40, 160))
        self.terminal = mine
        self.shown = ""
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=its,
            stdout=its,
            stderr=its,
            env=environment(HOME=str(home), TERM="xterm", REDISCLI_HISTFILE="/dev/null"),
            start_new_session=True,
        )
        os.close(its)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def type_in(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        """The match, in what it has shown since the last one."""
        deadline = time.monotonic() + TERMINAL_S
        while not (match := re.search(pattern, self.shown)):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern} is not shown: {self.shown!r}"
            if select.select([self.terminal], [], [], left)[0]:
                raw = os.read(self.terminal, 1 << 16).decode(errors="replace")
                self.shown = ESCAPES.sub("", self.shown + raw)
        self.shown = self.shown[match.end() :]
        return match


@pytest.fixture
def redis_cli(shared_server, tmp_path):
    """redis_cli(*arguments): on a terminal, connected to the shared server."""
    opened = []

    def start(*arguments):
        terminal = Terminal(tmp_path, "redis-cli", "-p", shared_server.port, *arguments)
        opened.append(terminal)
        return terminal.__enter__()

    yield start
    for terminal in opened:
        terminal.__exit__()


def test_commands(shared_server, user):
    def cli(*arguments, text_in=""):
        code, out, err = run("redis-cli", "-p", shared_server.port, *arguments, text_in=text_in)
        assert (code, err) == (0, ""), (code, out, err)
        return out

    assert cli("PING") == "PONG\n"
    assert cli("RS.ACK", user, 7, 100) == "1\n0\n"
    assert cli("-3", "RS.ACK", user, 7, 101) == "2\n0\n"
    words = cli("RS.GET", user, 7).split()
    fields = dict(zip(words[::2], words[1::2], strict=True))
    assert fields == {"channel": "7", "last_read": "101", "mentions": "0", "version": "2"}
    assert set(cli("-3", "RS.GET", user, 7).split()) >= {"last_read", "101", "version", "2"}
    assert cli("RS.ACK", user, 7, -5).startswith("ERR message id must be 1 to")
    assert cli("--no-raw", "RS.BADGE", user) == "1) 1) (integer) 0\n   2) (integer) 0\n"
    assert cli("-3", "--no-raw", "RS.GET", user, 8) == "1) (nil)\n"
    assert cli("INFO", "readstates").startswith("# Readstates")
    assert cli(text_in=f"RS.ACK {user} 8 5\nRS.BADGE {user}\n") == "3\n0\n0\n0\n"


def test_pipe_mode(shared_server, user):
    lines = "".join(f"RS.ACK {user + number % 10} 7 {number + 1}\r\n" for number in range(5000))
    code, out, err = run("redis-cli", "-p", shared_server.port, "--pipe", text_in=lines)
    assert (code, err) == (0, ""), (code, out, err)
    assert "errors: 0, replies: 5000" in out
    state = shared_server.connect(3).call("RS.GET", user + 9, 7)[0]
    assert (state["last_read"], state["version"]) == ("5000", 500)


@pytest.mark.parametrize("protocol", [2, 3])
def test_on_a_terminal(shared_server, redis_cli, user, protocol):
    terminal = redis_cli(f"-{protocol}")
    prompt = rf"127\.0\.0\.1:{shared_server.port}> "
    terminal.wait_for(prompt)
    terminal.type_in(f"rs.ack {user} 7 100\r")
    terminal.wait_for(rf"1\) \(integer\) 1\r\n2\) \(integer\) 0\r\n{prompt}")
    terminal.type_in(f"rs.get {user} 7\r")
    terminal.wait_for('1# "channel" => "7"' if protocol == 3 else r'1\) "channel"')
    terminal.wait_for(prompt)
    terminal.type_in("get 1\r")
    terminal.wait_for(r"\(error\) ERR unknown command 'get', with args beginning with: '1' ")


def test_help_on_a_terminal(redis_cli):
    """What COMMAND DOCS says of the server's own commands, beside what redis-cli knows itself."""
    terminal = redis_cli()
    terminal.wait_for("> ")
    terminal.type_in("rs.bulka\t")
    terminal.wait_for("> RS.BULKACK")
    terminal.type_in("\x15help rs.badge\r")
    terminal.wait_for(r"\n  RS\.BADGE .*\r\n  summary: How many mentions wait for each user")
    # What is typed before there is a prompt again, redis-cli throws away.
    terminal.wait_for(r"group: readstates\r(.|\n)*:\d+> ")
    terminal.type_in("help @readstates\r")
    terminal.wait_for(r"\n  RS\.ACK(.|\n)*\n  RS\.UNMENTION(.|\n)*:\d+> ")
    terminal.type_in("help ping\r")
    terminal.wait_for(r"\n  PING .*\r\n  summary: ")


def test_hints_on_a_terminal(redis_cli):
    """Of the arguments those that are not typed yet are shown, from COMMAND DOCS."""
    terminal = redis_cli()
    terminal.wait_for("> ")
    terminal.type_in("rs.ack 1 ")
    terminal.wait_for(r"> rs\.ack 1 channel message \[MANUAL \[MENTIONS n\]\] \[VIEWED d\]")
    terminal.type_in("\x15rs.list 1 ")
    terminal.wait_for(r"> rs\.list 1 \[SINCE epoch version\]")
    terminal.type_in("\x15rs.badge ")
    terminal.wait_for(r"> rs\.badge user \[user \.\.\.\]")


def test_stat(redis_cli, shared_server):
    terminal = redis_cli("--stat", "-i", 0.05)
    terminal.wait_for("keys +mem +clients +blocked +requests +connections")
    row = r"\n(\d+) +(\S+) +(\d+) +(\S+) +(\d+) \(\+\d+\) +(\d+) "
    rows = [terminal.wait_for(row) for _ in range(3)]
    keys, memory, clients, blocked, requests, connections = rows[-1].groups()
    assert re.fullmatch(r"[\d.]+[KMG]", memory)
    assert blocked == "0"
    assert int(clients) >= 1 and int(requests) > int(rows[0].group(5)) and int(connections) >= 1
    with shared_server.connect() as connection:
        assert int(keys) == connection.call("DBSIZE")


def test_latency(redis_cli):
    terminal = redis_cli("--latency", "-i", 1)
    terminal.wait_for(r"min: \d+, max: \d+, avg: [\d.]+ \(\d\d+ samples\)")
    history = redis_cli("--latency-history", "-i", 1)
    history.wait_for(r"min: \d+, max: \d+, avg: [\d.]+ \(\d+ samples\) -- [\d.]+ seconds range")


def test_feed_on_a_terminal(shared_server, redis_cli, user):
    with shared_server.connect() as connection:
        terminal = redis_cli()
        terminal.wait_for("> ")
        terminal.type_in(f"subscribe rs:{user}\r")
        terminal.wait_for(rf'1\) "subscribe"\r\n2\) "rs:{user}"\r\n3\) \(integer\) 1\r\n')
        assert connection.call("RS.ACK", user, 7, 100) == [1, 0]
        terminal.wait_for(rf'1\) "message"\r\n2\) "rs:{user}"\r\n3\) "{{.*version.*}}"\r\n')


def benchmark(server, *arguments):
    code, out, err = run("redis-benchmark", "-p", server.port, *arguments)
    assert code == 0, (out, err)
    assert not {"error", "warning"} & set(re.findall(r"\w+", (out + err).lower())), (out, err)
    return out


@pytest.mark.parametrize("depth", [1, 16])
def test_benchmark_of_acks(start_server, depth):
    server = start_server("--threads", 2, "--cache-users", 1000)
    options = ("-n", 2000 * depth, "-c", 20, "-P", depth, "-r", 10000, "-q")
    out = benchmark(server, *options, "RS.ACK", "1__rand_int__", "7", "1__rand_int__")
    assert "requests per second" in out
    with server.connect() as connection:
        assert 500 < connection.call("DBSIZE") <= 1000


@pytest.mark.parametrize("options", [(), ("-3",), ("--threads", 2)])
def test_benchmark_of_its_own(start_server, options):
    """What it sends by itself, of the commands that the server has; inline commands are among them."""
    server = start_server("--threads", 2)
    out = benchmark(server, *options, "-t", "ping", "-n", 2000, "-c", 20, "--csv")
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ['"PING_INLINE"', '"PING_MBULK"']
    with server.connect() as connection:
        assert int(info(connection, "stats")["total_commands_processed"]) >= 4000
