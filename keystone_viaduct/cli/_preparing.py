"""The steps of ``viaduct init``: everything that can go wrong is looked at before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._marking import count_unmarked, mark_existing
from keystone_viaduct.cli._naming import correct, is_corrected
from keystone_viaduct.cli._site import Database, explained, open_database
from keystone_viaduct.errors import ConfigError, TriggerError
from keystone_viaduct.sync import sealing
from keystone_viaduct.sync.capture import OFFER, TriggerCapture, triggers_of
from keystone_viaduct.sync.model import SiteState
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, schema
from keystone_viaduct.sync.store.first import first_state

Report = dict[str, Any]


@dataclass(frozen=True)
class Preparation:
    """A database that was found fit. Made by :meth:`check`."""

    settings: KeystoneSettings
    database: Database
    site: str
    hub: str
    revision: str | None
    existing: SiteState | None

    @classmethod
    def check(cls, settings: KeystoneSettings, site: str, hub: str) -> Preparation:
        """Raises ConfigError, StoreError, SchemaMissing, SealingError or TriggerError; changes nothing."""
        database = open_database(settings)
        with database.engine.connect() as connection:
            revision = schema.check_upgradable(connection)
        ring = _ring(settings)
        existing = _existing(database, settings, ring) if revision else None
        is_corrected(existing, site, hub)
        with database.engine.connect() as connection:
            _check_privileges(triggers_of(connection, database.schema, settings.capture))
        return cls(settings, database, site, hub, revision, existing)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds whose records are marked."""
        return self.database.codecs.kinds

    def preview(self) -> Report:
        """What :meth:`perform` would do."""
        with self.database.engine.connect() as connection:
            actions = triggers_of(connection, self.database.schema, self.settings.capture).install(
                dry_run=True
            )
        ring = _ring(self.settings) or KeyRing.generate()
        store = SqlStore(self.database.engine, ring, self.database.codecs)
        return {
            "tables": self._tables(),
            "keys": sealing.missing_keys(self.settings.viaduct_keys),
            "triggers": _verbs([action.verb for action in actions]),
            "marked": count_unmarked(store, numbered=self.revision is not None),
        }

    def perform(
        self, now: int, progress: Callable[[int, str], None], owner: tuple[int, int] | None = None
    ) -> Report:
        """Do it; ``now`` in microseconds since the epoch stamps the marks, and new keys belong to ``owner``
        (user, group).
        """
        tables = self._tables()
        verbs = self._make_tables_and_triggers()
        keys = sealing.missing_keys(self.settings.viaduct_keys)
        try:
            sealing.create_keys(self.settings.viaduct_keys, owner)
        except OSError as error:
            self._undo()
            raise ConfigError(
                f"the keys can't be written: {error}",
                hint="set [viaduct] key_repository to a folder of its own",
            ) from error
        ring = KeyRing.load(self.settings.viaduct_keys)
        store = SqlStore(self.database.engine, ring, self.database.codecs)
        if self.existing is None:
            store.run(lambda tx: tx.create_state(first_state(self.site, self.hub)))
        elif is_corrected(self.existing, self.site, self.hub):
            store.run(lambda tx: correct(tx, self.site, self.hub))
        marked = mark_existing(store, now, progress)
        return {
            "tables": tables,
            "keys": keys,
            "triggers": _verbs(verbs),
            "marked": marked,
            "public_key": ring.public_key.hex(),
        }

    def _tables(self) -> str:
        if self.revision is None:
            return "created"
        return "current" if self.revision == schema.head() else "upgraded"

    def _make_tables_and_triggers(self) -> list[str]:
        try:
            schema.upgrade(self.database.engine)
            with self.database.engine.connect() as connection:
                actions = triggers_of(connection, self.database.schema, self.settings.capture).install()
        except sa.exc.DBAPIError as error:
            self._undo()
            needed = "CREATE, ALTER, DROP, INDEX and TRIGGER"
            raise explained(error, "our tables can't be made", needed) from error
        except TriggerError:
            self._undo()
            raise
        return [action.verb for action in actions]

    def _undo(self) -> None:
        """Leave a database that had none of our tables as it was."""
        if self.revision is not None:
            return
        with self.database.engine.connect() as connection:
            triggers_of(connection, self.database.schema, self.settings.capture).remove()
        with self.database.engine.connect() as connection:
            created = schema.current(connection) is not None
        if created:
            schema.remove(self.database.engine)


def _ring(settings: KeystoneSettings) -> KeyRing | None:
    return None if sealing.missing_keys(settings.viaduct_keys) else KeyRing.load(settings.viaduct_keys)


def _existing(database: Database, settings: KeystoneSettings, ring: KeyRing | None) -> SiteState | None:
    codecs = database.codecs
    if ring is None:
        numbered = SqlStore(database.engine, KeyRing.generate(), codecs).read(lambda tx: tx.has_state())
        if numbered:
            raise ConfigError(
                f"this database is a site already, but its keys are not in {settings.viaduct_keys}",
                hint="bring the key repository back, or correct [viaduct] key_repository",
            )
        return None
    return SqlStore(database.engine, ring, codecs).read(lambda tx: tx.peek_state())


def _check_privileges(capture: TriggerCapture) -> None:
    problems = capture.problems()
    if problems and not capture.complete():
        first = problems[0]
        raise TriggerError(
            f"the database user lacks {first.privilege} on {first.subject}: it can't make triggers; "
            "nothing was changed",
            hint=f"{first.hint}; {OFFER}",
            problems=problems,
        )


def _verbs(verbs: list[str]) -> dict[str, int]:
    return {
        f"{verb}d" if verb != "drop" else "dropped": verbs.count(verb)
        for verb in ("create", "replace", "drop")
    }
