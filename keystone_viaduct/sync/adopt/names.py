"""Under which names two records of different ids are the same thing, and when two names are equal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from keystone_viaduct.documents.digest import canonical
from keystone_viaduct.kinds.model import JSON, Document, Kind

BY_ITSELF = frozenset({"role", "service", "endpoint", "endpoint_group", "policy", "registered_limit"})
"""Kinds whose ids mean nothing outside Keystone: re-keyed without asking."""

KNOWN_OUTSIDE = frozenset({"domain", "project", "user", "group"})
"""Kinds whose ids other services have stored: re-keyed only on demand."""

FOLLOWING = frozenset({"limit", "access_rule"})
"""Kinds whose ids mean nothing outside either; what they belong to has to be the same thing first."""

MOVABLE = BY_ITSELF | KNOWN_OUTSIDE | FOLLOWING

# Kinds whose names Keystone does not keep unique, but which everybody looks for by these fields.
_CUSTOMARY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "service": ("type", "extra.name"),
        "endpoint": ("service_id", "region_id", "interface"),
        "endpoint_group": ("name",),
        "policy": ("type", "blob"),
    }
)


class Name(NamedTuple):
    """One natural key that a record holds, as comparable text. ``unique``: only one record can hold it."""

    constraint: str
    text: str
    unique: bool


def names_of(kind: Kind, document: Document, *, folded: bool = False) -> Iterator[Name]:
    """The natural keys of a document; ``folded`` as a database compares that folds case."""
    for natural in kind.natural_keys_of(document):
        yield Name(natural.name, _text(natural.values, folded), natural.enforced)
    fields = _CUSTOMARY.get(kind.name)
    if fields is not None:
        yield Name("customary", _text(tuple(document.get(name) for name in fields), folded), False)


def fields_of(kind: Kind) -> frozenset[str]:
    """The fields that the natural keys of a kind are made of."""
    found = set(_CUSTOMARY.get(kind.name, ()))
    for natural in kind.natural:
        found.update((natural.each,) if natural.each else natural.fields)
    return frozenset(found)


def fold(text: str) -> str:
    """Near to what MySQL's ``_ci`` collations call equal: case, accents and trailing blanks don't count."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).rstrip(" ")


def _text(values: tuple[JSON, ...], folded: bool) -> str:
    shown = [fold(value) if folded and isinstance(value, str) else value for value in values]
    return canonical([*shown]).decode()


def label(kind: Kind, document: Document) -> str:
    """How a person would call the record."""
    for name in ("name", "local.name", "nonlocal.name", "extra.name", "resource_name", "interface", "type"):
        value = document.get(name)
        if isinstance(value, str) and value:
            detail = document.get("type") if name == "extra.name" else document.get("region_id")
            return f"{value} ({detail})" if detail and name != "type" else value
    people = document.get("federated")
    first = people[0] if isinstance(people, list) and people else None
    return str(first["unique_id"]) if isinstance(first, dict) else kind.key_of(document)
