"""Starts and stops the server under test: a free port, a private folder, its log looked through."""

import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import redis
from resp import Closed, Connection

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("READSTATES_BIN", ROOT / "build" / "release" / "bin"))
SERVER = BIN / "readstates-server"

START_S = 60
STOP_S = 60
SANITIZER = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:"
)
IN_USE = re.compile(r"in use", re.IGNORECASE)


def environment(**extra):
    """Ours, without what would set an option of the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("READSTATES_")}
    return kept | extra


def find_free_port():
    """Below the range that the system gives to connections: no client takes it meanwhile."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def run_server(*options, cwd, env=None):
    """For a server that is expected to end by itself: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [SERVER, *map(str, options)],
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert not SANITIZER.search(done.stdout + done.stderr), done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


class Server:
    def __init__(self, options, data_dir, log_path, env=None, admin_off=()):
        self.data_dir = pathlib.Path(data_dir)
        self.log_path = pathlib.Path(log_path)
        self.options = [*options, *admin_off]
        if "--threads" in options and "--gather-below" not in options:
            # Threads that rest, and threads that meet: both ways, as chance has it (the log's heading
            # says which).
            self.options += ["--gather-below", random.SystemRandom().choice([0, 75, 90])]
        self.env = env
        self.process = None
        self.clients = []

    def start(self, port=None):
        """On a free port, or on the one given."""
        for _ in range(5):
            if self._try_start(port or find_free_port()):
                return
        raise AssertionError(f"the server found no free port\n{self.log()}")

    def spawn(self, port=None):
        """Starts the process, and does not wait until it answers."""
        self.port = port or find_free_port()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    SERVER,
                    "--port",
                    str(self.port),
                    "--data-dir",
                    self.data_dir,
                    *map(str, self.options),
                ],
                cwd=self.log_path.parent,
                env=self.env or environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _try_start(self, port):
        """False where another process took the port between our look at it and the server's."""
        log_size = self.log_path.stat().st_size if self.log_path.exists() else 0
        self.spawn(port)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                self.process = None
                if code == 1 and IN_USE.search(self.log()[log_size:]):
                    return False
                raise AssertionError(f"the server ended with {code} at its start\n{self.log()}")
            try:
                with Connection(self.port) as connection:
                    # Whoever took the port just before would answer as well.
                    if int(info(connection, "server")["process_id"]) == self.process.pid:
                        return True
            except (OSError, Closed):
                pass
            time.sleep(0.02)
        raise AssertionError(f"the server does not answer\n{self.log()}")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def connect(self, protocol=2, **options):
        """A bare connection; closed at the end of the test."""
        connection = Connection(self.port, protocol, **options)
        self.clients.append(connection)
        return connection

    def client(self, protocol=2, **options):
        """A redis-py client; closed at the end of the test."""
        client = redis.Redis(
            host="127.0.0.1",
            port=self.port,
            protocol=protocol,
            decode_responses=True,
            socket_timeout=60,
            **options,
        )
        self.clients.append(client)
        return client

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Its exit code; it was told to end."""
        process, self.process = self.process, None
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server does not end\n{self.log()}") from None

    def stop(self):
        """SIGTERM: all that is dirty is written, exit code 0."""
        self._close_clients()
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, self.log()
        self.check_log()

    def kill(self):
        self._close_clients()
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self, on_same_port=False):
        self.stop()
        self.start(self.port if on_same_port else None)

    def check_log(self):
        assert not SANITIZER.search(self.log()), self.log()

    def end(self):
        """At the end of a test: gone in any case, by its process id."""
        self._close_clients()
        if self.process is not None:
            code = self.process.poll()
            assert code is None, f"the server ended by itself with {code}"
            self.stop()

    def _close_clients(self):
        for client in self.clients:
            client.close()
        self.clients = []


def info(connection, *sections):
    """INFO as {field: text}."""
    text = connection.call("INFO", *sections)
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def wait_until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)
