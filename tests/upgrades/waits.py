"""``make test-upgrade-waits``: a reader holds the table, and no request waits long in any phase.

For each engine and each phase somebody reads the table and stays in the transaction for ``--hold`` seconds,
the phase is begun, and clients read and write the table all the time. The last line is ``requests=N worst=S
failed=F over=0``; ``over`` counts requests of more than ``--most`` seconds, and the exit code is 1 if there
are any. On MySQL a request fails now and then where something is built online: by a deadlock, of which MySQL
makes the writer the victim. Whoever fails says beside which statement.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

from keystone_viaduct.upgrade.ddl import Budget
from keystone_viaduct.upgrade.operations import AddConstraint, RenameColumn
from keystone_viaduct.upgrade.runner import Runner
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Statement
from keystone_viaduct.upgrade.throttle import Pace
from keystone_viaduct.upgrade.types import Text
from tests.bridges.declared import DECLARED, TABLE
from tests.support.databases import Databases
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import Site, make_table, site

BRIDGE = next(item.bridge for item in DECLARED if item.operation == "rename column, not null")
OPERATIONS = (
    RenameColumn(TABLE, Column("login", Text(16), nullable=False), "account"),
    AddConstraint(TABLE, "one_note", unique=("id", "note")),
)
CLIENTS = 2


@dataclass
class Requests:
    """What clients have seen."""

    times: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    running: str = "nothing of ours"
    """The statement of the upgrade that runs now, or did last."""
    more: threading.Condition = field(default_factory=threading.Condition)

    def add(self, seconds: float) -> None:
        """One is done."""
        with self.more:
            self.times.append(seconds)
            self.more.notify_all()

    def wait_for(self, number: int) -> bool:
        """Until so many more are done; False if they are not within a minute."""
        with self.more:
            wanted = len(self.times) + number
            return self.more.wait_for(lambda: len(self.times) >= wanted, 60)


@contextmanager
def clients(url: str, requests: Requests, column: str = "login") -> Iterator[None]:
    """They read the table and write to it, each its own row, until the block ends."""
    stop = threading.Event()

    def work(number: int) -> None:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        while not stop.wait(0.005):
            begun = time.monotonic()
            try:
                with engine.begin() as connection:
                    connection.execute(sa.text(f"SELECT note FROM thing WHERE id = 'k{number}'")).all()
                    connection.execute(sa.text(f"UPDATE thing SET {column} = 'x' WHERE id = 'k{number}'"))
            except sa.exc.DBAPIError as error:
                requests.failed.append(f"{error.statement}: {error.orig}, beside {requests.running}")
            requests.add(time.monotonic() - begun)
        engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def reader(url: str) -> Iterator[None]:
    """A transaction that has read the table and stays open."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT count(*) FROM thing")).scalar_one()
        yield


def under_a_reader(
    url: str,
    work: Callable[[], object],
    requests: Requests,
    column: str,
    held: Callable[[Future[object]], None],
) -> None:
    """The phase begins while the reader holds the table; he goes when ``held`` is done, and it ends."""
    with ThreadPoolExecutor(1) as pool, clients(url, requests, column):
        with reader(url):
            phase = pool.submit(work)
            held(phase)
        phase.result()


@contextmanager
def told(made: Site, requests: Requests) -> Iterator[None]:
    """Whoever fails can say beside which statement."""
    attempt = made.database._attempt

    def telling(statement: Statement) -> None:
        requests.running = statement.sql
        attempt(statement)

    made.database._attempt = telling  # type: ignore[method-assign]
    try:
        yield
    finally:
        del made.database._attempt


def prepared(url: str, rows: int, patience: float = 120.0) -> Site:
    """A table, and an upgrade of it."""
    make_table(url, BRIDGE, [{"id": f"k{number}", "login": "a", "note": "n"} for number in range(rows)])
    made = site(url, *OPERATIONS, budget=Budget(patience=patience))
    made.pace = Pace()
    return made


def phases(runner: Runner, going_back: bool) -> dict[str, tuple[Callable[[], object], str]]:
    """In their order, and the column that clients write meanwhile: old code ends before contract."""
    begun: dict[str, tuple[Callable[[], object], str]] = {
        "expand": (runner.expand, "login"),
        "migrate": (runner.migrate, "login"),
        "verify": (runner.verify, "login"),
    }
    last: tuple[str, Callable[[], object], str]
    last = ("rollback", runner.rollback, "login") if going_back else ("contract", runner.contract, "account")
    return {**begun, last[0]: (last[1], last[2])}


def _wait(phase: Future[object], seconds: float) -> None:
    with suppress(TimeoutError):
        phase.result(seconds)


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hold", type=float, default=10.0, help="seconds that the reader stays")
    parser.add_argument("--most", type=float, default=0.3, help="seconds that a request may take")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--engine", action="append", help="postgresql, mariadb, mysql; may be repeated")
    args = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    total = Requests()
    try:
        for engine in args.engine or ("postgresql", "mariadb", "mysql"):
            try:
                for going_back in (False, True):
                    _play(Databases(servers), engine, args, total, going_back=going_back)
            except MissingServer as missing:
                print(f"{engine:11} left out: {missing}", flush=True)
    finally:
        servers.stop_all()
    over = sum(took > args.most for took in total.times)
    print(
        f"requests={len(total.times)} worst={max(total.times, default=0):.2f}"
        f" failed={len(total.failed)} over={over}"
    )
    return 1 if over else 0


def _play(
    databases: Databases, engine: str, args: argparse.Namespace, total: Requests, *, going_back: bool
) -> None:
    """One upgrade, forward or back, a reader in each of its phases."""
    with databases.scope() as scope:
        made = prepared(scope.empty(engine), args.rows)
        with made.runner() as runner:
            for name, (work, column) in phases(runner, going_back).items():
                if going_back and name != "rollback":
                    work()
                    continue
                requests = Requests()
                begun = time.monotonic()
                with told(made, requests):
                    under_a_reader(made.url, work, requests, column, lambda phase: _wait(phase, args.hold))
                print(
                    f"{engine:11} {name:9} {time.monotonic() - begun:5.1f} s, requests={len(requests.times)}"
                    f" worst={max(requests.times):.2f} failed={len(requests.failed)}",
                    *requests.failed,
                    sep="\n  ",
                    flush=True,
                )
                total.times += requests.times
                total.failed += requests.failed


if __name__ == "__main__":
    sys.exit(main())
