"""Plays cases: a case is a short story of random statements on an empty table, checked after each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.upgrade.expression import same
from tests.bridges.declared import Declared
from tests.bridges.model import Model
from tests.bridges.shaped import Shaped
from tests.bridges.statements import Copy, Delete, Generator, Update, Values
from tests.bridges.subject import BridgedSubject, ShapedSubject, Subject

Workload = Declared | Shaped

STATEMENTS = 8


@dataclass
class Outcome:
    """What came of some cases; ``stories`` tells of the first few that went wrong."""

    cases: int = 0
    statements: int = 0
    failed: int = 0
    """Statements that the database refused, as it would have without a bridge."""
    inconsistent: int = 0
    errors: int = 0
    marked: int = 0
    """Records that triggers left to the worker."""
    stories: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Sum."""
        for name in ("cases", "statements", "failed", "inconsistent", "errors", "marked"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stories += other.stories[: 3 - len(self.stories)]


@contextmanager
def connect(url: str) -> Iterator[sa.Connection]:
    """A connection as workloads need it."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
    with engine.connect() as connection:
        yield connection


def _prepare(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")


def play(connection: sa.Connection, workload: Workload, *, cases: int, seed: int) -> Outcome:
    """Play cases of one operation on one database. Raises UpgradeRefused where it is refused."""
    subject: Subject
    if isinstance(workload, Declared):
        workload = workload.on(connection.dialect.name)
        subject = BridgedSubject(connection, workload)
    else:
        subject = ShapedSubject(connection, workload)
    outcome = Outcome()
    for case in range(cases):
        chance = random.Random(f"{seed}/{workload.operation}/{case}")
        subject.clear()
        outcome.cases += 1
        for problem in _case(subject, workload, chance, outcome):
            if len(outcome.stories) < 3:
                outcome.stories.append(f"{workload.operation}, seed {seed}, case {case}: {problem}")
            break
    return outcome


def _case(subject: Subject, workload: Workload, chance: random.Random, outcome: Outcome) -> Iterator[str]:
    model = Model(workload.rules, workload.parents, settles_first=subject.engine != "sqlite")
    generator = Generator(workload, chance, modes=subject.modes)
    for _ in range(STATEMENTS):
        side, statement = generator.next()
        before = dict(model.rows)
        outcome.statements += 1
        try:
            said = subject.play(side, statement)
        except sa.exc.DBAPIError as error:
            outcome.failed += 1
            if not subject.alone_fails(side, statement, list(before.values())):
                outcome.errors += 1
                yield f"{statement}\n  on {before}\n  fails with {error.orig}"
        else:
            meant = model.play(statement)
            if isinstance(statement, (Update, Copy, Delete)) and said != meant:
                outcome.errors += 1
                yield f"{statement}\n  on {before}\n  is said to be about {said} rows, not {meant}"
        found = subject.rows()
        model.hear(found)
        if not _equal(found, model.rows) or not workload.rules.hold(found):
            outcome.inconsistent += 1
            yield f"{statement}\n  on {before}\n  leaves {found}\n  not {model.rows}"


def _equal(found: dict[str, Values], meant: dict[str, Values]) -> bool:
    return found.keys() == meant.keys() and all(
        same(found[key][name], meant[key][name]) for key in found for name in found[key]
    )
