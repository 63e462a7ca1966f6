"""Under which names two records of different ids are the same thing, and when two names are equal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

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


CUSTOMARY = "customary"


class Name(NamedTuple):
    """One natural key that a record holds, as comparable text. ``unique``: only one record can hold it."""

    constraint: str
    text: str
    unique: bool


Held: TypeAlias = "tuple[str, str, tuple[JSON, ...]]"
"""Kind, natural key, and what a record holds of it."""
Compared: TypeAlias = "Callable[[Sequence[Held]], Mapping[Held, object]]"
"""What a database compares in place of such values: equal here if equal to it."""


def names_of(kind: Kind, document: Document, compared: Mapping[Held, object] | None = None) -> Iterator[Name]:
    """The natural keys of a document; in place of their values what a database compares, if that is given."""
    for held, unique in held_by(kind, document):
        shown = canonical([*held[2]]).decode() if compared is None else repr(compared[held])
        yield Name(held[1], shown, unique)


def held_by(kind: Kind, document: Document) -> Iterator[tuple[Held, bool]]:
    """What a document holds of each natural key, and whether only one record can hold it."""
    for natural in kind.natural_keys_of(document):
        yield (kind.name, natural.name, natural.values), natural.enforced
    fields = _CUSTOMARY.get(kind.name)
    if fields is not None:
        yield (kind.name, CUSTOMARY, tuple(_plain(document.get(name)) for name in fields)), False


def _plain(value: JSON) -> JSON:
    """Lists and objects as text."""
    return value if value is None or isinstance(value, str | int | float) else canonical(value).decode()


def fields_of(kind: Kind) -> frozenset[str]:
    """The fields that the natural keys of a kind are made of."""
    found = set(_CUSTOMARY.get(kind.name, ()))
    for natural in kind.natural:
        found.update((natural.each,) if natural.each else natural.fields)
    return frozenset(found)


def usually_compared(held: Sequence[Held]) -> Mapping[Held, object]:
    """Near to what MySQL's usual collations compare, for a database that is not at hand."""
    return {item: [_fold(value) if isinstance(value, str) else value for value in item[2]] for item in held}


def _fold(text: str) -> str:
    """Case, accents and blanks at the end do not count."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if not unicodedata.combining(char)).rstrip(" ")


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
