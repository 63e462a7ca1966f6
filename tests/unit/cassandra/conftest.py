"""Keystone's options, for drivers over tables in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keystone.conf
import pytest


@pytest.fixture
def conf() -> Iterator[Any]:
    """Keystone's options, set back afterwards."""
    keystone.conf.configure()
    made = keystone.conf.CONF
    made([], project="keystone", default_config_files=[])
    made.set_override("password_hash_rounds", 4, group="identity")
    yield made
    made.reset()
    made.clear()
