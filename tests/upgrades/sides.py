"""``make test-upgrade-sides``: old and new code write the same few records, from both sides of a move.

For ``--seconds`` each, two clients of the old side and two of the new one update the same records, once with
our triggers and the worker, and once with plain triggers that change the counterpart wherever it is. With
``galera`` each side writes to a node of its own. The last line is ``deadlocks=N inconsistent=M errors=E`` of
ours, and the exit code is 1 unless all are zero; what a cluster's certification refuses is counted apart.
``oldest``: the seconds that a mark waited for the worker at most.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.testing.galera import Galera
from keystone_viaduct.upgrade.expression import Not
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.move import Move
from keystone_viaduct.upgrade.operations import MoveColumn
from keystone_viaduct.upgrade.repair import Repairer, Round
from tests.bridges.across.declared import MOVED
from tests.support.databases import Databases
from tests.support.moves import Tables, make_old, pairs
from tests.support.servers import MissingServer, Servers, new_run_folder
from tests.support.upgrades import site

SINGLE, SEVERAL = (
    next(item.move for item in MOVED if item.operation == f"move column {kind}")
    for kind in ("1:1 to child", "1:n to parent")
)
RECORDS = 5
Say = Callable[[str, Move, bool, "Tally"], None]
_DEADLOCK = 1213
#: What a writer of the old side runs, and one of the new.
_OLD = "UPDATE {table} SET mail = '{value}' WHERE id = '{key}'"
_NEW = "UPDATE {table} SET email = '{value}' WHERE id = '{key}'"


@dataclass
class Tally:
    """What came of the writers."""

    writes: int = 0
    deadlocks: int = 0
    certification: int = 0
    """On a cluster: transactions that a node refused, or took back, because of another node's."""
    others: list[str] = field(default_factory=list)
    worst: float = 0.0
    marks: int = 0
    oldest: float = 0.0
    """Seconds for which a mark was seen at most, from the commit that left it to the one that settled it."""
    inconsistent: int = 0


def play(urls: Sequence[str], move: Move, seconds: float, *, plain: bool) -> Tally:
    """``urls``: of the old side's node, and of the new one's."""
    tables = make_old(urls[0], move, [{"mail": "m"} for _ in range(RECORDS)])
    made = site(urls[0], MoveColumn(move))
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
    if plain:
        _plain(made, move)
    tally, lock, stop = Tally(), threading.Lock(), threading.Event()
    writers = [
        threading.Thread(target=_write, args=(urls[side], move, side, number, tally, lock, stop))
        for side in (0, 1)
        for number in (0, 1)
    ]
    with _worker(urls[0], move, tally) if not plain else _nobody():
        for writer in writers:
            writer.start()
        time.sleep(seconds)
        stop.set()
        for writer in writers:
            writer.join()
    if not plain:
        tally.inconsistent = _inconsistent(urls[0], move, tables)
    return tally


def _write(
    url: str, move: Move, side: int, number: int, tally: Tally, lock: Any, stop: threading.Event
) -> None:
    chance = random.Random(f"{side}/{number}")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    table = move.tables[side].name
    with engine.connect() as connection:
        while not stop.is_set():
            index, value = chance.randrange(RECORDS), chance.randrange(1000)
            key = f"p{index}" if table == move.parent.name else f"c{index}x0"
            statement = (_NEW if side else _OLD).format(table=table, value=value, key=key)
            begun = time.monotonic()
            try:
                with connection.begin():
                    connection.exec_driver_sql(statement)
            except sa.exc.DBAPIError as error:
                with lock:
                    _count(error, tally)
                continue
            with lock:
                tally.writes += 1
                tally.worst = max(tally.worst, time.monotonic() - begun)
    engine.dispose()


def _count(error: sa.exc.DBAPIError, tally: Tally) -> None:
    number = getattr(error.orig, "args", (0,))[0]
    if number == _DEADLOCK or getattr(error.orig, "pgcode", "") == "40P01":
        tally.deadlocks += 1
    else:
        tally.others.append(str(error.orig))


@contextmanager
def _worker(url: str, move: Move, tally: Tally) -> Iterator[None]:
    """The worker, as `viaduct upgrade repair` runs it."""
    made = site(url)
    stop = threading.Event()

    def told(done: Round) -> None:
        tally.marks += done.settled
        tally.others += [f"{name}: {said}" for name, said in done.failed.items()]

    worker = Repairer(made.database.engine, SystemClock(), [move])
    threads = [
        threading.Thread(target=worker.run, args=(stop, told)),
        threading.Thread(target=_age, args=(url, tally, stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        made.database.close()


def _age(url: str, tally: Tally, stop: threading.Event) -> None:
    """Watch marks come and go: each is as old as the last look at which it was there."""
    engine = sa.create_engine(url, isolation_level="READ COMMITTED")
    came: dict[int, float] = {}
    with engine.connect() as connection:
        while not stop.wait(0.01):
            there = set(connection.execute(sa.select(MARKS.c.number)).scalars())
            connection.rollback()
            now = time.monotonic()
            came = {number: came.get(number, now) for number in there}
            tally.oldest = max([tally.oldest, *(now - since for since in came.values())])
    engine.dispose()


@contextmanager
def _nobody() -> Iterator[None]:
    yield


def _inconsistent(url: str, move: Move, tables: Tables) -> int:
    """Pairs that differ once all marks are settled."""
    made = site(url)
    worker = Repairer(made.database.engine, SystemClock(), [move])
    worker.settle()
    worker.close()
    wrong = Not(move.pair.consistent())
    with made.database.engine.connect() as connection:
        found = sum(wrong.holds(row) for row in pairs(connection, tables, move))
    made.database.close()
    return found


def _plain(made: Any, move: Move) -> None:
    """Triggers as one would write them: each changes the counterpart if it differs."""
    engine = made.database.server().engine
    with made.database.engine.connect() as connection:
        there = _triggers(connection, engine)
    for name, table in there:
        made.run(f"DROP TRIGGER {name}" + (f" ON {table}" if engine == "postgresql" else ""))
    old, new = move.tables
    for place, other, mine, theirs in ((old, new, "mail", "email"), (new, old, "email", "mail")):
        key = "id" if other == move.parent else "place_id"
        ours = "NEW.id" if place == move.parent else "NEW.place_id"
        made.run(*_plain_trigger(engine, place.name, other.name, mine, theirs, key, ours))


def _triggers(connection: sa.Connection, engine: str) -> list[Any]:
    schema = "current_schema()" if engine == "postgresql" else "DATABASE()"
    query = f"""
    SELECT DISTINCT trigger_name AS name, event_object_table AS place FROM information_schema.triggers
    WHERE trigger_schema = {schema}"""
    return list(connection.execute(sa.text(query)))


def _plain_trigger(
    engine: str, table: str, other: str, mine: str, theirs: str, key: str, ours: str
) -> tuple[str, ...]:
    update = f"UPDATE {other} SET {theirs} = NEW.{mine} WHERE {key} = {ours}"
    if engine == "postgresql":
        body = f"{update} AND {theirs} IS DISTINCT FROM NEW.{mine}; RETURN NULL;"
        return (
            f"CREATE FUNCTION plain_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
            f"CREATE TRIGGER plain_{table} AFTER UPDATE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION plain_{table}()",
        )
    differs = f"NOT (SELECT {theirs} FROM {other} WHERE {key} = {ours} LIMIT 1) <=> NEW.{mine}"
    body = f"IF {differs} THEN {update}; END IF;"
    return (f"CREATE TRIGGER plain_{table} AFTER UPDATE ON {table} FOR EACH ROW BEGIN {body} END",)


def _cluster(seconds: float, say: Say) -> Tally:
    """Both sides on nodes of their own. Certification is counted by the nodes."""
    total = Tally()
    with Galera(sites=2) as cluster:
        for move in (SINGLE, SEVERAL):
            for plain in (False, True):
                name = f"{move.name}_{'plain' if plain else 'ours'}"
                cluster.create(name)
                urls = [cluster.url(number, name) for number in (1, 2)]
                before = sum(map(_refused, urls))
                tally = play(urls, move, seconds, plain=plain)
                tally.certification = sum(map(_refused, urls)) - before
                say("galera", move, plain, tally)
                if not plain:
                    total.inconsistent += tally.inconsistent
                    total.others += tally.others
    return total


def _refused(url: str) -> int:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    names = "'wsrep_local_cert_failures', 'wsrep_local_bf_aborts'"
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})").all()
    return sum(int(value) for _, value in found)


def _told(engine: str, move: Move, plain: bool, tally: Tally) -> None:
    print(
        f"{engine:10} {move.name:8} {'plain' if plain else 'ours':5} writes={tally.writes}"
        f" deadlocks={tally.deadlocks} certification={tally.certification} worst={tally.worst:.2f}"
        f" marks={tally.marks} oldest={tally.oldest:.2f} inconsistent={tally.inconsistent}"
        f" others={len(tally.others)}",
        *tally.others[:2],
        sep="\n  ",
        flush=True,
    )


def main() -> int:
    """Play and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--engine", action="append", help="postgresql, mariadb, mysql, galera; repeatable")
    args = parser.parse_args()
    servers, total = Servers(new_run_folder(), os.getpid()), Tally()
    try:
        for engine in args.engine or ("postgresql", "mariadb", "mysql"):
            if engine == "galera":
                found = _cluster(args.seconds, _told)
                total.inconsistent += found.inconsistent
                continue
            for move in (SINGLE, SEVERAL):
                for plain in (False, True):
                    with Databases(servers).scope() as scope:
                        tally = play([scope.empty(engine)] * 2, move, args.seconds, plain=plain)
                    _told(engine, move, plain, tally)
                    if not plain:
                        total.deadlocks += tally.deadlocks
                        total.inconsistent += tally.inconsistent
                        total.others += tally.others
    except MissingServer as missing:
        print(f"left out: {missing}", flush=True)
    finally:
        servers.stop_all()
    print(f"deadlocks={total.deadlocks} inconsistent={total.inconsistent} errors={len(total.others)}")
    return 1 if total.deadlocks or total.inconsistent or total.others else 0


if __name__ == "__main__":
    sys.exit(main())
