"""What this Keystone has counted, and how far the upgrades of its schema are; whoever puts the application
together knows where that is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def nothing() -> Mapping[str, Any]:
    """Of an application that was put together without."""
    return {}


gather: Callable[[], Mapping[str, Any]] = nothing
