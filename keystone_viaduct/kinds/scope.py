"""Which domain a record belongs to, directly or through another record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .value import JSON, Document, key_part

ScopeResult: TypeAlias = "tuple[str, str] | tuple[str, str, str] | None"
"""("domain", domain id), ("via", kind, key) or None for what belongs to no domain and goes everywhere."""


@dataclass(frozen=True, slots=True)
class Step:
    """Take ``field``, when it holds something: a domain id, or the key of a record of kind ``via``."""

    field: str
    via: str = ""
    when: tuple[str, frozenset[JSON]] | None = None

    def describe(self) -> str:
        """The step in words, for listings."""
        return f"{self.via} {self.field}" if self.via else self.field


@dataclass(frozen=True, slots=True)
class Scope:
    """The first step that has a value decides; without any, the record belongs to no domain."""

    steps: tuple[Step, ...] = ()

    def of(self, document: Document) -> ScopeResult:
        """The scope of ``document``."""
        for step in self.steps:
            value = document.get(step.field)
            if value is None or (step.when and document.get(step.when[0]) not in step.when[1]):
                continue
            return ("via", step.via, key_part(value)) if step.via else ("domain", str(value))
        return None

    def describe(self) -> str:
        """The rule in words: "domain_id", "via user user_id", "none"."""
        return " or ".join(f"via {s.describe()}" if s.via else s.describe() for s in self.steps) or "none"


def by_domain(field: str = "domain_id") -> Scope:
    """A record that names its domain itself."""
    return Scope((Step(field),))


def via(kind: str, field: str) -> Scope:
    """A record that belongs where another one does."""
    return Scope((Step(field, kind),))


NOWHERE = Scope()
