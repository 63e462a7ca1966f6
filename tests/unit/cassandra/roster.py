"""A kind of records for tests, and what must hold of it at every moment, whoever died where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from keystone_viaduct.cassandra.records import Fields, Listing, Records, Shape, Unique
from keystone_viaduct.cassandra.records.record import decode
from keystone_viaduct.cassandra.records.shape import everywhere, field_of
from keystone_viaduct.testing.cassandra.memory import MemoryTables

SHAPE = Shape(
    "role",
    unique=(Unique("name", lambda fields: [(fields["domain_id"], fields["name"])]),),
    listings=(
        Listing("all", everywhere, hint=lambda fields: str(fields["name"])),
        Listing("domain", field_of("domain_id"), width=1),
    ),
)


class Missing(Exception):
    """There is no such record."""


class Exists(Exception):
    """There is one already."""


def create(records: Records, key: str, name: str, domain: str = "d") -> None:
    """Make one."""

    def decide(before: Fields | None) -> Fields:
        if before is not None:
            raise Exists(key)
        return {"name": name, "domain_id": domain, "count": 0}

    records.change(SHAPE, key, decide)


def alter(records: Records, key: str, **values: Any) -> None:
    """Change some fields of one, each time by one more in ``count``."""

    def decide(before: Fields | None) -> Mapping[str, Any]:
        if before is None:
            raise Missing(key)
        return {**before, **values, "count": before["count"] + 1}

    records.change(SHAPE, key, decide)


def delete(records: Records, key: str) -> None:
    """Delete one."""

    def decide(before: Fields | None) -> None:
        if before is None:
            raise Missing(key)

    records.change(SHAPE, key, decide)


def living(tables: MemoryTables) -> dict[str, dict[str, Any]]:
    """Key to record."""
    each = {key: decode(stored) for (_, key), stored in tables.partitions.items()}
    return {key: fields for key, fields in each.items() if fields is not None}


def check(tables: MemoryTables) -> None:
    """Each name has one owner, who has claimed it, and each record is listed wherever it belongs."""
    records = living(tables)
    owners = Counter(claim for fields in records.values() for claim in SHAPE.claims(fields))
    assert all(number == 1 for number in owners.values()), f"two owners: {owners}"
    there = {row for row, (_, present) in tables.listings.get("role", {}).items() if present}
    for key, fields in records.items():
        for claim in SHAPE.claims(fields):
            held = tables.claims.get(claim)
            assert held is not None and held.owner == key, f"{key} has {claim}, claimed by {held}"
        assert SHAPE.rows(key, fields) <= there, f"{key} is not listed"
