#!/usr/bin/env python3
"""The judge of the simulator: plants known bugs in the server, one at a time, and shows that readstates-sim finds each.

A bug is a patch, tests/sim/planted/NAME.patch: a paragraph that says what is wrong and what a user would suffer, lines
`Key: value` (KEYS), and the change. Works on a copy of the sources in build/planted, with a build of its own. What a
bug is played with is first played without one: there nothing may be found.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCHES = ROOT / "tests" / "sim" / "planted"
DOCS = ROOT / "docs" / "simulator.md"
COPY = ROOT / "build" / "planted"
BUILD = COPY / "build"
PROGRAM = BUILD / "bin" / "readstates-sim"
NAMES = ["src", "cmake", "tests/sim", "CMakeLists.txt", "CMakePresets.json"]
# Of a header. Options: of readstates-sim, where those of all do not do. Rare: why few runs do not show it; it is not
# in the share of a day. Unseen: why the simulator cannot find it (yet).
KEYS = ("Options", "Rare", "Unseen")
OPERATIONS = 2000
HANG_S = 120
DAY_S = 24 * 60 * 60
TABLE = re.compile(r"(?<=<!-- planted -->\n).*?(?=<!-- /planted -->\n)", re.S)


class Patch:
    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.header, _, change = path.read_text().partition("\n--- ")
        self.files = re.findall(r"^\+\+\+ b/(\S+)", change, re.M)
        self.values = dict(re.findall(r"^(\w+): (.*)$", self.header, re.M))
        text = " ".join(line for line in self.header.splitlines() if not re.match(r"\w+: ", line))
        self.sentence = text.strip().partition(". ")[0].rstrip(".") + "."
        self.options = self.values.get("Options", "").split()

    def find_faults(self):
        if not self.sentence[:-1] or not self.files:
            return "it has no text, or no change"
        if not set(self.values) <= set(KEYS):
            return f"of its header only {', '.join(KEYS)} are known"
        if [file for file in self.files if not file.startswith("src/")]:
            return "it changes more than src/"
        done = self.apply(ROOT, "--dry-run")
        return "" if done.returncode == 0 else f"it does not apply: {done.stdout.strip()}"

    def apply(self, folder, *options):
        command = ["patch", "-p1", "--force", "--fuzz=0", "--reject-file=-", *options]
        return run(*command, "-i", self.path, cwd=folder)


class Found:
    """How a run ended that did not end well."""

    def __init__(self, seed, text):
        self.seed = seed
        self.text = text


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", **options)


def read_patches():
    return [Patch(path) for path in sorted(PATCHES.glob("*.patch"))]


def put(name):
    """Copies a file, unless it is the same: what has not changed is not built again."""
    to = COPY / name
    content = (ROOT / name).read_bytes()
    if not to.exists() or to.read_bytes() != content:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(content)


def copy_sources():
    wanted = set()
    for name in NAMES:
        top = ROOT / name
        paths = [path for path in top.rglob("*") if path.is_file()] if top.is_dir() else [top]
        wanted |= {path.relative_to(ROOT).as_posix() for path in paths}
    for name in NAMES:
        for path in [path for path in (COPY / name).rglob("*") if path.is_file()]:
            if path.relative_to(COPY).as_posix() not in wanted:
                path.unlink()
    for name in sorted(wanted):
        put(name)


def configure():
    # A bug may leave something unused, and is built often.
    options = ["-DCMAKE_C_FLAGS=-w", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF", "-DREADSTATES_HARDEN=OFF"]
    done = run("cmake", "--preset", "release", "-B", BUILD, *options, cwd=COPY)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


def build():
    done = run("ninja", "-C", BUILD, PROGRAM.relative_to(BUILD))
    return "" if done.returncode == 0 else done.stdout[-3000:]


def play(seed, options):
    """None: the run is well. Some options may stand twice: the later one holds."""
    command = [PROGRAM, "--seed", seed, "--operations", OPERATIONS, *options]
    try:
        done = run(*command, timeout=HANG_S)
    except subprocess.TimeoutExpired:
        return Found(seed, f"hangs: it does not end in {HANG_S} s")
    if done.returncode == 0:
        return None
    lines = (done.stderr.strip() or "without a word").splitlines()
    said = re.search(r"^seed \d+: (after \d+ commands: .*)$", done.stdout, re.M)
    if said:
        return Found(seed, said.group(1))
    return Found(seed, lines[-1] if done.returncode < 0 else f"exit {done.returncode}: {lines[-1]}")


class Player:
    """Plays seed after seed, several at a time."""

    def __init__(self, options):
        self.first = options.seed
        self.jobs = options.jobs
        self.pool = concurrent.futures.ThreadPoolExecutor(options.jobs)

    def find(self, options, runs, seconds):
        """The lowest seed of those played whose run is not well, and how many were played."""
        until = time.monotonic() + seconds
        played = 0
        while played < runs and time.monotonic() < until:
            count = min(self.jobs, runs - played)
            seeds = range(self.first + played, self.first + played + count)
            found = [one for one in self.pool.map(lambda seed: play(seed, options), seeds) if one]
            if found:
                return found[0], found[0].seed - self.first + 1
            played += count
        return None, played


def try_patch(player, patch, runs):
    done = patch.apply(COPY)
    problem = "" if done.returncode == 0 else f"DOES NOT APPLY {done.stdout}"
    try:
        problem = problem or build()
        return problem, *(player.find(patch.options, runs, float("inf")) if not problem else (None, 0))
    finally:
        for file in patch.files:
            put(file)


def count_runs(player, chosen, options):
    """How many runs of each kind the server as it is passes in the time."""
    problem = build()
    if problem:
        sys.exit(problem)
    runs = {}
    for patch in chosen:
        key = tuple(patch.options)
        if key in runs:
            continue
        found, runs[key] = player.find(patch.options, options.runs, options.seconds)
        what = " ".join(key) or "all faults"
        if found:
            sys.exit(f"without a bug, {what}: seed {found.seed}: {found.text}")
        print(f"without a bug, {what}: {runs[key]} runs are well", flush=True)
    return runs


def try_all(chosen, options):
    COPY.mkdir(parents=True, exist_ok=True)
    copy_sources()
    configure()
    player = Player(options)
    runs = count_runs(player, chosen, options)
    missed = []
    for number, patch in enumerate(chosen, 1):
        began = time.monotonic()
        problem, found, played = try_patch(player, patch, runs[tuple(patch.options)])
        seconds = time.monotonic() - began
        if problem:
            text = problem
        elif found:
            text = f"seed {found.seed}, {seconds:.1f} s: {found.text}"
        else:
            text = f"NOT FOUND in {played} runs, {seconds:.1f} s"
        print(f"{number:2}/{len(chosen)}  {patch.name:36} {text}", flush=True)
        if not found and "Unseen" not in patch.values:
            missed.append(patch.name)
        if found and "Unseen" in patch.values:
            print(f"       {patch.name} is seen by now: its header says that it is not")
    seen = [patch for patch in chosen if "Unseen" not in patch.values]
    print(f"{len(seen) - len(missed)} of {len(seen)} found")
    return 1 if missed else 0


def choose_share(patches, count):
    """Another few each day, until all have had their turn."""
    usual = [patch for patch in patches if "Rare" not in patch.values and "Unseen" not in patch.values]
    at = int(time.time()) // DAY_S * count
    return [usual[(at + i) % len(usual)] for i in range(min(count, len(usual)))]


def make_table(patches):
    rows = [f"| `{patch.name}` | {patch.sentence} |\n" for patch in patches if "Unseen" not in patch.values]
    return "".join(["| bug | what is wrong |\n", "|---|---|\n", *rows])


def check(patches):
    """Do all of them apply, and do the docs tell of them?"""
    wrong = [f"{patch.name}: {fault}" for patch in patches for fault in [patch.find_faults()] if fault]
    if TABLE.findall(DOCS.read_text()) != [make_table(patches)]:
        wrong.append("docs/simulator.md: its table is another one: tools/planted.py --write-docs")
    print("\n".join(wrong) or f"{len(patches)} planted bugs apply")
    return 1 if wrong else 0


def write_docs(patches):
    DOCS.write_text(TABLE.sub(lambda _: make_table(patches), DOCS.read_text()))
    return 0


def main():
    parser = argparse.ArgumentParser(description="Plants bugs in the server: does the simulator find each?")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only those with this in their name")
    parser.add_argument("--seconds", type=float, default=120, help="how long the server as it is is played first (120)")
    parser.add_argument("--runs", type=int, default=1 << 30, help="and how many runs at most; each bug has as many")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (as many as processors)")
    parser.add_argument("--share", type=int, metavar="N", help="N bugs, which turn with the day")
    parser.add_argument("--check", action="store_true", help="do all apply, and do the docs tell of them?")
    parser.add_argument("--write-docs", action="store_true", help="write their table into docs/simulator.md")
    options = parser.parse_args()
    if shutil.which("patch") is None:
        sys.exit("there is no `patch`: ./dev planted installs it")
    patches = read_patches()
    if options.check:
        return check(patches)
    if options.write_docs:
        return write_docs(patches)
    if options.share:
        patches = choose_share(patches, options.share)
    chosen = [patch for patch in patches if not options.names or any(name in patch.name for name in options.names)]
    if not chosen:
        sys.exit("no planted bug has that in its name")
    return try_all(chosen, options)


if __name__ == "__main__":
    sys.exit(main())
