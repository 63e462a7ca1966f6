"""A charter is checked where it comes in, and travels unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.charter import (
    Charter,
    Coverage,
    Delegation,
    Edition,
    PolicyRule,
    charter_from_json,
    charter_to_json,
    charter_to_set,
)
from keystone_viaduct.sync.wire.charter import checked_charter

CHARTER = Charter(
    Edition(2, 7),
    {"west": Coverage(domains=frozenset({"d1"}))},
    {"west": Delegation(frozenset({"user", "project"}), frozenset({"d1"}), frozenset())},
    (PolicyRule("spoke:west", domains=frozenset({"d1"})), PolicyRule("latest", frozenset({"user"}))),
)


def test_a_charter_travels_unchanged() -> None:
    body = charter_to_json(CHARTER)
    assert checked_charter(body, "charter") == CHARTER
    assert charter_from_json(body) == CHARTER


def test_a_charter_that_is_shown_can_be_set() -> None:
    body = charter_to_set(CHARTER)
    assert body["coverages"] == {"west": {"kinds": "all", "domains": ["d1"]}}
    assert checked_charter(body, "charter", strict=True) == CHARTER


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("coverages", name) for name in ("kinds", "domains")),
        *(("delegations", name) for name in ("kinds", "domains", "roles")),
    ],
)
@pytest.mark.parametrize("left", [None, "out"])
def test_what_an_operator_leaves_out_is_asked_for_and_never_taken_for_all(
    part: str, name: str, left: str | None
) -> None:
    body = charter_to_set(CHARTER)
    del body[part]["west"][name]
    if left is None:
        body[part]["west"][name] = None
    with pytest.raises(BadRequest) as caught:
        checked_charter(body, "charter", strict=True)
    assert f"{part}.west.{name} is missing" in str(caught.value)
    assert f"{name}: all" in caught.value.hint


def test_a_limited_site_holds_what_is_said_and_that_has_to_be_said() -> None:
    body = charter_to_set(replace(CHARTER, coverages={}))
    with pytest.raises(BadRequest, match=r"coverages\.west is missing"):
        checked_charter(body, "charter", strict=True)
    free = charter_to_set(Charter(delegations={"west": Delegation()}))
    assert checked_charter(free, "charter", strict=True).delegation_of("west").is_full


def test_a_charter_of_an_old_edition_keeps_its_meaning() -> None:
    """It stands in databases and comes with pages: what is left out there is all."""
    old = {"edition": [1, 1], "delegations": {"west": {"domains": ["d1"]}}}
    for read in (checked_charter(old, "charter"), charter_from_json(old)):
        assert read.delegations["west"] == Delegation(domains=frozenset({"d1"}))
        assert charter_to_json(read)["delegations"] == old["delegations"]


def test_that_administrators_are_meant_is_kept_and_sent_on() -> None:
    said = Charter(delegations={"west": Delegation(domains=frozenset({"d1"}), administration=True)})
    body = charter_to_json(said)
    assert body["delegations"]["west"]["administration"] is True
    assert charter_from_json(body) == checked_charter(body, "charter") == said


def test_who_is_not_named_may_and_holds_everything() -> None:
    assert CHARTER.coverage_of("south").is_full
    assert CHARTER.delegation_of("south").is_full
    assert not CHARTER.delegation_of("west").is_full


def test_no_role_is_not_all_roles() -> None:
    assert checked_charter(charter_to_json(CHARTER), "charter").delegations["west"].roles == frozenset()


def test_the_first_rule_that_matches_decides() -> None:
    assert CHARTER.policy_for("user", "d1", "hub") == "spoke:west"
    assert CHARTER.policy_for("user", "d2", "hub") == "latest"
    assert CHARTER.policy_for("project", None, "hub") == "hub"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"coverage": {}}, "coverage"),
        ({"coverages": {"west": {"kinds": ["usr"], "domains": "all"}}}, "usr"),
        ({"coverages": {"west": {"roles": []}}}, "roles"),
        ({"delegations": {"we st": {}}}, "delegations"),
        ({"delegations": {"west": {"kinds": "all", "domains": "d1", "roles": []}}}, "domains"),
        ({"policies": [{"policy": "mine"}]}, "policies[0].policy"),
        ({"policies": [{}]}, "policies[0].policy"),
        ({"edition": [1]}, "edition"),
        ({"delegations": {"west": {"kinds": "all", "domains": "some", "roles": []}}}, "domains"),
        (
            {"delegations": {"west": {"kinds": [], "domains": [], "roles": [], "administration": 1}}},
            "administration",
        ),
    ],
)
def test_a_mistake_is_named(body: dict[str, Any], place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        checked_charter(body, "charter", strict=True)
    assert place in str(caught.value)
