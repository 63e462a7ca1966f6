"""Which fields travel sealed, and putting them in and out of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.wire import checks, limits

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


@lru_cache(maxsize=4096)
def is_confidential(kind: str, field: str) -> bool:
    """Whether a field is secret, or unknown to this release, which then takes it for secret."""
    if REGISTRY[kind].is_secret(field):
        return True
    names, prefixes = _declared(kind)
    return field not in names and not field.startswith(prefixes)


def split(ref: Ref, document: Document, seal: Seal) -> tuple[Document, dict[str, str]]:
    """The fields that may be read on the way, and the others sealed, each bound to its place."""
    plain: Document = {}
    sealed: dict[str, str] = {}
    for field, value in document.items():
        if is_confidential(ref.kind, field):
            sealed[field] = seal(value, f"{ref}/{field}")
        else:
            plain[field] = value
    return plain, sealed


@lru_cache(maxsize=4096)
def _is_secret(kind: str, field: str) -> bool:
    return REGISTRY[kind].is_secret(field)


def public_part(kind: str, document: Document) -> Document:
    """The fields that may be shown to anybody who may read the API."""
    return {name: value for name, value in document.items() if not is_confidential(kind, name)}


def join(ref: Ref, plain: Document, sealed: Mapping[str, Any], opener: Open, where: str) -> Document:
    """The opposite of :func:`split`. Raises BadRequest when a secret came in the open."""
    for field in plain:
        if _is_secret(ref.kind, field):
            raise BadRequest(
                f"{where}: the secret field {field} is not sealed",
                hint="seal it for this site's public key (see GET /v3/OS-SYNC)",
                where=where,
            )
    if not sealed:
        return plain
    document = dict(plain)
    for field, text in checks.mapping(sealed, where, limits.RECORD_FIELDS).items():
        if not isinstance(text, str) or field in plain:
            raise checks.bad(f"{where}.{field[:80]}", "is not one sealed text")
        document[field] = opener(text, f"{ref}/{field}")
        checks.shallow(document[field], f"{where}.{field[:80]}")
    return document
