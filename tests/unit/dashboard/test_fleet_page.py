"""The state of a fleet in one sentence, the map, and the list of sites."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keystone_viaduct.dashboard.state import Fleet
from keystone_viaduct.dashboard.view import fleet as view
from keystone_viaduct.dashboard.view.health import headline
from tests.support.dashboards import both, conflict, large, site, small

NOW = 1_790_000_000.0


def told(fleet: Fleet) -> tuple[str, str]:
    found = headline(fleet, view.healths(fleet))
    return found.tone, found.title


def with_west(**lanes: object) -> Fleet:
    return replace(small(NOW), links=(*both("west", NOW, "east", **lanes), *both("south", NOW, "east")))


def with_site(name: str, **known: object) -> Fleet:
    fleet = small(NOW)
    return replace(fleet, sites={**fleet.sites, name: site(name, NOW, "east", **known)})


def test_a_fleet_without_trouble_says_so() -> None:
    assert told(small(NOW)) == ("good", "All 3 sites are in step.")


@pytest.mark.parametrize(
    ("fleet", "tone", "title"),
    [
        (
            with_west(error="timed out", code="site.unavailable", succeeded_at=NOW - 95),
            "bad",
            "1 site is cut off: west. 2 of 3 sites are well.",
        ),
        (
            with_west(error="a key has changed", code="sync.key-changed"),
            "bad",
            "1 site is stopped: west. 2 of 3 sites are well.",
        ),
        (with_west(behind=3), "busy", "1 site is catching up: west. 2 of 3 sites are well."),
        (
            with_west(loading=True, position=50, head=100),
            "busy",
            "1 site is being filled: west. 2 of 3 sites are well.",
        ),
        (
            with_site("south", waiting={"quarantined": 2}),
            "warn",
            "1 site needs a look: south. 2 of 3 sites are well.",
        ),
        (
            with_site("east", error="timed out", seen_at=NOW - 60),
            "bad",
            "The hub east does not answer. 2 of 3 sites are well.",
        ),
        (
            replace(small(NOW), conflicts=(conflict(NOW), conflict(NOW, 2, open=False))),
            "warn",
            "1 conflict waits for a decision. 3 of 3 sites are well.",
        ),
    ],
)
def test_the_headline_names_what_is_wrong(fleet: Fleet, tone: str, title: str) -> None:
    assert told(fleet) == (tone, title)


def test_how_long_a_site_has_been_cut_off_is_said() -> None:
    fleet = with_west(error="timed out", code="site.unavailable", succeeded_at=NOW - 95)
    assert view.healths(fleet)["west"].why.startswith("No answer for 95 s. It goes on by itself.")


def test_a_site_that_was_silent_for_long_is_not_called_well() -> None:
    fleet = with_site("south", seen_at=NOW - 3600)
    assert view.healths(fleet)["south"].word == "silent"


def test_another_hub_in_the_mind_of_a_site_is_noted() -> None:
    fleet = small(NOW)
    fleet = replace(fleet, sites={**fleet.sites, "south": site("south", NOW, "west")})
    found = headline(fleet, view.healths(fleet))
    assert found.notes == ("south take another site than east for the hub.",)
    assert found.tone == "warn"


def test_small_fleets_are_drawn_in_both_shapes_and_large_ones_grouped() -> None:
    fleet = small(NOW)
    found = view.rows(fleet, view.healths(fleet))
    for narrow in (False, True):
        drawn = view.drawn(fleet, found, narrow=narrow)
        assert drawn is not None
        assert [node.row.site.name for node in drawn.nodes] == ["east", "south", "west"]
        assert {(road.spoke, road.up is not None, road.down is not None) for road in drawn.roads} == {
            ("south", True, True),
            ("west", True, True),
        }
        assert all(0 < n.x < drawn.width and 0 < n.y < drawn.height for n in drawn.nodes)
    crowd = large(NOW)
    assert view.drawn(crowd, view.rows(crowd, view.healths(crowd))) is None


def test_a_thousand_sites_are_grouped_filtered_and_paged() -> None:
    fleet = large(NOW)
    found = view.rows(fleet, view.healths(fleet))
    groups = view.grouped(found)
    assert sum(len(group.tiles) for group in groups) == 1000
    assert {group.name for group in groups} == {
        "ams",
        "bom",
        "fra",
        "gru",
        "iad",
        "jnb",
        "lhr",
        "nrt",
        "sin",
        "syd",
    }
    assert found[0].health.tone == "bad", "the worst come first"
    some = view.matching(found, "FRA-", "")
    assert len(some) == 100
    assert all(row.site.name.startswith("fra") for row in some)
    cut = view.matching(found, "", "cut off")
    assert cut
    assert len(cut) == sum(row.health.word == "cut off" for row in found)
    last = view.paged(found, 99999, 1000)
    assert (last.number, last.pages, len(last.rows)) == (40, 40, 25)
    assert view.paged([], 1, 1000).pages == 1


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("ams-001", "ams"), ("east", "east"), ("r1", "r"), ("-odd", "-odd"), ("eu.west.3", "eu")],
)
def test_neighbours_are_told_by_how_their_names_begin(name: str, prefix: str) -> None:
    assert view.prefix(name) == prefix
