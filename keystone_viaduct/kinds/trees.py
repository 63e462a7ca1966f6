"""Records that lie below others of their kind, and circles among them; without I/O."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from .reference import Reference
from .registry import REGISTRY
from .value import Document

T = TypeVar("T", bound=Hashable)

ACYCLIC: Mapping[str, Reference] = {
    kind.name: reference for kind in REGISTRY.values() for reference in kind.references if reference.acyclic
}
"""Kind -> the reference by which its records lie below each other."""


def above(kind: str, document: Document | None) -> str | None:
    """The key of the record below which this one lies, if that is of its own kind."""
    reference = ACYCLIC.get(kind)
    if reference is None or document is None:
        return None
    return next((key for target, key in reference.targets(document) if target == kind), None)


def loops(begin: Iterable[T], parents: Callable[[Sequence[T]], Mapping[T, T | None]]) -> list[list[T]]:
    """The loops that are met by going up from these; ``parents`` is asked for a whole level at once."""
    known: dict[T, T | None] = {}
    todo = list(dict.fromkeys(begin))
    while todo:
        found = parents(todo)
        known.update((item, found.get(item)) for item in todo)
        following = (known[item] for item in todo)
        todo = [*dict.fromkeys(item for item in following if item is not None and item not in known)]
    result: list[list[T]] = []
    done: set[T] = set()
    for item in known:
        path: dict[T, None] = {}
        at: T | None = item
        while at is not None and at not in done:
            if at in path:
                way = list(path)
                result.append(way[way.index(at) :])
                break
            path[at] = None
            at = known[at]
        done.update(path)
    return result


def told(loop: Sequence[object]) -> str:
    """A loop in words."""
    return " → ".join(map(str, [*loop, loop[0]]))
