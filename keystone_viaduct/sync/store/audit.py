"""``viaduct_audit``: who has changed what of the fleet's settings at this site, and from where."""

from __future__ import annotations

import json
import uuid
from typing import Any, NamedTuple

import sqlalchemy as sa

from keystone_viaduct.errors import NotThere
from keystone_viaduct.sync.store import tables as t
from keystone_viaduct.sync.store.base import Part

_TARGET, _ACTOR, _ADDRESS = 255, 255, 64


class Audited(NamedTuple):
    """One change. ``actor`` is a user's id (or a user of the host's), ``address`` where the call came from;
    ``old`` and ``new``: what was there before and after, None where that says nothing. It has an ``id``
    once it is kept.
    """

    at: int
    action: str
    target: str
    actor: str
    address: str
    old: Any = None
    new: Any = None
    id: str = ""


class AuditPart(Part):
    """Rows are only added."""

    def add_audit(self, entry: Audited) -> None:
        """Keep one."""
        self.connection.execute(t.audit.insert(), audit_row(entry))

    def audit(self, limit: int, marker: str = "") -> list[Audited]:
        """The latest first, after the one of that id. Raises NotThere."""
        at, identifier = t.audit.c.at, t.audit.c.id
        chosen = sa.select(t.audit).order_by(at.desc(), identifier).limit(limit)
        if marker:
            row = self.connection.execute(sa.select(at, identifier).where(identifier == marker)).first()
            if row is None:
                raise NotThere(f"no change {marker[:64]} is kept", hint="`viaduct audit` lists the latest")
            chosen = chosen.where(sa.or_(at < row.at, sa.and_(at == row.at, identifier > row.id)))
        return [_entry(row) for row in self.connection.execute(chosen)]


def audit_row(entry: Audited) -> dict[str, Any]:
    """As it is stored."""
    return {
        "id": uuid.uuid4().hex,
        "at": entry.at,
        "action": entry.action,
        "target": entry.target[:_TARGET],
        "actor": entry.actor[:_ACTOR],
        "address": entry.address[:_ADDRESS],
        "old": json.dumps(entry.old, sort_keys=True),
        "new": json.dumps(entry.new, sort_keys=True),
    }


def _entry(row: Any) -> Audited:
    old, new = json.loads(row.old), json.loads(row.new)
    return Audited(row.at, row.action, row.target, row.actor, row.address, old, new, row.id)
