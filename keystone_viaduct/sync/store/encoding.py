"""How the protocol's values stand in our tables: compact, and quick to read in bulk.

Most fields of a record were written by few edits, so they are grouped by edit:
``[[stamp, origin, seq, name, digest, name, digest, ...], ...]``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from keystone_viaduct.kinds.raw import dumps_list, dumps_members, parse_list, parse_members
from keystone_viaduct.sync.external import External, Externals
from keystone_viaduct.sync.knowledge import Exceptions, Gap
from keystone_viaduct.sync.model import Carried, Change, Document, Dot, FieldState, Ref, Version
from keystone_viaduct.sync.statement import Lineage, statement_from_json, statement_to_json

#: Compact JSON, ASCII only, so no table's character set matters.
to_json = json.JSONEncoder(separators=(",", ":")).encode
from_json = json.loads
#: Where documents stand in the lists that a change, and what is carried of a record, are written as.
_DOCUMENT, _CARRIED = (6,), (0, 1)


def pack_fields(fields: Mapping[str, FieldState]) -> str:
    """The states of all fields as text."""
    groups: dict[tuple[int, Dot], list[Any]] = {}
    for name, (stamp, dot, digest) in fields.items():
        group = groups.get((stamp, dot))
        if group is None:
            group = groups[stamp, dot] = [stamp, dot.origin, dot.seq]
        group += (name, digest)
    return to_json(list(groups.values()))


def unpack_fields(text: str) -> dict[str, FieldState]:
    """The opposite of :func:`pack_fields`."""
    return _fields(from_json(text))


def _fields(groups: list[list[Any]]) -> dict[str, FieldState]:
    fields: dict[str, FieldState] = {}
    for group in groups:
        stamp, dot = group[0], Dot(group[1], group[2])
        for name, digest in zip(group[3::2], group[4::2], strict=True):
            fields[name] = FieldState(stamp, dot, digest)
    return fields


def pack_version(version: Version) -> str:
    """``{"origin": seq}``."""
    return to_json(dict(version.entries))


def unpack_version(text: str) -> Version:
    """The opposite of :func:`pack_version`."""
    return Version(from_json(text))


def pack_dot(dot: Dot) -> str:
    """``seq@origin``."""
    return f"{dot.seq}@{dot.origin}"


def unpack_dot(text: str) -> Dot:
    """The opposite of :func:`pack_dot`."""
    seq, _, origin = text.partition("@")
    return Dot(origin, int(seq))


def pack_change(change: Change) -> bytes:
    """A change as it came, with its document: to be encrypted before it is stored."""
    value = [
        *change.ref,
        change.seq,
        dict(change.version.entries),
        [*change.birth],
        pack_fields(change.fields),
        change.document,
        change.scope,
        *([change.external] if change.external else []),
    ]
    return zlib.compress(dumps_list(value, _DOCUMENT).encode(), 1)


def unpack_change(data: bytes) -> Change:
    """The opposite of :func:`pack_change`."""
    kind, key, seq, version, birth, fields, document, scope, *more = parse_list(
        zlib.decompress(data).decode(), _DOCUMENT
    )
    return Change(
        Ref(kind, key),
        seq,
        Version(version),
        Dot(*birth),
        unpack_fields(fields),
        document,
        scope,
        external=unpack_externals(*more),
    )


def pack_externals(owners: Externals) -> str | None:
    """Owners without rows; None where there are none, as with nearly all records."""
    return to_json(owners) if owners else None


def unpack_externals(value: Sequence[Sequence[str]] = ()) -> Externals:
    """The opposite, of what was parsed already; nothing for what an earlier release has stored."""
    return tuple(External(*owner) for owner in value)


def pack_document(document: Document) -> bytes:
    """A document: to be encrypted before it is stored."""
    return zlib.compress(dumps_members(document, compact=True).encode(), 1)


def unpack_document(data: bytes) -> Document:
    """The opposite of :func:`pack_document`."""
    document: Document = parse_members(zlib.decompress(data).decode())
    return document


def pack_carried(carried: Carried) -> bytes:
    """What the tables can't hold of a record: to be encrypted before it is stored."""
    told = [carried.reason, carried.why, carried.since, carried.source, *carried.claims]
    value = [carried.document, carried.base, *told]
    return zlib.compress(dumps_list(value, _CARRIED).encode(), 1)


def unpack_carried(data: bytes) -> Carried:
    """The opposite of :func:`pack_carried`."""
    document, base, reason, why, since, *more = parse_list(zlib.decompress(data).decode(), _CARRIED)
    source, *claims = more or ("",)
    return Carried(document, base, reason, why, since, source, tuple(claims))


def pack_exceptions(exceptions: Exceptions) -> str | None:
    """``[[kind, key, {"origin": [after, upto]}], ...]``; None for none."""
    if not exceptions:
        return None
    found = [[*ref, {origin: [*gap] for origin, gap in gaps.items()}] for ref, gaps in exceptions.items()]
    return to_json(found)


def unpack_exceptions(text: str | None) -> dict[Ref, dict[str, Gap]]:
    """The opposite of :func:`pack_exceptions`."""
    if not text:
        return {}
    return {
        Ref(kind, key): {origin: Gap(*gap) for origin, gap in gaps.items()}
        for kind, key, gaps in from_json(text)
    }


def pack_lineage(lineage: Lineage) -> str | None:
    """Statements of the hub; None for none."""
    return to_json([statement_to_json(one) for one in lineage]) if lineage else None


@lru_cache(maxsize=16)
def unpack_lineage(text: str | None) -> Lineage:
    """The opposite of :func:`pack_lineage`; it stands in a row that each transaction reads."""
    return tuple(statement_from_json(one) for one in from_json(text)) if text else ()
