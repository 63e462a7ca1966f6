"""The state of a fleet in one sentence, the map, and the list of sites."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from keystone_viaduct.dashboard.state import Fleet
from keystone_viaduct.dashboard.view import drawing
from keystone_viaduct.dashboard.view import fleet as view
from keystone_viaduct.dashboard.view.health import Said, headline
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
            "1 conflict waits for a decision. All 3 sites are in step.",
        ),
    ],
)
def test_the_headline_names_what_is_wrong(fleet: Fleet, tone: str, title: str) -> None:
    assert told(fleet) == (tone, title)


def test_how_long_a_site_has_been_cut_off_is_said() -> None:
    fleet = with_west(error="timed out", code="site.unavailable", succeeded_at=NOW - 95)
    assert view.healths(fleet)["west"].why == "No answer for 95 s. Changes are kept at both ends. timed out."


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
        drawn = drawing.drawn(fleet, found, narrow=narrow)
        assert drawn is not None
        assert [node.row.site.name for node in drawn.nodes] == ["east", "south", "west"]
        up, down = drawing.Line("to hub", "83 ms", "", ""), drawing.Line("from hub", "91 ms", "", "")
        assert {(road.spoke, road.lines) for road in drawn.roads} == {
            ("south", (up, down)),
            ("west", (up, down)),
        }
    crowd = large(NOW)
    assert drawing.drawn(crowd, view.rows(crowd, view.healths(crowd))) is None


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 15, 16])
def test_no_site_or_label_is_drawn_over_another_or_off_the_edge(number: int, narrow: bool) -> None:
    fleet = small(NOW, spokes=tuple(f"spoke-{one:02d}" for one in range(number)))
    found = drawing.drawn(fleet, view.rows(fleet, view.healths(fleet)), narrow=narrow)
    assert found is not None
    boxes = [(n.x - n.width / 2, n.y - 32, n.x + n.width / 2, n.y + 32) for n in found.nodes]
    if not narrow:  # on a narrow screen the labels are inside of the sites
        boxes += [(road.x, road.y - 22, road.x + drawing.WIDE_LABEL, road.y + 22) for road in found.roads]
    assert all(
        left >= 0 and top >= 0 and right <= found.width and bottom <= found.height
        for left, top, right, bottom in boxes
    )
    for one, other in itertools.combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_a_link_says_what_is_wrong_with_it_and_how_much_waits() -> None:
    fleet = with_west(error="timed out", code="site.unavailable", behind=1234)
    found = drawing.drawn(fleet, view.rows(fleet, view.healths(fleet)))
    assert found is not None
    assert [road.lines[0] for road in found.roads if road.spoke == "west"] == [
        drawing.Line("to hub", "cut off", "1.2k queued", "bad")
    ]


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


def test_each_part_of_the_headline_leads_to_more_of_it() -> None:
    gone = {"error": "timed out", "code": "site.unavailable"}
    links = (*both("west", NOW, "east", **gone), *both("south", NOW, "east", **gone))
    fleet = replace(small(NOW), links=links, conflicts=(conflict(NOW),))
    assert headline(fleet, view.healths(fleet)).said == (
        Said("2 sites are cut off: west and south", state="cut off"),
        Said("1 conflict waits for a decision", conflicts=True),
        Said("1 of 3 sites are well"),
    )
    alone = with_west(**gone)
    assert headline(alone, view.healths(alone)).said[0] == Said("1 site is cut off: west", site="west")


def test_a_direction_that_has_not_asked_yet_is_cut_with_the_other_one() -> None:
    up, down = both("west", NOW, "east")
    gone = replace(up, error="timed out", code="site.unavailable")
    fleet = replace(small(NOW), links=(gone, down, *both("south", NOW, "east")))
    found = drawing.drawn(fleet, view.rows(fleet, view.healths(fleet)))
    assert found is not None
    states = {road.spoke: [line.state for line in road.lines] for road in found.roads}
    assert states == {"west": ["cut off", "cut off"], "south": ["83 ms", "91 ms"]}


def test_that_a_site_which_is_cut_off_gets_no_keys_is_not_said_again() -> None:
    gone = {"error": "timed out", "code": "site.unavailable"}
    cut = replace(with_west(**gone), keys_error="west: west does not answer: timed out")
    assert headline(cut, view.healths(cut)).notes == ()
    other = replace(cut, keys_error="south: the repository is full; west: west does not answer")
    assert headline(other, view.healths(other)).notes == ("Keys: south: the repository is full",)
