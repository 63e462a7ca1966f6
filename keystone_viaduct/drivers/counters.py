"""Counts of what was run again and what was answered from memory, for metrics."""

from __future__ import annotations

import threading
from collections import Counter

_lock = threading.Lock()
_retries: Counter[tuple[str, str, str]] = Counter()
_outcomes: Counter[str] = Counter()


def retried(namespace: str, method: str, fault: str) -> None:
    """A call is run again because of ``fault``."""
    with _lock:
        _retries[namespace, method, fault] += 1


def ended(outcome: str) -> None:
    """A call that had been run again ended: ``recovered``, ``exhausted``, ``resolved``."""
    with _lock:
        _outcomes[outcome] += 1


def retries() -> dict[tuple[str, str, str], int]:
    """How often, by namespace, method and fault, a call was run again in this process."""
    with _lock:
        return dict(_retries)


def outcomes() -> dict[str, int]:
    """How the calls that were run again ended: ``recovered``, ``exhausted``, ``resolved`` by reading back."""
    with _lock:
        return dict(_outcomes)
