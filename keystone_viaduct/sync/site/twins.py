"""One thing that two sites have made apart, each under an id of its own, becomes one again.

The hub unites the two where their natural key says who they are (``unites``): the record that is
there stays, the other one is answered with a tombstone, and a row of the list of conflicts says for ever what
became of it. Nothing is lost by that. What refers to the second id is reworded by ``sync.site.alias``; what a
site that goes on using it does to the record itself is read here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.reference import ALTERNATIVES, ANY_MODE
from keystone_viaduct.kinds.registry import REGISTRY, TWINNED
from keystone_viaduct.sync.model import DELETED, Document, Ref, Version, life
from keystone_viaduct.sync.ports import Claim
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.carrying import carried_referrers, referrers
from keystone_viaduct.sync.site.conflicts import Contest, choose
from keystone_viaduct.sync.site.intent import Intent
from keystone_viaduct.sync.site.merged import EQUAL
from keystone_viaduct.sync.site.own import own_intent
from keystone_viaduct.sync.site.readiness import Readiness


def natural_of(claim: Claim) -> NaturalKey:
    """The natural key that a claim speaks of; one that no kind declares is the record's own key."""
    kind = REGISTRY[claim.kind]
    own = NaturalKey(claim.constraint, kind.key)
    return next((natural for natural in kind.natural if natural.name == claim.constraint), own)


def unite(run: Applying, readiness: Readiness, intent: Intent, rival: Intent, claim: Claim) -> bool:
    """Make a record without a row here one with the one that holds its natural key already; whether it is."""
    natural = natural_of(claim)
    if not natural.unites or claim not in readiness.claims(rival.ref, rival.content or {}):
        return False
    if run.rows.get(intent.ref) is not None or intent.ours:
        return False
    ours, theirs = rival.content or {}, intent.content or {}
    differing = _differing(natural, intent.ref, ours, theirs)
    for name in differing:
        _decide(run, rival, intent, name, one_sided=False)
    why = f"made apart, it is the same as {rival.ref}; what refers to this id refers to that one"
    row = run.conflict(intent, EQUAL, "rule", why)
    intent.conflicts.append(replace(row, into=rival.ref.key, resolution="kept"))
    intent.content, intent.old, intent.fresh = None, None, True
    run.aliases[intent.ref] = rival.ref.key
    if differing:
        # Numbered after the tombstone: an edit under the second id has not seen what was decided here.
        rival.change = replace(rival.change, seq=max(rival.change.seq, intent.change.seq + 1))
        rival.touched.update(differing)
        rival.fresh = True
        run.intents[rival.ref] = rival
    _make_over(run, readiness, intent, rival.ref)
    return True


def _make_over(run: Applying, readiness: Readiness, loser: Intent, new: Ref) -> None:
    """Reword what names the second id without needing it, in this set and at the hub itself; and what the
    hub carries with it.

    What needs it waits, and is reworded when it is looked at (``sync.site.alias.follow``).
    """
    old = loser.ref
    targets = [old, *(Ref(kind, old.key) for kind, others in ALTERNATIVES.items() if old.kind in others)]
    refs = [ref for ref, intent in run.intents.items() if intent.content is not None]
    refs += [ref for them in carried_referrers(run.tx, targets, ANY_MODE).values() for ref in them]
    if any(_named_lightly(target.kind) for target in targets):
        for found in referrers(run.tx, targets, frozenset({Mode.HISTORICAL})).values():
            refs += found
    for ref in dict.fromkeys(refs):
        kind = REGISTRY[ref.kind]
        intent = own_intent(run, readiness.local, ref, loser.change)
        if kind.insert_only or intent.content is None:
            continue
        moved = kind.rekey(intent.content, {old.kind: {old.key: new.key}})
        if moved != intent.content and kind.key_of({**run.tx.defaults(ref.kind), **moved}) == ref.key:
            intent.touched.update(n for n in moved if moved[n] != intent.content.get(n))
            intent.content, intent.fresh = moved, True
            run.intents[ref] = intent


@lru_cache(maxsize=64)
def _named_lightly(target: str) -> bool:
    """Whether records of that kind are named where nothing waits for them: those have to be looked for."""
    references = (r for kind in REGISTRY.values() if not kind.insert_only for r in kind.references)
    return any(r.target == target and r.mode is Mode.HISTORICAL for r in references)


def speaks_of_twin(run: Applying, intent: Intent) -> bool:
    """Whether it is about an id that has become another one."""
    return intent.ref.kind in TWINNED and bool(run.aliases.get(intent.ref)) and intent.content is None


def heed(run: Applying, readiness: Readiness, intent: Intent, into: Ref) -> None:
    """What the source does to the second id is meant for the record that it has become.

    That a lost life of the hub had united the two (a hollow tombstone) is not done to either.
    """
    if not intent.change.deleted:
        _edit(run, readiness, intent, into)
    elif intent.change.fields[DELETED].dot.seq:
        _delete(run, readiness, intent, into)


def _edit(run: Applying, readiness: Readiness, intent: Intent, into: Ref) -> None:
    """The fields that it has changed since are changed at the other, too."""
    before = run.records.get(intent.ref)
    known = before.version if before is not None else run.state.all_knowledge
    there = own_intent(run, readiness.local, into, intent.change)
    if there.content is None:
        return
    document, own = intent.change.document, {name for n in REGISTRY[into.kind].natural for name in n.fields}
    names = sorted(
        name
        for name, state in intent.change.fields.items()
        if name != DELETED
        and name not in REGISTRY[into.kind].key
        and name not in own
        and not known.includes(state.dot)
        and document.get(name) != there.content.get(name)
    )
    made = replace(there, ours=False, touched={*there.touched}, conflicts=[*there.conflicts])
    one_sided = _is_as_united(run, readiness, intent, into)
    for name in names:
        _decide(run, made, intent, name, one_sided=one_sided)
    if names and run.trial is not None and run.trial.refuses_instead(intent, made):
        return
    intent.conflicts.clear()
    if names:
        run.intents[into] = made


def _delete(run: Applying, readiness: Readiness, intent: Intent, into: Ref) -> None:
    """The other one goes, too; unless something there needs it, or it was changed since by who may."""
    there = own_intent(run, readiness.local, into, intent.change)
    if there.content is None:
        return
    users = readiness.living_referrers(into)
    if users:
        _stays(run, intent, there, f"it is in use by {users[0]}")
        return
    if not REGISTRY[into.kind].deletes_win and not _is_as_united(run, readiness, intent, into):
        mine = max(there.record.fields.values())
        policy = run.policy(into.kind, there.record.scope)
        choice = choose(policy, Contest(mine, intent.change.fields[DELETED], run.page.source))
        if not choice.incoming_wins:
            _stays(run, intent, there, f"it was changed meanwhile: {choice.why}")
            return
    gone = replace(there, content=None, fresh=True, ours=False, conflicts=[*there.conflicts])
    if run.trial is None or not run.trial.refuses_instead(intent, gone):
        run.intents[into] = gone


def _is_as_united(run: Applying, readiness: Readiness, intent: Intent, into: Ref) -> bool:
    """Whether the first is what it was when the two were united, and the source goes on from there.

    Who shows the second as it was before what was united with the first says something older, or of his own.
    """
    before, there = run.records.get(intent.ref), readiness.local(into)
    if before is None or not before.deleted or there is None:
        return False
    dot = before.fields[DELETED].dot
    united = Version({o: seq for o, seq in before.version.entries.items() if o != run.state.origin})
    return dot.origin == run.state.origin and there.seq < dot.seq and intent.change.version.covers(united)


def _stays(run: Applying, intent: Intent, there: Intent, why: str) -> None:
    told = f"deleted at {run.page.source} as {intent.ref}, which is the same, and it stays: {why}"
    intent.conflicts.append(
        replace(run.conflict(intent, EQUAL, "rule", told, fields=(DELETED,)), into=there.ref.key)
    )


def _differing(natural: NaturalKey, ref: Ref, ours: Document, theirs: Document) -> list[str]:
    """The fields in which two records differ besides their ids and what tells them apart."""
    kind = REGISTRY[ref.kind]
    named = {*kind.key, *(name for key in kind.natural for name in key.fields)}
    names = ours.keys() | theirs.keys()
    return sorted(n for n in names if n not in named and ours.get(n) != theirs.get(n))


def _decide(run: Applying, winner: Intent, loser: Intent, name: str, *, one_sided: bool) -> None:
    """One field of two records that are one: as if it had been edited at two sites.

    ``one_sided``: nobody has changed the winner's since the two were united.
    """
    theirs = loser.change.fields.get(name, life(0, loser.change.birth, deleted=False))
    ours = winner.record.fields.get(name, winner.record.fields[DELETED])
    content, value = dict(winner.content or {}), loser.change.document.get(name)
    choice = choose(run.policy(winner.ref.kind, winner.record.scope), Contest(ours, theirs, run.page.source))
    taken = (one_sided or choice.incoming_wins) and (
        run.trial is None or run.trial.may_change(winner, frozenset({name}))
    )
    lost = {name: content.get(name) if taken else value}
    if not one_sided:
        why = f"{name}: {choice.why}; {loser.ref} is the same, made apart"
        policy = run.policy(winner.ref.kind, winner.record.scope)
        row = run.conflict(winner, "concurrent", policy, why, fields=(name,), lost=lost, open_=choice.open)
        winner.conflicts.append(row)
    if taken:
        content.pop(name, None)
        if value is not None:
            content[name] = value
        winner.content, winner.fresh = content, True
        winner.touched.add(name)
