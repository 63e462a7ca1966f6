"""Natural keys: the names that no two records may share, whatever their ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .value import JSON, Document


class NaturalValue(NamedTuple):
    """What one document holds of one natural key; ``enforced`` when a unique constraint guards it."""

    name: str
    values: tuple[JSON, ...]
    enforced: bool


@dataclass(frozen=True, slots=True)
class NaturalKey:
    """Fields that are unique together.

    ``each`` names a list field when every element holds the key: ``fields`` are then entries of its objects,
    or empty for a list of plain values. ``nulls_equal`` says that None equals None (SQL's unique constraints
    think otherwise, Keystone's own look-ups do not). ``table`` is the child table that has it. ``unites``: it
    says who a record is, so that two which hold it are one thing, made at two sites; the hub unites them.
    """

    name: str
    fields: tuple[str, ...]
    enforced: bool = True
    nulls_equal: bool = False
    each: str = ""
    table: str = ""
    unites: bool = False

    def of(self, document: Document) -> Iterator[NaturalValue]:
        """The values held by ``document``, those skipped that bind nobody."""
        for values in self._values(document):
            if self.nulls_equal or None not in values:
                yield NaturalValue(self.name, values, self.enforced)

    def _values(self, document: Document) -> Iterator[tuple[JSON, ...]]:
        if not self.each:
            if all(name in document for name in self.fields):
                yield tuple(document[name] for name in self.fields)
            return
        items = document.get(self.each)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict):
                yield tuple(item.get(name) for name in self.fields)
            else:
                yield (item,)

    def without(self, document: Document, values: tuple[object, ...]) -> Document:
        """The document without the elements of its list that hold these values (``each`` only)."""
        items = document.get(self.each)
        kept: list[JSON] = []
        for item in items if isinstance(items, list) else ():
            held = tuple(item.get(n) for n in self.fields) if isinstance(item, dict) else (item,)
            if held != values:
                kept.append(item)
        return {**document, self.each: kept}
