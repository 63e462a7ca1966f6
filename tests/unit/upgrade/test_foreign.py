"""Statements of others: whom they make wait, and what shows that they were done."""

from __future__ import annotations

import pytest

from keystone_viaduct.upgrade.foreign import Reading, read
from keystone_viaduct.upgrade.steps import Lock, Observation, Seen

COLUMN = Observation(Seen.COLUMN, "mapping", "schema_version")
GONE = Observation(Seen.CONSTRAINT, "trust", "wide", there=False)


@pytest.mark.parametrize(
    ("sql", "postgresql", "mariadb", "done"),
    [
        (
            "ALTER TABLE mapping ADD COLUMN schema_version VARCHAR(5) DEFAULT '1.0' NOT NULL",
            Lock.BRIEF,
            Lock.BRIEF,
            COLUMN,
        ),
        (
            "ALTER TABLE `mapping` ADD schema_version INT DEFAULT (1 + 1)",
            Lock.ALL_WAIT,
            Lock.WRITES_WAIT,
            COLUMN,
        ),
        (
            "ALTER TABLE mapping ADD COLUMN schema_version TEXT DEFAULT 'a UNIQUE thing'",
            Lock.BRIEF,
            Lock.BRIEF,
            COLUMN,
        ),
        ("ALTER TABLE trust DROP CONSTRAINT wide", Lock.BRIEF, Lock.BRIEF, GONE),
        (
            'ALTER TABLE "trust" DROP COLUMN "wide"',
            Lock.BRIEF,
            Lock.BRIEF,
            Observation(Seen.COLUMN, "trust", "wide", there=False),
        ),
        (
            "ALTER TABLE trust ADD CONSTRAINT wide UNIQUE (a, b)",
            Lock.ALL_WAIT,
            Lock.ONLINE,
            Observation(Seen.CONSTRAINT, "trust", "wide"),
        ),
        (
            "ALTER TABLE trust ADD CONSTRAINT wide FOREIGN KEY(a) REFERENCES user (id)",
            Lock.WRITES_WAIT,
            Lock.WRITES_WAIT,
            Observation(Seen.CONSTRAINT, "trust", "wide"),
        ),
        (
            "CREATE INDEX ix ON trust (a)",
            Lock.WRITES_WAIT,
            Lock.ONLINE,
            Observation(Seen.INDEX, "trust", "ix"),
        ),
        (
            "CREATE INDEX CONCURRENTLY ix ON trust (a)",
            Lock.ONLINE,
            Lock.ONLINE,
            Observation(Seen.INDEX, "trust", "ix"),
        ),
        ("CREATE TABLE trust (a INT)", Lock.NONE, Lock.NONE, Observation(Seen.TABLE, "trust")),
        ("DROP TABLE trust", Lock.BRIEF, Lock.BRIEF, Observation(Seen.TABLE, "trust", there=False)),
        ("ALTER TABLE trust RENAME TO trusts", Lock.BRIEF, Lock.BRIEF, Observation(Seen.TABLE, "trusts")),
        ("UPDATE trust SET a = 1", Lock.NONE, Lock.NONE, None),
        ("ALTER TABLE trust ADD UNIQUE (a)", Lock.ALL_WAIT, Lock.ALL_WAIT, None),
        (
            "ALTER TABLE trust ADD a INT, ADD CONSTRAINT c CHECK (a > 0)",
            Lock.ALL_WAIT,
            Lock.WRITES_WAIT,
            None,
        ),
        ("VACUUM FULL trust", Lock.ALL_WAIT, Lock.ALL_WAIT, None),
    ],
)
def test_a_statement_says_whom_it_stops_and_what_shows_that_it_was_done(
    sql: str, postgresql: Lock, mariadb: Lock, done: Observation | None
) -> None:
    for engine, lock in (("postgresql", postgresql), ("mariadb", mariadb), ("mysql", mariadb)):
        found = read(sql, engine)
        assert (found.lock, found.done) == (lock, done), engine
    assert not read(sql, "sqlite").lock.stops


def test_what_may_be_run_twice_is_known() -> None:
    assert read("ALTER TABLE t ALTER COLUMN c SET DEFAULT 'x'", "mariadb").repeatable
    assert read("ALTER TABLE t MODIFY c VARCHAR(9) NULL", "mariadb") == Reading(
        "t", Lock.WRITES_WAIT, None, repeatable=True
    )
    assert not read("INSERT INTO t VALUES (1)", "mariadb").repeatable
    assert not read("ALTER TABLE t ADD c INT", "mariadb").repeatable
