"""A hub on each engine whose costs are counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.costs.stage import Stage, stage
from tests.support.databases import DatabaseScope


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def made(request: pytest.FixtureRequest, database_scope: DatabaseScope) -> Iterator[Stage]:
    """A hub, and a spoke that sends it pages."""
    if request.param != "sqlite":
        request.getfixturevalue(request.param)
    with stage(database_scope, request.param) as found:
        yield found
