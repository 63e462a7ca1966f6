"""Which records of a set can be written now (PROTOCOL rules 4, 6, 7).

A record waits while a record that it needs is not there, while something still needs the record that it
deletes, or
while its name is held by a record that the set leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Pending, Reason, Record, Ref
from keystone_viaduct.sync.ports import Claim, Tables
from keystone_viaduct.sync.site.content import for_tables
from keystone_viaduct.sync.site.intent import Intent

if TYPE_CHECKING:
    from keystone_viaduct.sync.site.applying import Applying

#: Reasons of a wait.
REFERENCE, REFERRED, NAME, UNSTORABLE = "reference", "referred", "name", "unstorable"
#: At the hub: another site has yet to show what a spoke tells of it; where it belongs is not known yet.
UNPROVEN, UNPLACED = "unproven", "unplaced"
#: Put aside by a start over, until the source shows it again or its head is reached without it.
ASIDE = "aside"
#: Concurrent with what a spoke has: until the hub has decided, and knowledge does not include it before.
CONFLICT = "conflict"
#: At the hub: its own row is gone where no trigger saw it, and nobody knows yet whether that was meant.
LOST = "lost"
#: What is not tried anew with every page.
PASSIVE = frozenset({ASIDE, CONFLICT})
OWNING = frozenset({Mode.OWNING})


class Need(NamedTuple):
    """One of ``any_of`` must be there; ``owning`` says that without it the record goes, too."""

    any_of: tuple[Ref, ...]
    owning: bool

    def __str__(self) -> str:
        return str(self.any_of[0])


def needs(ref: Ref, content: Document) -> list[Need]:
    """The records without which this one may not be there, or can't (a real foreign key)."""
    return [
        Need(
            (Ref(found.kind, found.key), *(Ref(kind, found.key) for kind in found.alternatives)),
            found.mode is Mode.OWNING,
        )
        for found in REGISTRY[ref.kind].references_of(content)
        if found.mode is Mode.OWNING or found.hard
    ]


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
        self._fitting: set[Ref] = set()
        self._held: set[Ref] = set()

    def reduce(self) -> None:
        """Move every intent that can't be written yet to the waiting ones; a wait may cause others."""
        while True:
            blocked = self._unstorable() | self._missing() | self._referred() | self._clashing()
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
        return record is not None and not record.deleted and not record.evicted and ref not in self._held

    def held(self, ref: Ref) -> bool:
        """Whether this site's row is gone, and a person has to say whether that was meant."""
        return self.run.any_held and ref in self._held and ref not in self.run.intents

    def satisfied(self, need: Need) -> bool:
        """Whether one of the records is there once the set is written."""
        return any(self.alive(candidate) for candidate in need.any_of)

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
        return any(target in need.any_of for need in needs(referrer, intent.content) if need.owning)

    def _living(self) -> list[tuple[Intent, Document]]:
        return [(i, i.content) for i in self.run.intents.values() if i.content is not None]

    def _unstorable(self) -> dict[Ref, str]:
        """What this database can't hold would otherwise stop the whole set."""
        fresh = [pair for pair in self._living() if pair[0].ref not in self._fitting]
        self._fitting.update(intent.ref for intent, _ in fresh)
        return {
            intent.ref: UNSTORABLE
            for intent, content in fresh
            if content != intent.old and self.refusal(intent, content) is not None
        }

    def refusal(self, intent: Intent, content: Document) -> str | None:
        """Why this site's database can't hold that content."""
        tx, kind = self.run.tx, intent.ref.kind
        return tx.refusal(kind, for_tables(content, tx.defaults(kind), tx.known_fields(kind)))

    def _missing(self) -> dict[Ref, str]:
        wanted = {intent.ref: needs(intent.ref, content) for intent, content in self._living()}
        self._preload([ref for found in wanted.values() for need in found for ref in need.any_of])
        return {ref: REFERENCE for ref, found in wanted.items() if not all(self.satisfied(n) for n in found)}

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
        if refs and self.run.any_held:
            held = self.run.tx.held_of(refs).values()
            self._held.update(item.ref for item in held if item.reason is Reason.MISSING)
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
