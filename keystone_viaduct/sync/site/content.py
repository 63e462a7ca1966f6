"""A record's content as the protocol sees it: the tables' document, defaults left out, unknown fields laid
over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keystone_viaduct.documents.digest import field_digest
from keystone_viaduct.sync.model import ABSENT, DELETED, Document, FieldState, Record, Ref, SiteState
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
        name: value for name, value in document.items() if name not in defaults or defaults[name] != value
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
    """The contents of those records that are there: tables without defaults, overlaid with unknown fields."""
    found = tables.documents(refs)
    result: dict[Ref, Document] = {}
    for ref, document in found.items():
        content = without_defaults(document, tables.defaults(ref.kind))
        record = records.get(ref)
        if record is not None and record.unknown:
            content.update(record.unknown)
        result[ref] = content
    return result


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
