"""In which order a set of writes goes into Keystone's tables: no foreign key or unique name may refuse it.

1. Names are vacated. 2. Deletes, dependents first; but a record to which a row that is about to change still
points by a foreign key goes last, unless its key is needed: then it goes before all others. 3. Kind by kind
in the registry's order: creates, referenced first, then changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Type
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Write

_POSITION = {name: position for position, name in enumerate(REGISTRY)}


@dataclass
class Plan:
    """Each list is in the order to do it; a vacated record's ``old`` has the temporary names afterwards.

    ``forced``: rows that are about to change still point to these by a foreign key.
    """

    vacations: list[Write] = field(default_factory=list)
    forced: list[tuple[str, list[Ref]]] = field(default_factory=list)
    deletes: list[tuple[str, list[Ref]]] = field(default_factory=list)
    creates_and_changes: list[tuple[str, list[list[Write]], list[Write]]] = field(default_factory=list)
    late_deletes: list[tuple[str, list[Ref]]] = field(default_factory=list)


def plan(writes: Sequence[Write], temporary: Iterator[str]) -> Plan:
    """Order the writes; ``temporary`` yields names that nobody has (at most 16 characters).

    A record that is deleted late gives up its names at once.
    """
    result = Plan()
    held = _held(writes)
    gone = [write for write in writes if write.new is None and write.old is not None]
    result.forced = _deletes([write for write in gone if write.ref in held and write.vacate])
    late = [write for write in gone if write.ref in held and not write.vacate]
    for write in late:
        _vacate(result, write, temporary)
    kept = [
        _vacate(result, write, temporary) if write.vacate and write.old is not None else write
        for write in writes
        if write.new is not None
    ]
    result.deletes = _deletes([write for write in gone if write.ref not in held])
    result.late_deletes = _deletes(late)
    result.creates_and_changes = list(_by_kind(kept))
    return result


def _held(writes: Iterable[Write]) -> set[Ref]:
    """Records that rows which stay still point to by a foreign key before they are changed."""
    return {
        Ref(target.kind, target.key)
        for write in writes
        if write.old is not None and write.new is not None
        for target in REGISTRY[write.ref.kind].references_of(write.old)
        if target.hard
    }


def _vacate(result: Plan, write: Write, temporary: Iterator[str]) -> Write:
    assert write.old is not None
    nameless = vacated(REGISTRY[write.ref.kind], write.old, temporary)
    if nameless == write.old:
        return write
    result.vacations.append(Write(write.ref, write.old, nameless))
    return write._replace(old=nameless)


def vacated(kind: Kind, document: Document, temporary: Iterator[str]) -> Document:
    """The document with temporary names in place of its unique ones."""
    result = dict(document)
    for natural in kind.natural:
        if not natural.enforced or set(natural.fields) == set(kind.key):
            continue
        if natural.each:
            items = result.get(natural.each) or []
            result[natural.each] = [_renamed(item, natural.fields, next(temporary)) for item in items]
        elif natural.nulls_equal or all(result.get(name) is not None for name in natural.fields):
            result[_naming_field(kind, natural.fields)] = next(temporary)
    return result


def _naming_field(kind: Kind, fields: tuple[str, ...]) -> str:
    """The field that can take any text: the widest, and of two the last (ids of others come first)."""
    texts = [name for name in fields if kind.declared[name].type is Type.TEXT]
    return max(reversed(texts), key=lambda name: kind.declared[name].size or 0)


def _renamed(item: Any, fields: tuple[str, ...], name: str) -> Any:
    """An item of a list: its last field tells it apart (the ones before refer to other records)."""
    return {**item, fields[-1]: name} if isinstance(item, dict) else name


def _deletes(writes: Iterable[Write]) -> list[tuple[str, list[Ref]]]:
    result = []
    for kind, group in reversed(_grouped(writes)):
        layers = _layers(kind, [(write, write.old or {}) for write in group])
        result += [(kind, [write.ref for write in layer]) for layer in reversed(layers)]
    return result


def _by_kind(writes: Iterable[Write]) -> Iterator[tuple[str, list[list[Write]], list[Write]]]:
    for kind, group in _grouped(writes):
        creates = [(write, write.new or {}) for write in group if write.old is None]
        yield kind, _layers(kind, creates), [write for write in group if write.old is not None]


def _grouped(writes: Iterable[Write]) -> list[tuple[str, list[Write]]]:
    groups: dict[str, list[Write]] = {}
    for write in writes:
        groups.setdefault(write.ref.kind, []).append(write)
    return sorted(groups.items(), key=lambda item: _POSITION[item[0]])


def _layers(name: str, writes: list[tuple[Write, Document]]) -> list[list[Write]]:
    """Split by how deep a record hangs below others of the same kind in the same set, the top first.

    Records that refer to each other in a circle (regions can) come in the order given.
    """
    if not writes:
        return []
    kind = REGISTRY[name]
    if all(reference.target != name for reference in kind.references):
        return [[write for write, _ in writes]]
    there = {write.ref for write, _ in writes}
    above = {write.ref: _same_kind(kind, document) & there for write, document in writes}
    layers: list[list[Write]] = []
    placed: set[Ref] = set()
    left = [write for write, _ in writes]
    while left:
        layer = [write for write in left if above[write.ref] <= placed | {write.ref}] or left
        layers.append(layer)
        placed.update(write.ref for write in layer)
        left = [write for write in left if write.ref not in placed]
    return layers


def _same_kind(kind: Kind, document: Document) -> set[Ref]:
    return {Ref(to.kind, to.key) for to in kind.references_of(document) if to.kind == kind.name}
