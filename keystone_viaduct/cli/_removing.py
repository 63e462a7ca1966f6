"""What ``viaduct uninstall`` takes away: triggers, tables, the agent's account, keys."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._site import Database, explained, open_database
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.errors import Refused, ViaductError
from keystone_viaduct.kinds.local import DOMAIN
from keystone_viaduct.sync.capture import triggers_of
from keystone_viaduct.sync.model import SiteState
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, schema
from keystone_viaduct.sync.store.engine import migrating
from keystone_viaduct.triggers import State

#: What the names of all our tables begin with; no table of Keystone's does.
PREFIX = "viaduct_"
#: Kinds in which something is that never travels, what needs others first.
_LOCAL_KINDS = ("system_assignment", "assignment", "user", "group", "project", "role", "domain")
#: States of an upgrade in which no column and no trigger of it is in the database.
_ENDED = frozenset({"planned", "contracted", "rolled-back"})
_BATCH = 500


@dataclass(frozen=True)
class Found:
    """What is there of Viaduct. ``state`` None: the database is no site, or its keys are gone."""

    settings: KeystoneSettings
    database: Database
    state: SiteState | None
    peers: tuple[str, ...] = ()
    triggers: int = 0
    tables: tuple[str, ...] = ()
    accounts: dict[str, list[str]] = field(default_factory=dict)
    keys: Path | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is to be taken away from the database."""
        return not (self.triggers or self.tables or self.accounts)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        state = self.state
        return {
            "site": state.site if state is not None else "",
            "hub": state.hub if state is not None else "",
            "triggers": self.triggers,
            "tables": list(self.tables),
            "accounts": {kind: len(keys) for kind, keys in self.accounts.items()},
            "keys": "" if self.keys is None else str(self.keys),
        }


def look(settings: KeystoneSettings) -> Found:
    """What there is. Changes nothing. Raises ConfigError, StoreError."""
    database = open_database(settings)
    with database.engine.connect() as connection:
        tables = tuple(sorted(n for n in sa.inspect(connection).get_table_names() if n.startswith(PREFIX)))
        states = triggers_of(connection, database.schema, settings.capture).status()
        triggers = sum(item.state is not State.MISSING for item in states)
    state, peers = _state(settings, database) if tables else (None, ())
    folder = settings.viaduct_keys
    keys = folder if folder.is_dir() else None
    return Found(settings, database, state, peers, triggers, tables, _accounts(settings, database), keys)


def check(found: Found, *, force: bool) -> None:
    """Raise where it would cost others something: a hub that others follow, an upgrade that is under way."""
    under_way = _upgrades(found)
    if under_way:
        raise Refused(
            f"an upgrade is under way: {', '.join(under_way)}",
            hint="end it by `viaduct upgrade contract`, or take it back by `viaduct upgrade rollback`",
        )
    state = found.state
    if state is not None and state.is_hub and found.peers and not force:
        raise Refused(
            f"{state.site} is the hub of {', '.join(found.peers)}",
            hint="`viaduct promote` another site and `viaduct retire` this one; or add --force, "
            "where the whole fleet ends",
        )


def perform(found: Found, *, with_keys: bool) -> None:
    """Take it away, the accounts first: while there are triggers nothing of that travels. Repeat it after a
    crash: it goes on with what is left.
    """
    engine = found.database.engine
    codecs = _codecs(found.settings, found.database)
    try:
        with engine.begin() as connection:
            for kind, keys in found.accounts.items():
                codecs.delete(connection, kind, keys)
        with engine.connect() as connection:
            triggers_of(connection, found.database.schema, found.settings.capture).remove()
        with migrating(engine) as connection:
            ours = sa.MetaData()
            ours.reflect(connection, only=lambda name, _: name.startswith(PREFIX))
            ours.drop_all(connection)
    except sa.exc.DBAPIError as error:
        raise explained(error, "our tables can't be dropped", "DROP and TRIGGER; run it again") from error
    if with_keys and found.keys is not None:
        shutil.rmtree(found.keys)


def _state(settings: KeystoneSettings, database: Database) -> tuple[SiteState | None, tuple[str, ...]]:
    """Who this site is, and who follows it; None where that can't be read any more."""
    try:
        with database.engine.connect() as connection:
            schema.check_current(connection)
        store = SqlStore(database.engine, KeyRing.load(settings.viaduct_keys), database.codecs)
        return store.read(lambda tx: (tx.peek_state(), tuple(sorted(tx.peers()))))
    except ViaductError:
        return None, ()


def _upgrades(found: Found) -> list[str]:
    """Upgrades that have left something between Keystone's tables."""
    name = "viaduct_upgrade"
    if name not in found.tables:
        return []
    statement = sa.text(f"SELECT name, state FROM {name} ORDER BY name")
    with found.database.engine.connect() as connection:
        return [
            f"{row.name} ({row.state})" for row in connection.execute(statement) if row.state not in _ENDED
        ]


def _accounts(settings: KeystoneSettings, database: Database) -> dict[str, list[str]]:
    """Records that never travel, by kind, what needs others first."""
    codecs = _codecs(settings, database)
    found: dict[str, list[str]] = {}
    with database.engine.connect() as connection:
        for kind in (kind for kind in _LOCAL_KINDS if kind in codecs.kinds):
            keys = list(_local_keys(codecs, connection, kind))
            if keys:
                found[kind] = keys
    return found


def _local_keys(codecs: Codecs, connection: Any, kind: str) -> list[str]:
    """Keys in which an id stands that never travels; these sort together where the id comes first, but a
    grant's does not.
    """
    found: list[str] = []
    after: str | None = None
    while keys := codecs.keys(connection, kind, after, _BATCH):
        found += [key for key in keys if any(part.startswith(DOMAIN) for part in key.split("/"))]
        after = keys[-1]
    return found


def _codecs(settings: KeystoneSettings, database: Database) -> Codecs:
    from keystone_viaduct.documents.cipher import KeyRepositoryCipher

    return Codecs(database.schema, KeyRepositoryCipher(settings.credential_keys), with_local=True)
