"""Which records of a set can be written now (PROTOCOL rules 4, 6, 7).

A record waits while a record that it needs is not there, while something still needs the record that it
deletes, or
while its name is held by a record that the set leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.reference import ALTERNATIVES
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Pending, Record, Ref
from keystone_viaduct.sync.ports import Claim, Tables
from keystone_viaduct.sync.site.intent import Intent

if TYPE_CHECKING:
    from keystone_viaduct.sync.site.apply import Applying

#: Reasons of a wait.
REFERENCE, REFERRED, NAME = "reference", "referred", "name"
#: Put aside by a start over, until the source shows it again or its head is reached without it.
ASIDE = "aside"
OWNING = frozenset({Mode.OWNING})


def needs(ref: Ref, content: Document) -> list[Ref]:
    """The records without which this one may not be there."""
    return [
        Ref(found.kind, found.key)
        for found in REGISTRY[ref.kind].references_of(content)
        if found.mode is Mode.OWNING
    ]


def alternatives(ref: Ref) -> list[Ref]:
    """The record itself, and what may stand in its place: an LDAP user is only an id_mapping, a domain is a
    project.
    """
    return [ref, *(Ref(kind, ref.key) for kind in ALTERNATIVES.get(ref.kind, ()))]


def claims_of(tables: Tables, ref: Ref, content: Document) -> list[Claim]:
    """The unique values that this content claims and the database enforces."""
    full = {**tables.defaults(ref.kind), **content}
    return [
        Claim(ref.kind, natural.name, natural.values)
        for natural in REGISTRY[ref.kind].natural_keys_of(full)
        if natural.enforced
    ]


class Readiness:
    """Works on the set of an apply until what is left can be written in one transaction."""

    def __init__(self, run: Applying) -> None:
        self.run = run
        self._records: dict[Ref, Record | None] = {}
        self._referrers: dict[Ref, list[Ref]] = {}
        self._holders: dict[Claim, Ref | None] = {}

    def reduce(self) -> None:
        """Move every intent that can't be written yet to the waiting ones; a wait may cause others."""
        while True:
            blocked = self._missing() | self._referred() | self._clashing()
            if not blocked:
                return
            for ref, reason in blocked.items():
                intent = self.run.intents.pop(ref)
                self.run.waiting[ref] = Pending(self.run.page.source, intent.change, reason)

    def alive(self, ref: Ref) -> bool:
        """Whether the record is there once the set is written."""
        intent = self.run.intents.get(ref)
        if intent is not None:
            return intent.content is not None
        record = self.local(ref)
        return record is not None and not record.deleted

    def present(self, ref: Ref) -> bool:
        """Whether a reference to this record is satisfied once the set is written."""
        return any(self.alive(candidate) for candidate in alternatives(ref))

    def claims(self, ref: Ref, content: Document) -> list[Claim]:
        """The unique values that this content claims and the database enforces."""
        return claims_of(self.run.tx, ref, content)

    def local(self, ref: Ref) -> Record | None:
        """This site's record, from memory or read."""
        if ref in self.run.records:
            return self.run.records[ref]
        if ref not in self._records:
            self._preload([ref])
        return self._records[ref]

    def living_referrers(self, ref: Ref) -> list[Ref]:
        """Records that still refer to this one by an owning reference once the set is written."""
        if ref not in self._referrers:
            self._preload_referrers([ref])
        return [found for found in self._referrers[ref] if self._still_refers(found, ref)]

    def holder(self, claim: Claim) -> Ref | None:
        """Who holds a unique value in the tables now."""
        if claim not in self._holders:
            self._preload_holders([claim])
        return self._holders[claim]

    def _still_refers(self, referrer: Ref, target: Ref) -> bool:
        intent = self.run.intents.get(referrer)
        if intent is None:
            return True
        if intent.content is None:
            return False
        return any(target in alternatives(needed) for needed in needs(referrer, intent.content))

    def _living(self) -> list[tuple[Intent, Document]]:
        return [(i, i.content) for i in self.run.intents.values() if i.content is not None]

    def _missing(self) -> dict[Ref, str]:
        wanted = {intent.ref: needs(intent.ref, content) for intent, content in self._living()}
        self._preload([other for refs in wanted.values() for ref in refs for other in alternatives(ref)])
        return {
            ref: REFERENCE
            for ref, targets in wanted.items()
            if not all(self.present(target) for target in targets)
        }

    def _referred(self) -> dict[Ref, str]:
        dying = [i.ref for i in self.run.intents.values() if i.deletes and i.old is not None]
        self._preload_referrers(dying)
        return {ref: REFERRED for ref in dying if self.living_referrers(ref)}

    def _clashing(self) -> dict[Ref, str]:
        """Names: held by someone who keeps it, or claimed twice within the set (the later waits)."""
        claimed: dict[Claim, Ref] = {}
        fresh: list[tuple[Intent, Claim]] = []
        blocked: dict[Ref, str] = {}
        for intent, content in sorted(self._living(), key=lambda pair: pair[0].change.seq):
            mine = self.claims(intent.ref, content)
            before = self.claims(intent.ref, intent.old) if intent.old is not None else []
            for claim in mine:
                if claimed.setdefault(claim, intent.ref) != intent.ref:
                    blocked[intent.ref] = NAME
                if claim not in before:
                    fresh.append((intent, claim))
        self._preload_holders([claim for _, claim in fresh])
        for intent, claim in fresh:
            holder = self._holders[claim]
            if holder is not None and holder != intent.ref and not self._gives_way(holder, claim):
                blocked[intent.ref] = NAME
        return blocked

    def _gives_way(self, holder: Ref, claim: Claim) -> bool:
        other = self.run.intents.get(holder)
        if other is None:
            return False
        if other.content is None:
            return True
        if claim in self.claims(holder, other.content):
            return False
        other.vacate = True
        return True

    def _preload(self, refs: list[Ref]) -> None:
        unknown = list(
            dict.fromkeys(
                ref
                for ref in refs
                if ref not in self._records and ref not in self.run.records and ref not in self.run.intents
            )
        )
        if unknown:
            found = self.run.tx.records(unknown)
            self._records.update((ref, found.get(ref)) for ref in unknown)
        for ref in refs:
            if ref not in self.run.records:
                self._records.setdefault(ref, None)

    def _preload_referrers(self, refs: list[Ref]) -> None:
        unknown = [ref for ref in refs if ref not in self._referrers]
        if unknown:
            found = self.run.tx.referrers(unknown, OWNING)
            self._referrers.update((ref, found.get(ref, [])) for ref in unknown)

    def _preload_holders(self, claims: list[Claim]) -> None:
        unknown = list(dict.fromkeys(claim for claim in claims if claim not in self._holders))
        if unknown:
            found = self.run.tx.holders(unknown)
            self._holders.update((claim, found.get(claim)) for claim in unknown)
