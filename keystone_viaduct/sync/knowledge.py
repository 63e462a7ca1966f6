"""Knowledge with exceptions: which edits are included at a site, and of which records that is not so.

A record that waits (for a reference, a proof, a decision, a person) is not included, while everything else
is. So knowledge is a vector, and for each such record the gaps in it: the edits of an origin that may be
missing of that record. Of any other record the vector speaks alone. Without them one record that waits would
keep a site from knowing anything, and with that tombstones from going and sites from being promoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from keystone_viaduct.sync.version import Ref, Version

#: With more records than so many knowledge does not grow, as long as they wait.
MOST_EXCEPTIONS = 1000


class Gap(NamedTuple):
    """The edits of an origin after one up to another: of a record they may be missing."""

    after: int
    upto: int


Exceptions = Mapping[Ref, Mapping[str, Gap]]


def known_of(knowledge: Version, exceptions: Exceptions, ref: Ref) -> Version:
    """What is known as far as one record is concerned."""
    gaps = exceptions.get(ref)
    if not gaps:
        return knowledge
    known = knowledge
    for origin, gap in gaps.items():
        known = known.clipped(origin, gap.after)
    return known


def missing(known: Version, version: Version) -> dict[str, Gap]:
    """The gaps that a record leaves whose ``version`` waits, where only ``known`` is known of it."""
    return {
        origin: Gap(known.entries.get(origin, 0), seq)
        for origin, seq in version.entries.items()
        if known.entries.get(origin, 0) < seq
    }


def joined(
    mine: Version, my_exceptions: Exceptions, theirs: Version, their_exceptions: Exceptions
) -> tuple[Version, dict[Ref, Mapping[str, Gap]]]:
    """What is known by both together: a gap stays unless the other side knows what is missing."""
    together = mine.join(theirs)
    found: dict[Ref, Mapping[str, Gap]] = {}
    for ref in my_exceptions.keys() | their_exceptions.keys():
        known = known_of(mine, my_exceptions, ref).join(known_of(theirs, their_exceptions, ref))
        ours, others = my_exceptions.get(ref, {}), their_exceptions.get(ref, {})
        left: dict[str, Gap] = {}
        for origin in ours.keys() | others.keys():
            gap = Gap(
                known.entries.get(origin, 0),
                max(gaps[origin].upto for gaps in (ours, others) if origin in gaps),
            )
            if gap.after < gap.upto:
                left[origin] = gap
        if left:
            found[ref] = left
    return together, found


def widened(exceptions: Exceptions, ref: Ref, gaps: Mapping[str, Gap]) -> dict[Ref, Mapping[str, Gap]]:
    """The exceptions with these gaps of a record as well; another change of it may wait, too."""
    found = dict(exceptions)
    if gaps:
        before = found.get(ref, {})
        wider = {o: _around(gap, before.get(o, gap)) for o, gap in gaps.items()}
        found[ref] = {**before, **wider}
    return found


def _around(one: Gap, other: Gap) -> Gap:
    return Gap(min(one.after, other.after), max(one.upto, other.upto))


def without(exceptions: Exceptions, ref: Ref, version: Version) -> dict[Ref, Mapping[str, Gap]]:
    """The exceptions after that version of the record was stored."""
    found = dict(exceptions)
    gaps = {o: gap for o, gap in found.pop(ref, {}).items() if version.entries.get(o, 0) < gap.upto}
    if gaps:
        found[ref] = gaps
    return found


def clipped(exceptions: Exceptions, origin: str, seq: int) -> dict[Ref, Mapping[str, Gap]]:
    """The exceptions where no edit of an origin beyond ``seq`` counts any more."""
    found: dict[Ref, Mapping[str, Gap]] = {}
    for ref, gaps in exceptions.items():
        cut = {
            name: gap if name != origin else Gap(gap.after, min(gap.upto, seq)) for name, gap in gaps.items()
        }
        left = {name: gap for name, gap in cut.items() if gap.after < gap.upto}
        if left:
            found[ref] = left
    return found


def within(exceptions: Exceptions, knowledge: Version) -> dict[Ref, Mapping[str, Gap]]:
    """Those that take something from this knowledge: of edits beyond it nothing is known in any case.

    Some of these nobody may ever have made. An exception for them would go round, and have everybody wait.
    """
    found: dict[Ref, Mapping[str, Gap]] = {}
    known = knowledge.entries
    for ref, gaps in exceptions.items():
        cut = {origin: Gap(gap.after, min(gap.upto, known.get(origin, 0))) for origin, gap in gaps.items()}
        left = {origin: gap for origin, gap in cut.items() if gap.after < gap.upto}
        if left:
            found[ref] = left
    return found


def limited(exceptions: Exceptions, knowledge: Version) -> dict[Ref, Mapping[str, Gap]]:
    """Those that say something of the origins in ``knowledge``."""
    found: dict[Ref, Mapping[str, Gap]] = {}
    for ref, gaps in exceptions.items():
        kept = {origin: gap for origin, gap in gaps.items() if origin in knowledge.entries}
        if kept:
            found[ref] = kept
    return found
