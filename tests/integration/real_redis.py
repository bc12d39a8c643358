"""A real Redis 7 of the test's own, to compare with."""

import contextlib
import shutil
import subprocess
import time

from resp import Connection
from server import find_free_port

START_S = 30


@contextlib.contextmanager
def run_redis(folder, *options):
    """Its port."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: tools/packages.txt names it"
    port = find_free_port()
    log = folder / "redis.log"
    with open(log, "wb") as to:
        command = [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
            *options,
        ]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=to)
    try:
        wait_until_it_answers(process, port, log)
        yield port
    finally:
        process.terminate()
        process.wait(START_S)


def wait_until_it_answers(process, port, log):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), Connection(port) as connection:
            if connection.call("PING") == "PONG":
                return
        time.sleep(0.02)
    raise AssertionError(f"redis-server does not answer\n{log.read_text()}")


def form(value):
    """The types of a reply, without what stands in it."""
    if isinstance(value, dict):
        return {name: form(item) for name, item in value.items()}
    if isinstance(value, list):
        return [form(item) for item in value]
    return type(value).__name__
