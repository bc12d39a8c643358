"""What the benchmarks share: servers of their own on free ports, what a process costs, where results go."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import redis

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("READSTATES_BIN", ROOT / "build/release/bin"))
CLIENTS = BIN.parent / "bench"
RESULTS = ROOT / "build/bench"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short form: says whether it runs, not how fast")
    return parser


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process under measurement, and a connection to it."""

    def __init__(self, command, port):
        self.command = command
        self.port = port
        self.restart()

    def restart(self):
        """Its process has ended, or there was none; returns with its first answer."""
        self.process = subprocess.Popen([str(part) for part in self.command], stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port, socket_timeout=120)
        deadline = time.monotonic() + 30
        while True:
            try:
                # Whoever took the port just before would answer as well.
                if self.client.info("server")["process_id"] == self.process.pid:
                    return
            except redis.ConnectionError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"did not start: {' '.join(map(str, self.command))}")
            time.sleep(0.005)

    def stop(self):
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self):
        """User and system time of all its threads, those that have ended too."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def info(self):
        return self.client.info("all")


@contextlib.contextmanager
def readstates(*options, prefix=()):
    """`prefix`: a command that the server's is given to, as taskset, and that becomes it."""
    folder = tempfile.mkdtemp(prefix="readstates-bench-")
    port = free_port()
    command = [BIN / "readstates-server", "--port", port, "--data-dir", f"{folder}/data", "--log-level", "warn"]
    server = Server([*prefix, *command, *options], port)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextlib.contextmanager
def redis_server(*options):
    folder = tempfile.mkdtemp(prefix="readstates-bench-")
    port = free_port()
    server = Server(["redis-server", "--port", port, "--dir", folder, *options], port)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def populate(server, users, states, *churn):
    command = [CLIENTS / "bench_populate", server.port, users, states, *churn]
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(result.stdout)


def load(server, *options, prefix=()):
    """What readstates-bench has measured: its JSON, and its exit code as `code`."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"load-{os.getpid()}.json"
    command = [*prefix, BIN / "readstates-bench", "--port", server.port, "--json", path, *options]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"readstates-bench failed: {done.stdout}")
    said = json.loads(path.read_text(encoding="ascii"))
    path.unlink()
    return said | {"code": done.returncode}


def start_probe(server, rate, seconds, users, path):
    command = [CLIENTS / "bench_probe", server.port, rate, seconds, users]
    with open(path, "w", encoding="ascii") as file:
        return subprocess.Popen([str(part) for part in command], stdout=file)


def read_probe(path):
    """(due, milliseconds it took) of each command."""
    lines = pathlib.Path(path).read_text(encoding="ascii").splitlines()
    pairs = [tuple(map(int, line.split())) for line in lines]
    return [(due / 1e9, (done - due) / 1e6) for due, done in pairs]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine():
    cpu = next(line for line in open("/proc/cpuinfo", encoding="ascii") if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu.split(":", 1)[1].strip(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
    }


def versions():
    def of(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    return {
        "readstates": of(str(BIN / "readstates-server"), "--version"),
        "commit": of("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "redis": of("redis-server", "--version"),
    }


def write(name, quick, result):
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}{'-quick' if quick else ''}.json"
    when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    whole = {"when": when, "quick": quick, "machine": machine(), "versions": versions(), **result}
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="ascii")
    print(f"written to {path.relative_to(ROOT)}")
