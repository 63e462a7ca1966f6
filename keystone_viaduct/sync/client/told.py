"""What the sites of a fleet have told of what the hub has signed, so that none of them need tell it again.

A statement names all full sites, and a charter all limited ones: where there are a thousand, that is far more
than what most pages bring. Both are found by the statement's digest, so that whoever told them they are the
same. Each site has places of its own here: what one tells drops nothing that another has told.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.statement import Lineage, Statement, is_signed_charter, statement_digest

#: Statements of which a site is told that they are known.
NAMED = 8


class Signed(NamedTuple):
    """A statement and the charter that it has the digests of; None where there is none."""

    statement: Statement
    charter: Charter | None


@dataclass(slots=True)
class _Kept:
    """``by``: from how many places it is told. ``signed`` once its charter was told, too."""

    statement: Statement
    by: int = 0
    signed: Signed | None = None


class Told:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], frozenset[str]] = {}
        self._kept: dict[str, _Kept] = {}

    def signed(self, digest: str) -> Signed | None:
        """The statement of that digest and its charter, if any site has told both."""
        with self._lock:
            kept = self._kept.get(digest)
            return kept.signed if kept is not None else None

    def known(self) -> dict[str, Statement]:
        """The statements that most sites tell, by their digests: nobody need tell these again."""
        with self._lock:
            most = heapq.nlargest(NAMED, self._kept, key=lambda digest: self._kept[digest].by)
            return {digest: self._kept[digest].statement for digest in most}

    def page(self, site: str, statement: Statement, charter: Charter | None) -> None:
        """A page of that site has brought these. They are not kept if they do not belong together."""
        digest = statement_digest(statement)
        if self._places.get((site, "page"), frozenset()) == {digest}:
            return
        if is_signed_charter(statement.terms, charter or Charter()):
            self._put((site, "page"), [statement], Signed(statement, charter))

    def lineage(self, site: str, lineage: Lineage) -> None:
        """That site has told these."""
        self._put((site, "lineage"), lineage)

    def _put(
        self, place: tuple[str, str], statements: Iterable[Statement], signed: Signed | None = None
    ) -> None:
        """In that place stand these now, and nothing else; what stands in none is forgotten."""
        told = {statement_digest(statement): statement for statement in statements}
        with self._lock:
            before = self._places.get(place, frozenset())
            for digest in told.keys() - before:
                self._kept.setdefault(digest, _Kept(told[digest])).by += 1
            for digest in before - told.keys():
                self._kept[digest].by -= 1
                if not self._kept[digest].by:
                    del self._kept[digest]
            self._places[place] = frozenset(told)
            if signed is not None:
                self._kept[statement_digest(signed.statement)].signed = signed
