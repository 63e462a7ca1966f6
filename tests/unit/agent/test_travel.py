"""What is noted of changes as they arrive."""

from __future__ import annotations

import json

import pytest

from keystone_viaduct.sync.agent.travel import Times, Travel, percentile
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.wire.carried import Edit, carry

USER = Ref("user", "u1")
WAY = ("east", "west")
AT = 1_700_000_000.0


def edit(lag: float, *, origin: str = "east#1", position: int = 1, ref: Ref = USER) -> Edit:
    return Edit(ref, origin, position, int((AT - lag) * 1_000_000), "anna")


def test_an_arrival_says_which_record_from_where_and_after_how_long() -> None:
    travel = Travel()
    travel.note(WAY, [edit(0.25)], (), AT)
    (found,) = travel.latest()
    assert (found.source, found.target, found.ref, found.name, found.origin) == (*WAY, USER, "anna", "east")
    assert found.lag == pytest.approx(0.25, abs=1e-3)
    assert not found.refused


def test_what_a_site_is_shown_of_its_own_is_no_arrival() -> None:
    travel = Travel()
    travel.note(WAY, [edit(0.25, origin="west#7")], (), AT)
    assert travel.latest() == []
    assert travel.number == 0


def test_a_change_that_the_target_refuses_is_told_as_refused() -> None:
    travel = Travel()
    travel.note(WAY, [edit(0.1), edit(0.1, ref=Ref("user", "u2"))], (USER,), AT)
    assert [(one.ref.key, one.refused) for one in travel.latest()] == [("u2", False), ("u1", True)]


def test_a_first_load_is_told_and_not_counted_as_lag() -> None:
    travel = Travel()
    travel.note(WAY, [edit(86400.0)], (), AT, loading=True)
    assert len(travel.latest()) == 1
    assert travel.points(WAY) == []
    assert travel.spans() == {}


def test_a_clock_that_is_ahead_makes_no_negative_lag() -> None:
    travel = Travel()
    travel.note(WAY, [edit(-3.0)], (), AT)
    assert travel.latest()[0].lag == 0.0


def test_the_spans_are_the_median_and_the_99th_of_100() -> None:
    travel = Travel()
    travel.note(WAY, [edit(float(number)) for number in range(1, 101)], (), AT)
    half, most = travel.spans()[WAY]
    assert half == pytest.approx(50.0, abs=1e-3)
    assert most == pytest.approx(99.0, abs=1e-3)


def test_only_the_latest_are_kept_in_the_order_in_which_they_came() -> None:
    travel = Travel(arrivals=3)
    for position in range(5):
        travel.note(WAY, [edit(0.1, position=position)], (), AT)
    assert [one.position for one in travel.latest()] == [4, 3, 2]
    assert travel.number == 5
    times = Times(most=3)
    for number in range(5):
        times.add(float(number), number / 10)
    assert times.points == [(2.0, 0.2), (3.0, 0.3), (4.0, 0.4)]
    assert times.count == 5


def test_percentiles_of_nothing_and_of_one() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([2.0], 0.5) == 2.0


def page(**change: object) -> bytes:
    told = {"ref": ["user", "u1"], "seq": 4, **change}
    frame = {
        "source": "east",
        "term": 1,
        "after": None,
        "upto": ["a", 4, "n"],
        "at_head": True,
        "knowledge": {},
        "changes": [told],
    }
    return json.dumps(frame).encode()


def test_a_carried_page_names_the_latest_edit_of_each_change() -> None:
    fields = [[5, "east#a", 3, {"name": "0" * 32}], [9, "west#b", 7, {"email": "0" * 32}]]
    carried = carry(page(fields=fields, document={"name": "anna"}), None)
    assert carried.edits == (Edit(USER, "west#b", 7, 9, "anna"),)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"fields": None, "document": None},
        {"fields": "x", "document": []},
        {"fields": [[1, 2, 3, {}], ["a", "b", "c", {}], [True, "x", 1, {}], 7], "document": {"name": 7}},
    ],
)
def test_a_page_of_which_no_edit_can_be_read_is_carried_all_the_same(
    change: dict[str, object],
) -> None:
    assert carry(page(**change), None).edits == (Edit(USER),)


def test_no_more_of_names_is_kept_than_people_read() -> None:
    fields = [[5, "e" * 5000, 3, {}]]
    (found,) = carry(page(fields=fields, document={"name": "n" * 5000}), None).edits
    assert len(found.name) == len(found.origin) == 100


def test_what_waited_for_an_agent_is_told_and_not_counted_as_lag() -> None:
    travel = Travel(began=AT - 10)
    travel.note(WAY, [edit(60.0), edit(0.25, position=2)], (), AT)
    assert len(travel.latest()) == 2
    assert [lag for _, lag in travel.points(WAY)] == [pytest.approx(0.25, abs=1e-3)]
