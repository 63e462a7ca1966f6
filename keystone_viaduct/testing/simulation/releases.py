"""Releases of Keystone that do not exist: columns come and go, and so does a resource option.

Every site begins with release 0; an upgrade takes it to the next one. What a release has no column for is
carried past it; what was in a column that it drops is lost there, and kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.content import overlay
from keystone_viaduct.testing.memory import Data

#: Resource options that Keystone registers, by kind; user option 1999 comes with release 1.
OPTIONS = {
    "user": frozenset({"1000", "1001", "1002", "1003", "1004", "MFAR", "MFAE"}),
    "project": frozenset({"IMMU"}),
    "domain": frozenset({"IMMU"}),
    "role": frozenset({"IMMU"}),
}


@dataclass(frozen=True)
class Release:
    """What it can't store, of each kind; the statements that make a database of the release before it one of
    this; what these drop.
    """

    lacks: Mapping[str, frozenset[str]]
    statements: tuple[str, ...] = ()
    drops: frozenset[tuple[str, str]] = frozenset()
    options: Mapping[str, frozenset[str]] = field(default_factory=lambda: OPTIONS)


_LATER = {**OPTIONS, "user": OPTIONS["user"] | {"1999"}}
_LATEST = {**_LATER, "project": OPTIONS["project"] | {"2000"}}
RELEASES = (
    Release(
        {
            "user": frozenset({"nickname", "option.1999"}),
            "project": frozenset({"tier", "option.2000"}),
            "group": frozenset({"motto"}),
        }
    ),
    Release(
        {"project": frozenset({"option.2000"}), "group": frozenset({"motto"})},
        (
            'ALTER TABLE "user" ADD COLUMN nickname VARCHAR(64)',
            "ALTER TABLE project ADD COLUMN tier INTEGER NOT NULL DEFAULT 1",
        ),
        options=_LATER,
    ),
    Release({}, ('ALTER TABLE "group" ADD COLUMN motto VARCHAR(64)',), options=_LATEST),
)


class AllBut(frozenset[str]):
    """The fields of a release that knows all but these."""

    def __contains__(self, name: object) -> bool:
        if name == "option.*":  # each option that is registered has a name of its own
            return not any(str(missing).startswith("option.") for missing in self)
        return not super().__contains__(name)


def known_fields(number: int) -> dict[str, frozenset[str]]:
    """What a release can store of the kinds of which it can't store all."""
    return {kind: AllBut(missing) for kind, missing in RELEASES[number].lacks.items()}


def has_dropped(number: int, kind: str, name: str) -> bool:
    """Whether that field had a column once, and has none in this release."""
    return any((kind, name) in release.drops for release in RELEASES[: number + 1])


def without_dropped(number: int, ref: Ref, row: Document) -> Document:
    """A row after the upgrade to this release."""
    return {name: value for name, value in row.items() if not has_dropped(number, ref.kind, name)}


def present(data: Data) -> set[Ref]:
    """The records that a site has: in its tables, and those that it carries without a row."""
    return data.rows.keys() | {ref for ref, record in data.records.items() if record.rowless}


def whole(data: Data, ref: Ref) -> Document | None:
    """What a site has of a record: its row, and what it carries past its tables."""
    row, record = data.rows.get(ref), data.records.get(ref)
    if record is None:
        return row
    found = overlay(replace(record, unknown={}), row)
    return None if found is None else {**record.unknown, **found}


def visible(data: Data, ref: Ref) -> Document | None:
    """What a site's users see of a record, whatever it keeps beside the row; and fields without a column."""
    row, record = data.rows.get(ref), data.records.get(ref)
    return row if row is None or record is None else {**record.unknown, **row}
