"""Every kind has a rule that says who may change it; a kind without one is nobody's but the hub's."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Delegation
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.site.delegation import RULES, Act, Court
from keystone_viaduct.sync.site.delegation.table import table, ways_table

LIMITED = Delegation(domains=frozenset({"d1"}), roles=frozenset({"member"}))


class Nothing:
    """A hub without a record."""

    def before(self, ref: Ref) -> Document | None:
        return None

    after = before

    def past_scope(self, ref: Ref) -> str | None:
        return None

    def dependents(self, ref: Ref) -> list[tuple[Ref, object]]:
        return []

    def referrers(self, ref: Ref, kinds: frozenset[str]) -> list[Ref]:
        return []

    claimed = referrers

    def holder(self, kind: str, constraint: str, values: tuple[object, ...]) -> Ref | None:
        return None


def _court(delegation: Delegation, rules: object = RULES) -> Court:
    return Court(delegation, Nothing(), rules)  # type: ignore[arg-type]


def test_every_kind_has_a_rule_and_every_rule_a_kind() -> None:
    assert set(RULES) == set(REGISTRY)
    assert len(RULES) == 34


@pytest.mark.parametrize("kind", REGISTRY)
def test_a_rule_says_in_its_docstring_what_it_asks_for(kind: str) -> None:
    assert len(inspect.getdoc(RULES[kind]) or "") > 20


@pytest.mark.parametrize("kind", REGISTRY)
def test_an_empty_record_is_delegated_by_no_rule_to_a_limited_spoke(kind: str) -> None:
    """Nothing that a document leaves out makes up for a right."""
    act = Act(Ref(kind, "k"), None, {"domain_id": "d2"}, frozenset({"domain_id"}))
    assert _court(LIMITED).problem(act) is not None


@pytest.mark.parametrize("kind", REGISTRY)
def test_all_domains_and_all_roles_of_a_kind_are_all_of_it(kind: str) -> None:
    act = Act(Ref(kind, "k"), None, {"domain_id": "d2"}, frozenset({"domain_id"}))
    assert _court(Delegation(kinds=frozenset({kind}))).problem(act) is None


def test_a_kind_without_a_rule_is_not_delegated() -> None:
    rules = {kind: rule for kind, rule in RULES.items() if kind != "user"}
    act = Act(Ref("user", "u"), None, {"id": "u", "domain_id": "d1"}, frozenset({"domain_id"}))
    assert _court(LIMITED).problem(act) is None
    problem = _court(LIMITED, rules).problem(act)
    assert problem is not None
    assert "no rule" in problem.why


def test_a_kind_that_is_not_named_is_not_delegated() -> None:
    act = Act(Ref("user", "u"), None, {"id": "u", "domain_id": "d1"}, frozenset({"domain_id"}))
    problem = _court(Delegation(kinds=frozenset({"project"}))).problem(act)
    assert problem is not None
    assert "kind user is not delegated" in problem.why


def test_the_reference_has_the_rules_as_they_are() -> None:
    page = Path("docs/reference/delegation.md").read_text()
    assert table() in page and ways_table() in page
