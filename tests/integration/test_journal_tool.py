"""readstates-journal: what it says of a journal that a real server has written, whole and damaged."""

import json
import re
import subprocess

import pytest
from server import BIN, SANITIZER, environment, run_server

JOURNAL = BIN / "readstates-journal"
OPTIONS = ("--threads", 1, "--commit-delay", "1h", "--journal-segment", "64kb")
HEAD_SIZE = 64


def run_journal(*arguments, code=0):
    """What it writes to stdout and stderr."""
    done = subprocess.run(
        [JOURNAL, *map(str, arguments)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not SANITIZER.search(done.stderr), done.stderr
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def dump(folder, code=0):
    return [json.loads(line) for line in run_journal("dump", folder, code=code)[0].splitlines()]


def flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


@pytest.fixture
def killed(start_server):
    """A server that was killed, with three segments or more in its journal."""
    server = start_server(*OPTIONS)
    connection = server.connect()
    for user in range(1, 1001):
        assert connection.call("RS.ACK", user, 7, 100) == [1, 0]
    for user in range(1, 1001):
        assert connection.call("RS.BULKACK", user, "3:8", user, 9, 9223372036854775807) == [2, 2]
    for user in range(1, 11):
        assert connection.call("RS.MENTION", 7, 200, user) == [1, 0]
    assert connection.call("RS.ACK", 5, 7, 150, "MANUAL", "VIEWED", 9, "FLAGS", 3) == [4, 1]
    assert connection.call("RS.PIN", 6, 7, 1234) == [4, 1]
    assert connection.call("RS.LEAVE", 7, 9) == 1
    assert connection.call("RS.FORGET", 8) == 3
    for user in range(11, 21):
        assert connection.call("RS.ACK", user, 7, 101) == [3, 0]
    server.kill()
    return server


def segments(server):
    """Of the only log, in their order; the last ones may not be begun."""
    folder = server.data_dir / "journal"
    return sorted(folder.glob("*.journal"), key=lambda path: int(path.stem.split("-")[2]))


def test_a_journal_that_was_killed_is_whole(killed):
    out, err = run_journal("check", killed.data_dir / "journal")
    assert err == ""
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == [str(path) for path in segments(killed)]
    assert re.search(r" is whole: \d+ entries, \d+ bytes; segment 2 follows$", lines[0])
    ends = [line for line in lines if "the log ends there" in line]
    assert len(ends) == 1
    assert all("was not begun" in line for line in lines[lines.index(ends[0]) + 1 :])
    for path, line in zip(segments(killed), lines, strict=True):
        assert run_journal("check", path)[0] == line + "\n"


def test_a_dump_has_every_change(killed):
    entries = dump(killed.data_dir / "journal")
    states = {}
    for entry in entries:
        for state in entry.get("states", []):
            states[entry["user"], state["channel"]] = state
            assert state["version"] <= entry["version"]
    for user in map(str, range(21, 1001)):
        assert states[user, "7"] == {
            "channel": "7",
            "last_read": "100",
            "mentions": 0,
            "version": 1,
        }
        assert states[user, "3:8"]["last_read"] == user
        assert states[user, "9"]["last_read"] == "9223372036854775807"
    assert states["5", "7"] == {
        "channel": "7",
        "last_read": "150",
        "mentions": 1,
        "version": 4,
        "viewed": 9,
        "flags": 3,
    }
    assert states["6", "7"]["pin"] == 1234
    assert states["7", "9"]["deleted"] == 1
    (forgetting,) = [entry for entry in entries if entry["kind"] == "forgetting"]
    assert forgetting["user"] == "8" and forgetting["generation"] > 0
    sealed = [entry["segment"] for entry in entries if entry["kind"] == "sealed"]
    assert sealed == list(range(2, len(sealed) + 2))
    assert entries[0]["offset"] == HEAD_SIZE
    plain = [entry for entry in entries if entry["kind"] == "plain"]
    assert [entry["user"] for entry in plain] == [str(user) for user in range(11, 21)]
    assert plain[0]["size"] == 48 and plain[0]["version"] == 3
    assert plain[0]["states"] == [
        {"channel": "7", "last_read": "101", "mentions": 0, "version": 3}
    ]
    for path in segments(killed):
        offsets = [entry["offset"] for entry in entries if entry["file"] == str(path)]
        assert offsets == sorted(offsets)


def test_stat_counts_what_the_dump_has(killed):
    folder = killed.data_dir / "journal"
    entries = dump(folder)
    out, _ = run_journal("stat", folder)
    assert "set 1, log 0 of 1, number 1, format 1\n" in out
    assert "written   with journal-sync everysec, under boot " in out
    if boot := read_boot():
        assert boot in out
    _, all_ = out.split("in all ")
    count = re.search(r"entries +(\d+): (\d+) plain, (\d+) states, (\d+) forgetting", all_)
    kinds = [entry["kind"] for entry in entries]
    assert int(count[1]) == len(entries)
    assert [int(count[i]) for i in (2, 3, 4)] == [
        kinds.count(kind) for kind in ("plain", "states", "forgetting")
    ]
    assert re.search(r"^users +1000$", all_, re.M)
    assert re.search(r"^versions +1 to \d+$", all_, re.M)
    assert f"bytes     {sum(entry['size'] for entry in entries)}\n" in all_
    assert f"states    {sum(len(entry.get('states', [])) for entry in entries)}\n" in all_


def read_boot():
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


@pytest.mark.parametrize("place", ["head", "first", "middle"])
def test_damage_is_named_as_the_server_names_it(killed, place):
    """The same file and byte in the tool's sentence and in that of the server, which does not start."""
    folder = killed.data_dir / "journal"
    path = segments(killed)[1]
    offsets = [entry["offset"] for entry in dump(path)]
    offset = {"head": 0, "first": offsets[0], "middle": offsets[len(offsets) // 2]}[place]
    flip(path, offset + 20)
    out, _ = run_journal("check", folder, code=1)
    assert f"{path} is damaged at byte {offset}: " in out
    _, err = run_journal("dump", folder, code=1)
    assert f"{path} is damaged at byte {offset}: " in err
    _, err = run_journal("stat", folder, code=1)
    assert f"{path} is damaged at byte {offset}: " in err
    code, _, err = run_server(
        *OPTIONS, "--port", 1, "--data-dir", killed.data_dir, cwd=killed.log_path.parent
    )
    assert code == 1
    assert f"{path} is damaged at byte {offset}: " in err
    assert f"`readstates-journal check {path}`" in err
    flip(path, offset + 20)
    killed.start()
    assert killed.connect().call("RS.GET", 5, 7)[0] is not None


def test_a_log_that_goes_on_elsewhere_does_not_end(killed):
    folder = killed.data_dir / "journal"
    path = segments(killed)[0]
    size = dump(path)[-5]["offset"]
    with open(path, "r+b") as file:
        file.truncate(size)
    assert "the log ends there" in run_journal("check", path)[0]
    out, _ = run_journal("check", folder, code=1)
    assert f"{path} is damaged at byte {size}: " in out
    path.unlink()
    run_journal("check", folder)
    last = next(path for path in segments(killed) if "sealed" not in kinds_of(path))
    before = segments(killed)[segments(killed).index(last) - 1]
    content = last.read_bytes()
    last.write_bytes(bytes(len(content)))
    out, _ = run_journal("check", folder, code=1)
    assert f"{last} is damaged at byte 0: {before} goes on in it" in out
    last.unlink()
    number = last.stem.split("-")[2]
    out, _ = run_journal("check", folder, code=1)
    assert f"behind {before} segment {number} is not there" in out
    run_journal("check", *segments(killed))


def kinds_of(path):
    return [entry["kind"] for entry in dump(path)]


def test_what_is_said_when_it_cannot_be_read(tmp_path):
    _, err = run_journal("check", tmp_path / "none", code=2)
    assert err == f"readstates-journal: {tmp_path}/none cannot be read: No such file or directory\n"
    assert run_journal("check", tmp_path)[0] == "there is no segment of a journal\n"
    path = tmp_path / "some"
    path.write_bytes(b"")
    assert "was not begun" in run_journal("check", path)[0]
    path.write_bytes(bytes(4096))
    assert "was not begun" in run_journal("check", path)[0]
    path.write_bytes(b"hello")
    assert run_journal("check", path, code=1)[0] == (
        f"{path} is damaged at byte 0: its head is not whole\n"
    )


def test_its_command_line():
    out, _ = run_journal("--help")
    assert out.startswith("Usage: readstates-journal check|dump|stat FILE...")
    assert re.fullmatch(r"readstates-journal \d+\.\d+\.\d+\n", run_journal("--version")[0])
    for arguments in ((), ("check",), ("look", "x"), ("check", "--all", "x"), ("dump", "--")):
        out, err = run_journal(*arguments, code=2)
        assert out == "" and err.startswith("readstates-journal: ") and "--help" in err
    with open("/dev/full", "w") as full:
        done = subprocess.run([JOURNAL, "check", "/"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"cannot be written" in done.stderr
