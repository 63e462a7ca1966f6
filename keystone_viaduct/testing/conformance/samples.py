"""Records, changes and documents that the suites of a store write, and how they do."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.sync.model import (
    DELETED,
    Change,
    Document,
    Dot,
    FieldState,
    Record,
    Ref,
    Version,
    life,
)
from keystone_viaduct.sync.ports import Store, Transaction, Write

EAST, WEST = "east#00000001", "west#00000002"
NOTE: Any = {"extra.note": {"a": [1]}}
NOW = 1_700_000_000_000_000


def record(ref: Ref, seq: int, *, origin: str = EAST, deleted: bool = False, **more: Any) -> Record:
    """A record numbered ``seq`` whose last edit was made by ``origin``."""
    dot = Dot(origin, seq)
    fields = {DELETED: life(NOW + seq, dot, deleted=deleted)}
    if not deleted:
        fields["name"] = FieldState(NOW + seq, dot, f"{seq:032x}")
        fields["extra.note"] = FieldState(NOW, Dot(WEST, 3), "f" * 32)
    return Record(ref, seq, Version({origin: seq, WEST: 3}), Dot(origin, 1), fields, **more)


def change(ref: Ref, seq: int, document: Document) -> Change:
    """A change as it comes from west."""
    held = record(ref, seq, origin=WEST)
    return Change(ref, seq, held.version, held.birth, held.fields, document, "default")


def region(key: str, parent: str | None = None, **more: Any) -> tuple[Ref, Document]:
    """A region's document."""
    return Ref("region", key), {"id": key, "description": "", "parent_region_id": parent, **more}


def service(key: str) -> tuple[Ref, Document]:
    """A service's document."""
    return Ref("service", key), {"id": key, "type": "compute", "enabled": True}


def endpoint(key: str, service_key: str, region_key: str | None = None) -> tuple[Ref, Document]:
    """An endpoint's document."""
    return Ref("endpoint", key), {
        "id": key,
        "interface": "public",
        "service_id": service_key,
        "region_id": region_key,
        "url": "https://example.org/",
        "enabled": True,
    }


def domain(key: str, name: str) -> tuple[Ref, Document]:
    """A domain's document."""
    return Ref("domain", key), {"id": key, "name": name, "enabled": True}


def group(key: str, name: str, domain_key: str) -> tuple[Ref, Document]:
    """A group's document."""
    return Ref("group", key), {"id": key, "name": name, "domain_id": domain_key, "description": ""}


def user(key: str, name: str, domain_key: str) -> tuple[Ref, Document]:
    """A user's document."""
    return Ref("user", key), {"id": key, "domain_id": domain_key, "enabled": True, "local.name": name}


def membership(user_key: str, group_key: str) -> tuple[Ref, Document]:
    """A membership's document."""
    ref = Ref("membership", f"{user_key}/{group_key}")
    return ref, {"user_id": user_key, "group_id": group_key}


class StoreSuite:
    """What all suites of a store have in common."""

    @pytest.fixture
    def store(self) -> Store:
        """A fresh store; see the module."""
        raise NotImplementedError

    @staticmethod
    def create(tx: Transaction, *items: tuple[Ref, Document]) -> None:
        """Create records in the order given."""
        tx.write_documents(
            [Write(ref, None, {**tx.defaults(ref.kind), **document}) for ref, document in items]
        )

    @staticmethod
    def shows(tx: Transaction, ref: Ref, wanted: Document) -> bool:
        """Whether the record is there with at least these fields."""
        found = tx.documents([ref]).get(ref)
        return found is not None and all(found.get(name) == value for name, value in wanted.items())
