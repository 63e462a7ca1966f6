"""Workloads on columns that Python computes: the worker comes after each statement."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from keystone_viaduct.triggers import Installer
from keystone_viaduct.upgrade.arming import bridge_specs
from keystone_viaduct.upgrade.computed import Computed
from keystone_viaduct.upgrade.expression import Scalar, same
from keystone_viaduct.upgrade.marks import MARKS
from keystone_viaduct.upgrade.repair import settle_now
from keystone_viaduct.upgrade.shape import PREFIX, Column, Table
from keystone_viaduct.upgrade.types import Text
from tests.bridges.across.sealing import KEY_HASH, sealed
from tests.bridges.statements import Generator, Insert, Values
from tests.bridges.subject import Subject
from tests.bridges.workload import STATEMENTS, Outcome, connect

SEALED = Computed(
    "thing_sealed",
    Table("thing", (Column("id", Text(64), nullable=False),)),
    old=(Column("secret", Text(16), nullable=False),),
    new=(Column("sealed", Text(64)), Column("key_hash", Text(16))),
    up="tests.bridges.across.sealing:seal",
    down="tests.bridges.across.sealing:unseal",
)
Rows = dict[str, Values]
_TEXTS = ("", "a", "A", "a ", "é", "it's", "50%")


@dataclass(frozen=True)
class Sealed:
    """As a declared bridge, for the generator of statements."""

    operation: str = "compute columns"
    bridge: Computed = SEALED
    sides: tuple[str, ...] = ("old", "old", "new", "new", "both")

    def columns(self, side: str) -> tuple[Column, ...]:
        """Those that a side knows."""
        return {"old": self.bridge.old, "new": self.bridge.new, "both": self.bridge.columns}[side]

    def choices(self, side: str, column: str) -> tuple[Scalar, ...]:
        """What it gives to one of them."""
        given: dict[str, tuple[Scalar, ...]] = {
            "secret": (*_TEXTS, None),
            "sealed": (*(sealed(text, number) for number, text in enumerate(_TEXTS)), None),
            "key_hash": (KEY_HASH, "other", None),
        }
        return given[column]


class SealedSubject(Subject):
    """The table with both sides, its triggers, and the table of marks."""

    def __init__(self, connection: sa.Connection, declared: Sealed) -> None:
        self.bridge = declared.bridge
        super().__init__(connection, declared)

    def _declare(self) -> Callable[[], object]:
        free = tuple(Column(column.name, column.type) for column in self.bridge.columns)
        self.table = self._table(self.bridge.table.name, free)
        self.places = dict.fromkeys(self.alone, self.table)
        return self._arm

    def _arm(self) -> None:
        with self.connection.begin():
            MARKS.create(self.connection)
        Installer(self.connection, PREFIX).install(bridge_specs(self.bridge))


def play(url: str, declared: Sealed, *, cases: int, seed: int) -> Outcome:
    """Play cases on one database."""
    outcome = Outcome()
    with connect(url) as connection:
        subject = SealedSubject(connection, declared)
        for case in range(cases):
            chance = random.Random(f"{seed}/{declared.operation}/{case}")
            subject.clear()
            outcome.cases += 1
            for problem in _case(subject, declared, chance, outcome):
                if len(outcome.stories) < 3:
                    outcome.stories.append(f"{declared.operation}, seed {seed}, case {case}: {problem}")
                break
    return outcome


def _case(subject: Subject, declared: Sealed, chance: random.Random, outcome: Outcome) -> Iterator[str]:
    generator = Generator(declared, chance, modes=subject.modes)
    for _ in range(STATEMENTS):
        side, statement = generator.next()
        before = subject.rows()
        meant = subject.alone_does(side, statement, list(before.values()))
        outcome.statements += 1
        try:
            subject.play(side, statement)
        except sa.exc.DBAPIError as error:
            outcome.failed += 1
            if meant is not None:
                outcome.errors += 1
                yield f"{statement}\n  on {before}\n  fails with {error.orig}"
        with subject.connection.begin():
            outcome.marked += settle_now(subject.connection, declared.bridge)
            assert subject.connection.execute(sa.select(MARKS)).first() is None
        subject.forget()
        found = subject.rows()
        fresh: set[Scalar] = set()
        if isinstance(statement, Insert) and statement.mode == "replace":
            fresh = {row["id"] for row in statement.rows}
        was = {key: row for key, row in before.items() if key not in fresh}
        wrong = list(_wrong(declared.bridge, side, was, meant, found))
        if wrong:
            outcome.inconsistent += 1
            yield f"{statement}\n  on {before}\n  leaves {found}\n  meant {meant}\n  {wrong}"


def _wrong(
    bridge: Computed,
    side: str,
    before: dict[str, Values],
    meant: dict[str, Values] | None,
    found: dict[str, Values],
) -> Iterator[str]:
    """Rows that differ, and values that are not as they were written."""
    yield from (f"{key} differs" for key, row in found.items() if not bridge.is_consistent(row))
    if meant is None:
        return
    if meant.keys() != found.keys():
        yield f"{sorted(found)}, not {sorted(meant)}"
        return
    for key, row in meant.items():
        was = before.get(key, {})
        new = [item.name for item in bridge.new if item.name in row]
        old = [item.name for item in bridge.old if item.name in row]
        written = [name for name in new if not same(row[name], was.get(name))]
        kept = new if written or side == "new" else old
        yield from (f"{key}.{name}" for name in kept if not same(found[key][name], row[name]))
