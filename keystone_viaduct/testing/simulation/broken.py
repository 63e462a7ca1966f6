"""The failure of an invariant."""

from __future__ import annotations


class Broken(AssertionError):
    """An invariant does not hold; ``name`` is its name in docs/explanation/protocol.md."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
