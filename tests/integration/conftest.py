"""Fixtures of the integration tests; the server's programs are those in $READSTATES_BIN."""

import contextlib
import itertools
import os
import random

import pytest
from real_redis import run_redis
from resp import Connection
from server import SERVER, Server, run_server


def pytest_configure(config):
    config.readstates_seed = int(
        os.environ.get("READSTATES_SEED") or random.SystemRandom().randrange(2**32)
    )


def pytest_report_header(config):
    return f"server: {SERVER}, seed: READSTATES_SEED={config.readstates_seed}"


@pytest.fixture(scope="session")
def seed(pytestconfig):
    """Of all that is random here. $READSTATES_SEED gives it, else it is drawn and printed."""
    return pytestconfig.readstates_seed


@pytest.fixture(scope="session")
def admin_off(tmp_path_factory):
    """Where the server has an admin port it must be off, so that many can run side by side."""
    assert SERVER.exists(), (
        f"{SERVER} is not built; $READSTATES_BIN names the folder of the programs"
    )
    _, out, _ = run_server("--help", cwd=tmp_path_factory.mktemp("help"))
    return ("--admin-port", "0") if "admin-port" in out else ()


USERS = itertools.count(1_000_000, 1000)

# Whether the test that just ran has failed.
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@contextlib.contextmanager
def starting(folder, admin_off, has_failed):
    """A function that starts servers; all are ended, and their logs checked, at the end."""
    started = []

    def start(*options, data_dir=None, env=None):
        number = len(started)
        data_dir = data_dir or folder / f"data-{number}"
        server = Server(options, data_dir, folder / f"server-{number}.log", env, admin_off)
        started.append(server)
        server.start()
        return server

    failures = []
    try:
        yield start
    finally:
        for server in started:
            try:
                server.end()
                server.check_log()
            except Exception as failure:
                failures.append(failure)
        if failures or has_failed():
            for server in started:
                options = " ".join(map(str, server.options))
                print(f"---- {server.log_path.name} ({options})\n{server.log()[-20000:]}")
    if failures:
        raise failures[0]


@pytest.fixture
def start_server(request, tmp_path, admin_off):
    """start_server(*options, data_dir=…): a running server of this test's own."""
    with starting(tmp_path, admin_off, lambda: request.node.stash.get(FAILED, False)) as start:
        yield start


@pytest.fixture(scope="module")
def shared_server(request, tmp_path_factory, admin_off):
    """One for all tests of a file that do not disturb each other: each takes users of its own."""
    folder = tmp_path_factory.mktemp(request.module.__name__)
    with starting(folder, admin_off, lambda: request.session.testsfailed > 0) as start:
        yield start("--threads", 2)


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def protocol(request):
    return request.param


@pytest.fixture
def connection(protocol, shared_server):
    """A bare connection to the shared server, in both protocols."""
    with Connection(shared_server.port, protocol) as connection:
        yield connection


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    """A real Redis 7, to compare with."""
    with run_redis(tmp_path_factory.mktemp("redis"), "--enable-debug-command", "yes") as port:
        yield port


@pytest.fixture
def user():
    """A user that no other test names."""
    return next(USERS)
