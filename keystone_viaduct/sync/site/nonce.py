"""Random nonces and incarnations; the simulation seeds them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

_source: random.Random = secrets.SystemRandom()


def new_nonce() -> str:
    """12 hexadecimal digits that no restored backup can guess."""
    return f"{_source.getrandbits(48):012x}"


def new_incarnation() -> str:
    """8 hexadecimal digits that name this life of a site's database."""
    return f"{_source.getrandbits(32):08x}"


def new_identifier() -> str:
    """32 hexadecimal digits."""
    return f"{_source.getrandbits(128):032x}"


@contextmanager
def seeded(source: random.Random) -> Iterator[None]:
    """Draw from ``source`` for a while, so that a simulation can be repeated."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
