"""What the hub makes of two versions where the dots alone do not say which came first."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.model import (
    DELETED,
    Change,
    Document,
    Dot,
    FieldState,
    Record,
    Ref,
    Version,
    life,
)
from keystone_viaduct.sync.site.merge import HOLLOW, TWICE, Decision, Sides, decide

REF = Ref("role", "auditor")
CONTENT: Document = {"id": "auditor", "name": "auditor"}
OLD, NEW, HUB = Dot("west#1", 4), Dot("west#2", 9), Dot("hub#1", 20)


def version(*dots: Dot) -> Version:
    """All of these."""
    return Version({dot.origin: dot.seq for dot in dots})


def tombstone(birth: Dot, dot: Dot, stamp: int, *seen: Dot) -> Record:
    """A record that was deleted by ``dot``."""
    fields = {DELETED: life(stamp, dot, deleted=True)}
    return Record(REF, 1, version(birth, *seen), birth, fields)


def alive(birth: Dot, stamp: int, *seen: Dot) -> Record:
    """A record that was made by ``birth`` and not changed since."""
    fields = {name: FieldState(stamp, birth, f"digest of {name}") for name in CONTENT}
    fields[DELETED] = life(stamp, birth, deleted=False)
    return Record(REF, 1, version(birth, *seen), birth, fields)


def incoming(record: Record) -> Change:
    """The record as a site shows it."""
    content = {} if record.deleted else CONTENT
    return Change(REF, 1, record.version, record.birth, record.fields, content, None)


def outcome(local: Record, change: Record, *known: Dot) -> Decision:
    """What a hub that knows of these edits makes of it."""
    content = None if local.deleted else CONTENT
    sides = Sides("west", "hub", known=version(*known))
    return decide(local, content, incoming(change), sides, HUB, 1_000)


def test_what_was_made_after_a_deletion_lives_and_the_deletion_is_listed() -> None:
    """Its maker knew the former life; that it knew of this very deletion nothing shows."""
    decision = outcome(tombstone(OLD, Dot("hub#1", 7), 50, Dot("hub#1", 7)), alive(NEW, 60, OLD))
    assert not decision.record.deleted and decision.fields == (DELETED,)


@pytest.mark.parametrize("meant", [True, False])
def test_a_deletion_that_a_hub_hears_of_late_means_the_life_that_it_had_seen(meant: bool) -> None:
    """A hub may know all edits of south, and of a deletion of south's only hear by who kept the tombstone."""
    gone = Dot("south#1", 5)
    living = alive(OLD if meant else NEW, 60, OLD)
    decision = outcome(living, tombstone(OLD, gone, 70), gone)
    assert decision.record.deleted is meant


def test_one_creation_under_two_dots_is_not_made_anew_after_its_deletion() -> None:
    decision = outcome(tombstone(OLD, Dot("hub#1", 7), 50, Dot("hub#1", 7)), alive(NEW, 40, OLD))
    assert decision.record.deleted and decision.is_conflict


def test_a_dot_that_stands_for_a_deletion_and_a_creation_is_listed() -> None:
    dead, living = tombstone(OLD, OLD, 50), alive(OLD, 40)
    for local, change in ((dead, living), (living, dead)):
        decision = outcome(local, change)
        assert not decision.record.deleted
        assert (decision.fields, decision.explanation) == ((DELETED,), TWICE)


def test_a_hollow_tombstone_gives_way_on_either_side_and_is_listed() -> None:
    dead, living = tombstone(OLD, Dot("hub#1", 0), 50), alive(OLD, 40, Dot("south#1", 3))
    for local, change in ((dead, living), (living, dead)):
        decision = outcome(local, change)
        assert not decision.record.deleted
        assert (decision.fields, decision.explanation) == ((DELETED,), HOLLOW)


@pytest.mark.parametrize(("source", "kept"), [("west", NEW), ("south", OLD)])
def test_one_edit_under_two_dots_stays_one(source: str, kept: Dot) -> None:
    """Two lives of its site have named it; its own site's name counts."""
    decision = decide(alive(OLD, 40), CONTENT, incoming(alive(NEW, 40)), Sides(source, "hub"), HUB, 1_000)
    assert {state.dot for name, state in decision.record.fields.items() if name != DELETED} == {kept}
    assert not decision.is_conflict


def test_two_edits_to_one_value_are_named_anew() -> None:
    """Or a further edit that has seen one of them would replace the other unseen."""
    other = Dot("south#1", 9)
    decision = decide(alive(OLD, 40), CONTENT, incoming(alive(other, 41)), Sides("south", "hub"), HUB, 1_000)
    assert {state.dot for name, state in decision.record.fields.items() if name != DELETED} == {HUB}
