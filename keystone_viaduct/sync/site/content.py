"""A record's content as the protocol sees it: the tables' document, defaults left out, unknown fields laid
over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.kinds.raw import same
from keystone_viaduct.sync.model import (
    ABSENT,
    DELETED,
    Carried,
    Document,
    FieldState,
    Record,
    Ref,
    SiteState,
)
from keystone_viaduct.sync.ports import Tables


def is_known(known: frozenset[str], field: str) -> bool:
    """Whether a release that can store ``known`` (names and ``prefix.*`` patterns) can store this field."""
    if field in known:
        return True
    head, dot, _ = field.partition(".")
    return bool(dot) and f"{head}.*" in known


def without_defaults(document: Document, defaults: Document) -> Document:
    """The fields that say something: one at its column's default travels as absent, so releases agree."""
    return {
        name: value
        for name, value in document.items()
        if name not in defaults or not same(defaults[name], value)
    }


def split_known(document: Document, known: frozenset[str]) -> tuple[Document, Document]:
    """What this release can store, and what it can only carry."""
    carried = {
        name: value for name, value in document.items() if name not in known and not is_known(known, name)
    }
    if not carried:
        return document, carried
    return {name: value for name, value in document.items() if name not in carried}, carried


def for_tables(document: Document, defaults: Document, known: frozenset[str]) -> Document:
    """The full document to write: defaults filled in, unknown fields left out."""
    ours, _ = split_known(document, known)
    return {**defaults, **ours}


def digests(secret: bytes, kind: str, document: Document) -> dict[str, str]:
    """The keyed digest of each field."""
    return {name: field_digest(secret, kind, name, value) for name, value in document.items()}


def contents(tables: Tables, refs: Sequence[Ref], records: Mapping[Ref, Record]) -> dict[Ref, Document]:
    """The contents of those records that are there: tables without defaults, overlaid with what the site
    only carries.
    """
    return overlaid(refs, rows_of(tables, refs), records)


def rows_of(tables: Tables, refs: Sequence[Ref]) -> dict[Ref, Document]:
    """What the tables hold of these records, without defaults."""
    found = tables.documents(refs)
    return {ref: without_defaults(row, tables.defaults(ref.kind)) for ref, row in found.items()}


def overlaid(
    refs: Sequence[Ref], rows: Mapping[Ref, Document], records: Mapping[Ref, Record]
) -> dict[Ref, Document]:
    """The contents of those records that are there, whose rows these are."""
    found = {ref: overlay(records.get(ref), rows.get(ref)) for ref in refs}
    return {ref: content for ref, content in found.items() if content is not None}


def overlay(record: Record | None, row: Document | None) -> Document | None:
    """The content of a record with this row (None: without one); None if it has none.

    A field that was edited in the row since it is carried has that edit's value.
    """
    carried = still_carried(record, row)
    if row is None:
        return None if carried is None else dict(carried.document)
    if record is None or not (record.unknown or carried):
        return row
    content = {**row, **record.unknown}
    if carried is not None and carried.base is not None:
        for name in carried.base.keys() | carried.document.keys():
            content.pop(name, None)
        content.update(carried.document)
    return content


def still_carried(record: Record | None, row: Document | None) -> Carried | None:
    """What a record goes on carrying beside this row: not what was edited there since, nor what a row that
    came stands for, nor what went with its row.
    """
    carried = None if record is None else record.carried
    if carried is None or (carried.base is None) is not (row is None):
        return None
    if carried.base is None or row is None:
        return carried
    base, document = carried.base, carried.document
    names = {
        name
        for name in base.keys() | document.keys()
        if (name in base) is (name in row) and same(base.get(name), row.get(name))
    }
    if len(names) == len(base.keys() | document.keys()):
        return carried
    left = replace(
        carried,
        document={name: value for name, value in document.items() if name in names},
        base={name: value for name, value in base.items() if name in names},
    )
    return left if names else None


def written_over(before: Record | None, left: Carried | None) -> frozenset[str]:
    """The fields that were carried and are not any more, because somebody has edited them in the row."""
    carried = None if before is None else before.carried
    if carried is None:
        return frozenset()
    kept = set() if left is None else (left.base or {}).keys() | left.document.keys()
    return frozenset(((carried.base or {}).keys() | carried.document.keys()) - kept)


def unseen_values(before: Record | None, left: Carried | None, content: Document | None) -> Document:
    """What was carried beside a row, and is replaced by an edit of somebody who could not see it."""
    carried, now = None if before is None else before.carried, content or {}
    if carried is None:
        return {}
    there, names = carried.document, written_over(before, left)
    return {name: there.get(name) for name in names if there.get(name) != now.get(name)}


def matches(record: Record, found: Mapping[str, str], known: frozenset[str]) -> bool:
    """Whether these digests are exactly what the record says of fields whose values this site has.

    It lacks the values of a column that an upgrade has dropped; they are in the record, and elsewhere.
    """
    expected = {
        name: state.digest
        for name, state in record.fields.items()
        if name != DELETED and state.digest != ABSENT and (name in found or is_known(known, name))
    }
    return expected == dict(found)


def altered(
    tables: Tables, state: SiteState, records: Mapping[Ref, Record], found: Mapping[Ref, Document]
) -> list[Ref]:
    """Those whose contents are not what their records state."""
    return [
        ref
        for ref, content in found.items()
        if not matches(
            records[ref], digests(state.fleet_secret, ref.kind, content), tables.known_fields(ref.kind)
        )
    ]


def changed_fields(
    fields: Mapping[str, FieldState], found: Mapping[str, str], known: frozenset[str]
) -> dict[str, str]:
    """Field -> new digest (ABSENT where it vanished) for each field that differs from the record's.

    What this release has no column for can't have been emptied here.
    """
    changes = {
        name: digest for name, digest in found.items() if name not in fields or fields[name].digest != digest
    }
    for name, state in fields.items():
        if name != DELETED and state.digest != ABSENT and name not in found and is_known(known, name):
            changes[name] = ABSENT
    return changes
