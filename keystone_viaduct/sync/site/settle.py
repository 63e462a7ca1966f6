"""The hub settles what waits once the source's head is reached (PROTOCOL rules 4, 5, 6).

A spoke never comes here: it waits for the hub's decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container

from keystone_viaduct.errors import StoreError
from keystone_viaduct.kinds.raw import same
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import JSON
from keystone_viaduct.sync.model import NAME, REFERENCE, Change, Document, Ref, site_of
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.alias import follow
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.conflicts import Contest, choose
from keystone_viaduct.sync.site.guarding import in_use
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.invariants import RULE
from keystone_viaduct.sync.site.kept import kept
from keystone_viaduct.sync.site.needs import Need, needs
from keystone_viaduct.sync.site.own import awaited, own_intent
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.revert import revert
from keystone_viaduct.sync.site.twins import natural_of, unite
from keystone_viaduct.sync.site.upholding import uphold

#: A page of a thousand records settles in a few rounds; more means that something goes in circles.
MAX_ROUNDS = 200
#: Reasons for which the content of a change is altered.
_ALTERING = (REFERENCE, RULE, NAME)


def settle(run: Applying, readiness: Readiness) -> None:
    """Decide every waiting change; each decision is an edit of the hub's own, and listed.

    A change may meet several obstacles, one after the other: a project is moved below itself, and its name is
    taken. Each round begins with the change as it came, so what was decided before is decided again with it.
    """
    altered: dict[Ref, list[str]] = defaultdict(list)
    for _ in range(MAX_ROUNDS):
        left_alone = kept(run, readiness)
        if not run.waiting.keys() - left_alone:
            return
        # what breaks a rule first: until it is put back, it holds on to what it was moved from
        for ref, waiting in sorted(run.waiting.items(), key=lambda item: item[1].reason != RULE):
            if ref in left_alone or run.waiting.pop(ref, None) is None:
                continue  # not to be decided yet, or deleted along with another record meanwhile
            intent = run.intent_for(waiting.change)
            if intent is None:
                continue
            if follow(run, readiness, intent):
                pass
            elif run.trial and run.trial.refuses(intent):
                if ref in run.waiting:
                    continue
                _let_go(run, readiness, intent, dict(intent.content or {}))
                if waiting.reason == NAME:  # a row has got a name since, of what has none here (carried)
                    clash(run, readiness, intent, left_alone)
            elif waiting.reason in _ALTERING:
                if waiting.reason not in altered[ref]:
                    altered[ref].append(waiting.reason)
                for reason in altered[ref]:
                    _alter(run, readiness, intent, reason, left_alone)
            elif not in_use(run, readiness, intent):
                _delete_dependents(run, readiness, intent)
            run.intents[ref] = intent
        readiness.reduce()
    raise StoreError(
        f"{len(run.waiting)} changes from {run.page.source} could not be settled",
        hint="please report this with the list of pending changes",
    )


def _alter(
    run: Applying, readiness: Readiness, intent: Intent, reason: str, left_alone: Container[Ref]
) -> None:
    if reason == REFERENCE:
        _dangling(run, readiness, intent)
    elif reason == RULE:
        uphold(run, readiness.invariants, intent)
    else:
        clash(run, readiness, intent, left_alone)


def _dangling(run: Applying, readiness: Readiness, intent: Intent) -> None:
    """What it refers to is gone for good: a new record is answered with a tombstone, a change is reverted.

    A reference that is not owning is taken out instead.
    """
    missing = _missing(readiness, intent)
    if not missing:
        return
    why = f"it needs {', '.join(map(str, missing))}, which is not there any more"
    stripped = None if any(need.owning for need in missing) else _stripped(intent, missing)
    if stripped is None:
        revert(run, intent, "dangling", why)
        _let_go(run, readiness, intent, {})
        return
    lost = dict(intent.content or {})
    changed = {name for name in lost if not same(stripped.get(name), lost[name])}
    intent.touched |= changed
    intent.content, intent.fresh = stripped, True
    intent.conflicts.append(
        run.conflict(intent, "dangling", "rule", why, fields=tuple(sorted(changed)), lost=lost)
    )


def _let_go(run: Applying, readiness: Readiness, intent: Intent, lost: Document) -> None:
    """What the hub has itself can't stay either where somebody has deleted its owner by hand."""
    missing = [need for need in _missing(readiness, intent) if need.owning]
    if missing:
        intent.content = None
    if missing and lost:
        why = f"it needs {', '.join(map(str, missing))}, which is not there any more"
        fields = tuple(sorted(lost))
        intent.conflicts.append(run.conflict(intent, "dangling", "rule", why, fields=fields, lost=lost))


def _stripped(intent: Intent, missing: list[Need]) -> Document | None:
    gone = frozenset((ref.kind, ref.key) for need in missing for ref in need.any_of)
    return REGISTRY[intent.ref.kind].without(intent.content or {}, gone)


def _missing(readiness: Readiness, intent: Intent) -> list[Need]:
    if intent.content is None:
        return []
    wanted = needs(intent.ref, intent.content, intent.record.external)
    return [need for need in wanted if not readiness.satisfied(need)]


def _delete_dependents(run: Applying, readiness: Readiness, intent: Intent) -> None:
    """A deletion takes along what still refers to it, visibly."""
    queue = list(readiness.living_referrers(intent.ref))
    seen: set[Ref] = {intent.ref}
    while queue:
        ref = queue.pop()
        if ref in seen:
            continue
        seen.add(ref)
        own = awaited(run, ref) or own_intent(run, readiness.local, ref, intent.change)
        if own.content is None:
            run.intents[ref] = own
            queue.extend(readiness.living_referrers(ref))
            continue  # the source has deleted it, too
        lost = dict(own.content)  # with what the same page says of it
        own.content, own.fresh = None, True
        why = f"{intent.ref} was deleted at {run.page.source}"
        own.conflicts.append(
            run.conflict(own, "dependent", "rule", why, fields=tuple(sorted(lost)), lost=lost)
        )
        run.intents[ref] = own
        queue.extend(readiness.living_referrers(ref))


def clash(
    run: Applying,
    readiness: Readiness,
    intent: Intent,
    left_alone: Container[Ref] = frozenset(),
    *,
    carried: bool = False,
) -> None:
    """Two records claim one unique value: the winner keeps it, the other is renamed (nameless: deleted)."""
    if intent.content is None:
        return
    for claim in readiness.claims(intent.ref, intent.content):
        rival = _rival_intent(run, readiness, intent, claim, left_alone)
        if rival is None or rival.content is None:
            continue
        if carried and not readiness.is_to_be_decided(rival.ref, claim):
            continue
        rival_ref = rival.ref
        if unite(run, readiness, intent, rival, claim):
            return
        if natural_of(claim).each:
            _yield_element(run, intent, rival, claim)
            continue
        loser, winner, why, is_open = _loser(run, intent, rival)
        if not readiness.names.has(readiness.claims(rival_ref, rival.content), claim):
            loser, winner, is_open = intent, rival, False
            why = "the hub's tables can't hold the other name that this has now"
        _yield_claim(run, readiness, loser, winner, claim, why, is_open)
        if loser is rival:
            run.intents[rival_ref] = rival
        if intent.deletes:
            return


def _rival_intent(
    run: Applying, readiness: Readiness, intent: Intent, claim: Claim, left_alone: Container[Ref]
) -> Intent | None:
    """Who else claims the value: what is written, what the tables hold, or what waits for this record."""
    rival = _rival(run, readiness, intent.ref, claim)
    if rival is not None:
        return own_intent(run, readiness.local, rival, intent.change)
    for ref, waiting in run.waiting.items():
        if ref.kind != claim.kind or waiting.reason != REFERENCE or ref in left_alone:
            continue
        if not waiting.change.deleted and _needs(waiting.change, intent.ref):
            if readiness.names.has(readiness.claims(ref, waiting.change.document), claim):
                found = awaited(run, ref)
                if found is not None:
                    run.intents[ref] = found
                return found
    return None


def _needs(change: Change, ref: Ref) -> bool:
    """A child that is called as its parent, for a database that folds their names: neither comes without the
    other, so neither is there for the other to clash with.
    """
    return any(ref in need.any_of for need in needs(change.ref, change.document))


def _rival(run: Applying, readiness: Readiness, ref: Ref, claim: Claim) -> Ref | None:
    for other in run.intents.values():
        if other.ref != ref and other.ref.kind == claim.kind and other.content is not None:
            if readiness.names.has(readiness.claims(other.ref, other.content), claim):
                return other.ref
    holder = readiness.holder(claim)
    if holder is None or holder == ref or readiness.gives_way(holder, claim):
        holder = readiness.carried_names.holder(claim)
    return holder if holder != ref else None


def _loser(run: Applying, intent: Intent, rival: Intent) -> tuple[Intent, Intent, str, bool]:
    policy = run.chosen_policy(intent.ref) or run.policy(intent.ref.kind, intent.record.scope)
    rename = REGISTRY[intent.ref.kind].rename
    field = rename.field if rename else None
    ours = rival.record.fields.get(field) if field else None
    theirs = intent.record.fields.get(field) if field else None
    if ours is None or theirs is None:
        return intent, rival, "the hub's record keeps the value", False
    choice = choose(policy, Contest(ours, theirs, run.page.source))
    if choice.incoming_wins and run.trial and not run.trial.may_rename(rival):
        return intent, rival, f"{run.page.source} may not change {rival.ref}", False
    loser, winner = (rival, intent) if choice.incoming_wins else (intent, rival)
    return loser, winner, choice.why, choice.open


def _yield_claim(
    run: Applying, readiness: Readiness, loser: Intent, winner: Intent, claim: Claim, why: str, is_open: bool
) -> None:
    content = dict(loser.content or {})
    rename = REGISTRY[loser.ref.kind].rename
    loser.fresh = True
    if rename is None or rename.field not in content or not readiness.can_rename(claim):
        if loser.old is not None and not loser.ours:
            revert(run, loser, "clash", f"{winner.ref} holds the same {claim.constraint}: {why}")
            return
        loser.conflicts.append(
            run.conflict(
                loser,
                "clash",
                "rule",
                f"{winner.ref} holds the same {claim.constraint}: {why}",
                fields=tuple(sorted(content)),
                lost=content,
                open_=is_open,
            )
        )
        loser.content = None
        return
    value = content[rename.field]
    state = loser.record.fields.get(rename.field)
    suffix = site_of(state.dot.origin) if state else run.page.source
    content[rename.field] = _free(run, readiness, loser, content, suffix)
    loser.touched.add(rename.field)
    loser.content = content
    loser.conflicts.append(
        run.conflict(
            loser,
            "clash",
            "name",
            f"{winner.ref} has the same {claim.constraint}, so {rename.field} of this is now "
            f"{content[rename.field]!r}: {why}",
            fields=(rename.field,),
            lost={rename.field: value},
            open_=is_open,
        )
    )


def _yield_element(run: Applying, loser: Intent, winner: Intent, claim: Claim) -> None:
    """One element of a list that only one record can hold: it is taken out, and the rest stays."""
    natural, before = natural_of(claim), dict(loser.content or {})
    content = natural.without(before, claim.values)
    why = f"{winner.ref} holds the same {claim.constraint}: the hub's record keeps the value"
    if not REGISTRY[loser.ref.kind].is_whole(content):
        revert(run, loser, "clash", why)
        return
    loser.content, loser.fresh = content, True
    loser.touched.add(natural.each)
    lost = {natural.each: before.get(natural.each)}
    loser.conflicts.append(run.conflict(loser, "clash", "rule", why, fields=(natural.each,), lost=lost))


def _free(run: Applying, readiness: Readiness, loser: Intent, content: Document, suffix: str) -> JSON:
    """The first variant of the name (or time) that nobody holds."""
    rename = REGISTRY[loser.ref.kind].rename
    assert rename is not None
    for candidate in rename.variants(content[rename.field], suffix):
        trial = {**content, rename.field: candidate}
        named = [claim for claim in readiness.claims(loser.ref, trial) if readiness.can_rename(claim)]
        if not any(_rival(run, readiness, loser.ref, claim) for claim in named):
            return candidate
    raise AssertionError("unreachable")
