"""The cluster as its owner sees it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymysql
import sqlalchemy as sa

import keystone_viaduct
from keystone_viaduct.errors import ServerFailed
from keystone_viaduct.testing.galera import node

READY_SECONDS = 120.0
ENDING_SECONDS = 30.0
_POLL = 0.05
_PROGRAMS = {
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "rsync": "rsync",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
_SHOWN = ("wsrep_cluster_size", "wsrep_cluster_status", "wsrep_local_state_comment", "wsrep_ready")


def missing() -> str | None:
    """Why a cluster cannot be started here, and what to do about it; None when it can."""
    if os.geteuid() != 0:
        return "a Galera cluster needs network namespaces: run it as root"
    packages = {package for name, package in _PROGRAMS.items() if shutil.which(name) is None}
    if not any(Path(place).exists() for place in node.PROVIDERS):
        packages.add("galera-4")
    if packages:
        return f"missing: {' '.join(sorted(packages))}; `make servers` (as root) installs them"
    return None if Path("/dev/net/tun").exists() else "there is no /dev/net/tun (`modprobe tun`)"


@dataclass(frozen=True)
class Node:
    """What a node says of itself; ``size`` is 0 and the rest empty when it does not answer."""

    site: int
    size: int = 0
    status: str = ""
    state: str = ""
    ready: bool = False

    @property
    def synced(self) -> bool:
        """Whether it serves clients, with all that the cluster has committed."""
        return self.ready and self.status == "Primary" and self.state == "Synced"


class Galera:
    """A cluster of ``sites`` nodes that are ``rtt`` seconds apart (there and back).

    ``provider``: more wsrep_provider_options (:data:`node.QUICK`). A context manager; everything ends with
    the owning process at the latest.
    """

    def __init__(self, sites: int = 3, rtt: float = 0.0, provider: Mapping[str, str] = node.TYPICAL) -> None:
        self.sites = range(1, sites + 1)
        self.rtt = rtt
        self._provider = provider
        self.folder = Path(tempfile.mkdtemp(prefix="viaduct-galera-"))
        self._world: subprocess.Popen[bytes] | None = None
        self._talking = threading.Lock()

    def start(self) -> None:
        """Make and start all nodes; returns when all are synced; raises ServerFailed."""
        reason = missing()
        if reason is not None:
            raise ServerFailed("no Galera cluster can be started here", hint=reason)
        self.folder.chmod(0o755)
        account = _account()
        _install(self.folder, self.sites, account, self._provider)
        self._begin_world()
        self._bootstrap_and_copy(account)
        self._order("start", site=1, arguments=["--wsrep-new-cluster"])
        self.wait([1])
        for site in self.sites[1:]:
            self._order("start", site=site, arguments=[])
        self.wait(self.sites)
        self.set_rtt(self.rtt)

    def close(self) -> None:
        """End it all and remove its folder. Repeatable."""
        world, self._world = self._world, None
        if world is not None:
            assert world.stdin is not None
            assert world.stdout is not None
            world.stdin.close()
            try:
                world.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                world.kill()  # and its child, which is the first process of the namespace, with it
                world.wait()
            world.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, site: int, database: str) -> str:
        """SQLAlchemy (and oslo.db) URL of a database at one site."""
        socket = node.socket_of(self.folder, site)
        return f"mysql+pymysql://root@/{database}?unix_socket={socket}&charset=utf8mb4"

    def create(self, database: str) -> None:
        """Create an empty database (at all sites, as all that follows)."""
        self.execute(1, f"CREATE DATABASE `{database}`")

    def execute(self, site: int, statement: str) -> None:
        """Run one statement at one site."""
        engine = sa.create_engine(self.url(site, "mysql"), poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)

    def set_rtt(self, seconds: float) -> None:
        """Change the distance between all sites, from now on."""
        self.rtt = seconds
        self._order("delay", seconds=seconds / 2)

    def cut(self, site: int, other: int | None = None) -> None:
        """Cut a site off from all others, or from one."""
        self._order("cut", site=site, other=other)

    def heal(self, site: int, other: int | None = None) -> None:
        """Undo :meth:`cut`."""
        self._order("cut", site=site, other=other, healed=True)

    def kill(self, site: int) -> None:
        """Crash a server (``kill -9``) and wait for its end."""
        self._end(site, signal.SIGKILL)

    def stop(self, site: int) -> None:
        """Stop a server in order: it says good-bye to the others."""
        self._end(site, signal.SIGTERM)

    def restart(self, site: int) -> None:
        """Start a server that was stopped or killed; :meth:`wait` waits until it has caught up."""
        self._order("start", site=site, arguments=[])

    def roads(self) -> list[dict[str, Any]]:
        """What each road between two sites has carried and dropped."""
        roads: list[dict[str, Any]] = self._order("roads")
        return roads

    def node(self, site: int) -> Node:
        """What the node of a site says of itself."""
        names = ", ".join(f"'{name}'" for name in _SHOWN)
        socket = str(node.socket_of(self.folder, site))
        try:
            # not by SQLAlchemy: it asks what a node outside of the majority refuses to say
            with (
                pymysql.connect(unix_socket=socket, user="root") as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(f"SHOW STATUS WHERE variable_name IN ({names})")
                said = dict(cursor.fetchall())
        except pymysql.MySQLError:
            return Node(site)
        size, status, state, ready = (str(said[name]) for name in _SHOWN)
        return Node(site, int(size), status, state, ready == "ON")

    def wait_size(self, site: int, size: int, seconds: float = READY_SECONDS) -> None:
        """Return when the node of ``site`` counts so many members, itself included; raises ServerFailed."""
        until = time.monotonic() + seconds
        while self.node(site).size != size:
            if time.monotonic() > until:
                raise ServerFailed(f"Galera's site {site} does not come to {size}: {self.node(site)}")
            time.sleep(_POLL)

    def wait(self, sites: Iterable[int], seconds: float = READY_SECONDS) -> None:
        """Return when the nodes of ``sites`` serve, all in one cluster; raises ServerFailed."""
        wanted = list(sites)
        until = time.monotonic() + seconds
        while True:
            nodes = [self.node(site) for site in wanted]
            if all(one.synced and one.size >= len(wanted) for one in nodes):
                return
            gone = set(wanted) - set(self._order("running"))
            if gone or time.monotonic() > until:
                site = next((one.site for one in nodes if not one.synced), wanted[0])
                raise ServerFailed(
                    f"Galera's site {site} {'ended' if gone else 'is not synced'}: {nodes}\n{self.log(site)}"
                )
            time.sleep(_POLL)

    def log(self, site: int, characters: int = 4000) -> str:
        """The end of a server's log."""
        return (self.folder / str(site) / "log").read_text(errors="replace")[-characters:]

    def _end(self, site: int, number: signal.Signals) -> None:
        self._order("signal", site=site, number=number)
        until = time.monotonic() + READY_SECONDS
        while site in self._order("running"):
            if time.monotonic() > until:
                raise ServerFailed(f"Galera's site {site} does not end\n{self.log(site)}")
            time.sleep(_POLL)

    def _begin_world(self) -> None:
        root = str(Path(keystone_viaduct.__file__).parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        module = "keystone_viaduct.testing.galera.world"
        self._world = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
            + [sys.executable, "-m", module, str(self.folder), str(len(self.sites))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._answer()

    def _order(self, what: str, **arguments: Any) -> Any:
        if self._world is None or self._world.stdin is None:
            raise ServerFailed("the cluster is not running")
        with self._talking:
            self._world.stdin.write(json.dumps({"do": what, **arguments}).encode() + b"\n")
            self._world.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        assert self._world is not None
        assert self._world.stdout is not None
        line = self._world.stdout.readline()
        answer = json.loads(line) if line else {"error": "it has ended"}
        if "error" in answer:
            raise ServerFailed(f"the world of the cluster failed: {answer['error']}")
        return answer["answer"]

    def _bootstrap_and_copy(self, account: str) -> None:
        """Give all sites the same data and the same place in the cluster's history: nothing to transfer."""
        self._order("start", site=1, arguments=["--wsrep-new-cluster"])
        self.wait([1])
        self.stop(1)
        for site in self.sites[1:]:
            data = self.folder / str(site) / "data"
            shutil.copytree(
                self.folder / "1" / "data",
                data,
                ignore=shutil.ignore_patterns("galera.cache", "gvwstate.dat"),
            )
            for place in (data, *data.rglob("*")):
                shutil.chown(place, account)


def _account() -> str:
    """Who runs the servers: as root the state transfer by rsync fails."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("mysql", "nobody") if name in names)


def _install(folder: Path, sites: range, account: str, provider: Mapping[str, str]) -> None:
    """Folders and configuration of all sites, and the first one's system tables."""
    for site in sites:
        own = folder / str(site)
        (own / "tmp").mkdir(parents=True)
        (own / "my.cnf").write_text(node.configuration(folder, site, len(sites), account, provider))
        for place in (own, own / "tmp"):
            shutil.chown(place, account)
    done = subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/1/data", f"--user={account}"]
        + ["--auth-root-authentication-method=normal", "--skip-test-db"],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
