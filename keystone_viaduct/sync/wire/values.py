"""The small values of the protocol as JSON: versions, dots, checkpoints, field states, digests."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from keystone_viaduct.kinds.raw import is_text
from keystone_viaduct.sync.knowledge import MOST_EXCEPTIONS, Exceptions, Gap
from keystone_viaduct.sync.model import Checkpoint, Dot, Fence, FieldState, Ref, Version
from keystone_viaduct.sync.wire import checks, limits

#: Nothing for an absent field; the two states of the field ``@deleted``.
_WORDS = frozenset({"", "alive", "deleted"})
_DIGITS = "0123456789abcdef"
#: Of a site's public key.
KEY_BYTES = 32


def key_to_json(key: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(key).decode()


def bytes_from_json(value: Any, where: str, most: int = 4096) -> bytes:
    """The opposite of :func:`key_to_json`."""
    try:
        return base64.b64decode(checks.text(value, where, most * 2), validate=True)
    except (binascii.Error, ValueError) as error:
        raise checks.bad(where, "is not base64") from error


def public_key_from_json(value: Any, where: str) -> bytes:
    """A site's public key: 32 bytes in base64."""
    key = bytes_from_json(value, where)
    if len(key) != KEY_BYTES:
        raise checks.bad(where, f"has {len(key)} bytes, not {KEY_BYTES}")
    return key


def version_to_json(version: Version) -> dict[str, int]:
    """``{"site#incarnation": seq}``."""
    return dict(version.entries)


def version_from_json(value: Any, where: str) -> Version:
    """The opposite of :func:`version_to_json`."""
    entries = checks.mapping(value, where, limits.VERSION_ENTRIES)
    for name, seq in entries.items():
        checks.origin(name, where)
        checks.integer(seq, f"{where}.{name}")
    return Version(entries)


def exceptions_to_json(exceptions: Exceptions) -> dict[str, Any]:
    """``{"exceptions": [["kind", "key", {"site#incarnation": [after, upto]}], ...]}``; empty without any, so
    that what has none looks as it always did.
    """
    if not exceptions:
        return {}
    told = [[*ref, {origin: [*gap] for origin, gap in gaps.items()}] for ref, gaps in exceptions.items()]
    return {"exceptions": told}


def exceptions_from_json(body: Mapping[str, Any]) -> dict[Ref, dict[str, Gap]]:
    """The opposite of :func:`exceptions_to_json`, of the object that has them."""
    found: dict[Ref, dict[str, Gap]] = {}
    told = checks.sequence(body.get("exceptions", []), "exceptions", MOST_EXCEPTIONS)
    for number, item in enumerate(told):
        where = f"exceptions[{number}]"
        kind, key, gaps = checks.tuple_of(item, where, 3)
        ref = Ref(checks.text(kind, where, limits.KIND), checks.text(key, where, limits.KEY))
        found[ref] = {
            checks.origin(origin, where): Gap(
                *(checks.integer(seq, where) for seq in checks.tuple_of(gap, where, 2))
            )
            for origin, gap in checks.mapping(gaps, where, limits.VERSION_ENTRIES).items()
        }
    return found


def dot_to_json(dot: Dot) -> list[Any]:
    """``["site#incarnation", seq]``."""
    return [dot.origin, dot.seq]


def dot_from_json(value: Any, where: str) -> Dot:
    """The opposite of :func:`dot_to_json`."""
    origin, seq = checks.tuple_of(value, where, 2)
    return Dot(checks.origin(origin, where), checks.integer(seq, where))


def checkpoint_to_json(checkpoint: Checkpoint | None) -> list[Any] | None:
    """``["incarnation", seq, "nonce"]``, or null for the beginning."""
    return None if checkpoint is None else [*checkpoint]


def checkpoint_from_json(value: Any, where: str) -> Checkpoint | None:
    """The opposite of :func:`checkpoint_to_json`."""
    return None if value is None else position_from_json(value, where)


def position_from_json(value: Any, where: str) -> Checkpoint:
    """A checkpoint that may not be null."""
    incarnation, seq, nonce = checks.tuple_of(value, where, 3)
    return Checkpoint(
        checks.identifier(incarnation, where),
        checks.integer(seq, where),
        checks.identifier(nonce, where) if nonce != "" else "",
    )


def checkpoint_to_text(checkpoint: Checkpoint) -> str:
    """``incarnation:seq:nonce``, as it stands in a URL."""
    return f"{checkpoint.incarnation}:{checkpoint.seq}:{checkpoint.nonce}"


def checkpoint_from_text(text: str, where: str) -> Checkpoint:
    """The opposite of :func:`checkpoint_to_text`."""
    parts = text.split(":")
    if len(parts) != 3 or not parts[1].isascii() or not parts[1].isdigit() or len(parts[1]) > 19:
        raise checks.bad(where, "is not of the form incarnation:seq:nonce")
    return position_from_json([parts[0], int(parts[1]), parts[2]], where)


def fence_to_json(fence: Fence | None) -> dict[str, Any] | None:
    """``{"seen": checkpoint, "anew": false}``, or null."""
    return None if fence is None else {"seen": [*fence.seen], "anew": fence.anew}


def fence_from_json(value: Any, where: str) -> Fence | None:
    """The opposite of :func:`fence_to_json`."""
    if value is None:
        return None
    body = checks.mapping(value, where)
    seen = position_from_json(checks.member(body, "seen", where), where)
    return Fence(seen, checks.flag(body.get("anew", False), f"{where}.anew"))


def fence_to_text(fence: Fence) -> str:
    """``incarnation:seq:nonce``, with ``:anew`` behind it where that is so."""
    return checkpoint_to_text(fence.seen) + (":anew" if fence.anew else "")


def fence_from_text(text: str, where: str) -> Fence:
    """The opposite of :func:`fence_to_text`."""
    bare = text.removesuffix(":anew")
    return Fence(checkpoint_from_text(bare, where), bare != text)


def name_to_json(name: str) -> str:
    """A field's name. One with half of a surrogate pair, which UTF-8 can't carry, is written as JSON text."""
    return name if is_text(name) else json.dumps(name)


def name_from_json(text: str, where: str) -> str:
    """The opposite of :func:`name_to_json`. No field's own name begins with a quotation mark."""
    name: Any = text
    if text[:1] == '"':
        try:
            name = json.loads(text)
        except ValueError:
            name = ""
        if not isinstance(name, str) or is_text(name):
            raise checks.bad(where, "names a field in a way that no field needs")
    if not 0 < len(name) <= limits.FIELD_NAME:
        raise checks.bad(where, "has a field without a name, or with one too long")
    return str(name)


def fields_to_json(fields: Mapping[str, FieldState]) -> list[list[Any]]:
    """States grouped by the edit that wrote them: ``[[stamp, "origin", seq, {"field": "digest"}], ...]``.

    Most fields of a record were written by few edits, so this is short.
    """
    groups: dict[tuple[int, Dot], dict[str, str]] = {}
    for name, (stamp, dot, digest) in fields.items():
        groups.setdefault((stamp, dot), {})[name_to_json(name)] = digest
    return [[stamp, dot.origin, dot.seq, digests] for (stamp, dot), digests in groups.items()]


def fields_from_json(value: Any, where: str) -> dict[str, FieldState]:
    """The opposite of :func:`fields_to_json`."""
    fields: dict[str, FieldState] = {}
    for group in checks.sequence(value, where, limits.RECORD_FIELDS):
        stamp, origin, seq, digests = checks.tuple_of(group, where, 4)
        checks.integer(stamp, where)
        dot = Dot(checks.origin(origin, where), checks.integer(seq, where))
        for text, digest in checks.mapping(digests, where, limits.RECORD_FIELDS).items():
            name = name_from_json(text, where)
            if not isinstance(digest, str) or not _is_digest(digest):
                raise checks.bad(f"{where}.{name[:80]}", "has no digest of 32 hexadecimal digits")
            if name in fields:
                raise checks.bad(where, f"names the field {name[:80]} twice")
            fields[name] = FieldState(stamp, dot, digest)
    return fields


def _is_digest(text: str) -> bool:
    """Whether it is 16 bytes in hexadecimal, or one of the words; without a pattern, as there are so many."""
    return text in _WORDS or (len(text) == 32 and not text.strip(_DIGITS))
