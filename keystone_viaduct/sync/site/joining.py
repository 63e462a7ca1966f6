"""At the hub: what an operator has chosen for a site that joins, where that changes somebody's access.

A choice speaks of two records that were made apart, or of a grant that only one of the two sites has; of
later edits it says nothing. The site's own value wins as an edit of that site, so its delegation is asked as
usual. Once the site's head is reached the choices are used up.
"""

from __future__ import annotations

from collections.abc import Iterable

from keystone_viaduct.kinds.registry import GRANTS
from keystone_viaduct.sync.model import DELETED, JOIN_HUB, JOIN_SITE, Change, Ref
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.own import own_intent
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.revert import revert

#: How a decision by choice is listed.
CHOSEN = "chosen"


def choices_for(run: Applying) -> dict[Ref, str]:
    """What was chosen for the source of a page that the hub hears."""
    if not run.state.is_hub or run.page.source == run.state.site:
        return {}
    return dict(run.tx.choices(run.page.source))


def withdraw(run: Applying, candidates: Iterable[Change]) -> None:
    """A grant that the source shows it has by now: nothing is taken away for its sake."""
    shown = {change.ref for change in candidates if not change.deleted and change.ref.kind in GRANTS}
    taken = {ref for ref in shown if run.choices.get(ref) == JOIN_SITE}
    if taken:
        run.choices = {ref: choice for ref, choice in run.choices.items() if ref not in taken}
        run.tx.save_choices(run.page.source, run.choices)


def leave_out(run: Applying) -> None:
    """Grants that only the source has, and that were not chosen."""
    for ref, choice in run.choices.items():
        intent = run.intents.get(ref)
        if choice != JOIN_HUB or ref.kind not in GRANTS or intent is None or intent.content is None:
            continue
        if ref not in run.records or run.records[ref].deleted:
            why = f"only {run.page.source} had it when it joined, and the hub's roles were chosen"
            revert(run, intent, CHOSEN, why)


def take_out(run: Applying, readiness: Readiness) -> None:
    """Grants that only the hub has, and that were not chosen: as if the source had deleted them."""
    if not run.page.at_head:
        return
    readiness.preload(
        [ref for ref, choice in run.choices.items() if choice == JOIN_SITE and ref.kind in GRANTS]
    )
    for ref, choice in run.choices.items():
        if choice == JOIN_SITE and ref.kind in GRANTS and ref not in run.intents and ref not in run.waiting:
            _take_out(run, readiness, ref)


def _take_out(run: Applying, readiness: Readiness, ref: Ref) -> None:
    local = readiness.local(ref)
    if local is None or not readiness.alive(ref):
        return
    cause = Change(ref, run.page.upto.seq, local.version, local.birth, local.fields, {}, local.scope)
    gone = own_intent(run, readiness.local, ref, cause)
    lost = dict(gone.old or {})
    gone.content, gone.ours = None, False
    if run.trial is not None and not run.trial.may(gone):
        _keep(run, gone)
        return
    why = f"{run.page.source} had it not when it joined, and its roles were chosen"
    gone.conflicts.append(
        run.conflict(gone, CHOSEN, "rule", why, fields=tuple(sorted({*lost, DELETED})), lost=lost)
    )
    run.records.setdefault(ref, local)
    run.intents[ref] = gone


def _keep(run: Applying, gone: Intent) -> None:
    why = f"{run.page.source} may not take it away, though its roles were chosen when it joined"
    run.conflicts.append(run.listing(gone.ref, CHOSEN, why, {}))


def used_up(run: Applying) -> None:
    """Forget the choices: all that the source had when it joined has been seen."""
    if run.choices and run.page.at_head:
        run.tx.save_choices(run.page.source, {})
