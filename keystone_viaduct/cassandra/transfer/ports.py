"""Where records come from and where they go: an engine that holds a Keystone's data, kind by kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from keystone_viaduct.kinds.value import Document

Item = tuple[str, Document]
"""Key and document of a record."""


class Refusal(NamedTuple):
    """A record that an engine does not take, and why."""

    key: str
    why: str


@dataclass(frozen=True)
class Page:
    """Some records; ``after``: what to give to go on behind them."""

    items: list[Item]
    after: str


@dataclass
class Comparison:
    """How the records of one kind differ from those of a folder; ``named``: some of them."""

    missing: int = 0
    different: int = 0
    more: int = 0
    named: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether they do not."""
        return not (self.missing or self.different or self.more)


class Store(Protocol):
    """An engine."""

    name: str
    """Says which one it is; the same one has the same name in another run."""
    kinds: tuple[str, ...]
    """What it can hold, in an order in which references go back."""
    checks_references: bool
    """Whether it refuses a record that refers to one which is not there yet."""
    folds_names: bool
    """Whether names that differ in case only are equal to it."""

    def pages(self, kind: str, after: str | None) -> Iterator[Page]:
        """All records of a kind, in an order of its own, behind that place."""

    def load(self, kind: str, items: Sequence[Item]) -> dict[str, Document]:
        """What is stored of these records, by key; they are shown, for not every engine finds all by key."""

    def put(self, kind: str, items: Sequence[Item]) -> list[Refusal]:
        """Let these records be so, whatever is there of them; those that it refuses."""

    def passes_by(self, kind: str, document: Document) -> bool:
        """Whether it need not hold a record, for it has outlived itself."""
