"""Which fields travel sealed, and putting them in and out of a document."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.kinds.raw import Raw, parse
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.wire import checks, limits, values

Seal = Callable[[Any, str], str]
Open = Callable[[str, str], Any]


@cache
def _declared(kind: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names that a kind declares, and the prefixes of those that come in any number."""
    declared = REGISTRY[kind]
    names = set(declared.declared) | set(declared.key)
    for child in declared.children:
        names.update(name for name in child.document_fields if not name.endswith(".*"))
    return frozenset(names), declared.patterns


def is_confidential(kind: str, field: str) -> bool:
    """Whether a field is secret, or unknown to this release, which then takes it for secret."""
    return (_confidential if len(field) <= limits.FIELD else _find_confidential)(kind, field)


def _find_confidential(kind: str, field: str) -> bool:
    if REGISTRY[kind].is_secret(field):
        return True
    names, prefixes = _declared(kind)
    return field not in names and not field.startswith(prefixes)


#: A user may give attributes any names: the longest are not remembered.
_confidential = lru_cache(maxsize=4096)(_find_confidential)


class Parts(NamedTuple):
    """A document on its way: what may be read, what JSON can't carry as its text, and what is sealed."""

    plain: Document
    raw: dict[str, str]
    sealed: dict[str, str]


def split(ref: Ref, document: Document, seal: Seal) -> Parts:
    """The parts of a document; secrets are sealed, each bound to its place."""
    parts = Parts({}, {}, {})
    for field, value in document.items():
        name = values.name_to_json(field)
        if is_confidential(ref.kind, field):
            parts.sealed[name] = seal(value, f"{ref}/{field}")
        elif isinstance(value, Raw):
            parts.raw[name] = value.text
        else:
            parts.plain[name] = value
    return parts


def members(parts: Parts) -> dict[str, dict[str, str]]:
    """The members beside the plain document; only those that are needed."""
    found = {"raw": parts.raw, "sealed": parts.sealed}
    return {name: part for name, part in found.items() if part}


def shown(kind: str, document: Document) -> Parts:
    """The fields that may be shown to anybody who may read the API; nothing is sealed."""
    return split(Ref(kind, ""), public_part(kind, document), _nothing)


def _nothing(value: Any, context: str) -> str:
    raise AssertionError(context)


def _is_secret(kind: str, field: str) -> bool:
    return is_confidential(kind, field) and REGISTRY[kind].is_secret(field)


def public_part(kind: str, document: Document) -> Document:
    """The fields that may be shown to anybody who may read the API."""
    return {name: value for name, value in document.items() if not is_confidential(kind, name)}


def with_raw(document: Document, texts: Any, where: str) -> Document:
    """The document under its fields' own names, with the values that came as texts. Raises BadRequest."""
    found = {values.name_from_json(name, where): value for name, value in document.items()}
    for name, text in checks.mapping(texts, where, limits.RECORD_FIELDS).items():
        place, field = f"{where}.{name[:80]}", values.name_from_json(name, where)
        if not isinstance(text, str) or field in found:
            raise checks.bad(place, "is not one text")
        try:
            value = parse(text)
        except ValueError as error:
            raise checks.bad(place, f"is not the text of a value: {error}"[:200]) from error
        if not isinstance(value, Raw):
            raise checks.bad(place, "is plain JSON", "put it into the document")
        found[field] = value
    return found


def join(ref: Ref, parts: Parts, opener: Open, where: str) -> Document:
    """The opposite of :func:`split`. Raises BadRequest when a secret came in the open."""
    for name, value in checks.mapping(parts.plain, where, limits.RECORD_FIELDS).items():
        if isinstance(value, (list, dict)):
            checks.shallow(value, f"{where}.{name[:80]}")
    document = with_raw(parts.plain, parts.raw, where)
    for field in document:
        if _is_secret(ref.kind, field):
            raise BadRequest(
                f"{where}: the secret field {field} is not sealed",
                hint="let `viaduct agent` bring the page: its secrets are sealed for who reads it",
                where=where,
            )
    for name, text in checks.mapping(parts.sealed, where, limits.RECORD_FIELDS).items():
        field = values.name_from_json(name, where)
        if not isinstance(text, str) or field in document:
            raise checks.bad(f"{where}.{name[:80]}", "is not one sealed text")
        document[field] = opener(text, f"{ref}/{field}")
        checks.shallow(document[field], f"{where}.{name[:80]}")
    return document
