"""Where the ids of a kind stand in the tables: own keys, children, references with and without foreign key.

Derived from the kind registry, and from the foreign keys of the database itself, so that a table that no kind
declares (a later release's, another product's) is followed too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.reference import (
    ALTERNATIVES,
    ItemReference,
    JsonReference,
    ListReference,
    Mode,
    Reference,
)
from keystone_viaduct.kinds.registry import OWN_PREFIX, REGISTRY
from keystone_viaduct.kinds.shape import Child
from keystone_viaduct.kinds.value import JSON, Type

from .names import MOVABLE

# Which domain owns the SQL identity driver of a site: replicated nowhere, but it names a domain.
_BESIDE = (("config_register", "domain_id", "domain"),)

# The API hands a trust's roles to the driver twice; what the model has no column for ends up in ``extra``.
_COPIES = (("trust", ItemReference(field="extra.roles", target="role", mode=Mode.HISTORICAL, items=("id",))),)

# An event that names a user or project under its old id only speaks of tokens that name that id, which are
# dead with it. Under the new id it would revoke tokens that other sites gave to the survivor. One that names
# a role or domain speaks of tokens that go on living.
_LEFT = frozenset({("revocation_event", "user_id"), ("revocation_event", "project_id")})


@dataclass(frozen=True)
class Place:
    """A column that holds ids of any of ``targets``; ``when`` limits it to rows of these values."""

    table: str
    column: str
    targets: tuple[str, ...]
    when: tuple[str, frozenset[JSON]] | None = None


@dataclass(frozen=True)
class Own:
    """Where a kind's own id stands.

    ``surrogate``: the root row has a number of its own, so its id changes in place. ``vacate`` is the column
    of a unique name that the new row can take only when the old one is gone.
    """

    kind: Kind
    table: str
    column: str
    surrogate: bool
    vacate: str
    children: tuple[tuple[str, str], ...]


def own_of(kind: Kind) -> Own:
    """Where the id of a kind with a key of one column stands."""
    column = next(spec.stored for spec in kind.fields if spec.name == kind.key[0])
    children = tuple(
        (child.table, here)
        for child in kind.children
        if not child.parent
        for here, there in child.join
        if there == column
    )
    vacate = ""
    for natural in kind.natural:
        if natural.enforced and not natural.each and not natural.table and kind.key[0] not in natural.fields:
            referring = {reference.field for reference in kind.references}
            vacate = next((name for name in natural.fields if name not in referring), vacate)
    return Own(kind, kind.table, column, bool(kind.surrogate), vacate, children)


def places() -> list[Place]:
    """Every column that refers to a record by its id, by the declarations."""
    found: dict[Place, None] = {}
    for kind in REGISTRY.values():
        for reference in kind.references:
            for place in _places_of(kind, reference):
                if (place.table, place.column) not in _LEFT:
                    found[place] = None
    for table, column, target in _BESIDE:
        found[Place(table, column, (target,))] = None
    return list(found)


def _places_of(kind: Kind, reference: Reference) -> Iterator[Place]:
    targets = (reference.target, *ALTERNATIVES.get(reference.target, ()))
    if isinstance(reference, JsonReference):
        return
    child = next((child for child in kind.children if child.field == reference.field), None)
    if isinstance(reference, ItemReference):
        if child is not None and len(reference.items) == 1:
            yield Place(child.table, reference.items[0], targets)
    elif isinstance(reference, ListReference):
        if child is not None and child.lookup is None:
            yield Place(child.table, child.fields[0].stored, targets)
    else:
        if not kind.rootless:
            column = next(spec.stored for spec in kind.fields if spec.name == reference.field)
            yield Place(kind.table, column, targets, reference.when)
        yield from _joined(kind.children, reference.field, targets)


def _joined(children: Iterable[Child], field: str, targets: tuple[str, ...]) -> Iterator[Place]:
    """Children's columns that repeat a reference of the root (local_user.domain_id)."""
    for child in children:
        if not child.parent:
            yield from (Place(child.table, here, targets) for here, there in child.join if there == field)


def json_references() -> dict[str, tuple[Reference, ...]]:
    """Kind -> its references to movable records that stand inside JSON."""
    found: dict[str, tuple[Reference, ...]] = {}
    for kind in REGISTRY.values():
        inside = [reference for reference in kind.references if _inside_json(kind, reference)]
        inside += [reference for name, reference in _COPIES if name == kind.name]
        if inside:
            found[kind.name] = tuple(inside)
    return found


def _inside_json(kind: Kind, reference: Reference) -> bool:
    spec = kind.declared.get(reference.field)
    listed = isinstance(reference, ListReference) and spec is not None and spec.type is Type.JSON_TEXT
    return reference.target in MOVABLE and (listed or isinstance(reference, JsonReference))


class Tables:
    """The live database's tables, reflected once."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        inspector = sa.inspect(engine)
        self._metadata = sa.MetaData()
        self._metadata.reflect(
            bind=engine,
            only=[name for name in inspector.get_table_names() if not name.startswith(OWN_PREFIX)],
        )
        self._bound: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for table in self._metadata.tables.values():
            for key in table.foreign_keys:
                there = (key.column.table.name, key.column.name)
                self._bound.setdefault(there, []).append((table.name, key.parent.name))
        self._places = [
            place
            for place in places()
            if place.table in self._metadata.tables and place.column in self._metadata.tables[place.table].c
        ]

    def __contains__(self, name: str) -> bool:
        return name in self._metadata.tables

    def __getitem__(self, name: str) -> sa.Table:
        return self._metadata.tables[name]

    @property
    def places(self) -> list[Place]:
        """The declared places that this release has, in the registry's order: roots before their children."""
        return self._places

    def bound_to(self, own: Own) -> list[tuple[str, str]]:
        """Columns with a foreign key to the kind's own id, whether declared or not."""
        return self._bound.get((own.table, own.column), [])

    def condition(self, place: Place) -> list[sa.ColumnElement[Any]]:
        """The rows that a place speaks of."""
        if place.when is None:
            return []
        column, values = place.when
        return [self[place.table].c[column].in_(sorted(str(value) for value in values))]
