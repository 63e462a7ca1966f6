"""The state of one apply: what each incoming change is here, and what is meant to be done with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from keystone_viaduct.kinds.registry import GRANTS, TWINNED
from keystone_viaduct.sync.model import (
    CONFLICT,
    DELETED,
    IN,
    JOIN_SITE,
    OUT,
    Change,
    Conflict,
    Document,
    Dot,
    Page,
    Pending,
    Record,
    Ref,
    SiteState,
    newest_stamp,
    origin_of,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site import merge
from keystone_viaduct.sync.site.admission import AdmissionCheck
from keystone_viaduct.sync.site.carrying import PASSING, Carry, landing
from keystone_viaduct.sync.site.external import merged, said_by_both
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.isolating import Quarantine
from keystone_viaduct.sync.site.lacking import completed
from keystone_viaduct.sync.site.merged import is_merged
from keystone_viaduct.sync.site.nonce import new_identifier
from keystone_viaduct.sync.site.reasons import LOST
from keystone_viaduct.sync.site.scope import evicted_by_its_maker, has_past
from keystone_viaduct.sync.site.verdict import Verdict, judge

PolicyFor = Callable[[str, str | None], str]


@dataclass
class Applying:
    """The state of one apply while its set is being worked out."""

    tx: Transaction
    state: SiteState
    page: Page
    now: int
    policy_for: PolicyFor
    records: dict[Ref, Record] = field(default_factory=dict)
    contents: dict[Ref, Document] = field(default_factory=dict)
    rows: dict[Ref, Document] = field(default_factory=dict)
    intents: dict[Ref, Intent] = field(default_factory=dict)
    waiting: dict[Ref, Pending] = field(default_factory=dict)
    aside: dict[Ref, Change] = field(default_factory=dict)
    disputed: dict[Ref, Pending] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    refused: list[Ref] = field(default_factory=list)
    known: int = 0
    merged: int = 0
    trial: AdmissionCheck | None = None
    any_held: bool = False
    scopes: dict[Ref, str | None] = field(default_factory=dict)
    aliases: dict[Ref, str] = field(default_factory=dict)
    carry: dict[Ref, Carry] = field(default_factory=dict)
    releasing: frozenset[str] = PASSING
    stored: dict[Ref, Pending] = field(default_factory=dict)
    unread: int = 0
    looked_for: dict[Ref, bool] = field(default_factory=dict)
    newly_carried: dict[Ref, str] = field(default_factory=dict)
    quarantined: dict[Ref, str] = field(default_factory=dict)
    put_aside: dict[Ref, str] = field(default_factory=dict)
    choices: dict[Ref, str] = field(default_factory=dict)

    def put(self, quarantine: Mapping[Ref, Quarantine]) -> Applying:
        """With what is known to fail put aside; returns itself."""
        for ref, found in quarantine.items():
            (self.put_aside if found.whole else self.quarantined)[ref] = found.why
        return self

    @property
    def source_origin(self) -> str:
        """The name of the source's own edits."""
        return origin_of(self.page.source, self.page.upto.incarnation)

    def next_dot(self) -> Dot:
        """A new feed position of this site, as a dot."""
        self.state = replace(self.state, head=self.state.head + 1)
        return Dot(self.state.origin, self.state.head)

    def waits(self, ref: Ref) -> bool:
        """Whether something of the record waits from the page's source, be it unread."""
        if self.unread and ref not in self.looked_for:
            self.look_for_waiting([ref])
        return ref in self.waiting or self.looked_for.get(ref, False)

    def look_for_waiting(self, refs: Collection[Ref]) -> None:
        """Ask in one go for which of these something waits that was left unread."""
        if not self.unread:
            return
        open_ = [ref for ref in refs if ref not in self.looked_for and ref not in self.stored]
        found = {e.change.ref for e in self.tx.pending_about(open_) if e.source == self.page.source}
        self.looked_for.update((ref, ref in found) for ref in open_)

    def policy(self, kind: str, scope: str | None) -> str:
        """The conflict policy: the charter's rule, else the hub's own setting."""
        return self.state.charter.policy_for(kind, scope, self.policy_for(kind, scope))

    def carried(self, intent: Intent) -> Carry | None:
        """What is not to be written of an intent, as its content is now."""
        carry = self.carry.get(intent.ref)
        return carry if carry is not None and carry.content is intent.content else None

    def lands(self, intent: Intent) -> Document | None:
        """What the row of an intent will hold; None if there will be none."""
        if intent.content is None:
            return None
        return landing(intent.content, self.rows.get(intent.ref), self.carried(intent))

    def chosen_policy(self, ref: Ref) -> str | None:
        """The policy that an operator has chosen for a record of a site that joins; None of any other."""
        choice = self.choices.get(ref)
        if choice is None or ref.kind in GRANTS:
            return None
        return f"spoke:{self.page.source}" if choice == JOIN_SITE else "hub"

    def intent_for(self, change: Change) -> Intent | None:
        """What this site makes of a change; None if it is known here, or shown to the hub once more by a
        spoke.
        """
        local = self.records.get(change.ref)
        if not self.state.coverage.holds(change.ref.kind, change.scope):
            return self._outside(local, change)
        strange = change.border == IN or not self.state.covered.holds(change.ref.kind, change.scope)
        verdict = judge(local, change, self.state.knows(change.ref), was_outside=strange)
        if verdict is Verdict.ZOMBIE and evicted_by_its_maker(self.state, change):
            return self._keep(change)
        if self._is_doubtful(verdict, local, change):
            self.waiting[change.ref] = Pending(self.page.source, change, LOST)
            return None
        if verdict is Verdict.ACCEPT and self._was_united(local, change):
            return self._decide(local, change)
        if verdict is Verdict.ACCEPT:
            return self._bury(change) if self._buried_before(local, change) else self._accept(change)
        if verdict is Verdict.ZOMBIE:
            return self._bury(change)
        if verdict is Verdict.KNOWN or local is None:
            self._known(local, change)
            return None
        if self.state.is_hub:
            return self._decide(local, change)
        # A spoke decides nothing: it keeps its own and shows it to the hub once more.
        self.records[change.ref] = replace(local, seq=self.next_dot().seq, learned_from=None)
        self.tx.save_records([self.records[change.ref]])
        self.refused.append(change.ref)
        self.waiting[change.ref] = Pending(self.page.source, change, CONFLICT)
        return None

    def has_lost(self, local: Record | None) -> TypeGuard[Record]:
        """At the hub: whether the row of a living record is gone, and nobody has said yet that it should."""
        if local is None or local.deleted or local.evicted or not self.state.is_hub:
            return False
        return local.ref not in self.contents

    def _was_united(self, local: Record | None, change: Change) -> TypeGuard[Record]:
        """At the hub: whether a lost life of it has united a record that lives here with another one.

        This life may have done so the other way round; nobody has deleted what is left.
        """
        if not self.state.is_hub or local is None or local.deleted or change.ref.kind not in TWINNED:
            return False
        return change.deleted and not change.fields[DELETED].dot.seq

    def _is_doubtful(self, verdict: Verdict, local: Record | None, change: Change) -> bool:
        """Whether a change has to wait until it is known what became of the hub's own row."""
        if not self.has_lost(local) or not local.version:
            return False
        return verdict is Verdict.CONCURRENT or (verdict is Verdict.ACCEPT and not change.deleted)

    def _known(self, local: Record | None, change: Change) -> None:
        """Nothing new, but the hub may know better where the record belongs."""
        self.known += 1
        if local is None or self.state.is_hub or local.version != change.version:
            return
        if local.scope != change.scope and not local.evicted:
            self.records[change.ref] = replace(local, scope=change.scope)
            self.tx.save_records([self.records[change.ref]])

    def _outside(self, local: Record | None, change: Change) -> Intent | None:
        """This site does not hold it (any more). What it has of it is shown to the hub, and then evicted."""
        self.known += 1
        if local is None or local.deleted or local.evicted:
            return None
        if change.deleted and change.version.covers(local.version):
            return self._accept(change)
        if self.state.coverage.holds(local.ref.kind, local.scope):
            scope = change.scope if change.border == OUT else local.scope
            moved = replace(local, scope=scope, seq=self.next_dot().seq, learned_from=None)
            self.records[change.ref] = moved
            self.tx.save_records([moved])
        return None

    def _keep(self, change: Change) -> Intent:
        """A record that may have been deleted here, or was shown to a hub whose past was lost.

        It gets a new number: who has the tombstone still, and had shown it here, is to show it again.
        """
        intent = self._accept(change)
        intent.fresh = True
        maker = site_of(change.birth.origin)
        why = f"made at {maker}, which does not hold it; an earlier hub may have deleted it"
        intent.conflicts.append(self.conflict(intent, "deleted", "rule", why, fields=(DELETED,)))
        return intent

    def _buried_before(self, local: Record | None, change: Change) -> bool:
        """Whether the hub had a tombstone of its own, and dropped it: a decision contains both."""
        known = change.birth.seq > 0 and self.state.knows(change.ref).includes(change.birth)
        return self.state.is_hub and local is None and change.deleted and known

    def _accept(self, change: Change) -> Intent:
        change, doubtful = completed(change, self.page, self.records.get(change.ref), self.contents)
        content = None if change.deleted else change.document
        record = Record(
            change.ref,
            0,
            change.version,
            change.birth,
            dict(change.fields),
            change.scope,
            learned_from=None if doubtful else self.source_origin,
            external=change.external,
        )
        fresh = doubtful and self.state.is_hub
        return Intent(change.ref, change, record, content, self.contents.get(change.ref), fresh=fresh)

    def _bury(self, change: Change) -> Intent:
        """Its birth is known here and it is not there: it was deleted here, so answer with a tombstone.

        What was edited at the source since, without knowing of the deletion, is listed. So is all of it where
        the deletion is not certain: a hub that knew of it would not show the record, and in a life of a hub
        that was lost one name may stand for two edits.
        """
        knowledge = self.state.knows(change.ref)
        record = Record(change.ref, 0, change.version.join(knowledge), change.birth, {}, change.scope)
        intent = Intent(change.ref, change, record, None, None, fresh=True, answer=True)
        certain = self.state.is_hub and not has_past(self.state)
        news = {
            name: change.document.get(name)
            for name, state in change.fields.items()
            if name != DELETED and not (certain and state.dot.seq and knowledge.includes(state.dot))
        }
        if news:
            why = "deleted here long ago, and changed there since"
            fields = tuple(sorted(news))
            intent.conflicts.append(
                self.conflict(intent, "deleted", "rule", why, fields=fields, lost=change.document)
            )
        return intent

    def _decide(self, local: Record, change: Change) -> Intent:
        policy = self.policy(change.ref.kind, local.scope or change.scope)
        if merge.made_apart(local, change):
            policy = self.chosen_policy(change.ref) or policy
        if local.deleted and is_merged(self.tx, change.ref):
            policy = "hub"  # or the merge would come undone
        newest = max(local.newest_stamp, newest_stamp(change.fields))
        content = self.contents.get(change.ref)
        change, _ = completed(change, self.page, local, self.contents)
        dot, stamp = self.next_dot(), max(self.now, newest + 1)
        sides = merge.Sides(self.page.source, policy, self.state.knows(change.ref))
        decision = merge.decide(local, content, change, sides, dot, stamp)
        said = merged(change.ref, decision.content, said_by_both(local, change))
        intent = Intent(
            change.ref, change, replace(decision.record, external=said), decision.content, content
        )
        self.merged += 1
        if decision.is_conflict:
            conflict = self.conflict(
                intent,
                "concurrent",
                policy,
                decision.explanation,
                fields=decision.fields,
                lost=decision.lost,
                open_=decision.open,
            )
            intent.conflicts.append(conflict)
        return intent

    def listing(self, ref: Ref, sort: str, why: str, lost: Document) -> Conflict:
        """A conflict row about a change that was not applied."""
        fields = tuple(sorted(lost))
        return Conflict(new_identifier(), ref, sort, "rule", why, fields, self.page.source, self.now, lost)

    def conflict(self, intent: Intent, sort: str, decided: str, why: str, **particulars: object) -> Conflict:
        """A conflict row about this record."""
        fields = particulars.get("fields", ())
        lost = particulars.get("lost", {})
        assert isinstance(fields, tuple) and isinstance(lost, dict)
        return Conflict(
            new_identifier(),
            intent.ref,
            sort,
            decided,
            why,
            fields,
            self.page.source,
            self.now,
            lost,
            bool(particulars.get("open_", False)),
        )
