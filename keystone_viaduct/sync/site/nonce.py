"""Random nonces and incarnations; the simulation seeds them."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from keystone_viaduct.sync.model import SiteState, incarnation_named

_source: random.Random = secrets.SystemRandom()


def new_nonce(now: int) -> str:
    """The time (microseconds, hex) at which a batch was numbered, and 12 random hexadecimal digits.

    No restored backup can guess it; and whoever presents it tells a restored site up to when its own marks
    had been numbered in the history that was lost (:func:`numbered_until`).
    """
    return f"{now:x}.{_source.getrandbits(48):012x}"


def in_new_batch(state: SiteState, head: int, now: int) -> SiteState:
    """The state with a nonce of its own for what was numbered since ``head``, if anything was."""
    return state if state.head == head else replace(state, nonce=new_nonce(now))


def numbered_until(nonce: str) -> int:
    """The site's own time at which the batch of this nonce was numbered; 0 if it does not say."""
    head, dot, _ = nonce.partition(".")
    try:
        return int(head, 16) if dot else 0
    except ValueError:
        return 0


def new_incarnation(restored: int) -> str:
    """8 hexadecimal digits that name this life of a site's database, and when it was ``restored``."""
    return incarnation_named(f"{_source.getrandbits(32):08x}", restored)


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
