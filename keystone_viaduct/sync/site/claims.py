"""Names and other unique values: who claims which, and which of them are equal.

Whether two are equal is for the site's database to say (``Tables.folded``), within a page as against its
tables: to one, Auditor and auditor are two names, to another they are one.
"""

from __future__ import annotations

from collections.abc import Iterable

from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Claim, Tables


def claims_of(tables: Tables, ref: Ref, content: Document, *, code: bool = False) -> list[Claim]:
    """The unique values that this content claims and the database enforces; with ``code`` also those that
    Keystone's code alone looks after, and by which the hub unites records.
    """
    full = {**tables.defaults(ref.kind), **content}
    return [
        Claim(ref.kind, found.name, found.values)
        for natural in (*tables.enforced(ref.kind), *(_in_code(ref.kind) if code else ()))
        for found in natural.of(full)
    ]


def _in_code(kind: str) -> list[NaturalKey]:
    return [natural for natural in REGISTRY[kind].natural if natural.unites and not natural.enforced]


class Claims:
    """What a set of records claims, and who holds that in the tables; asked in batches and remembered."""

    def __init__(self, tables: Tables, *, code: bool = False) -> None:
        self._tables = tables
        self._code = code
        self._folded: dict[Claim, Claim] = {}
        self._holders: dict[Claim, Ref | None] = {}

    def of(self, ref: Ref, content: Document) -> list[Claim]:
        """The unique values that this content claims."""
        return claims_of(self._tables, ref, content, code=self._code)

    def learn(self, claims: Iterable[Claim]) -> None:
        """Ask how the database compares them, as many as there are at once."""
        unknown = [claim for claim in dict.fromkeys(claims) if claim not in self._folded]
        if unknown:
            self._folded.update(self._tables.folded(unknown))

    def folded(self, claims: Iterable[Claim]) -> list[Claim]:
        """Each as the database compares it."""
        wanted = list(claims)
        self.learn(wanted)
        return [self._folded[claim] for claim in wanted]

    def has(self, claims: Iterable[Claim], claim: Claim) -> bool:
        """Whether one of ``claims`` is equal to the other for the database."""
        mine = self.folded([claim, *claims])
        return mine[0] in mine[1:]

    def load_holders(self, claims: Iterable[Claim]) -> None:
        """Find out who holds them in the tables, as many as there are at once."""
        unknown = [claim for claim in dict.fromkeys(claims) if claim not in self._holders]
        if unknown:
            found = self._tables.holders(unknown)
            self._holders.update((claim, found.get(claim)) for claim in unknown)

    def holder(self, claim: Claim) -> Ref | None:
        """Who holds a unique value in the tables now."""
        self.load_holders([claim])
        return self._holders[claim]
