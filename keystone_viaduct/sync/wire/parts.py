"""A record that is larger than a page, in parts: each compressed, then sealed for the reader as a whole."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keystone_viaduct.errors import TooLarge
from keystone_viaduct.kinds.raw import dumps_members, parse_members
from keystone_viaduct.sync.model import Change, Checkpoint, Page, Part
from keystone_viaduct.sync.wire import checks, limits

Close = Callable[[bytes, str], str]
Open = Callable[[str, str], bytes]


def in_part(page: Page, wanted: str) -> Page:
    """The next part of the page's first change, for a reader that has the parts ``wanted``.

    Raises TooLarge for a record that is larger than all parts together.
    """
    change = page.changes[0]
    content = dumps_members(change.document, compact=True).encode()
    count = -(-len(content) // limits.PART)
    if count > limits.PARTS:
        raise TooLarge(
            f"{change.ref} has {len(content)} bytes, more than the {limits.PARTS * limits.PART} that travel",
            hint="make it smaller",
            ref=str(change.ref),
        )
    subject = _subject(change, content)
    known, _, had = wanted.partition(":")
    number = int(had) if known == subject and had.isdigit() and int(had) < count else 0
    piece = content[number * limits.PART : (number + 1) * limits.PART]
    part = Part(subject, number, count, zlib.compress(piece, 3))
    if part.is_last:
        return replace(page, changes=(replace(change, document={}),), conflicts=page.conflicts, part=part)
    upto = page.after or Checkpoint(page.upto.incarnation, 0, "")
    return replace(page, changes=(), conflicts=(), peers=(), upto=upto, at_head=False, part=part)


def _subject(change: Change, content: bytes) -> str:
    """Names the record, its version and its content, so that parts of two of them are not put together."""
    state = hashlib.blake2b(content, digest_size=16)
    state.update(repr((change.ref, sorted(change.version.entries.items()))).encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def _place(source: str, part: Part) -> str:
    return f"part:{source}:{part.subject}:{part.number}:{part.of}"


def part_to_json(source: str, part: Part, close: Close) -> dict[str, Any]:
    """The member of a page that brings a part."""
    return {
        "subject": part.subject,
        "number": part.number,
        "of": part.of,
        "data": close(part.data, _place(source, part)),
    }


def part_from_json(source: str, value: Any, opener: Open) -> Part:
    """The opposite of :func:`part_to_json`. Raises BadRequest, SealingError."""
    body = checks.mapping(value, "part")
    count = checks.integer(checks.member(body, "of", "part"), "part.of", 1, limits.PARTS)
    part = Part(
        checks.identifier(checks.member(body, "subject", "part"), "part.subject", 32),
        checks.integer(checks.member(body, "number", "part"), "part.number", 0, count - 1),
        count,
        b"",
    )
    sealed = checks.text(checks.member(body, "data", "part"), "part.data", limits.PART * 2)
    return part._replace(data=opener(sealed, _place(source, part)))


def completed(page: Page, subject: str, pieces: list[bytes]) -> Page | None:
    """The page with its change's document, put together of the pieces kept and the page's own; None if some
    are missing. Raises BadRequest.
    """
    part = page.part
    assert part is not None
    if len(page.changes) != 1 or page.changes[0].document or page.changes[0].deleted:
        raise checks.bad("changes", "is not the one change that the parts belong to")
    if part.of > 1 and (subject != part.subject or len(pieces) != part.number):
        return None
    kept = pieces if part.of > 1 else []
    try:
        content = b"".join(_opened(piece) for piece in (*kept, part.data))
        document = parse_members(content.decode())
    except (ValueError, zlib.error) as error:
        raise checks.bad("part", f"is no document: {error}"[:200]) from error
    change = page.changes[0]
    checks.mapping(document, "part", limits.RECORD_FIELDS)
    missing = [name for name in document if name not in change.fields]
    if missing:
        raise checks.bad("part", f"has no state of its field {missing[0][:80]}")
    return replace(page, changes=(replace(change, document=document),))


def _opened(piece: bytes) -> bytes:
    opened = zlib.decompressobj().decompress(piece, limits.PART + 1)
    if len(opened) > limits.PART:
        raise checks.bad("part", f"has more than {limits.PART} bytes")
    return opened


def name_of(part: Any) -> Part:
    """A part of a page that is carried: all but what it brings. Raises BadRequest."""
    body = checks.mapping(part, "part")
    return Part(
        checks.identifier(checks.member(body, "subject", "part"), "part.subject", 32),
        checks.integer(checks.member(body, "number", "part"), "part.number"),
        checks.integer(checks.member(body, "of", "part"), "part.of", 1),
        b"",
    )


def position_from_json(value: Any, where: str) -> str | None:
    """``subject:number`` of the parts that a site has; None for one that takes none."""
    if value is None or value == "":
        return None if value is None else ""
    subject, _, number = checks.text(value, where, 64).partition(":")
    checks.identifier(subject, where, 32)
    if not number.isascii() or not number.isdigit():
        raise checks.bad(where, "is not of the form subject:number")
    return f"{subject}:{number}"
