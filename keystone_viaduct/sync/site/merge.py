"""The hub's decision between two concurrent versions of a record (PROTOCOL rules 3 and 5).

A field changed on a side only if its dot is not contained in the other side's version. Fields changed on one
side are merged; fields changed on both go to the policy. The result's version joins both and adds a fresh hub
dot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import (
    ABSENT,
    DELETED,
    Change,
    Document,
    Dot,
    FieldState,
    Record,
    Version,
    is_one_edit,
    life,
    site_of,
)
from keystone_viaduct.sync.site.conflicts import Choice, Contest, choose

#: Why a value of a restored backup gives way.
BACKUP = "found unnumbered in a restored backup; the other side had read past it"
#: Why a hollow tombstone gives way.
HOLLOW = "deleted here only in answer to a site that may not change it, or that nobody could judge"

#: Why the deletion gives way where the same dot stands for it and for something else.
TWICE = "one number stands for two edits: a restored site has given it out again"


@dataclass(frozen=True)
class Sides:
    """Who differs with the hub, and by which policy that is decided; ``known`` is what the hub knows of the
    record, also of what it had before and has forgotten.
    """

    source: str
    policy: str
    known: Version = field(default_factory=Version)


@dataclass(frozen=True)
class Decision:
    """The merged record (``seq`` is that of ``dot``), its content (None: deleted), and what was lost and
    why.
    """

    record: Record
    content: Document | None
    lost: Document
    fields: tuple[str, ...]
    explanation: str
    open: bool

    @property
    def is_conflict(self) -> bool:
        """Whether something that a user was promised did not survive."""
        return bool(self.fields)


def decide(
    local: Record,
    local_content: Document | None,
    change: Change,
    sides: Sides,
    dot: Dot,
    stamp: int,
) -> Decision:
    """Decide between the hub's record and a concurrent change."""
    if local.deleted or change.deleted:
        return _decide_life(local, local_content, change, sides, dot, stamp)
    return _merge_fields(local, local_content or {}, change, sides, dot)


def _birth(local: Record, change: Change) -> Dot:
    """The hub's, unless that says nothing (the zero dot of a restored backup)."""
    return local.birth if local.birth.seq else change.birth


def _choose(policy: str, contest: Contest) -> Choice:
    """Who wins; between two lives of one site's database its later edit does, whatever the policy.

    A site that was restored, or got another hub, can't always tell what of its past is known elsewhere. What
    the others have of it is then most likely what it has replaced since.
    """
    ours, theirs = site_of(contest.ours.dot.origin), site_of(contest.theirs.dot.origin)
    if ours != theirs:
        return choose(policy, contest)
    return Choice(contest.theirs.stamp > contest.ours.stamp, f"the later of two edits at {ours}")


def _changed_there(change: Change, local: Record) -> set[str]:
    return {name for name, state in change.fields.items() if not local.version.includes(state.dot)}


def _changed_here(change: Change, local: Record) -> set[str]:
    return {name for name, state in local.fields.items() if not change.version.includes(state.dot)}


def _decide_life(
    local: Record, content: Document | None, change: Change, sides: Sides, dot: Dot, stamp: int
) -> Decision:
    version = local.version.join(change.version).plus(dot)
    if local.deleted and change.deleted:
        return _tombstone(local, change, version, dot, stamp, {}, (), "deleted on both sides")
    incoming_dead = change.deleted
    alive_changed = _changed_here(change, local) if incoming_dead else _changed_there(change, local)
    dead = change.fields[DELETED] if incoming_dead else local.fields[DELETED]
    withdrawn = _withdrawn(local if incoming_dead else change)
    dead_is_news = not _known_to_the_living(local, change, sides).includes(dead.dot)
    if dead.dot.seq == 0 and dead.stamp == 0:  # a hollow tombstone (a creation refused) has a stamp
        return _survivor(local, content, change, version, dot, (DELETED,), {}, f"the deletion was {BACKUP}")
    if dead_is_news and withdrawn:
        lost = (content or {}) if incoming_dead else change.document
        return _tombstone(local, change, version, dot, stamp, lost, withdrawn, BACKUP)
    if dead.dot.seq == 0:
        return _survivor(local, content, change, version, dot, (DELETED,), {}, HOLLOW)
    if dead.dot in {state.dot for state in (local if incoming_dead else change).fields.values()}:
        return _survivor(local, content, change, version, dot, (DELETED,), {}, TWICE)
    if not dead_is_news:  # the living side had seen the deletion, and created it anew
        return _survivor(local, content, change, version, dot, (), {}, "created anew after the deletion")
    if local.deleted and _made_anew(local, change):
        why = "created anew later, perhaps by somebody who had not heard of this deletion"
        return _survivor(local, content, change, version, dot, (DELETED,), {}, why)
    if not alive_changed or REGISTRY[local.ref.kind].deletes_win:
        lost = (content or {}) if incoming_dead else change.document
        fields = tuple(sorted(alive_changed - {DELETED}))
        why = "a deletion wins for this kind" if fields else "deleted on one side, unchanged on the other"
        return _tombstone(local, change, version, dot, stamp, lost if fields else {}, fields, why)
    ours, theirs = local.fields[DELETED], change.fields[DELETED]
    choice = _choose(sides.policy, Contest(ours, theirs, sides.source))
    why = f"deleted on one side and changed on the other: {choice.why}"
    if choice.incoming_wins == incoming_dead:
        lost = (content or {}) if incoming_dead else change.document
        return _tombstone(
            local, change, version, dot, stamp, lost, tuple(sorted(alive_changed)), why, open_=choice.open
        )
    return _survivor(local, content, change, version, dot, (DELETED,), {}, why, open_=choice.open)


def _known_to_the_living(local: Record, change: Change, sides: Sides) -> Version:
    """What whoever made the living record had seen: here all that the hub knew, and may have forgotten.

    But if the deletion was of this very life, the record was not made after it. The hub may know all edits of
    a site, and hear of that deletion only now, from who kept the tombstone.
    """
    if not change.deleted:
        return change.version
    if local.birth.seq and change.version.includes(local.birth):
        return local.version
    return local.version.join(sides.known)


def _made_anew(tombstone: Record, change: Change) -> bool:
    """Whether the change is another creation, by somebody who knew of the one that was deleted and is gone.

    A tombstone that answers who was away bears a new dot, but means that old life of the record. One creation
    may have several dots, too, of several lives of a site; but it was then made before it was deleted.
    """
    known = tombstone.birth.seq > 0 and change.version.includes(tombstone.birth)
    later = change.fields[DELETED].stamp > tombstone.fields[DELETED].stamp
    return known and later and change.birth.seq > 0 and not tombstone.version.includes(change.birth)


def _tombstone(
    local: Record,
    change: Change,
    version: Any,
    dot: Dot,
    stamp: int,
    lost: Document,
    fields: tuple[str, ...],
    why: str,
    *,
    open_: bool = False,
) -> Decision:
    state = life(stamp, dot, deleted=True)
    birth = _birth(local, change)
    record = Record(local.ref, dot.seq, version, birth, {DELETED: state}, local.scope or change.scope)
    return Decision(record, None, lost, fields, why, open_)


def _survivor(
    local: Record,
    content: Document | None,
    change: Change,
    version: Any,
    dot: Dot,
    fields: tuple[str, ...],
    lost: Document,
    why: str,
    *,
    open_: bool = False,
) -> Decision:
    alive_is_change = local.deleted
    states = dict(change.fields if alive_is_change else local.fields)
    if fields:
        states[DELETED] = life(max(s.stamp for s in states.values()) + 1, dot, deleted=False)
    birth = change.birth if alive_is_change else local.birth
    scope = change.scope if alive_is_change else local.scope
    survivor = change.document if alive_is_change else (content or {})
    record = Record(local.ref, dot.seq, version, birth, states, scope)
    return Decision(record, dict(survivor), lost, fields, why, open_)


def _merge_fields(local: Record, content: Document, change: Change, sides: Sides, dot: Dot) -> Decision:
    here, there = _changed_here(change, local), _changed_there(change, local)
    if made_apart(local, change):
        # Who made it without a field has said so just as who made it with a value; an edit says so by itself.
        ours, theirs = dict(local.fields), dict(change.fields)
        local = replace(local, fields=_with_absent(ours, theirs))
        change = replace(change, fields=_with_absent(theirs, ours))
        here, there = here | _absent(local.fields), there | _absent(change.fields)
    states: dict[str, FieldState] = {}
    merged: Document = {}
    lost: Document = {}
    contested: list[str] = []
    reasons: list[str] = []
    held = False
    for name in set(local.fields) | set(change.fields):
        if name in here and name in there and name != DELETED and _equal(local, change, name):
            states[name] = _written_twice(local.fields[name], change.fields[name], sides.source, dot)
            if name in content:
                merged[name] = content[name]
            continue
        take_theirs, choice_why, is_open, clash = _pick(name, local, content, change, sides, here, there)
        state = (change.fields if take_theirs else local.fields).get(name)
        value_from, other = (change.document, content) if take_theirs else (content, change.document)
        if state is not None:
            states[name] = state
            if name in value_from:
                merged[name] = value_from[name]
            elif state.digest != ABSENT and name in other:
                # It went with a column that an upgrade has dropped: what the other side still has stands.
                digest = (local.fields if take_theirs else change.fields)[name].digest
                states[name], merged[name] = FieldState(state.stamp, dot, digest), other[name]
        clash, choice_why = _lost_in_backup(name, local, change, take_theirs) or (clash, choice_why)
        if clash:
            if state is None:  # in so many words: the hub's release may have no column for it
                states[name] = FieldState(_later(local, change, name), dot, ABSENT)
            contested.append(name)
            lost[name] = (content if take_theirs else change.document).get(name)
            reasons.append(choice_why)
            held = held or is_open
    version = local.version.join(change.version).plus(dot)
    birth = _birth(local, change)
    record = Record(local.ref, dot.seq, version, birth, states, local.scope or change.scope)
    why = "; ".join(sorted(set(reasons))) or "different fields were changed; all were kept"
    return Decision(record, merged, lost, tuple(sorted(contested)), why, held)


def _written_twice(ours: FieldState, theirs: FieldState, source: str, dot: Dot) -> FieldState:
    """The same value was written on both sides.

    Only a fresh dot makes a further edit that has seen just one of the two count as concurrent; with either
    of their dots the other would be replaced unseen. Unless it is one edit, which two lives of its site have
    named: then by the name that its site gives it, so that the site's own next edit follows it.
    """
    if is_one_edit(ours, theirs):
        return theirs if site_of(theirs.dot.origin) == source else ours
    return FieldState(max(ours.stamp, theirs.stamp), dot, ours.digest)


def made_apart(local: Record, change: Change) -> bool:
    """Whether both sides created it, neither knowing of the other's.

    Two lives of one site may name one creation by two dots, and so may a site that has adopted what a lost
    life of the hub had made; but what was made twice was made at two times.
    """
    if not (local.birth.seq and change.birth.seq):
        return False
    if local.version.includes(change.birth) or change.version.includes(local.birth):
        return False
    ours, theirs = local.fields[DELETED], change.fields[DELETED]
    created = ours.dot == local.birth and theirs.dot == change.birth
    if site_of(local.birth.origin) != site_of(change.birth.origin):
        return not (created and ours.stamp == theirs.stamp)
    return created and ours.stamp != theirs.stamp


def _with_absent(fields: Mapping[str, FieldState], others: Mapping[str, FieldState]) -> dict[str, FieldState]:
    """The fields, and for each that only the other side has the statement that it is absent.

    What the other's release has no column for is not among these (``sync.site.lacking``).
    """
    states = dict(fields)
    for name in others:
        if name not in fields:
            states[name] = fields[DELETED]._replace(digest=ABSENT)
    return states


def _absent(fields: Mapping[str, FieldState]) -> set[str]:
    return {name for name, state in fields.items() if state.digest == ABSENT}


def _withdrawn(side: Record | Change) -> tuple[str, ...]:
    """Fields found unnumbered in a restored backup: they say nothing new, but somebody may miss them."""
    return tuple(sorted(n for n, state in side.fields.items() if state.dot.seq == 0 and n != DELETED))


def _lost_in_backup(name: str, local: Record, change: Change, take_theirs: bool) -> tuple[bool, str] | None:
    ours, theirs = local.fields.get(name), change.fields.get(name)
    loser, winner = (ours, theirs) if take_theirs else (theirs, ours)
    if loser is None or loser.dot.seq or (winner is not None and winner.digest == loser.digest):
        return None
    return True, f"{name}: {BACKUP}"


def _equal(local: Record, change: Change, name: str) -> bool:
    return local.fields[name].digest == change.fields[name].digest


def _later(local: Record, change: Change, name: str) -> int:
    return max(side[name].stamp for side in (local.fields, change.fields) if name in side)


def _pick(
    name: str,
    local: Record,
    content: Document,
    change: Change,
    sides: Sides,
    here: set[str],
    there: set[str],
) -> tuple[bool, str, bool, bool]:
    """Whether the incoming state is taken, why, whether it stays open, and whether something was lost."""
    if name not in there:
        return False, "", False, False
    if name not in here:
        return True, "", False, False
    ours, theirs = local.fields[name], change.fields[name]
    if ours.digest == theirs.digest:
        return False, "", False, False
    strategy = REGISTRY[local.ref.kind].merge.get(name)
    if strategy is not None:
        return _extreme(strategy, content.get(name), change.document.get(name)), "", False, False
    choice = _choose(sides.policy, Contest(ours, theirs, sides.source))
    return choice.incoming_wins, f"{name}: {choice.why}", choice.open, True


def _extreme(strategy: str, ours: Any, theirs: Any) -> bool:
    """Whether the incoming value is the greater (``max``) or the lesser (``min``); absent yields to
    present.
    """
    if ours is None or theirs is None:
        return ours is None
    return bool(theirs > ours) if strategy == "max" else bool(theirs < ours)
