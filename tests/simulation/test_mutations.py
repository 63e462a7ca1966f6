"""Without any one of its rules the protocol breaks, and that is noticed."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import (
    MUTATIONS,
    Mutation,
    caught,
    old_term_is_refused,
    unknown_fields_come_back,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"rule {mutation.rule}")
def test_a_missing_rule_is_noticed(mutation: Mutation) -> None:
    assert caught(mutation)


def test_every_rule_has_its_mutation() -> None:
    assert [mutation.rule for mutation in MUTATIONS] == list(range(1, 23))


def test_an_old_term_is_refused() -> None:
    old_term_is_refused()


def test_what_a_release_cannot_store_survives_its_edits() -> None:
    unknown_fields_come_back()
