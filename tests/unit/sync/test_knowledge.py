"""Knowledge with exceptions: what is said of one record, whatever the order in which it is learned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.sync.knowledge import (
    Exceptions,
    Gap,
    clipped,
    joined,
    known_of,
    missing,
    widened,
    without,
)
from keystone_viaduct.sync.model import Dot, Ref, Version

A, B = "east#1", "west#2"
ONE, OTHER = Ref("user", "one"), Ref("user", "other")
VERSIONS = st.dictionaries(st.sampled_from([A, B, "south#3"]), st.integers(1, 9)).map(Version)


@st.composite
def sides(draw: st.DrawFn) -> tuple[Version, Exceptions]:
    """What a site knows, and what waits there."""
    known = draw(VERSIONS)
    waiting = {
        ref: missing(draw(VERSIONS), draw(VERSIONS)) for ref in draw(st.sets(st.sampled_from([ONE, OTHER])))
    }
    return known, {ref: gaps for ref, gaps in waiting.items() if gaps}


def has(side: tuple[Version, Exceptions], ref: Ref, dot: Dot) -> bool:
    """Whether that edit of a record is there: the vector includes it, and it lies in no gap."""
    known, exceptions = side
    gap = exceptions.get(ref, {}).get(dot.origin, Gap(0, 0))
    return known.includes(dot) and not gap.after < dot.seq <= gap.upto


@given(sides(), sides(), st.sampled_from([ONE, OTHER]))
def test_two_sites_know_of_a_record_what_either_knows(
    mine: tuple[Version, Exceptions], theirs: tuple[Version, Exceptions], ref: Ref
) -> None:
    together = joined(*mine, *theirs)
    assert together == joined(*theirs, *mine)
    known = known_of(*together, ref)
    assert known.covers(known_of(*mine, ref).join(known_of(*theirs, ref)))
    for dot in (Dot(origin, seq) for origin in (A, B, "south#3") for seq in range(1, 10)):
        if known.includes(dot):
            assert has(mine, ref, dot) or has(theirs, ref, dot), "nobody knows of it"


@given(sides())
def test_to_learn_what_one_knows_already_changes_nothing(mine: tuple[Version, Exceptions]) -> None:
    known, exceptions = joined(*mine, *mine)
    for ref in (ONE, OTHER):
        assert known_of(known, exceptions, ref) == known_of(*mine, ref)


def test_what_waits_is_not_known_of_its_record_alone() -> None:
    known, waiting = Version({A: 9, B: 4}), Version({A: 7, B: 2})
    exceptions = {ONE: missing(Version({A: 3, B: 4}), waiting)}
    assert exceptions == {ONE: {A: Gap(3, 7)}}
    assert known_of(known, exceptions, ONE) == Version({A: 3, B: 4})
    assert known_of(known, exceptions, OTHER) == known


def test_an_exception_ends_when_what_waited_is_stored() -> None:
    exceptions = {ONE: {A: Gap(3, 7), B: Gap(0, 2)}}
    assert without(exceptions, ONE, Version({A: 7})) == {ONE: {B: Gap(0, 2)}}
    assert without(exceptions, ONE, Version({A: 8, B: 2})) == {}
    assert without(exceptions, OTHER, Version({A: 8, B: 2})) == exceptions


def test_an_exception_ends_when_somebody_tells_who_has_it() -> None:
    mine, theirs = Version({A: 9}), Version({A: 8})
    assert joined(mine, {ONE: {A: Gap(3, 7)}}, theirs, {})[1] == {}
    assert joined(mine, {ONE: {A: Gap(3, 7)}}, Version({A: 5}), {})[1] == {ONE: {A: Gap(5, 7)}}
    assert joined(Version({A: 9}), {}, theirs, {ONE: {A: Gap(3, 7)}})[1] == {}


def test_what_two_sites_have_shown_of_a_record_waits_both() -> None:
    exceptions = widened({ONE: {A: Gap(3, 7)}}, ONE, {A: Gap(5, 9), B: Gap(0, 2)})
    assert exceptions == {ONE: {A: Gap(3, 9), B: Gap(0, 2)}}
    assert widened(exceptions, OTHER, {}) == exceptions


def test_edits_of_a_life_that_was_lost_are_no_gap_any_more() -> None:
    exceptions = {ONE: {A: Gap(3, 7), B: Gap(0, 2)}, OTHER: {A: Gap(6, 7)}}
    assert clipped(exceptions, A, 5) == {ONE: {A: Gap(3, 5), B: Gap(0, 2)}}
