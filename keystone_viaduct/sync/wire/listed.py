"""A row of the list of conflicts on its way to a site that may be promoted."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.errors import BadKey, BadRequest
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Conflict, Ref
from keystone_viaduct.sync.wire import checks, limits, secrecy, values


def row_to_json(conflict: Conflict) -> dict[str, Any]:
    """What every form of a row says, but for the record's address and what was lost."""
    body: dict[str, Any] = {
        "id": conflict.id,
        "sort": conflict.sort,
        "decided": conflict.decided,
        "explanation": conflict.explanation,
        "fields": [values.name_to_json(name) for name in conflict.fields],
        "site": conflict.site,
        "at": conflict.at,
        "open": conflict.open,
        "resolution": conflict.resolution,
    }
    if conflict.into:
        body["into"] = conflict.into
    return body


def listed_to_json(conflict: Conflict, seal: secrecy.Seal) -> dict[str, Any]:
    """All of it; the secrets of what was lost are sealed, each bound to its place."""
    parts = secrecy.split(conflict.ref, conflict.lost, _for_list(seal))
    body = {**row_to_json(conflict), "ref": [*conflict.ref], "lost": parts.plain, "seq": conflict.seq}
    return {**body, **secrecy.members(parts)}


def listed_from_json(value: Any, ref: Ref, where: str, opener: secrecy.Open) -> Conflict:
    """The opposite of :func:`listed_to_json`; ``ref`` is the row's, already checked. Raises BadRequest."""
    body = checks.mapping(value, where)

    def get(name: str) -> Any:
        return checks.member(body, name, where)

    def text(name: str, most: int) -> str:
        found = checks.text(get(name), f"{where}.{name}", most)
        if "\0" in found:
            raise checks.bad(f"{where}.{name}", "has a NUL character", "PostgreSQL's columns hold none")
        return found

    lost = secrecy.Parts(get("lost"), body.get("raw", {}), body.get("sealed", {}))
    if "\0" in ref.key:
        raise checks.bad(f"{where}.ref", "has a NUL character", "PostgreSQL's columns hold none")
    names = checks.sequence(get("fields"), f"{where}.fields", limits.RECORD_FIELDS)
    resolution = text("resolution", 16)
    if resolution not in ("", "kept", "restored"):
        raise checks.bad(f"{where}.resolution", "is neither kept nor restored")
    return Conflict(
        checks.identifier(get("id"), f"{where}.id"),
        ref,
        text("sort", 64),
        text("decided", 255),
        text("explanation", 65_535),
        tuple(_field(name, f"{where}.fields") for name in names),
        checks.site_name(get("site"), f"{where}.site"),
        checks.integer(get("at"), f"{where}.at"),
        secrecy.join(ref, lost, _from_list(opener), f"{where}.lost"),
        checks.flag(get("open"), f"{where}.open"),
        resolution,
        checks.integer(get("seq"), f"{where}.seq", 1),
        _into(ref, body.get("into", ""), where),
    )


def _field(value: Any, where: str) -> str:
    return values.name_from_json(checks.text(value, where, limits.FIELD_NAME), where)


def _into(ref: Ref, value: Any, where: str) -> str:
    """The key of another record of the same kind, or ''."""
    key = checks.text(value, f"{where}.into", 700)
    if "\0" in key:
        raise checks.bad(f"{where}.into", "has a NUL character", "PostgreSQL's columns hold none")
    if key:
        try:
            REGISTRY[ref.kind].split_key(key)
        except BadKey as error:
            raise BadRequest(f"{where}.into: {error.message}", hint=error.hint, where=where) from error
    return key


def _for_list(seal: secrecy.Seal) -> secrecy.Seal:
    """A lost secret can't be put into the place of a living one."""
    return lambda value, context: seal(value, f"lost:{context}")


def _from_list(opener: secrecy.Open) -> secrecy.Open:
    return lambda sealed, context: opener(sealed, f"lost:{context}")
