"""Whom the hub waits for: a site that has yet to show what it did to a record."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.knowledge import Gap
from keystone_viaduct.sync.model import Version
from keystone_viaduct.sync.site.kept import withholds

NOTHING = Version()


@pytest.mark.parametrize(
    ("gaps", "known", "expected"),
    [
        pytest.param({"west#2": Gap(3, 5)}, NOTHING, True, id="it does not show its last edits"),
        pytest.param({"west#1": Gap(0, 9)}, NOTHING, True, id="all that it did in an earlier life waits"),
        pytest.param({"west#1": Gap(4, 9)}, NOTHING, False, id="others have the last of an earlier life"),
        pytest.param({"east#1": Gap(0, 9)}, NOTHING, False, id="it lacks what another site did"),
        pytest.param({"west#1": Gap(0, 9)}, Version({"west#1": 9}), False, id="the hub has that life"),
        pytest.param({"west#2": Gap(3, 5)}, Version({"west#2": 5}), False, id="the hub has its last edits"),
        pytest.param({"west#1": Gap(0, 9)}, Version({"west#1": 8}), True, id="the hub has but some of them"),
    ],
)
def test_a_site_withholds_its_own_edits_that_the_hub_has_not(
    gaps: dict[str, Gap], known: Version, expected: bool
) -> None:
    """Else two would wait for each other: the site for the hub's word, and the hub for the site's past."""
    assert withholds("west#2", gaps, known) is expected
