"""How far the upgrades of a database are, for who only wants to know."""

from __future__ import annotations

import sqlalchemy as sa

from keystone_viaduct.clock import SystemClock

from .journal import SqlJournal
from .turns import next_step


def standing(url: str) -> list[dict[str, object]]:
    """Name, state, since when (microseconds) and next step of each. Raises StoreUnavailable."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        journal = SqlJournal(engine, SystemClock())
        states = journal.states() if journal.is_prepared() else []
    finally:
        engine.dispose()
    return [
        {"name": name, "state": state.value, "since": since, "next": next_step(state)}
        for name, state, since in states
    ]
