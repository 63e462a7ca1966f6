"""Statements of the hub as they come in. The text is kept as it was signed, whatever else a later release
writes into it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any

from keystone_viaduct.sync.statement import (
    KEPT,
    Lineage,
    Statement,
    Terms,
    statement_digest,
    statement_to_json,
    terms_from_json,
)
from keystone_viaduct.sync.wire import checks, limits

#: Texts that are not read again while they are told.
REMEMBERED = 16


Find = Callable[[str], Statement | None]
"""The statement of a digest, where it is known."""


def nothing_known(digest: str) -> None:
    """Who has said that it knows none is told none by its digest."""


def lineage_to_json(lineage: Lineage, known: Collection[str] = ()) -> list[dict[str, Any]]:
    """All of them; ``known`` are the digests of those that the reader has."""
    digests = map(statement_digest, lineage) if known else ("" for _ in lineage)
    return [
        {"digest": digest} if digest in known else statement_to_json(statement)
        for digest, statement in zip(digests, lineage, strict=True)
    ]


def lineage_from_json(value: Any, where: str, find: Find = nothing_known) -> Lineage:
    """The opposite of :func:`lineage_to_json`. Raises BadRequest."""
    told = checks.sequence(value, where, KEPT + 1)
    return tuple(_told(one, f"{where}[{number}]", find) for number, one in enumerate(told))


def _told(value: Any, where: str, find: Find) -> Statement:
    body = checks.mapping(value, where)
    if "digest" not in body:
        return checked_statement(value, where)
    found = find(checks.key_text(body["digest"], f"{where}.digest"))
    if found is None:
        raise checks.bad(f"{where}.digest", "is of a statement that is not known here")
    return found


def known_to_text(digests: Collection[str]) -> str:
    """In a query: the statements that the caller has."""
    return ",".join(digests)


def known_from_text(text: str, where: str) -> frozenset[str]:
    """The opposite of :func:`known_to_text`. Raises BadRequest."""
    digests = text.split(",") if text else []
    checks.sequence(digests, where, limits.STATEMENTS_KNOWN)
    return frozenset(checks.key_text(digest, where) for digest in digests)


def statement_or_none(value: Any, where: str) -> Statement | None:
    """One that may be left out. Raises BadRequest."""
    return None if value is None else checked_statement(value, where)


def checked_statement(value: Any, where: str) -> Statement:
    """The statement in a JSON object; whether it is genuine is another question. Raises BadRequest."""
    body = checks.mapping(value, where)
    text = checks.text(checks.member(body, "text", where), f"{where}.text", limits.STATEMENT)
    signatures = checks.mapping(
        checks.member(body, "signatures", where), f"{where}.signatures", limits.SIGNATURES
    )
    for key, signature in signatures.items():
        checks.key_text(key, f"{where}.signatures")
        checks.text(signature, f"{where}.signatures", limits.SIGNATURE)
    text, terms = _read(text, f"{where}.text")
    return Statement(text, dict(signatures), terms)


@lru_cache(maxsize=REMEMBERED)
def _read(text: str, where: str) -> tuple[str, Terms]:
    """The text, as it was kept before if it was seen before, and what it says. Raises BadRequest.

    Each page of the hub has the same one, and it names all sites: an agent of a thousand reads it a hundred
    times a second.
    """
    _check_text(text, where)
    return text, terms_from_json(json.loads(text))


def left_out_from_json(body: dict[str, Any]) -> str:
    """The digest of the statement that a page leaves out, and the charter with it; '' for none. Raises
    BadRequest.
    """
    signed = digest_from_json(body.get("signed", ""), "signed")
    if signed and (body.get("statement") is not None or body.get("charter") is not None):
        raise checks.bad("signed", "stands in place of the statement and the charter, not beside them")
    return signed


def digest_from_json(value: Any, where: str) -> str:
    """The digest of a statement; '' for none. Raises BadRequest."""
    return "" if value == "" else checks.key_text(value, where)


def signing_key_from_json(body: dict[str, Any], where: str) -> str:
    """A site's key for signatures; '' where its release has none. Raises BadRequest."""
    found = body.get("signing_key", "")
    return checks.key_text(found, f"{where}.signing_key" if where else "signing_key") if found else ""


def _check_text(text: str, where: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise checks.bad(where, "is no JSON") from None
    body = checks.mapping(value, where)

    def get(name: str) -> Any:
        return checks.member(body, name, where)

    checks.text(get("fleet"), f"{where}.fleet", 64)
    for name in ("hub", "by"):
        checks.site_name(get(name), f"{where}.{name}")
    for name in ("term", "number"):
        checks.integer(get(name), f"{where}.{name}")
    for number in checks.tuple_of(get("edition"), f"{where}.edition", 2):
        checks.integer(number, f"{where}.edition")
    for digest in checks.mapping(get("charter"), f"{where}.charter").values():
        checks.text(digest, f"{where}.charter", 64)
    for site, key in checks.mapping(get("sites"), f"{where}.sites", limits.PEERS).items():
        checks.site_name(site, f"{where}.sites")
        if key != "":
            checks.key_text(key, f"{where}.sites.{site}")
    for name, entry in checks.mapping(get("keys"), f"{where}.keys", 16).items():
        serial, digest = checks.tuple_of(entry, f"{where}.keys", 2)
        checks.text(name, f"{where}.keys", 64)
        checks.integer(serial, f"{where}.keys")
        checks.text(digest, f"{where}.keys", 64)
