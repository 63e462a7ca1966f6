"""No spoke gains at the hub a right that its delegation does not give."""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType, ModuleType

import pytest

from keystone_viaduct.sync import statement
from keystone_viaduct.sync.site import statement as site_statement
from keystone_viaduct.sync.site.delegation import ways
from tests.simulation.hostile.acting import GROUP_HOLDING, HOLDING
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.catalogue import ATTEMPTS
from tests.simulation.hostile.derived import DERIVED
from tests.simulation.hostile.later import HUB_LATER, LATER

EVERYTHING = (*ATTEMPTS, *DERIVED, *LATER)
#: A share of what is judged again; ``make test-hostile`` plays all of it.
SHARE = (*ATTEMPTS, *DERIVED, *(a for n, a in enumerate(LATER) if n % 10 == 0 or a in HUB_LATER))


@pytest.mark.parametrize("attempt", SHARE, ids=lambda attempt: attempt.name.replace(" ", "_"))
def test_attempt(attempt: Attempt) -> None:
    """It does not come about; its twin, which the delegation allows, does."""
    found = attempt.run()
    assert not found.accepted
    assert found.twin, found.twin_why


def test_the_catalogue_is_large_enough_and_names_nothing_twice() -> None:
    assert len(EVERYTHING) >= 500
    assert len({attempt.name for attempt in EVERYTHING}) == len(EVERYTHING)


BY_WAY = [attempt for attempt in EVERYTHING if attempt.way]


def test_every_way_of_the_list_is_tried_on_everybody_who_holds_more() -> None:
    tried = Counter(attempt.way for attempt in BY_WAY)
    assert tried.keys() == {way.name for way in ways.WAYS}
    least = {ways.USER: len(HOLDING), ways.GROUP: len(GROUP_HOLDING)}
    assert all(tried[way.name] >= max(least.get(sort, 3) for sort in way.sorts) for way in ways.WAYS)


#: Of each rule of statements an attempt that nothing else stands against, and where that is asked.
RULES: dict[str, tuple[ModuleType, str, bool]] = {
    "a promotion of another fleet": (statement, "is_genuine", True),
    "keys of tokens of before, with what the hub had signed": (statement, "is_later", True),
    "a promotion without a signature": (site_statement, "must_sign", False),
    "the hub's newest word beside another charter": (site_statement, "is_signed_charter", True),
}


@pytest.mark.parametrize("name", RULES, ids=lambda name: name.replace(" ", "_"))
def test_without_a_rule_of_statements_an_attempt_is_accepted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, rule, answer = RULES[name]
    monkeypatch.setattr(module, rule, lambda *_: answer)
    (attempt,) = (attempt for attempt in ATTEMPTS if attempt.name == name)
    assert attempt.run().accepted


@pytest.mark.parametrize("way", ways.WAYS, ids=lambda way: way.name.replace(" ", "_"))
def test_nothing_but_the_list_stands_against_it(way: ways.Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its line of the list an attempt is accepted: no other rule keeps it."""
    left = {kind: tuple(w for w in them if w is not way) for kind, them in ways.WAYS_OF.items()}
    monkeypatch.setattr(ways, "WAYS_OF", MappingProxyType(left))
    assert any(attempt.run().accepted for attempt in BY_WAY if attempt.way == way.name)
