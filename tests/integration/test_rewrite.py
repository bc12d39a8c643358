"""CONFIG REWRITE: what CONFIG SET has changed stays in the file, and all else there as it was."""

import stat

from oracle import as_map
from server import info

FILE = """# how the chat's server runs
cache-memory = 64mb   ; for now
commit-delay:20s
# slowlog-max-len = 7
log-level = info
"""


def rewrite(start_server, tmp_path, text, *pairs):
    path = tmp_path / "readstates.conf"
    path.write_text(text)
    path.chmod(0o640)
    server = start_server("--config", path)
    with server.connect() as connection:
        assert info(connection, "server")["config_file"] == str(path)
        if pairs:
            assert connection.call("CONFIG", "SET", *pairs) == "OK"
        assert connection.call("CONFIG", "REWRITE") == "OK"
        told = as_map(connection.call("CONFIG", "GET", "*"))
    server.stop()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.glob("readstates.conf*")] == [path.name]
    written = path.read_text()
    again = start_server("--config", path)
    with again.connect() as connection:
        found = as_map(connection.call("CONFIG", "GET", "*"))
    for name in ("port", "data-dir"):
        told.pop(name), found.pop(name)
    assert found == told
    return written


def test_rewrite_changes_what_was_changed(start_server, tmp_path):
    written = rewrite(
        start_server, tmp_path, FILE,
        "cache-memory", "128mb", "commit-delay", "5s", "slowlog-max-len", 9, "timeout", "300s",
    )  # fmt: skip
    assert written == FILE.replace("64mb", "128mb").replace("20s", "5s") + (
        "# Changed with CONFIG SET:\nslowlog-max-len = 9\n"
    )


def test_rewrite_of_nothing_changes_nothing(start_server, tmp_path):
    assert rewrite(start_server, tmp_path, FILE) == FILE


def test_rewrite_that_cannot_be(start_server, tmp_path):
    """The error says why, the file stays, the server goes on."""
    path = tmp_path / "sub" / "readstates.conf"
    path.parent.mkdir()
    path.write_text(FILE)
    with start_server("--config", path).connect() as connection:
        connection.call("CONFIG", "SET", "commit-delay", "5s")
        path.write_text("nonsense = 1\n")
        reply = connection.call("CONFIG", "REWRITE")
        assert reply.startswith("ERR Rewriting config file:") and "nonsense" in reply
        assert path.read_text() == "nonsense = 1\n"
        path.unlink()
        path.parent.rmdir()
        assert connection.call("CONFIG", "REWRITE").startswith("ERR Rewriting config file:")
        path.parent.mkdir()
        assert connection.call("CONFIG", "REWRITE") == "OK"
        assert path.read_text() == "# Changed with CONFIG SET:\ncommit-delay = 5s\n"
