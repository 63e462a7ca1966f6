"""Names of records that the hub only carries: nobody's row tells that they are taken (PROTOCOL rules 5, 6).

Two sites may each make a role whose name the hub's tables can't hold. Where they can, it is one name too
many; so it is the hub that decides, as of any clash, by the very value and not by what its database makes of
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from keystone_viaduct.sync.model import NAME, Document, Ref
from keystone_viaduct.sync.naming import value_of
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.claims import Claims
from keystone_viaduct.sync.site.content import contents
from keystone_viaduct.sync.site.intent import Intent


class Planned(Protocol):
    """What the set of an apply comes to (``sync.site.readiness``), as far as names are concerned."""

    run: Applying
    names: Claims

    def living(self) -> list[tuple[Intent, Document]]:
        """What is there once the set is written, each with its content."""
        ...

    def claims(self, ref: Ref, content: Document) -> list[Claim]:
        """The unique values that this content claims."""
        ...

    def holder(self, claim: Claim) -> Ref | None:
        """Who holds a unique value in the tables now."""
        ...

    def gives_way(self, rival: Ref, claim: Claim) -> bool:
        """Whether the set takes this value from its holder."""
        ...

    def is_to_be_decided(self, rival: Ref, claim: Claim) -> bool:
        """Whether the hub has to decide who keeps the value."""
        ...


class CarriedNames:
    """Who claims a value in what the hub carries; asked in batches and remembered."""

    def __init__(self, planned: Planned) -> None:
        self._planned = planned
        self._run = planned.run
        self._holders: dict[Claim, Ref | None] = {}

    def clashing(self) -> dict[Ref, tuple[str, str]]:
        """At the hub: what claims a value that another one has, where one of the two has no row for it."""
        if not self._run.state.is_hub or not self._are_any():
            return {}
        claimed: dict[Claim, Ref] = {}
        fresh: list[tuple[Intent, Claim]] = []
        apart: set[Claim] = set()
        for intent, content in self._in_order():
            mine, landed, before = self._claims(intent, content)
            apart |= mine - landed
            for claim in sorted(mine):
                claimed.setdefault(claim, intent.ref)
            if not intent.release:
                fresh += [(intent, claim) for claim in sorted(mine - before)]
        self._load(claim for _, claim in fresh)
        self._planned.names.load_holders(claim for _, claim in fresh if claim in apart)
        blocked: dict[Ref, tuple[str, str]] = {}
        for intent, claim in fresh:
            rival = claimed[claim] if claim in apart else intent.ref
            if rival == intent.ref:
                rival = self.holder(claim) or (self._in_tables(claim) if claim in apart else None) or rival
            if rival != intent.ref and self._planned.is_to_be_decided(rival, claim):
                blocked[intent.ref] = NAME, ""
        return blocked

    def holder(self, claim: Claim) -> Ref | None:
        """The record outside of the set that claims this very value, and is only carried with it."""
        self._load([claim])
        found = self._holders[claim]
        return None if found in self._run.intents else found

    def _are_any(self) -> bool:
        return bool(self._run.carry) or self._run.tx.carries()

    def _in_order(self) -> list[tuple[Intent, Document]]:
        """What is here already comes first."""
        return sorted(self._planned.living(), key=lambda pair: (not pair[0].release, pair[0].change.seq))

    def _claims(self, intent: Intent, content: Document) -> tuple[set[Claim], set[Claim], set[Claim]]:
        """What it claims, what of that its row will have, and what its row has had."""
        lands, row = self._run.lands(intent), self._run.rows.get(intent.ref)
        found = [
            set(self._planned.claims(intent.ref, document)) if document is not None else set[Claim]()
            for document in (content, lands, row)
        ]
        return found[0], found[1], found[2]

    def _in_tables(self, claim: Claim) -> Ref | None:
        """Whose row has this very value, and keeps it."""
        found = self._planned.holder(claim)
        if found is None or self._planned.gives_way(found, claim):
            return None
        row = self._run.tx.documents([found]).get(found, {})
        return found if claim in self._planned.claims(found, row) else None

    def _load(self, claims: Iterable[Claim]) -> None:
        asked = {value_of(claim): claim for claim in claims if claim not in self._holders}
        self._holders.update(dict.fromkeys(asked.values()))
        records = {r.ref: r for r in (self._run.tx.carried_naming(list(asked)) if asked else ())}
        wanted = set(asked.values())
        for ref, content in contents(self._run.tx, list(records), records).items():
            for claim in wanted.intersection(self._planned.claims(ref, content)):
                if self._holders[claim] is None:
                    self._holders[claim] = ref
