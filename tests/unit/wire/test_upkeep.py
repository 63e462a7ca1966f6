"""Purges and sweeps on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.model import Held, Purged, Reason, Ref, SweepState
from keystone_viaduct.sync.wire import body, limits, upkeep

numbers = st.integers(0, limits.INTEGER)
optional = st.none() | st.integers(0, limits.RETENTION)


def travelled(value: Any) -> Any:
    """As it arrives."""
    return body.loads(body.dumps(value))


@given(st.builds(upkeep.Times, st.integers(0, limits.RETENTION), optional, optional, st.none() | numbers))
def test_times_arrive_as_they_were(times: upkeep.Times) -> None:
    assert upkeep.times_from_json(travelled(upkeep.times_to_json(times))) == times


@given(st.builds(Purged, numbers, numbers, numbers, st.none() | numbers, st.just(("west", "south"))))
def test_what_was_purged_arrives_as_it_was(purged: Purged) -> None:
    assert upkeep.purged_from_json(travelled(upkeep.purged_to_json(purged))) == purged


@given(st.text(max_size=20), st.booleans(), st.lists(numbers, min_size=5, max_size=5))
def test_reports_arrive_as_they_were(key: str, by_rows: bool, counts: list[int]) -> None:
    place = SweepState("user", by_rows, key, *counts)
    records = (Held(Ref("user", "u"), Reason.MISSING, 5), Held(Ref("role", "r"), Reason.DANGLING, 6))
    sent = travelled(upkeep.report_to_json(place, {"user": 1, "role": 1}, records))
    assert upkeep.report_from_json(sent) == upkeep.Report(place, {"user": 1, "role": 1}, records)


@pytest.mark.parametrize("kinds", [None, frozenset[str](), frozenset({"user"})])
@pytest.mark.parametrize("confirm", [True, False])
def test_decisions_arrive_as_they_were(kinds: frozenset[str] | None, confirm: bool) -> None:
    sent = travelled(upkeep.decision_to_json(kinds, confirm=confirm))
    assert upkeep.decision_from_json(sent) == (confirm, kinds)


@pytest.mark.parametrize("value", [{}, {"tombstones": -1}, {"tombstones": "1"}, {"tombstones": 10**18}, []])
def test_bad_times_are_refused(value: Any) -> None:
    with pytest.raises(BadRequest):
        upkeep.times_from_json(value)


@pytest.mark.parametrize("value", [{}, {"decision": "maybe"}, {"decision": "confirm", "kinds": "user"}])
def test_bad_decisions_are_refused(value: Any) -> None:
    with pytest.raises(BadRequest):
        upkeep.decision_from_json(value)
