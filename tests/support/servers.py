"""PostgreSQL, MariaDB and MySQL for tests: one throw-away server of each per test session.

The first test (of any pytest-xdist worker) that asks for a server starts it, under a file lock in the run
folder; the others find its address there. Servers listen on Unix sockets only, so no port can be taken, run
without ``fsync``, and end with the session whatever happens to it (see ``guardian.py``).
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

READY_SECONDS = 60.0
END_SECONDS = 60.0
#: A MySQL of the user's own (or Percona's, or a cluster of it), in place of the one that is started here.
MYSQL_GIVEN = "VIADUCT_MYSQL_URL"
GUARDIAN = Path(__file__).with_name("guardian.py")
#: Where `make servers` unpacks a MySQL server (tools/fetch-mysql).
MYSQL_FOLDER = Path(__file__).parents[2] / ".cache" / "mysql"


class MissingServer(Exception):
    """The programs of a server are not installed here, or no URL was given for it."""


@dataclass(frozen=True)
class Server:
    """A running server; ``driver`` is SQLAlchemy's, ``query`` the socket's place in the URL.

    ``given`` is the URL of one that was not started here, and all that is known about it.
    """

    name: str
    driver: str
    user: str
    admin_database: str
    query: dict[str, str]
    given: str = ""

    def url(self, database: str) -> str:
        """SQLAlchemy (and oslo.db) URL of one database of this server."""
        if self.given:
            url = sa.engine.make_url(self.given).set(database=database)
            return url.render_as_string(hide_password=False)
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.driver}://{self.user}@/{database}?{query}"  # no %2F: ConfigParser would interpolate it

    @property
    def admin_url(self) -> str:
        """URL of the database from which others are created and dropped."""
        return self.url(self.admin_database)


def unavailable(reason: str, hint: str, *, optional: bool = False) -> NoReturn:
    """Skip the test with a hint, or fail it where everything is required (``VIADUCT_REQUIRE_ALL=1``).

    What is ``optional`` comes from where it may not be had one day, and is skipped there, too.
    """
    message = f"{reason}; {hint}"
    if os.environ.get("VIADUCT_REQUIRE_ALL") == "1" and not optional:
        pytest.fail(f"{message} (VIADUCT_REQUIRE_ALL=1)", pytrace=False)
    pytest.skip(message)


def external(variable: str, example: str) -> str:
    """URL of a server that no package has, from the environment; skips with a hint where it is not set."""
    url = os.environ.get(variable)
    if not url:
        pytest.skip(f"{variable} is not set; give one like {example} to run this")
    return url


def new_run_folder() -> Path:
    """A folder for one session. Readable by all: as root the servers run under another account."""
    folder = Path(tempfile.mkdtemp(prefix="viaduct-tests-"))
    folder.chmod(0o755)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes (released by the kernel if the holder dies)."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Servers:
    """The session's servers, started when first asked for. ``owner`` is the pid whose end ends them."""

    def __init__(self, run_folder: Path, owner: int) -> None:
        self.run_folder = run_folder
        self.owner = owner
        self._known: dict[str, Server] = {}

    def get(self, name: str) -> Server:
        """The running server ``postgresql``, ``mariadb`` or ``mysql``; raises MissingServer."""
        if name not in self._known:
            with locked(self.run_folder / f"{name}.lock"):
                self._known[name] = self._recall(name) or self._given(name) or self._start(name)
        return self._known[name]

    def _recall(self, name: str) -> Server | None:
        record = self.run_folder / f"{name}.json"
        return Server(**json.loads(record.read_text())) if record.exists() else None

    def _given(self, name: str) -> Server | None:
        """The user's own, where the environment names one; it is asked whether it answers."""
        url = os.environ.get(MYSQL_GIVEN) if name == "mysql" else None
        if not url:
            return None
        parsed = sa.engine.make_url(url)
        server = Server(name, parsed.drivername, str(parsed.username), "mysql", {}, given=url)
        try:
            with sa.create_engine(server.admin_url, poolclass=sa.pool.NullPool).connect():
                pass
        except sa.exc.SQLAlchemyError as error:
            raise MissingServer(f"the server of {MYSQL_GIVEN} does not answer: {error}") from error
        self._remember(server)
        return server

    def _remember(self, server: Server) -> None:
        (self.run_folder / f"{server.name}.json").write_text(json.dumps(vars(server)))

    def _start(self, name: str) -> Server:
        """Start it under the lock of its name. What a start that failed, or was killed, has left is removed:
        the next one meets the same cause, and nothing else.
        """
        clear(self.run_folder, name)
        try:
            server = self._started(name)
        except BaseException:
            clear(self.run_folder, name)
            raise
        self._remember(server)
        return server

    def _started(self, name: str) -> Server:
        folder = self.run_folder / name
        folder.mkdir()
        account = None if name in _RUN_AS_WE_ARE else _unprivileged_account()
        if account is not None:
            shutil.chown(folder, account)
        prepared, stop_signal, command = _PREPARE[name](folder, account)
        server = replace(prepared, name=name)  # two names may have one way to prepare
        guardian, log = self._guard(name, stop_signal, account, command)
        _wait_ready(server, guardian, log)
        return server

    def _guard(
        self, name: str, stop_signal: str, account: str | None, command: list[str]
    ) -> tuple[subprocess.Popen[bytes], Path]:
        path = self.run_folder / f"{name}.log"
        guard = [sys.executable, "-I", str(GUARDIAN), str(self.owner), str(self.run_folder / name)]
        with path.open("ab") as log:
            guardian = subprocess.Popen(
                [*guard, stop_signal, account or "-", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.run_folder / f"{name}.pid").write_text(str(guardian.pid))
        return guardian, path

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """For tests of what is set for a whole server: no other one that asks has it meanwhile."""
        with locked(self.run_folder / f"{name}.alone.lock"):
            yield

    def stop_all(self) -> None:
        """End what this session started and wait for it; the owner calls this once."""
        for record in self.run_folder.glob("*.made"):
            _drop_databases(self.get(record.stem), record.read_text().split())
        for record in self.run_folder.glob("*.pid"):
            _end_guardian(int(record.read_text()))
        shutil.rmtree(self.run_folder, ignore_errors=True)


def _drop_databases(server: Server, names: Iterable[str]) -> None:
    """At a server that goes on without us."""
    engine = sa.create_engine(server.admin_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")


def clear(run_folder: Path, name: str) -> None:
    """End the guardian of that server, if there is one, and remove the server's folder."""
    record = run_folder / f"{name}.pid"
    if record.exists():
        _end_guardian(int(record.read_text()))
        record.unlink()
    shutil.rmtree(run_folder / name, ignore_errors=True)


def _end_guardian(pid: int) -> None:
    """Signal a guardian and wait for its end; nothing happens if it is gone (or the pid another's by now)."""
    try:
        descriptor = os.pidfd_open(pid)
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return
    if os.fsencode(GUARDIAN) in command:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        select.select([descriptor], [], [], END_SECONDS)
    os.close(descriptor)


def _wait_ready(server: Server, guardian: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(server.admin_url, poolclass=sa.pool.NullPool)
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError as error:
            if guardian.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{server.name} did not start:\n{log.read_text()[-4000:]}") from error
            time.sleep(0.02)


def _unprivileged_account() -> str | None:
    """PostgreSQL refuses to run as root: another account then; None when this is not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _program(name: str, package: str, places: list[Path]) -> str:
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    found = shutil.which(name)
    if found is None:
        raise MissingServer(f"{name} was not found: `make servers` (as root) or `apt-get install {package}`")
    return found


def _run_as(account: str | None, command: list[str]) -> None:
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **identity)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _prepare_postgresql(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name))
    initdb = _program("initdb", "postgresql", places[::-1])
    postgres = str(Path(initdb).with_name("postgres"))
    data = folder / "data"
    options = ["--no-sync", "-U", "viaduct", "-A", "trust", "-E", "UTF8", "--locale=C"]
    _run_as(account, [initdb, *options, "-D", str(data)])
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": "200",
        "shared_buffers": "64MB",
        "max_wal_size": "512MB",
        "logging_collector": "off",
    }
    command = [postgres, "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
    server = Server("postgresql", "postgresql+psycopg2", "viaduct", "postgres", {"host": str(folder)})
    return server, "SIGQUIT", command


def _by_socket(socket: Path) -> dict[str, str]:
    """Parameters of a URL. PyMySQL would get ready for TLS for each connection, which takes it 45 ms."""
    return {"unix_socket": str(socket), "charset": "utf8mb4", "ssl_disabled": "true"}


def _prepare_mariadb(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    install = _program("mariadb-install-db", "mariadb-server", [])
    mariadbd = _program("mariadbd", "mariadb-server", [Path("/usr/sbin")])
    data, socket = folder / "data", folder / "s"
    as_user = [] if account is None else [f"--user={account}"]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    _run_as(account, [install, "--no-defaults", f"--datadir={data}", *options])
    command = [
        mariadbd,
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={socket}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",  # a server that starts removes the temporary tables of all that share one
        "--skip-networking",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_general_ci",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=96M",
        "--innodb-log-file-size=64M",
        "--innodb-fast-shutdown=2",
        "--max-connections=200",
        "--max-allowed-packet=64M",
        *as_user,
    ]
    server = Server("mariadb", "mysql+pymysql", "root", "mysql", _by_socket(socket))
    return server, "SIGKILL", command


def _prepare_mariadb_logged(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    """With the binary log, and without trusting those who make triggers."""
    server, stop_signal, command = _prepare_mariadb(folder, account)
    return server, stop_signal, [*command, "--log-bin=log", "--server-id=1"]


def _prepare_mysql(folder: Path, account: str | None) -> tuple[Server, str, list[str]]:
    """As production has it: with the binary log, and without trusting those who make triggers."""
    mysqld = MYSQL_FOLDER / "mysqld"
    if not mysqld.is_file():
        raise MissingServer("MySQL was not unpacked here: `make servers` (as root)")
    data, socket = folder / "data", folder / "s"
    user = f"--user={pwd.getpwuid(os.geteuid()).pw_name}"
    log = f"--log-error={folder / 'init.log'}"
    _run_as(account, [str(mysqld), "--initialize-insecure", user, f"--datadir={data}", log])
    command = [
        str(mysqld),
        user,
        f"--datadir={data}",
        f"--socket={socket}",
        f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}",  # a server that starts removes the temporary tables of all that share one
        "--skip-networking",
        "--innodb-flush-log-at-trx-commit=0",
        "--sync-binlog=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=96M",
        "--innodb-fast-shutdown=2",
        "--max-connections=200",
        "--max-allowed-packet=64M",
    ]
    server = Server("mysql", "mysql+pymysql", "root", "mysql", _by_socket(socket))
    return server, "SIGKILL", command


#: Servers that run under this account, as root too: they are unpacked where another may not look.
_RUN_AS_WE_ARE = frozenset({"mysql"})

_PREPARE: dict[str, Callable[[Path, str | None], tuple[Server, str, list[str]]]] = {
    "postgresql": _prepare_postgresql,
    "mariadb": _prepare_mariadb,
    "mariadb-logged": _prepare_mariadb_logged,
    "mysql": _prepare_mysql,
}
