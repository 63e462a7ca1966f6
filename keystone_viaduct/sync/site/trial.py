"""The hub hears a spoke: is it to be believed, and may it do that? (PROTOCOL rule 16)."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from keystone_viaduct.kinds.raw import differing, same_documents
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import DELETED, REFUSED, Change, Page, Pending, Ref, SiteState
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.delegation import Act, Problem
from keystone_viaduct.sync.site.delegation.hearing import Hearing
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.proof import REFUSABLE, Proof, bounded
from keystone_viaduct.sync.site.reasons import UNPLACED, UNPROVEN
from keystone_viaduct.sync.site.revert import revert

LOG = logging.getLogger(__name__)


class Trial:
    """Of one page of a spoke, at the hub."""

    def __init__(self, run: Applying) -> None:
        self._run = run
        self._proof = Proof(run.tx, run.state, run.page, list(run.stored))
        self._delegation = run.state.charter.delegation_of(run.page.source)
        self._hearing = Hearing(run, self._delegation)
        self.refused: set[Ref] = set()

    def believes(self, change: Change) -> bool:
        """Whether a change may be looked at; else it waits, or is refused at once."""
        run = self._run
        doubt = self._proof.doubt(change, run.records.get(change.ref))
        if doubt is None:
            return True
        if not doubt.forged:
            run.waiting[change.ref] = Pending(run.page.source, change, UNPROVEN)
            return False
        intent = run.intent_for(change)
        if intent is not None and self._refuse(intent, f"forged: {doubt.why}"):
            run.intents[change.ref] = intent
        return False

    def hear(self) -> bool:
        """Judge all that the source wants done until nothing more is refused; whether something was."""
        anything, again = False, True
        self._read_ahead()
        while again:
            again = False
            for ref, intent in list(self._run.intents.items()):
                if ref not in self.refused and self._hear(intent):
                    anything = again = True
        return anything

    def refuses(self, intent: Intent) -> bool:
        """Judge one more intent, now that the source has nothing more to show; refused, it is reverted, or
        waits.
        """
        problem = self._problem(intent)
        if problem is None:
            self._adopt(intent)
        else:
            self._refuse(intent, problem.why)
        return problem is not None

    def refuses_instead(self, intent: Intent, becomes: Intent) -> bool:
        """Judge what an intent comes to at the hub, where that is a change of another record (a merge)."""
        problem = self._problem(becomes)
        if problem is not None:
            self._refuse(intent, problem.why)
        return problem is not None

    def may(self, intent: Intent) -> bool:
        """Whether the source may have that done."""
        return self._problem(intent) is None

    def others_wait(self, ref: Ref) -> bool:
        """Whether another site's version of a record waits here."""
        return self._proof.others_wait(ref)

    def look_for_others(self, refs: Collection[Ref]) -> None:
        """Read in one go what waits of these records from other sites."""
        self._proof.look_for(refs)

    def may_rename(self, rival: Intent) -> bool:
        """Whether the source may have the hub's record give its name away."""
        rename = REGISTRY[rival.ref.kind].rename
        return self.may_change(rival, frozenset({rename.field} if rename else rival.old or ()))

    def may_change(self, rival: Intent, fields: frozenset[str]) -> bool:
        """Whether the source may have the hub's record give these of its values away."""
        if self._delegation.is_full or not rival.ours or rival.old is None:
            return True
        return self._hearing.problem(Act(rival.ref, rival.old, rival.old, fields)) is None

    def _hear(self, intent: Intent) -> bool:
        problem = self._problem(intent)
        if problem is None:
            self._adopt(intent)
            return False
        ref = intent.ref
        if problem.missing is not None and not self._run.page.at_head:
            del self._run.intents[ref]
            self._run.waiting[ref] = Pending(self._run.page.source, intent.change, UNPLACED)
        else:
            self._refuse(intent, problem.why)
        return True

    def _problem(self, intent: Intent) -> Problem | None:
        if intent.ours:
            return None
        if self._delegation.is_full:
            return None
        act = self._act(intent)
        if act is not None:
            return self._hearing.problem(act)
        if intent.change.deleted and intent.ref not in self._run.records:
            intent.fresh = intent.hollow = True
        return None

    def _adopt(self, intent: Intent) -> None:
        """What a limited site says that another one did, and nobody can answer for: it might have done so
        itself, so it is kept, but as the hub's edit.
        """
        if self._delegation.is_full or intent.ours or intent.content is None:
            return
        names = self._proof.orphans(intent.record, self._run.records.get(intent.ref))
        if names:
            intent.touched |= names
            intent.fresh = True

    def _act(self, intent: Intent) -> Act | None:
        """What the source has done here; None when nothing comes of it."""
        old, new = intent.old, intent.content
        if old is None and new is None:
            return None
        local = self._run.records.get(intent.ref)
        stated = local.fields if local is not None else {}
        changed = {n for n, s in intent.record.fields.items() if n not in stated or stated[n][1:] != s[1:]}
        before, after = old or {}, new or {}
        changed |= differing(before, after)
        if not changed and same_documents(old, new):
            return None
        return Act(intent.ref, old, new, frozenset(changed - {DELETED}))

    def _refuse(self, intent: Intent, why: str) -> bool:
        """Revert it; or let it wait, and say False: the answer includes all that the source claims to know,
        so what another site shows of the record comes first; but not what is to be refused, too, or each
        would wait for the other.
        """
        run = self._run
        self.refused.add(intent.ref)
        if self._proof.others_may_count(intent.ref) or run.has_lost(run.records.get(intent.ref)):
            run.intents.pop(intent.ref, None)
            run.waiting[intent.ref] = Pending(run.page.source, intent.change, REFUSABLE)
            return False
        intent.conflicts.clear()
        told = f"{run.page.source} may not do that: {why}"
        revert(run, intent, REFUSED, told, hollow=True, lost=intent.change.document)
        return True

    def _read_ahead(self) -> None:
        """Read what the rules will ask, for all changes at once."""
        if self._delegation.is_full:
            return
        intents = (intent for intent in self._run.intents.values() if not intent.ours)
        self._hearing.read_ahead([act for intent in intents if (act := self._act(intent)) is not None])


def is_heard(state: SiteState, page: Page) -> bool:
    """Whether a page comes from a spoke to the hub."""
    return state.is_hub and page.source != state.site


def with_stamps_bounded(page: Page, now: int) -> Page:
    """The page with no stamp far ahead of this site's clock; says so when there was one."""
    changes = tuple(bounded(change, now) for change in page.changes)
    if changes == page.changes:
        return page
    LOG.warning("%s stamps edits more than a day ahead of this site's clock", page.source)
    return replace(page, changes=changes)
