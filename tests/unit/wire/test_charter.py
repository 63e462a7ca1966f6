"""A charter is checked where it comes in, and travels unchanged."""

from __future__ import annotations

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
    assert checked_charter(body, "charter", strict=True) == CHARTER
    assert charter_from_json(body) == CHARTER


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
        ({"coverages": {"west": {"kinds": ["usr"]}}}, "usr"),
        ({"coverages": {"west": {"roles": []}}}, "roles"),
        ({"delegations": {"we st": {}}}, "delegations"),
        ({"delegations": {"west": {"domains": "d1"}}}, "domains"),
        ({"policies": [{"policy": "mine"}]}, "policies[0].policy"),
        ({"policies": [{}]}, "policies[0].policy"),
        ({"edition": [1]}, "edition"),
    ],
)
def test_a_mistake_is_named(body: dict[str, Any], place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        checked_charter(body, "charter", strict=True)
    assert place in str(caught.value)
