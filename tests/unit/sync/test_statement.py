"""Which statements are believed, and which of them counts."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.sync.charter import Charter, Coverage, Delegation, Edition
from keystone_viaduct.sync.sealing import verifies
from keystone_viaduct.sync.statement import (
    KEPT,
    Statement,
    Terms,
    extended,
    is_later,
    is_signed_charter,
    parts_of,
    statement_from_json,
    statement_to_json,
    terms_to_text,
    walk,
)
from keystone_viaduct.testing.memory import signer_of

KEYS = {site: signer_of(site).keys[0] for site in ("east", "west", "south")}


def signed(hub: str = "east", term: int = 1, number: int = 1, *, key: str = "", **more: Any) -> Statement:
    """By the hub, or who is named; under the key of another one, where one is named."""
    by = more.get("by", hub)
    given = {"by": by, "edition": Edition(term, 0), "sites": KEYS, **more}
    terms = Terms("fleet", hub, term, number, **given)
    text = terms_to_text(terms)
    return Statement(text, signer_of(key or by).sign(text), terms)


def nobody(site: str) -> str:
    """No key was learnt from any site."""
    return ""


def believed(known: Statement | None, *told: Statement) -> list[Statement]:
    """By who has learnt no key but from statements."""
    return walk(known, told, verifies, nobody)


FIRST = signed()


def test_who_was_away_for_some_promotions_follows_them_one_by_one_in_whatever_order_they_are_shown() -> None:
    """The last hub was not known to him at all."""
    north = signer_of("north").keys[0]
    second = signed("west", 2, sites={**KEYS, "north": north})
    third = signed("north", 3)
    told = [third, FIRST, second]
    random.Random(3).shuffle(told)
    assert believed(FIRST, *told) == [second, third]
    assert believed(FIRST, third) == []


@pytest.mark.parametrize(
    "forged",
    [
        signed("west", 2, key="north"),
        signed("north", 2, sites={**KEYS, "north": signer_of("north").keys[0]}),
        replace(signed("west", 2), signatures={KEYS["west"]: "AAAA"}),
        replace(signed("west", 2), signatures={}),
        signed("west", 2, by="south"),
        signed("west", 3, by="east"),
        replace(signed("west", 2), text=signed("west", 5).text),
    ],
    ids=["key", "stranger", "garbage", "none", "third", "far", "text"],
)
def test_what_no_site_has_signed_that_may_is_not_believed(forged: Statement) -> None:
    assert believed(FIRST, forged) == []


def test_the_hub_may_sign_for_its_successor_in_the_next_term() -> None:
    handed = signed("west", 2, 0, by="east")
    assert believed(FIRST, handed, signed("west", 2)) == [handed, signed("west", 2)]


def test_a_statement_of_another_fleet_is_not_believed() -> None:
    other = signed("west", 2)
    text = terms_to_text(replace(other.terms, fleet="other"))
    told = Statement(text, signer_of("west").sign(text), replace(other.terms, fleet="other"))
    assert believed(FIRST, told) == []


def test_who_was_limited_late_in_a_term_does_not_lead_after_it() -> None:
    limits = signed(number=2, sites={name: KEYS[name] for name in ("east", "south")})
    claim = signed("west", 9)
    assert believed(FIRST, claim) == [claim], "who has not heard of it can't know"
    assert believed(FIRST, claim, limits) == [limits]


def test_nothing_goes_back() -> None:
    keys = {"fernet": (3, "c")}
    known = signed(term=2, number=5, edition=Edition(2, 4), keys=keys)
    later = [
        signed(term=2, number=6, edition=Edition(2, 4), keys=keys),
        signed(term=2, number=6, edition=Edition(2, 5), keys={"fernet": (4, "d"), "jws": (1, "a")}),
        signed("west", 2),
        signed("west", 3),
    ]
    earlier = [
        known,
        signed(term=1, number=99),
        signed(term=2, number=4, edition=Edition(2, 9), keys={"fernet": (9, "c")}),
        signed(term=2, number=6, edition=Edition(2, 3), keys=keys),
        signed(term=2, number=6, edition=Edition(2, 4), keys={"fernet": (2, "b")}),
        signed(term=2, number=6, edition=Edition(2, 4)),
    ]
    assert all(is_later(one.terms, known.terms) for one in later)
    assert not any(is_later(one.terms, known.terms) for one in earlier)
    assert not any(believed(known, one) for one in earlier)


def test_the_first_statement_is_that_of_a_hub_under_the_key_that_is_known_of_it_if_one_is() -> None:
    assert believed(None, FIRST) == [FIRST]
    assert believed(None, signed("west", 2, 0, by="east")) == []
    assert walk(None, [FIRST], verifies, lambda site: KEYS["west"]) == []
    assert walk(None, [FIRST], verifies, KEYS.__getitem__) == [FIRST]


def test_a_site_that_was_known_not_to_sign_may_begin_to() -> None:
    before = signed(sites={**KEYS, "west": ""})
    after = signed("west", 2)
    assert believed(before, after) == [after]
    assert walk(before, [after], verifies, lambda site: KEYS["south"]) == []


def test_a_renewed_key_counts_once_it_was_learnt_from_its_site_or_both_have_signed() -> None:
    renewed = signed("west", 2, key="north")
    assert believed(FIRST, renewed) == []
    assert walk(FIRST, [renewed], verifies, lambda site: signer_of("north").keys[0]) == [renewed]
    both = {**renewed.signatures, **signer_of("west").sign(renewed.text)}
    told = replace(renewed, signatures=both)
    assert believed(FIRST, told) == [told]


def test_a_site_keeps_the_last_statement_of_each_of_the_last_terms() -> None:
    told = [signed("east" if term % 2 else "west", term, number) for term in range(1, 9) for number in (1, 2)]
    found = extended((), told)
    assert [(one.terms.term, one.terms.number) for one in found] == [(term, 2) for term in range(8 - KEPT, 9)]
    assert extended(found, [told[-1]]) == found


def test_a_charter_is_known_by_its_parts_and_one_that_a_release_does_not_know_is_left_to_others() -> None:
    charter = Charter(
        Edition(1, 2),
        {"west": Coverage(kinds=frozenset({"user"}))},
        {"west": Delegation(domains=frozenset())},
    )
    terms = replace(FIRST.terms, edition=charter.edition, charter=parts_of(charter))
    assert is_signed_charter(terms, charter)
    assert is_signed_charter(replace(terms, charter={**terms.charter, "of a later release": "x"}), charter)
    for other in (
        replace(charter, delegations={}),
        replace(charter, edition=Edition(1, 3)),
        replace(charter, external="default"),
        replace(charter, coverages={"west": Coverage()}),
        Charter(),
    ):
        assert not is_signed_charter(terms, other)


def test_a_statement_is_kept_as_it_was_signed() -> None:
    assert statement_from_json(statement_to_json(FIRST)) == FIRST
    text = FIRST.text.replace('{"by"', '{"a later release":[1],"by"')
    told = Statement(text, signer_of("east").sign(text), FIRST.terms)
    assert statement_from_json(statement_to_json(told)) == told
    assert believed(None, told) == [told]
