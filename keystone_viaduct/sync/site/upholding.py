"""The hub puts back the edit that breaks a rule over several records (``sync.site.invariants``)."""

from __future__ import annotations

from keystone_viaduct.kinds.reference import Reference
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.rule import Cut
from keystone_viaduct.kinds.trees import ACYCLIC, told
from keystone_viaduct.sync.model import CYCLE, Document, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.invariants import RULE, Invariants, loops
from keystone_viaduct.sync.site.revert import revert


def uphold(run: Applying, invariants: Invariants, intent: Intent) -> None:
    """At the source's head: put back what breaks a rule, and list it."""
    before = run.intents.get(intent.ref)
    run.intents[intent.ref] = intent
    try:
        for loop in loops([intent.ref], invariants.planned):
            if intent.ref in loop:
                start = loop.index(intent.ref)
                why = f"it would lie below itself: {told([*loop[start:], *loop[:start]])}"
                _put_back(run, invariants, intent, CYCLE, (ACYCLIC[intent.ref.kind].field,), why)
        for rule, names, why in list(invariants.broken_by(intent)):
            _put_back(run, invariants, intent, RULE, names, f"{why}: {rule.says}")
    finally:
        del run.intents[intent.ref]
        if before is not None:
            run.intents[intent.ref] = before


def _put_back(
    run: Applying, invariants: Invariants, intent: Intent, sort: str, names: tuple[str, ...], why: str
) -> None:
    """Give these fields what the hub has, or what a record at the top has; the whole record goes back where
    it would be another thing without them.
    """
    found = _values(run, invariants, intent, names)
    if found is None:
        revert(run, intent, sort, why)
        return
    before = dict(intent.content or {})
    lost = {name: before.get(name) for name in names}
    kept = {name: value for name, value in before.items() if name not in names}
    intent.content, intent.fresh = {**kept, **found}, True
    intent.touched.update(names)
    intent.conflicts.append(run.conflict(intent, sort, "rule", why, fields=names, lost=lost))


def _values(run: Applying, invariants: Invariants, intent: Intent, names: tuple[str, ...]) -> Document | None:
    """The values to put in; None if there are none."""
    kind, found = REGISTRY[intent.ref.kind], {}
    for name in names:
        reference = next(r for r in kind.references if r.field == name)
        if intent.old is not None and _stands(run, invariants, reference, intent.old):
            value = intent.old.get(name)
        elif reference.acyclic is Cut.TOP:
            value = reference.top(intent.content or {})
        else:
            return None
        if value is not None:
            found[name] = value
    return found


def _stands(run: Applying, invariants: Invariants, reference: Reference, old: Document) -> bool:
    """Whether what the field referred to before is there, and nobody is about to delete it."""
    targets = [Ref(*found) for found in reference.targets(old)]
    there = invariants.planned(targets) if targets else {}
    waiting = (run.waiting.get(target) for target in targets)
    return all(target in there for target in targets) and not any(w and w.change.deleted for w in waiting)
