"""What a spoke has done to one record, and what may stand against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.sync.model import Document, Ref


@dataclass(frozen=True, slots=True)
class Act:
    """``old`` is the hub's content (None: not there), ``new`` what the spoke wants (None: deleted).

    ``changed``: the fields that the spoke has written, also where the value is the same as before.
    """

    ref: Ref
    old: Document | None
    new: Document | None
    changed: frozenset[str]

    @property
    def contents(self) -> list[Document]:
        """Both contents, as far as there are any: a delegation is asked about each."""
        return [content for content in (self.old, self.new) if content is not None]

    @property
    def creates(self) -> bool:
        """Whether the record was not there."""
        return self.old is None

    @property
    def deletes(self) -> bool:
        """Whether the record goes away."""
        return self.new is None

    def values(self, field: str) -> list[str]:
        """What the field holds before and after, None left out."""
        found = [content.get(field) for content in self.contents]
        return [str(value) for value in dict.fromkeys(map(_text, found)) if value is not None]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class Problem(NamedTuple):
    """Why an act is not delegated; ``missing``: it may be, once that record is here."""

    why: str
    missing: Ref | None = None
