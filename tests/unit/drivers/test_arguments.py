"""What a driver changed in its arguments is put back, in the same objects."""

from __future__ import annotations

from typing import Any

from keystone.common.driver_hints import Hints

from keystone_viaduct.drivers.arguments import Snapshot


def test_a_popped_key_and_a_nested_change_come_back() -> None:
    role: dict[str, Any] = {"name": "r", "options": {"immutable": True}, "list": [1, [2]]}
    snapshot = Snapshot(["id", role, None])
    role.pop("options")["immutable"] = False
    role["list"][1].append(3)
    snapshot.restore()
    assert role == {"name": "r", "options": {"immutable": True}, "list": [1, [2]]}


def test_lists_and_sets_come_back_in_place() -> None:
    limits, ids = [{"id": "1"}], {"a"}
    kept_list, kept_set = limits, ids
    snapshot = Snapshot([limits, ids])
    limits.clear()
    ids.add("b")
    snapshot.restore()
    assert kept_list == [{"id": "1"}]
    assert kept_set == {"a"}


def test_hints_come_back_with_their_filters_in_the_same_list() -> None:
    hints = Hints()
    hints.add_filter("name", "a")
    hints.set_limit(5)
    filters = hints.filters
    snapshot = Snapshot([hints])
    hints.filters.clear()
    hints.set_limit(5, truncated=True)
    hints.cannot_match = True
    hints.extra_attribute = 1
    snapshot.restore()
    assert filters is hints.filters
    assert [entry["name"] for entry in hints.filters] == ["name"]
    assert hints.limit == {"limit": 5, "truncated": False}
    assert hints.cannot_match is False
    assert not hasattr(hints, "extra_attribute")


def test_filters_that_the_driver_replaced_come_back() -> None:
    hints = Hints()
    hints.add_filter("name", "a")
    snapshot = Snapshot([hints])
    hints.filters = []
    snapshot.restore()
    assert [entry["value"] for entry in hints.filters] == ["a"]


def test_it_can_be_restored_again_and_again() -> None:
    role = {"options": {"a": 1}}
    snapshot = Snapshot([role])
    for _ in range(2):
        role.pop("options")["a"] = 2
        snapshot.restore()
    assert role == {"options": {"a": 1}}
