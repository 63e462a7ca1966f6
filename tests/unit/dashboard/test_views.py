"""What pages show of changes, conflicts, searches and waiting records; and how people read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from keystone_viaduct.dashboard.state import Metrics
from keystone_viaduct.dashboard.view import conflicts, journeys, progress, survey, waiting, words
from keystone_viaduct.dashboard.view.survey import Answer
from keystone_viaduct.sync.model import Ref, Waiting
from tests.support.dashboards import HOSTILE, arrivals, both, conflict, record, small, viewed

NOW = 1_790_000_000.0
DOCUMENT = {"id": "u1", "name": "anna", "email": "anna@east"}


def test_a_change_is_told_once_with_every_site_that_it_came_to() -> None:
    (first, *_) = journeys.journeys(arrivals(NOW, 3))
    assert [stop.site for stop in first.stops] == ["east", "south"]
    assert first.stops[0].lag < first.stops[1].lag
    assert first.made_at == pytest.approx(first.stops[0].at - first.stops[0].lag)


def test_a_chart_holds_all_points_and_says_itself_in_words() -> None:
    link = both("west", NOW, "east")[0]
    points = [(NOW - 100 + number, 0.02 * (number + 1)) for number in range(100)]
    chart = journeys.chart(link, points, NOW)
    assert len(chart.points) == 100
    assert all(
        chart.left <= point.x <= chart.width and 0 <= point.y <= chart.height for point in chart.points
    )
    assert chart.summary == (
        "west → east: of the latest 120 changes half arrived within 83 ms, 99 in 100 within 210 ms."
    )
    empty = journeys.chart(replace(link, half=None, most=None), [], NOW)
    assert (empty.points, empty.half) == ((), None)


@pytest.mark.parametrize("lag", [0.0, 1e-9, 1e9])
def test_a_chart_stands_any_lag(lag: float) -> None:
    link = replace(both("west", NOW, "east")[0], half=lag, most=lag)
    (point,) = journeys.chart(link, [(NOW, lag)], NOW).points
    assert 0 <= point.y <= journeys.HEIGHT


def explained(**lost: object) -> conflicts.Explained:
    return conflicts.explained(conflict(NOW), {"lost": lost}, record({**DOCUMENT, "extra.phone": "1"}))


def test_both_sides_of_a_conflict_stand_beside_each_other_what_is_in_question_first() -> None:
    found = explained(email="anna@west")
    assert [side.name for side in found.sides] == ["email", "extra.phone"]
    assert [side.name for side in found.rest] == ["id", "name"]
    email, phone = found.sides
    assert (email.now, email.lost, email.differs) == ("anna@east", "anna@west", True)
    assert (phone.now, phone.lost, phone.differs) == ("1", "(not there)", True)
    assert found.actions == ("keep", "restore")


def test_secrets_are_named_and_never_shown() -> None:
    found = conflicts.explained(
        conflict(NOW, fields=("password",)), {"lost": {}, "lost_secrets": ["password"]}, None
    )
    (side,) = found.sides
    assert (side.name, side.lost, found.there) == ("password", "(kept, never shown)", False)


def test_a_preview_says_what_restoring_changes_and_keeping_does_not() -> None:
    found = explained(email="anna@west")
    restoring = conflicts.preview(found, "restore", "", 2)
    assert restoring.effects == (
        conflicts.Effect("email", "anna@east", "anna@west"),
        conflicts.Effect("extra.phone", "1", "(not there)"),
    )
    assert "2 sites will hear of it" in restoring.summary
    assert conflicts.preview(found, "keep", "", 2).effects == ()
    renamed = conflicts.preview(found, "restore", "anna2", 2)
    assert renamed.effects[0] == conflicts.Effect("local.name", "(not there)", "anna2")


def test_what_is_judged_can_be_kept_or_withdrawn_and_what_is_resolved_needs_no_more() -> None:
    judged = conflicts.explained(conflict(NOW, sort="judged"), {}, record(DOCUMENT))
    assert judged.actions == ("keep", "withdraw")
    done = conflict(NOW, sort="judged", open=False, resolution="restored")
    assert conflicts.explained(done, {}, None).actions == ()
    assert conflicts.state_of(done) == "withdrawn"


def survey_of(**sites: Mapping[str, object] | None) -> survey.Survey:
    answers = [Answer(name, None if found is None else record(found)) for name, found in sites.items()]
    return survey.surveyed("user", "u1", "east", answers, len(answers))


def test_a_record_that_is_the_same_everywhere() -> None:
    found = survey_of(west=DOCUMENT, east=DOCUMENT)
    assert found.verdict == "It is at all 2 sites that answered, and the same everywhere."
    assert (found.tone, found.name, found.is_done) == ("good", "anna", True)


def test_a_record_that_differs_somewhere_is_compared_with_the_hubs() -> None:
    found = survey_of(west={**DOCUMENT, "email": "x"}, east=DOCUMENT, south=None)
    assert found.verdict == "It is at 2 of 3 sites that answered, but west has something else."
    (differs,) = (version for version in found.versions if version.verdict == "differs")
    assert differs.differences == (survey.Difference("email", "anna@east", "x"),)


def test_a_site_without_an_answer_is_no_site_without_the_record() -> None:
    answers = [Answer("east", record(DOCUMENT)), Answer("west", error="timed out")]
    found = survey.surveyed("user", "u1", "east", answers, 3)
    assert found.verdict == "It is at one site that answered, and the same everywhere."
    assert found.silent == (("west", "timed out"),)
    assert not found.is_done


def test_the_history_names_who_wrote_what_when() -> None:
    one = record(DOCUMENT)
    one["stamps"]["email"] = 1_790_000_100_000_000
    found = survey.surveyed("user", "u1", "east", [Answer("east", one)], 1)
    assert [(event.at, event.what) for event in found.events] == [
        (1_790_000_100.0, "changed email"),
        (1_790_000_000.0, "made: id and name"),
    ]


def test_waiting_records_are_those_of_the_one_list_with_filters() -> None:
    fleet = small(NOW)
    sites = {**fleet.sites, "west": replace(fleet.sites["west"], waiting={"quarantined": 1, "pending": 1})}
    stuck = Waiting(Ref("user", "u1"), "anna", "quarantined", "quarantined", "boom", "east", 5)
    later = Waiting(Ref("project", "p1"), "web", "pending", "reference", "", "east", 9)
    fleet = replace(
        fleet, sites=sites, view=viewed(NOW, "east", sites, fleet.links, {"west": (later, stuck)})
    )
    found = waiting.queue(fleet)
    assert [entry.record.name for entry in found.rows] == ["anna", "web"]
    assert found.total == 2
    assert [entry.record.name for entry in waiting.queue(fleet, state="pending").rows] == ["web"]
    assert waiting.queue(fleet, site="south").rows == ()


def test_first_loads_and_sites_that_wait_to_be_let_in_are_told() -> None:
    links = both("west", NOW, "east", loading=True, position=40, head=100) + both(
        "south", NOW, "east", code="adopt.undecided", error="nobody has chosen"
    )
    found = progress.loads(replace(small(NOW), links=links))
    assert [(bar.name, bar.done, bar.total) for bar in found] == [
        ("west → east", 40, 100),
        ("east → west", 40, 100),
        ("south", 0, 1),
    ]


def test_upgrades_are_told_of_the_sites_that_tell() -> None:
    fleet = small(NOW)
    begun = Metrics(0, 0, 0, 0, 0, ("wide-ids: expanded; next: migrate",))
    silent = replace(fleet.sites["south"], metrics=None)
    sites = {**fleet.sites, "west": replace(fleet.sites["west"], metrics=begun), "south": silent}
    assert progress.upgrades(replace(fleet, sites=sites)) == (("west", "wide-ids: expanded; next: migrate"),)


def test_nothing_invisible_is_left_in_a_name() -> None:
    plain = words.plain(HOSTILE)
    assert "\u202e" not in plain
    assert "\x00" not in plain
    assert "\\u202e" in plain
    assert words.plain("Zoë 日本 🎉\n") == "Zoë 日本 🎉\n"
    assert words.plain("half \ud800") == "half \\ud800"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.08, "80 ms"),
        (3.21, "3.2 s"),
        (90, "90 s"),
        (600, "10 min"),
        (7300, "2 h"),
        (1e6, "12 days"),
    ],
)
def test_times_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert words.span(seconds) == text
