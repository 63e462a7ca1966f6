"""What can be set on the database of a site.

`viaduct sql locality` shows, for a CockroachDB of several regions, which tables should be read without a
round trip everywhere (GLOBAL) and which live in the primary region; with --apply it sets that, and may be
repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import KEYSTONE, OUTPUT, Arguments, argument, flag
from keystone_viaduct.cli._terminal import Terminal
from keystone_viaduct.errors import ConfigError, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from keystone_viaduct.sql.locality import Placement

HELP = "settings of the database: where tables live (CockroachDB)"
SECTION = "storage"
EXAMPLES = (
    "viaduct sql locality",
    "viaduct sql locality --apply",
)
ERROR_EXIT_CODE = 2


PARAMS = (
    argument("subject", choices=["locality"], help="where tables live"),
    flag("--apply", help="set it; otherwise it is only shown"),
    *OUTPUT,
    *KEYSTONE,
)


def run(args: Arguments, terminal: Terminal) -> int:
    """Look at the database, then act."""
    from keystone_viaduct.sync.store import make_engine

    engine = make_engine(_keystone.settings_of(args).connection)
    if engine.dialect.name != "cockroachdb":
        raise ConfigError(
            f"tables have a locality on CockroachDB only, this is {engine.dialect.name}",
            hint="look at [database] connection",
        )
    # Each statement is a transaction of its own: schema changes are not atomic together.
    found = Regions(engine.execution_options(isolation_level="AUTOCOMMIT"))
    placements = [one for one in found.plan() if found.current.get(one.table) != one.locality.value]
    if args.apply:
        found.move(placements, terminal)
    _show(terminal, found, placements, applied=args.apply)
    return 0


class Regions:
    """A database's regions and the localities of its tables. Raises ConfigError, StoreUnavailable."""

    def __init__(self, engine: Any) -> None:
        import sqlalchemy as sa

        self._engine = engine
        try:
            with engine.connect() as connection:
                regions = connection.exec_driver_sql("SHOW REGIONS FROM DATABASE").mappings().all()
                tables = connection.exec_driver_sql("SHOW TABLES").mappings().all()
        except sa.exc.DBAPIError as error:
            raise StoreUnavailable(f"{error.orig}", hint="look at [database] connection") from error
        self.names = [str(row["region"]) for row in regions]
        self.current = {str(row["table_name"]): str(row["locality"] or "") for row in tables}
        if not self.names:
            raise ConfigError(
                "the database has no regions",
                hint="ALTER DATABASE … SET PRIMARY REGION, then ADD REGION for the others",
            )

    def plan(self) -> list[Placement]:
        """Where each table should live."""
        from keystone_viaduct.sql import locality

        return locality.plan(self.current)

    def move(self, placements: list[Placement], terminal: Terminal) -> None:
        """Set them, one after the other. Raises StoreError, naming what was done."""
        import sqlalchemy as sa

        done: list[str] = []
        with self._engine.connect() as connection, terminal.progress("moving", len(placements)) as step:
            for placement in placements:
                try:
                    connection.exec_driver_sql(placement.statement())
                except sa.exc.DBAPIError as error:
                    raise StoreError(
                        f"{placement.table} could not be moved: {error.orig}",
                        hint=f"{len(done)} tables were moved; run it again",
                        done=done,
                    ) from error
                done.append(placement.table)
                step(1, placement.table)


def _show(terminal: Terminal, found: Regions, placements: list[Placement], *, applied: bool) -> None:
    terminal.data(
        {
            "regions": found.names,
            "applied": applied,
            "statements": [placement.statement() for placement in placements],
        }
    )
    terminal.say(f"regions: {', '.join(found.names)}")
    rows = [(placement.table, placement.locality.value, placement.reason) for placement in placements]
    if not rows:
        terminal.say("all tables live where they should")
        return
    terminal.table("moved" if applied else "would be moved (--apply)", ("table", "locality", "reason"), rows)
    if not applied:
        for placement in placements:
            terminal.say(f"{placement.statement()};")
