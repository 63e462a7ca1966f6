"""No spoke gains at the hub a right that its delegation does not give."""

from __future__ import annotations

import pytest

from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.catalogue import ATTEMPTS
from tests.simulation.hostile.derived import DERIVED, HOLDING, WAYS


@pytest.mark.parametrize("attempt", [*ATTEMPTS, *DERIVED], ids=lambda attempt: attempt.name.replace(" ", "_"))
def test_attempt(attempt: Attempt) -> None:
    """It does not come about; its twin, which the delegation allows, does."""
    found = attempt.run()
    assert not found.accepted
    assert found.twin, found.twin_why


def test_the_catalogue_is_large_enough_and_names_nothing_twice() -> None:
    everything = (*ATTEMPTS, *DERIVED)
    assert len(everything) >= 200
    assert len({attempt.name for attempt in everything}) == len(everything)
    assert len(WAYS) >= 15 and len(HOLDING) >= 5
