"""By triggers or by events: what ``[viaduct] capture`` and the database decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.documents.schema import Schema
from keystone_viaduct.sync.capture.session import SessionCapture
from keystone_viaduct.sync.capture.triggers import TriggerCapture

EVENTS = "events"
AUTO = "auto"

#: For whoever is refused triggers, and can't change that.
OFFER = (
    "or do without triggers: set [viaduct] capture = events, and Keystone's own processes write the marks "
    "(what other programs change then goes unseen)"
)

_FIRST_WITH_TRIGGERS = (24, 3)


def by_events(connection: Any, setting: str) -> bool:
    """Whether Keystone's processes write the marks; ``setting``: ``auto``, ``triggers`` or ``events``."""
    return setting == EVENTS or (setting == AUTO and not has_triggers(connection))


def has_triggers(connection: Any) -> bool:
    """Whether the database has triggers: all have but CockroachDB before 24.3."""
    if connection.dialect.name != "cockroachdb":
        return True
    version = str(connection.execute(sa.text("SELECT version()")).scalar_one())
    found = re.search(r"\bv(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_WITH_TRIGGERS


def triggers_of(
    connection: Any, schema: Schema, setting: str, *, lock_seconds: float = 5.0
) -> TriggerCapture:
    """The triggers that the database should have: none of ours where events do their work."""
    if not by_events(connection, setting):
        return TriggerCapture(connection, schema, lock_seconds=lock_seconds)
    possible = has_triggers(connection)
    return TriggerCapture(connection, schema, wanted=False, possible=possible, lock_seconds=lock_seconds)


def hook(setting: Callable[[], str]) -> None:
    """Let Keystone's engine write the marks, where it comes to that; before Keystone builds it.

    ``setting`` is asked when the engine is made.
    """
    from keystone.common.sql import core

    core._get_main_context_manager().append_on_engine_create(lambda engine: _attach(engine, setting()))


def _attach(engine: sa.engine.Engine, setting: str) -> None:
    if setting == EVENTS or (setting == AUTO and engine.dialect.name == "cockroachdb"):
        SessionCapture(lambda connection: by_events(connection, setting)).attach(engine)
