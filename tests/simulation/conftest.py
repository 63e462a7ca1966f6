"""A small fleet to tell named scenarios with."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from keystone_viaduct.sync.site.nonce import seeded
from tests.simulation.scene import Scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A hub and two spokes, in step with each other."""
    with seeded(random.Random(7)):
        yield Scene("hub", "west", "south")
