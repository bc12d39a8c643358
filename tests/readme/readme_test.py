#!/usr/bin/env python3
"""Types what README.md shows, and compares what it prints.

Of each ```console block, a line that begins with "$ " is a command, and the lines after it are what it prints, where
"..." stands for any text, and a line of "..." for any lines. `./dev run` serves until the end, everything else ends by
itself. It runs in a folder of its own that looks like a checkout, so that the data folder is a fresh one.
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PORT = 6677
START_S = 600
COMMAND_S = 600
STOP_S = 60


def steps(text):
    """(command, expected lines) of all blocks, in order."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif found:
                found[-1][1].append(line)
    return found


def matches(expected, printed):
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += (
                ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
            )
    return (
        re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n")
        is not None
    )


def is_answering():
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", PORT), timeout=1) as peer,
    ):
        peer.sendall(b"PING\r\n")
        return peer.recv(7) == b"+PONG\r\n"
    return False


def serve(command, folder, log):
    server = subprocess.Popen(
        f"exec {command}",
        shell=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    end = time.monotonic() + START_S
    while not is_answering():
        if server.poll() is not None or time.monotonic() > end:
            stop(server)
            raise SystemExit(f"{command} did not answer:\n{pathlib.Path(log.name).read_text()}")
        time.sleep(0.2)
    return server


def stop(server):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    return server.wait(STOP_S)


def play(found, folder):
    failures = 0
    server = None
    with open(folder / "server.log", "w") as log:
        try:
            for command, expected in found:
                print("$", command, flush=True)
                if command.startswith("./dev run"):
                    server = serve(command.removesuffix("&"), folder, log)
                    continue
                done = subprocess.run(
                    command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, text=True, timeout=COMMAND_S,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
                print(done.stdout, end="", flush=True)
                if done.returncode != 0:
                    print(f"*** ended with {done.returncode}")
                    failures += 1
                elif expected and not matches(expected, done.stdout):
                    print("*** README.md shows:", *expected, sep="\n")
                    failures += 1
        finally:
            if server is not None:
                code = stop(server)
                if code != 0:
                    print(f"*** the server ended with {code}")
                    failures += 1
    return failures


def main():
    found = steps((ROOT / "README.md").read_text())
    if not any(command.startswith("./dev run") for command, _ in found):
        raise SystemExit("README.md shows no ./dev run in a console block")
    if is_answering():
        print(f"*** NOT TESTED: README.md: port {PORT} is taken ***", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for entry in ROOT.iterdir():
            if entry.name != "data" or (entry / "README.md").exists():
                (folder / entry.name).symlink_to(entry)
        return 1 if play(found, folder) else 0


if __name__ == "__main__":
    sys.exit(main())
