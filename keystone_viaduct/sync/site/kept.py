"""What the hub may not settle yet, although it has seen the source's head (PROTOCOL rules 16, 17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.knowledge import Gap
from keystone_viaduct.sync.model import NAME, REFERENCE, UNTRIED, Dot, Pending, Ref, Version, site_of
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.needs import needs
from keystone_viaduct.sync.site.proof import REFUSABLE
from keystone_viaduct.sync.site.readiness import Readiness
from keystone_viaduct.sync.site.reasons import LOST, REFERRED, UNPLACED, UNPROVEN
from keystone_viaduct.sync.site.reviving import may_be_revived


def kept(run: Applying, readiness: Readiness) -> frozenset[Ref]:
    """What waits for another site to prove it, or for a person to say what became of the hub's rows; and what
    waits for that, or for what waits here from another site or is not shown by its own.
    """

    def is_to_come(ref: Ref) -> bool:
        to_come = _is_withheld(run, ref) or _waits_elsewhere(run, ref)
        return readiness.held(ref) or (to_come and not readiness.alive(ref))

    blockers = {ref: list(_blockers(readiness, entry)) for ref, entry in run.waiting.items()}
    if run.trial is not None:
        run.trial.look_for_others([ref for them in blockers.values() for ref in them])
    found = {
        ref
        for ref, entry in run.waiting.items()
        if entry.reason in (UNPROVEN, REFUSABLE, LOST)
        or entry.reason in UNTRIED
        or any(map(is_to_come, blockers[ref]))
        or may_be_revived(run, readiness, entry)
    }
    while found:
        more = {
            ref
            for ref in run.waiting
            if ref not in found and any(blocker in found for blocker in blockers[ref])
        }
        if not more:
            break
        found |= more
    return frozenset(found)


def _is_withheld(run: Applying, ref: Ref) -> bool:
    """Whether the source has edited a record, and does not show it yet."""
    return withholds(run.source_origin, run.page.exceptions.get(ref, {}), run.state.knows(ref))


def withholds(origin: str, gaps: Mapping[str, Gap], known: Version) -> bool:
    """Whether some edits that a site lacks of one record are its own, and yet to be shown by it.

    ``origin`` is its present life; ``known`` is what the hub has of the record: for that nobody need wait. It
    lacks the last edits of an earlier life where it waits itself for what others have of them.
    """
    site = site_of(origin)
    own = {
        life: gap
        for life, gap in gaps.items()
        if site_of(life) == site and not known.includes(Dot(life, gap.upto))
    }
    return origin in own or any(gap.after == 0 for gap in own.values())


def _waits_elsewhere(run: Applying, ref: Ref) -> bool:
    """Whether what another site has shown of a record waits here."""
    return run.trial is not None and run.trial.others_wait(ref)


def _blockers(readiness: Readiness, entry: Pending) -> Iterator[Ref]:
    """The records for whose sake a change waits."""
    ref, document = entry.change.ref, entry.change.document
    if entry.reason in (REFERENCE, UNPLACED):
        for need in needs(ref, document, entry.change.external):
            if not readiness.satisfied(need):
                yield from need.any_of
        if entry.reason == UNPLACED:
            for named in REGISTRY[ref.kind].references_of(document):
                yield Ref(named.kind, named.key)
    elif entry.reason == REFERRED:
        yield from readiness.living_referrers(ref)
    elif entry.reason == NAME:
        for claim in readiness.claims(ref, document):
            holder = readiness.holder(claim)
            if holder is not None:
                yield holder
