"""Which domains a record touches, and which kinds come along with others: what selective sync goes by."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .model import Kind
from .reference import ALTERNATIVES, JsonReference, Mode, ParentReference, Ref, Reference
from .registry import REGISTRY
from .value import Document, key_part

DOMAIN = "domain"


class Belonging(NamedTuple):
    """The ``domains`` (key texts) that a document names itself, and records whose domains are its own, too.

    Each of ``through`` lists the kinds that may hold that key: one of them does.
    """

    domains: frozenset[str]
    through: tuple[tuple[tuple[str, ...], str], ...]


NOWHERE = Belonging(frozenset(), ())


def belonging(kind: Kind, document: Document) -> Belonging:
    """What the domains of a record follow from; nothing for a record of the whole fleet.

    Not only who owns it counts but every record that it would be useless or impossible without: a grant
    belongs to the domains of its actor *and* of its target.
    """
    domains: set[str] = set()
    through: dict[tuple[tuple[str, ...], str], None] = {}
    direct = kind.scope_of(document)
    if direct is not None and direct[0] == DOMAIN:
        domains.add(key_part(direct[1]))
    for reference in _counted(kind):
        for found in reference.find(document):
            if found.kind == DOMAIN:
                domains.add(found.key)
            else:
                through[_holders(found), found.key] = None
    return Belonging(frozenset(domains), tuple(through)) if domains or through else NOWHERE


@lru_cache(maxsize=256)
def with_needed(kinds: frozenset[str]) -> frozenset[str]:
    """These kinds and all that their records can't be without, by references that own or foreign keys."""
    found = set(kinds & set(REGISTRY))
    todo = list(found)
    while todo:
        for reference in REGISTRY[todo.pop()].references:
            needed = {reference.target, *_alternatives(reference)} if _binds(reference) else set()
            for name in needed - found:
                found.add(name)
                todo.append(name)
    return frozenset(found)


def _counted(kind: Kind) -> tuple[Reference, ...]:
    """References that count. A project's parent lies in the project's own domain; JSON is not looked into."""
    known = _COUNTED.get(kind.name)
    if known is None:
        known = _COUNTED[kind.name] = tuple(_find_counted(kind))
    return known


_COUNTED: dict[str, tuple[Reference, ...]] = {}


def _find_counted(kind: Kind) -> Iterable[Reference]:
    if kind.insert_only:
        return  # revocation events hold ids alone, and no site may miss one
    for reference in kind.references:
        if isinstance(reference, (ParentReference, JsonReference)) or reference.target == kind.name:
            continue
        placed = reference.target == DOMAIN or bool(REGISTRY[reference.target].scope.steps)
        if placed and (reference.mode is not Mode.NULLING or reference.foreign_key):
            yield reference


def _holders(found: Ref) -> tuple[str, ...]:
    return (found.kind, *found.alternatives)


def _binds(reference: Reference) -> bool:
    return reference.mode is Mode.OWNING or reference.foreign_key


def _alternatives(reference: Reference) -> tuple[str, ...]:
    return ALTERNATIVES.get(reference.target, ()) if reference.loose else ()
