"""Orphans of a database that is to become a site, or is one: told, written to a file, removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._site import Database
from keystone_viaduct.documents.orphans import Census, Link, Orphans, told
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.store import schema

BATCH = 500
MEANING = (
    "What they belonged to was deleted, and they stayed. Records among them travel like any other, until the "
    "hub deletes and lists them as dangling; parts of records stay at this site for good"
)


@dataclass(frozen=True)
class Removed:
    """How many rows were written to ``file`` and removed."""

    file: Path
    count: int


class OrphanKeeper:
    """Looks for orphans, and removes them. ``numbered``: the database is a site already.

    Of a site only parts of records are removed, which no other site can see. Records that need one that is
    gone are the fleet's: the hub's sweep deletes and lists them.
    """

    def __init__(self, database: Database, settings: KeystoneSettings) -> None:
        self._engine = database.engine
        with self._engine.connect() as connection:
            self._census = Census(connection, database.schema, has_external(connection, settings))
            self.numbered = schema.current(connection) is not None

    def count(self) -> list[Orphans]:
        """Those that there are, per table and reference."""
        with self._engine.connect() as connection:
            return self._census.count(connection)

    def removable(self, found: Sequence[Orphans]) -> list[Orphans]:
        """Those of them that :meth:`remove` takes."""
        return [item for item in found if self._takes(item.link)]

    def remove(self, folder: Path, site: str, now: int) -> Removed:
        """Write every orphan to a file, and then remove it; in batches, each whole in its transaction.

        What is an orphan only because others were removed follows. Raises ConfigError.
        """
        path = folder / f"orphans-{site}-{datetime.fromtimestamp(now / 1e6, UTC):%Y%m%dT%H%M%SZ}.jsonl"
        count, before = 0, -1
        with _private(path) as file:
            while count > before:
                before = count
                for link in filter(self._takes, self._census.links):
                    while number := self._batch(link, file):
                        count += number
        return Removed(path, count)

    def _takes(self, link: Link) -> bool:
        return link.part or not self.numbered

    def _batch(self, link: Link, file: IO[str]) -> int:
        with self._engine.begin() as connection:
            rows = self._census.batch(connection, link, BATCH)
            for table, row in rows:
                file.write(json.dumps({"table": table, "needs": link.target, "row": told(row)}) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self._unmarked(connection, rows)
        return len(rows)

    def _unmarked(
        self, connection: sa.engine.Connection, rows: Sequence[tuple[str, dict[str, object]]]
    ) -> None:
        """Remove rows and the marks that this makes: no site ever heard of them."""
        last = "SELECT coalesce(max(id), 0) FROM viaduct_dirty"
        sqlite = self.numbered and connection.dialect.name == "sqlite"  # the one writer: later marks are ours
        before = connection.scalar(sa.text(last)) if sqlite else None
        self._census.remove(connection, rows)
        if before is not None:
            connection.execute(sa.text("DELETE FROM viaduct_dirty WHERE id > :last"), {"last": before})


def has_external(connection: sa.engine.Connection, settings: KeystoneSettings) -> bool:
    """Whether a driver keeps users or groups elsewhere: at this site, or where one of its records is from."""
    here = bool(settings.drivers.read(connection))
    if here or schema.current(connection) != schema.head():
        return here
    known = sa.text("SELECT 1 FROM viaduct_record WHERE external_owners IS NOT NULL LIMIT 1")
    return connection.execute(known).first() is not None


@contextmanager
def _private(path: Path) -> Iterator[IO[str]]:
    """A new file that nobody else may read: rows hold password hashes and sealed secrets."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(
            f"orphans can't be written to {path}: {error.strerror}",
            hint="run it in a folder that you may write to; nothing was removed",
        ) from error
    with os.fdopen(descriptor, "w") as file:
        yield file
