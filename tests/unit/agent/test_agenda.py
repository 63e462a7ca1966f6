"""Which direction is due when."""

from __future__ import annotations

from keystone_viaduct.sync.agent.agenda import CROWDED, NEVER, Agenda, Rest

POLL = Rest(10.0)
BACK_OFF = Rest(8.0, deaf=True)


def agenda(*items: str, rest: Rest | None = None) -> Agenda[str]:
    """All of them due at 0, or at rest since then."""
    found: Agenda[str] = Agenda()
    for item in items:
        found.add(item, 0.0)
    if rest is not None:
        assert attempted(found, 0.0, rest) == list(items)
    return found


def attempted(agenda: Agenda[str], now: float, rest: Rest) -> list[str]:
    """Those that were due, each attempted at once."""
    found = agenda.take(now)
    for item in found:
        agenda.begin(item, now)
        agenda.end(item, rest, now)
    return found


def test_what_is_added_is_due_at_once_and_then_after_its_rest() -> None:
    found = agenda("a", "b", rest=POLL)
    assert (found.take(9.9), found.next_at()) == ([], 10.0)
    assert found.take(10.0) == ["a", "b"]
    assert found.next_at() == NEVER, "who is at work is not due"


def test_news_end_a_rest_at_once() -> None:
    found = agenda("a", "b", rest=POLL)
    found.tell("b", 3.0)
    assert (found.next_at(), found.take(3.0)) == (3.0, ["b"])


def test_they_do_not_cut_short_what_is_owed_to_a_site_in_trouble() -> None:
    found = agenda("a", rest=BACK_OFF)
    found.tell("a", 3.0)
    found.hint("a", 3.0, 1.0)
    assert (found.take(7.9), found.take(8.0)) == ([], ["a"])


def test_they_cut_short_a_rest_but_for_what_is_left_to_others_of_it() -> None:
    for rest in (Rest(10.0, least=2.4), Rest(0.0, least=2.4)):
        found = agenda("a", rest=rest)
        assert found.next_at() == max(rest.wait, rest.least)
        found.tell("a", 1.0)
        assert (found.take(2.3), found.take(2.4)) == ([], ["a"])
    found = agenda("a", rest=Rest(10.0, least=2.4))
    found.tell("a", 3.0)
    assert found.take(3.0) == ["a"]


def test_who_has_much_to_do_does_not_come_twice_before_who_has_waited() -> None:
    found = agenda("busy", "b", "c")
    seen = []
    for step in range(6):
        waiting = found.take(float(step))
        seen += waiting
        for item in waiting:
            found.begin(item, float(step))
            found.end(item, Rest(0.0), float(step))
    assert seen == ["busy", "b", "c"] * 6


def test_news_that_come_during_an_attempt_cause_another() -> None:
    found = agenda("a")
    found.take(0.0)
    found.begin("a", 0.0)
    found.tell("a", 1.0)
    found.end("a", POLL, 2.0)
    assert found.next_at() == 2.0


def test_those_that_come_before_it_begins_are_known_to_it() -> None:
    found = agenda("a")
    found.take(0.0)
    found.tell("a", 1.0)
    found.begin("a", 2.0)
    found.end("a", POLL, 3.0)
    assert found.next_at() == 13.0


def test_news_during_an_attempt_that_fails_wait_for_its_rest() -> None:
    found = agenda("a")
    found.take(0.0)
    found.begin("a", 0.0)
    found.tell("a", 1.0)
    found.end("a", BACK_OFF, 2.0)
    assert found.next_at() == 10.0


def test_a_hint_is_followed_at_once_after_a_while_and_else_when_its_spacing_is_over() -> None:
    found = agenda("a", rest=POLL)
    found.hint("a", 0.25, 1.0)
    assert found.next_at() == 1.0
    attempted(found, 1.0, POLL)
    found.hint("a", 7.0, 1.0)
    assert found.next_at() == 7.0


def test_hints_cause_one_attempt_in_their_spacing_however_many_there_are() -> None:
    found = agenda("a", rest=POLL)
    attempts = 0
    for tick in range(100):
        found.hint("a", tick / 10, 1.0)
        attempts += len(attempted(found, tick / 10, POLL))
    assert attempts == 9


def test_a_hint_does_not_make_it_wait_longer_than_it_would_have() -> None:
    found = agenda("a", rest=Rest(0.5))
    found.hint("a", 0.1, 20.0)
    assert found.next_at() == 0.5


def test_a_hint_during_an_attempt_waits_for_its_spacing() -> None:
    found = agenda("a")
    found.take(0.0)
    found.begin("a", 0.0)
    found.hint("a", 0.1, 1.0)
    found.end("a", POLL, 0.2)
    assert found.next_at() == 1.0


def test_a_storm_of_news_takes_no_memory() -> None:
    found = agenda("a", "b", rest=POLL)
    for tick in range(1, 10_000):
        found.tell("a", tick / 10_000)
        attempted(found, tick / 10_000, POLL)
    assert len(found._heap) <= 2 * CROWDED + 1
    assert found.next_at() == 10.0, "and b is still there"
