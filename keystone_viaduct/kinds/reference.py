"""References from a record to other records: found, rewritten and taken out, without I/O."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .deepjson import decode
from .raw import Raw, dumps, parse, settled
from .rule import Cut
from .value import JSON, Document, join_key, key_part, part_key

# A user or group of an LDAP domain has no row of its own, only an id_mapping; a domain may act as a project.
ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "user": ("id_mapping",),
    "group": ("id_mapping",),
    "project": ("domain",),
}

Visit = Callable[[str, str], str]
"""Called with (kind, key) of each reference met; returns the key to put in its place."""


def moved(visit: Visit, kind: str, value: JSON) -> JSON:
    """``value``, the id of one column, after ``visit`` of the key that it makes."""
    if not isinstance(value, str):
        return value
    key = key_part(value)
    new = visit(kind, key)
    return value if new == key else part_key(new, kind, 1)[0]


class Mode(enum.Enum):
    """What becomes of the referring record when the record that it refers to is deleted."""

    OWNING = "owning"  # it goes too
    NULLING = "nulling"  # the reference is taken out of it
    HISTORICAL = "historical"  # nothing: it outlives its target, and never waits for it


ANY_MODE = frozenset(Mode)


class Ref(NamedTuple):
    """One reference of one document.

    ``hard`` says that the database refuses the row while the target is missing (a real foreign key): such a
    record waits whatever the mode. ``alternatives`` are kinds whose record of the same key satisfies it too.
    ``guards`` as in :class:`Reference`.
    ``external``: the target may be known to an identity driver alone. ``unchecked`` as in
    :class:`Reference`.
    """

    kind: str
    key: str
    mode: Mode
    field: str
    hard: bool = False
    alternatives: tuple[str, ...] = ()
    guards: bool = False
    external: bool = False
    unchecked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Declares that ``field`` holds the id of a record of kind ``target``.

    ``when`` limits it to documents whose named field has one of the values. ``foreign_key`` says that the
    migrated schema has it on every engine; ``loose`` that a record of another kind with the same key will do;
    ``guards`` that Keystone refuses to delete the target while it is referred to;
    ``external`` that the target may have no row at all: Keystone stores the id of a user or group whom only
    its LDAP driver, or another but SQL, knows; ``unchecked`` that Keystone stores any id there and asks
    nobody, so that only a deletion that was seen says that the target is gone. ``acyclic``: no record may lie
    below itself by it, and what is cut where one would.
    """

    field: str
    target: str
    mode: Mode
    foreign_key: bool = False
    loose: bool = False
    guards: bool = False
    external: bool = False
    unchecked: bool = False
    acyclic: Cut | None = None
    when: tuple[str, frozenset[JSON]] | None = None

    def applies(self, document: Document) -> bool:
        """Whether ``document`` has this reference at all."""
        return self.when is None or document.get(self.when[0]) in self.when[1]

    def find(self, document: Document) -> Iterator[Ref]:
        """The references met, None values skipped."""
        if self.when is not None and not self.applies(document):
            return
        for kind, key in self.targets(document):
            loose = ALTERNATIVES.get(kind, ()) if self.loose else ()
            how = self.foreign_key, loose, self.guards, self.external, self.unchecked
            yield Ref(kind, key, self.mode, self.field, *how)

    def targets(self, document: Document) -> Iterator[tuple[str, str]]:
        """(kind, key) of each target."""
        value = document.get(self.field)
        if value is not None:
            yield self.target, key_part(value)

    def top(self, document: Document) -> JSON:
        """What the field holds of a record that lies below none of its kind."""
        return None

    def rewrite(self, document: Document, visit: Visit) -> None:
        """Replaces each target's key by what ``visit`` returns, in place."""
        if self.field in document and self.applies(document):
            document[self.field] = moved(visit, self.target, document[self.field])

    def strip(self, document: Document, gone: Callable[[str, str], bool]) -> None:
        """Takes the references to records that are ``gone`` out, in place."""
        for kind, key in list(self.targets(document)):
            if self.applies(document) and gone(kind, key):
                document[self.field] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentReference(Reference):
    """A project's parent: a project, or its own domain when it is at the top."""

    def targets(self, document: Document) -> Iterator[tuple[str, str]]:
        """The parent, as the kind that it is."""
        value = document.get(self.field)
        if value is not None:
            yield ("domain" if value == document.get("domain_id") else self.target), key_part(value)

    def top(self, document: Document) -> JSON:
        """The domain."""
        return document.get("domain_id")

    def rewrite(self, document: Document, visit: Visit) -> None:
        """As for any reference, with the kind that the parent is."""
        for kind, _ in list(self.targets(document)):
            document[self.field] = moved(visit, kind, document[self.field])


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReference(Reference):
    """``field`` is a list of ids."""

    def targets(self, document: Document) -> Iterator[tuple[str, str]]:
        """One target per list element."""
        value = document.get(self.field)
        if isinstance(value, list):
            for item in value:
                yield self.target, key_part(item)

    def rewrite(self, document: Document, visit: Visit) -> None:
        """Rewrites each element; lists of plain values are sets, and stay sorted."""
        value = document.get(self.field)
        if isinstance(value, list):
            document[self.field] = [*sorted({str(moved(visit, self.target, item)) for item in value})]

    def strip(self, document: Document, gone: Callable[[str, str], bool]) -> None:
        """Drops the elements that are gone."""
        value = document.get(self.field)
        if isinstance(value, list):
            document[self.field] = [item for item in value if not gone(self.target, key_part(item))]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReference(Reference):
    """``field`` is a list of objects; ``items`` name the entries that together are the target's key."""

    items: tuple[str, ...]

    def targets(self, document: Document) -> Iterator[tuple[str, str]]:
        """One target per list item."""
        value = document.get(self.field)
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield self.target, self._key(item)

    def _key(self, item: dict[str, JSON]) -> str:
        return join_key(tuple(item.get(name) for name in self.items))

    def rewrite(self, document: Document, visit: Visit) -> None:
        """Rewrites the entries of each item. Parts of a composite key have references of their own."""
        value = document.get(self.field)
        if len(self.items) != 1 or not isinstance(value, list):
            return
        name = self.items[0]
        document[self.field] = [
            {**item, name: moved(visit, self.target, item.get(name))} if isinstance(item, dict) else item
            for item in value
        ]

    def strip(self, document: Document, gone: Callable[[str, str], bool]) -> None:
        """Drops the items whose target is gone."""
        value = document.get(self.field)
        if isinstance(value, list):
            document[self.field] = [
                item for item in value if not (isinstance(item, dict) and gone(self.target, self._key(item)))
            ]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonReference(Reference):
    """References inside a JSON value; ``walk`` copies the value, passing each reference through ``visit``.

    ``encoded`` says that the field is JSON *text* (an EC2 credential's blob). Always historical.
    """

    walk: Callable[[JSON, Visit], JSON]
    encoded: bool = False

    def targets(self, document: Document) -> Iterator[tuple[str, str]]:
        """Every reference inside the value."""
        found: list[tuple[str, str]] = []

        def note(kind: str, key: str) -> str:
            found.append((kind, key))
            return key

        self._walked(document.get(self.field), note)
        yield from found

    def rewrite(self, document: Document, visit: Visit) -> None:
        """Rewrites inside the value; the text of an encoded one stays as it is when nothing changes."""
        if self.field not in document or not self.applies(document):
            return
        changed = False

        def noted(kind: str, key: str) -> str:
            nonlocal changed
            new = visit(kind, key)
            changed = changed or new != key
            return new

        value = self._walked(document[self.field], noted)
        if changed:
            document[self.field] = value

    def strip(self, document: Document, gone: Callable[[str, str], bool]) -> None:
        """Nothing: a historical reference stays."""

    def _walked(self, value: JSON, visit: Visit) -> JSON:
        layers = 0
        while self.encoded and isinstance(value, str) and layers < 2:  # EC2 blobs: encoded once and twice
            try:
                value = parse(value)
            except ValueError:
                return None
            layers += 1
        try:
            value = (
                settled(self.walk(decode(value.text), visit))
                if isinstance(value, Raw)
                else self.walk(value, visit)
            )
        except RecursionError:
            pass  # nothing that Keystone makes or understands is nested so deeply
        for _ in range(layers):
            value = dumps(value)
        return value
