"""Statements of the hub as they come in. The text is kept as it was signed, whatever else a later release
writes into it.
"""

from __future__ import annotations

import json
from typing import Any

from keystone_viaduct.sync.statement import (
    KEPT,
    Lineage,
    Statement,
    statement_from_json,
    statement_to_json,
)
from keystone_viaduct.sync.wire import checks, limits


def lineage_to_json(lineage: Lineage) -> list[dict[str, Any]]:
    """All of them."""
    return [statement_to_json(statement) for statement in lineage]


def lineage_from_json(value: Any, where: str) -> Lineage:
    """The opposite of :func:`lineage_to_json`. Raises BadRequest."""
    told = checks.sequence(value, where, KEPT + 1)
    return tuple(checked_statement(one, f"{where}[{number}]") for number, one in enumerate(told))


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
    _check_text(text, f"{where}.text")
    return statement_from_json({"text": text, "signatures": signatures})


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
