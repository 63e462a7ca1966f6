"""Numbers a site anew whose records got other ids before anybody had read them."""

from __future__ import annotations

import secrets
from dataclasses import replace

import sqlalchemy as sa

from keystone_viaduct.cli._keystone import KeystoneSettings
from keystone_viaduct.cli._marking import Progress, mark_existing
from keystone_viaduct.cli._site import Database
from keystone_viaduct.sync.model import Version
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.store import SqlStore, SqlTransaction, schema, tables

_FORGOTTEN = (tables.dirty, tables.record, tables.batch, tables.pending, tables.conflict)


def is_initialised(database: Database) -> bool:
    """Whether ``viaduct init`` was run on it: our tables alone may come from ``viaduct adopt``."""
    with database.engine.connect() as connection:
        if schema.current(connection) is None:
            return False
        return connection.execute(sa.select(tables.site_table.c.id).limit(1)).first() is not None


def renumber(database: Database, settings: KeystoneSettings, now: int, progress: Progress) -> None:
    """Forget what was numbered and mark every record again, under a new incarnation.

    Only for a site that nobody has read from; to others its old ids would be deletes. Interrupted, it is
    completed by ``viaduct init``. Raises NotInitialised, StoreError, SealingError.
    """
    with database.engine.connect() as connection:
        schema.check_current(connection)
    store = SqlStore(database.engine, KeyRing.load(settings.viaduct_keys), database.codecs)
    store.run(_forget)
    mark_existing(store, now, progress)


def _forget(tx: SqlTransaction) -> None:
    state = tx.state()
    for table in _FORGOTTEN:
        tx.connection.execute(sa.delete(table))
    fresh = replace(state, incarnation=secrets.token_hex(4), nonce=secrets.token_hex(6))
    tx.save_state(replace(fresh, head=0, knowledge=Version(), exceptions={}))
