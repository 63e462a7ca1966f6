"""A release of Keystone that does not exist: a migrated database with columns added, dropped and re-typed.

The real releases hardly differ. This one is made by hand, by the statements that a migration would run.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

#: Registered by the installed Keystone (``USER_OPTIONS_REGISTRY`` and its kin), and by the release after it.
OPTIONS = {
    "user": frozenset({"1000", "1001", "1002", "1003", "1004", "MFAR", "MFAE"}),
    "project": frozenset({"IMMU"}),
    "domain": frozenset({"IMMU"}),
    "role": frozenset({"IMMU"}),
}
NEXT_OPTIONS = {**OPTIONS, "user": OPTIONS["user"] | {"1999"}}
ADDED = (
    'ALTER TABLE "user" ADD COLUMN nickname VARCHAR(64)',
    "ALTER TABLE project ADD COLUMN tier INTEGER NOT NULL DEFAULT 1",
)
DROPPED = ("ALTER TABLE endpoint DROP COLUMN legacy_endpoint_id",)
#: Longer descriptions do not fit any more; limits may be larger than 31 bits.
RETYPED = {
    "postgresql": (
        "ALTER TABLE project ALTER COLUMN description TYPE VARCHAR(80)",
        'ALTER TABLE "limit" ALTER COLUMN resource_limit TYPE BIGINT',
    ),
    "sqlite": (
        "ALTER TABLE project ADD COLUMN shorter VARCHAR(80)",
        "UPDATE project SET shorter = description",
        "ALTER TABLE project DROP COLUMN description",
        "ALTER TABLE project RENAME COLUMN shorter TO description",
        'ALTER TABLE "limit" ADD COLUMN larger BIGINT NOT NULL DEFAULT 0',
        'UPDATE "limit" SET larger = resource_limit',
        'ALTER TABLE "limit" DROP COLUMN resource_limit',
        'ALTER TABLE "limit" RENAME COLUMN larger TO resource_limit',
    ),
}


def migrate(url: str) -> None:
    """Bring a database of the installed release to the next one; our triggers may be there."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    run(engine, (*ADDED, *DROPPED, *RETYPED[engine.dialect.name]))


def run(engine: sa.engine.Engine, statements: Iterable[str]) -> None:
    """All of it in one transaction."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
