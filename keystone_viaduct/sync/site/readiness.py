"""Which records of a set can be written now (PROTOCOL rules 4, 6, 7).

A record waits while a record that it needs is not there, while something still needs the record that it
deletes, or (at the hub, until it decides) while its name is held by a record that the set leaves alone. What
this site's tables can't hold does not wait: it is carried (:mod:`keystone_viaduct.sync.site.carrying`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keystone_viaduct.errors import StoreError
from keystone_viaduct.kinds.cacheable import uncacheable
from keystone_viaduct.kinds.raw import same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.external import Externals
from keystone_viaduct.sync.model import (
    CYCLE,
    NAME,
    QUARANTINED,
    REFERENCE,
    UNSTORABLE,
    Document,
    Pending,
    Reason,
    Record,
    Ref,
)
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carriednames import CarriedNames
from keystone_viaduct.sync.site.carrying import Carry, differing, referrers, unwritable
from keystone_viaduct.sync.site.claims import Claims
from keystone_viaduct.sync.site.content import for_tables, split_known
from keystone_viaduct.sync.site.external import OWNERS, is_evidence, is_shadow, shadow
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.invariants import Invariants
from keystone_viaduct.sync.site.needs import OWNING, Need, needs
from keystone_viaduct.sync.site.own import release
from keystone_viaduct.sync.site.reasons import REFERRED


class Readiness:
    """Works on the set of an apply until what is left can be written in one transaction."""

    def __init__(self, run: Applying) -> None:
        self.run = run
        self._records: dict[Ref, Record | None] = {}
        self._referrers: dict[Ref, list[Ref]] = {}
        self.invariants = Invariants(run)
        self.names = Claims(run.tx, code=True)
        self.carried_names = CarriedNames(self)
        self._fitting: dict[Ref, Document] = {}
        self._wanted: dict[Ref, tuple[Document, Externals, list[Need]]] = {}
        self._held: set[Ref] = set()
        self._losing: set[Ref] = set()
        self._clashes: dict[Ref, set[Claim]] = {}

    def reduce(self) -> None:
        """Carry what the tables can't hold, and move every other intent that can't be written yet to the
        waiting ones; either may cause others.
        """
        # Each is carried in part, then as a whole, or waits: what comes again and again is a fault of ours.
        tries = 0
        while tries <= 4 * (len(self.run.intents) + len(self.run.waiting)) + 4:
            tries, before = tries + 1, len(self.run.intents)
            blocked = (
                self._quarantined()
                or self._unstorable()
                or (
                    self._hindered()
                    | self._missing()
                    | self._referred()
                    | self._clashing()
                    | self.carried_names.clashing()
                    | self.invariants.unwritable()
                    | self.invariants.broken()
                )
            )
            if not blocked and len(self.run.intents) == before:
                return
            for ref, (reason, why) in blocked.items():
                self._block(self.run.intents[ref], reason, why)
        named = ", ".join(map(str, blocked))
        raise StoreError(
            f"of a page of {self.run.page.source} it can't be found out what to write: {named}",
            hint="please report this with the list of waiting records",
        )

    def _block(self, intent: Intent, reason: str, why: str) -> None:
        if why:
            self._carry(intent, reason, why)
            return
        del self.run.intents[intent.ref]
        if not intent.release:
            self.run.waiting[intent.ref] = Pending(self.run.page.source, intent.change, reason)

    def _carry(self, intent: Intent, reason: str, why: str) -> None:
        """Keep it beside its row: the fields in question, or (by a second obstacle) all that differ."""
        assert intent.content is not None
        row = self.run.rows.get(intent.ref)
        before = self.run.carried(intent)
        if row is None or intent.ref in self._losing:
            names = None
        else:
            content, _ = split_known(intent.content, self.run.tx.known_fields(intent.ref.kind))
            fits = self._fits(intent.ref, reason)
            names = frozenset(differing(row, content)) if before else unwritable(row, content, fits)
        if before is not None:
            reason, why = before.reason, before.why
        self.run.carry[intent.ref] = Carry(intent.content, reason, why, names)

    def _fits(self, ref: Ref, reason: str) -> Callable[[Document], bool]:
        """Whether a row may hold something, as far as this obstacle is concerned."""
        if reason == QUARANTINED:
            return lambda trial: False
        if reason == UNSTORABLE:
            return lambda trial: self.refusals(ref.kind, [(ref, trial)]) == [None]
        if reason == NAME:
            return lambda trial: self._clashes[ref].isdisjoint(self.names.folded(self.claims(ref, trial)))
        if reason == CYCLE:
            return lambda trial: self.invariants.fits(ref, trial)
        said = self.run.intents[ref].record.external
        return lambda trial: all(map(self._is_met, needs(ref, trial, said)))

    def alive(self, ref: Ref) -> bool:
        """Whether the record is there once the set is written."""
        intent = self.run.intents.get(ref)
        if intent is not None:
            return intent.content is not None
        record = self.local(ref)
        return record is not None and not record.deleted and not record.evicted and ref not in self._held

    def in_tables(self, ref: Ref) -> bool:
        """Whether the record has a row once the set is written."""
        intent = self.run.intents.get(ref)
        if intent is not None:
            return self.run.lands(intent) is not None
        record = self.local(ref)
        return record is not None and not record.rowless and self.alive(ref)

    def held(self, ref: Ref) -> bool:
        """Whether this site's row is gone, and a person has to say whether that was meant."""
        return self.run.any_held and ref in self._held and ref not in self.run.intents

    def satisfied(self, need: Need) -> bool:
        """Whether one of the records is there once the set is written, or none need be: the owner is external
        or Keystone asks for none, and nothing says that it is gone.
        """
        if any(self.alive(candidate) for candidate in need.any_of):
            return True
        owner = need.any_of[0]
        if not (need.may_be_external or need.unchecked) or self._is_seen_to_go(owner):
            return False
        return (
            need.unchecked or need.external or (is_shadow(self.local(owner)) and not self._is_to_come(owner))
        )

    def _is_to_come(self, ref: Ref) -> bool:
        """Whether a record waits here: what needs it waits with it."""
        return self.run.waits(ref) or ref in self.run.disputed

    def _is_seen_to_go(self, owner: Ref) -> bool:
        """Whether there is evidence that it was deleted. A spoke takes the word of the hub, the judge."""
        if not self.run.state.is_hub:
            return False
        intent = self.run.intents.get(owner)
        return is_evidence(self.local(owner)) if intent is None else intent.deletes and not _is_faint(intent)

    def claims(self, ref: Ref, content: Document) -> list[Claim]:
        """The unique values that this content claims; at a spoke only those that its database enforces."""
        return self.names.of(ref, content)

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
        found = [referrer for referrer in self._referrers[ref] if self._still_refers(referrer, ref)]
        if found and self._goes_as_a_shadow(ref):
            return self._bound(found, ref)
        if not self.run.state.is_hub:
            found = [referrer for referrer in found if not self._outlives(referrer, ref)]
        return found

    def _outlives(self, referrer: Ref, owner: Ref) -> bool:
        """At a spoke: the record says that its owner needs no row; if it goes, too, the hub says so."""
        record = self.local(referrer)
        return record is not None and any(found[:2] == owner for found in record.external)

    def holder(self, claim: Claim) -> Ref | None:
        """Who holds a unique value in the tables now."""
        return self.names.holder(claim)

    def _still_refers(self, referrer: Ref, target: Ref) -> bool:
        intent = self.run.intents.get(referrer)
        if intent is None:
            return True
        if intent.content is None:
            return False
        return any(target in need.any_of for need in needs(referrer, intent.content) if need.owning)

    def _bound(self, referrers: list[Ref], target: Ref) -> list[Ref]:
        """Those that don't outlive their owner's row, which was a shadow: a real foreign key refers to it."""
        unread = [ref for ref in referrers if ref not in self.run.intents]
        found = self.run.tx.documents(unread)
        found.update((ref, self.run.intents[ref].content or {}) for ref in referrers if ref not in unread)
        return [
            ref
            for ref, content in found.items()
            if any(target in n.any_of for n in needs(ref, content) if n.owning and not n.may_be_external)
        ]

    def _goes_as_a_shadow(self, target: Ref) -> bool:
        intent = self.run.intents.get(target)
        return intent is not None and intent.deletes and _is_faint(intent)

    def living(self) -> list[tuple[Intent, Document]]:
        """What is there once the set is written, each with its content."""
        return [(i, i.content) for i in self.run.intents.values() if i.content is not None]

    def _landing(self) -> list[tuple[Intent, Document]]:
        """Those that will have a row, with what it will hold."""
        pairs = ((intent, self.run.lands(intent)) for intent in self.run.intents.values())
        return [(intent, lands) for intent, lands in pairs if lands is not None]

    def _rests(self, ref: Ref, lands: Document) -> bool:
        """Whether the row stays as it is. What it has no column for is kept beside it anyway."""
        known, _ = split_known(lands, self.run.tx.known_fields(ref.kind))
        return same_documents(known, self.run.rows.get(ref))

    def _quarantined(self) -> dict[Ref, tuple[str, str]]:
        """What was found to fail when it is written."""
        quarantined = self.run.quarantined
        return {
            intent.ref: (QUARANTINED, quarantined[intent.ref])
            for intent, lands in (self._landing() if quarantined else ())
            if intent.ref in quarantined and not self._rests(intent.ref, lands)
        }

    def _unstorable(self) -> dict[Ref, tuple[str, str]]:
        """What this database can't hold would otherwise stop the whole set; with what Keystone could not read
        again it would serve nothing that holds it.
        """
        asked: dict[str, list[tuple[Intent, Document]]] = {}
        for intent, lands in self._landing():
            if self._fitting.get(intent.ref) is intent.content or self._rests(intent.ref, lands):
                continue
            asked.setdefault(intent.ref.kind, []).append((intent, lands))
        blocked: dict[Ref, tuple[str, str]] = {}
        for kind, pairs in asked.items():
            found = self.refusals(kind, [(intent.ref, lands) for intent, lands in pairs])
            for (intent, _), why in zip(pairs, found, strict=True):
                if why is not None:
                    blocked[intent.ref] = UNSTORABLE, why
                elif intent.content is not None:
                    self._fitting[intent.ref] = intent.content
        return blocked

    def refusals(self, kind: str, contents: Sequence[tuple[Ref, Document]]) -> list[str | None]:
        """Why this site can't hold each of these contents: its database, or the cache of its Keystone."""
        tx, rows = self.run.tx, self.run.rows
        known, defaults = tx.known_fields(kind), tx.defaults(kind)
        found = tx.refusals(kind, [for_tables(content, defaults, known) for _, content in contents])
        return [
            why or uncacheable(REGISTRY[kind], content, rows.get(ref))
            for why, (ref, content) in zip(found, contents, strict=True)
        ]

    def _missing(self) -> dict[Ref, tuple[str, str]]:
        wanted = {i.ref: self._needs(i, content) for i, content in self.living()}
        self._preload([ref for found in wanted.values() for need in found for ref in need.any_of])
        return {
            ref: (REFERENCE, "") for ref, found in wanted.items() if not all(self.satisfied(n) for n in found)
        }

    def _needs(self, intent: Intent, content: Document) -> list[Need]:
        """What it needs with this content, worked out once for the same one."""
        said, known = intent.record.external, self._wanted.get(intent.ref)
        if known is None or known[0] is not content or known[1] != said:
            known = self._wanted[intent.ref] = content, said, needs(intent.ref, content, said)
        return known[2]

    def _hindered(self) -> dict[Ref, tuple[str, str]]:
        """What needs a record that is here, but not in the tables."""
        wanted: dict[Ref, list[Need]] = {}
        for intent, lands in self._landing():
            row = self.run.rows.get(intent.ref)
            said = intent.record.external
            before = needs(intent.ref, row, said) if row is not None else []
            wanted[intent.ref] = [need for need in self._needs(intent, lands) if need not in before]
        self._preload([ref for found in wanted.values() for need in found for ref in need.any_of])
        return {
            ref: (REFERENCE, f"it needs {need}, which is not in this site's tables")
            for ref, found in wanted.items()
            for need in found
            if self.satisfied(need) and not self._is_met(need)
        }

    def _is_met(self, need: Need) -> bool:
        """In the tables; an external owner has no place there."""
        if any(self.in_tables(candidate) for candidate in need.any_of):
            return True
        return not any(map(self.alive, need.any_of)) and self.satisfied(need)

    def _referred(self) -> dict[Ref, tuple[str, str]]:
        """What something needs that stays; and what only has a row that needs what goes: that goes, too, and
        the record is carried as a whole.
        """
        dying = [i.ref for i in self.run.intents.values() if i.deletes and _is_missed(i)]
        self._preload_referrers(dying)
        blocked = {ref: (REFERRED, "") for ref in dying if self.living_referrers(ref)}
        for ref, target in self._rows_that_need(frozenset(dying) - blocked.keys()):
            if self._keeps_a_row(ref):
                blocked[target] = REFERRED, ""
                continue
            self._losing.add(ref)
            blocked[ref] = REFERENCE, f"its row names {target}, which is gone, and can't name another yet"
        for ref, target in self._rows_below(self._lost_rows()):
            self._losing.add(ref)
            blocked[ref] = REFERENCE, f"it needs {target}, which is not in this site's tables"
        return blocked

    def _keeps_a_row(self, ref: Ref) -> bool:
        """Whether a row that needs this one's, or one that needs that, can't go: its record waits."""
        seen, newest = {ref}, [ref]
        while newest:
            found = self.run.tx.referrers(newest, OWNING)
            newest = sorted({referrer for them in found.values() for referrer in them} - seen)
            self.run.look_for_waiting(newest)
            if any(self.run.waits(referrer) or referrer in self.run.put_aside for referrer in newest):
                return True
            seen.update(newest)
        return False

    def _lost_rows(self) -> frozenset[Ref]:
        """Rows that go, while their records stay and are carried."""
        found = (self.run.intents.get(ref) for ref in self._losing if ref in self.run.rows)
        return frozenset(i.ref for i in found if i is not None and self.run.lands(i) is None)

    def _rows_below(self, targets: frozenset[Ref]) -> list[tuple[Ref, Ref]]:
        """Rows that need one of these, and that one; those of which the page says nothing are taken in."""
        if not targets:
            return []
        found = self.run.tx.referrers(sorted(targets), OWNING)
        self._take_in([ref for them in found.values() for ref in them], whole=True)
        return [
            (intent.ref, target)
            for intent, lands in self._landing()
            for need in needs(intent.ref, lands)
            for target in need.any_of
            if target in targets and not any(map(self.in_tables, need.any_of))
        ]

    def _rows_that_need(self, targets: frozenset[Ref]) -> list[tuple[Ref, Ref]]:
        """Rows that go on saying what they said, beside what is carried of their records, and what each of
        them needs of these targets.
        """
        return [
            (intent.ref, target)
            for intent, lands in (self._landing() if targets else ())
            if self.run.carried(intent) is not None
            for need in needs(intent.ref, lands)
            for target in need.any_of
            if target in targets and not (need.may_be_external and self._goes_as_a_shadow(target))
        ]

    def _clashing(self) -> dict[Ref, tuple[str, str]]:
        """Names: held by someone who keeps it, or claimed twice within the set (the later waits)."""
        claimed: dict[Claim, Ref] = {}
        fresh: list[tuple[Intent, Claim, Claim]] = []
        for intent, before, mine in self._compared():
            for claim, folded in mine:
                if folded in before:
                    claimed[folded] = intent.ref
                else:
                    fresh.append((intent, claim, folded))
        self.names.load_holders(claim for _, claim, _ in fresh)
        blocked: dict[Ref, tuple[str, str]] = {}
        for intent, claim, folded in fresh:
            rival = claimed.setdefault(folded, intent.ref)
            holder = self.holder(claim)
            if holder is not None and holder != intent.ref and not self._gives_way(holder, claim):
                rival = holder
            if rival != intent.ref:
                self._clashes.setdefault(intent.ref, set()).add(folded)
                blocked[intent.ref] = NAME, self._why_carried(intent, rival, claim)
        return blocked

    def _compared(self) -> list[tuple[Intent, list[Claim], list[tuple[Claim, Claim]]]]:
        """What each row claims now, folded, and what it will claim, as it is and folded; in feed order."""
        landing = sorted(self._landing(), key=lambda pair: (pair[0].release, pair[0].change.seq))
        rows = [(intent, self.run.rows.get(intent.ref), lands) for intent, lands in landing]
        claims = [
            (i, self.claims(i.ref, row) if row is not None else [], self.claims(i.ref, lands))
            for i, row, lands in rows
        ]
        self.names.learn(claim for _, before, mine in claims for claim in (*before, *mine))
        return [
            (intent, self.names.folded(before), list(zip(mine, self.names.folded(mine), strict=True)))
            for intent, before, mine in claims
        ]

    def _why_carried(self, intent: Intent, rival: Ref, claim: Claim) -> str:
        """In words, where a clash is not to be decided: by a spoke, for what the hub itself carries, and for
        a value that only the hub's database takes for the other's, and that can't be changed (a key).
        """
        if self.run.state.is_hub and not intent.release:
            if self.is_to_be_decided(rival, claim):
                return ""
        return f"{rival} has what this site takes for the same {claim.constraint}"

    def is_to_be_decided(self, rival: Ref, claim: Claim) -> bool:
        """At the hub: whether a clash with that record is one to decide, and not one of keys that only its
        database takes for equal: then the second is carried.
        """
        return self.can_rename(claim) or self._is_exact(rival, claim)

    def can_rename(self, claim: Claim) -> bool:
        """Whether another value in the kind's one field for names makes an end of the clash."""
        rename = REGISTRY[claim.kind].rename
        return rename is not None and rename.field in self._fields(claim)

    def _is_exact(self, rival: Ref, claim: Claim) -> bool:
        """Whether the other record's value is the very same, and would clash anywhere.

        Its row says which one, or what is carried if it will have none.
        """
        intent = self.run.intents.get(rival)
        content = (self.run.lands(intent) or intent.content) if intent is not None else None
        if content is None:
            content = self.run.tx.documents([rival]).get(rival, {})
        return claim in self.claims(rival, content)

    def gives_way(self, rival: Ref, claim: Claim) -> bool:
        """Whether the set takes the value from the record that has it."""
        other = self.run.intents.get(rival)
        if other is None:
            return False
        lands = self.run.lands(other)
        return lands is None or not self.names.has(self.claims(rival, lands), claim)

    def _gives_way(self, holder: Ref, claim: Claim) -> bool:
        if not self.gives_way(holder, claim):
            return False
        other = self.run.intents[holder]
        # What is deleted gives its names up by itself, and is deleted last, so that no row is left that
        # refers to it; only for its key it has to go before what takes that.
        if self.run.lands(other) is not None or self._fields(claim) == REGISTRY[claim.kind].key:
            other.vacate = True
        return True

    def _fields(self, claim: Claim) -> tuple[str, ...]:
        naturals = {
            natural.name: natural.fields
            for natural in (*REGISTRY[claim.kind].natural, *self.run.tx.enforced(claim.kind))
        }
        return naturals[claim.constraint]

    def preload(self, refs: list[Ref]) -> None:
        """Read this site's records in one go, to be asked for with :meth:`local`."""
        self._preload(refs)

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
        self.run.look_for_waiting(refs)

    def _preload_referrers(self, refs: list[Ref]) -> None:
        unknown = [ref for ref in refs if ref not in self._referrers]
        if unknown:
            found = referrers(self.run.tx, unknown, OWNING)
            self._referrers.update((ref, found.get(ref, [])) for ref in unknown)
            self._take_in([referrer for those in found.values() for referrer in those])

    def _take_in(self, refs: list[Ref], *, whole: bool = False) -> None:
        """Look once more at what is carried beside these rows: the record may not need what its row does.
        ``whole``: at all of them, for their rows may have to go.
        """
        self._preload(refs)
        busy = {*self.run.intents, *self.run.put_aside}
        records = [self.local(ref) for ref in refs if ref not in busy and not self.run.waits(ref)]
        there = [record for record in records if record is not None and not record.rowless]
        release(self.run, [r for r in there if whole or r.carried is not None])


def _is_faint(intent: Intent) -> bool:
    """Whether a deletion says nothing about the user whose row goes: it was a shadow, or never accepted.

    What a tombstone says of itself counts as merged: the living record here may show that it was none.
    """
    lives = not intent.change.deleted and shadow(intent.change)
    return bool(is_shadow(intent.record) or shadow(intent.record) or lives) or intent.hollow


def _is_missed(intent: Intent) -> bool:
    """Whether something may refer to it still: only an owner can be referred to without a row."""
    return intent.old is not None or intent.ref.kind in OWNERS
