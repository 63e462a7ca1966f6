"""Counts of what was run again, and of what the memos of requests have saved, for metrics.

Each process counts for itself; with :func:`keep_in` it also keeps its counts in a file of its own in a folder
that all processes share, and :func:`collect` adds them up. A process that gets the number of one that has
ended goes on from its counts, so a sum never falls.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystone_viaduct.errors import ConfigError

RECOVERED, EXHAUSTED, RESOLVED = "recovered", "exhausted", "resolved"
"""How a call that was run again ended: well; with its last error; done before, as reading back showed."""

_SUFFIX = ".retries.json"
#: Seconds between two writes of what only the memos have counted.
SELDOM = 5.0


@dataclass
class Counts:
    """``retries`` by driver namespace, method and fault; ``outcomes`` of the calls that were run again.

    ``seconds``: how long these calls took in all beyond their first attempt. ``hits`` and ``misses``: reads
    that the memo of a request has answered, and that it has not.
    """

    retries: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    hits: int = 0
    misses: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of another process."""
        self.retries.update(other.retries)
        self.outcomes.update(other.outcomes)
        self.seconds += other.seconds
        self.hits += other.hits
        self.misses += other.misses

    def as_json(self) -> dict[str, Any]:
        """Plain data; :meth:`of_json` reads it."""
        retries = [
            {"driver": driver, "method": method, "fault": fault, "count": count}
            for (driver, method, fault), count in sorted(self.retries.items())
        ]
        memo = {"hits": self.hits, "misses": self.misses}
        told = {"retries": retries, "outcomes": dict(self.outcomes), "seconds": round(self.seconds, 6)}
        return {**told, "memo": memo}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Counts:
        """Raises KeyError, TypeError or ValueError for what :meth:`as_json` has not made."""
        retries = {(row["driver"], row["method"], row["fault"]): row["count"] for row in data["retries"]}
        memo = data.get("memo", {})  # counts of an earlier version have none
        numbers = int(memo.get("hits", 0)), int(memo.get("misses", 0))
        return cls(Counter(retries), Counter(data["outcomes"]), float(data["seconds"]), *numbers)


_lock = threading.Lock()
_counts = Counts()
_folder: Path | None = None
_process = 0
_kept_at = float("-inf")


def retried(namespace: str, method: str, fault: str) -> None:
    """A call is run again because of ``fault``."""
    with _lock:
        _take_up()
        _counts.retries[namespace, method, fault] += 1
        _keep()


def ended(outcome: str, seconds: float = 0.0) -> None:
    """A call ended so, that many seconds after its first attempt had failed."""
    with _lock:
        _take_up()
        _counts.outcomes[outcome] += 1
        _counts.seconds += seconds
        _keep()


def remembered(hits: int, misses: int) -> None:
    """A request has ended whose memo answered so many reads, and so many not. (Not each is worth a write to
    the file: it gets there now and then.)
    """
    global _kept_at
    if not hits and not misses:
        return
    with _lock:
        _take_up()
        _counts.hits += hits
        _counts.misses += misses
        now = time.monotonic()
        if now - _kept_at >= SELDOM:
            _kept_at = now
            _keep()


def known() -> Counts:
    """Of all processes, where they keep theirs in a folder; of this one otherwise."""
    if _folder is not None:
        return collect(_folder)
    with _lock:
        total = Counts()
        total.add(_counts)
        return total


def retries() -> dict[tuple[str, str, str], int]:
    """How often, by namespace, method and fault, a call was run again in this process."""
    with _lock:
        return dict(_counts.retries)


def outcomes() -> dict[str, int]:
    """How the calls that were run again ended in this process."""
    with _lock:
        return dict(_counts.outcomes)


def keep_in(folder: Path | None) -> None:
    """Keep the counts of this process and its children in ``folder`` from now on; None: no longer.

    Raises ConfigError when the folder can't be made.
    """
    global _folder, _process
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the folder of the counters can't be made: {error}", hint="look at [viaduct] counters_folder"
            ) from error
    with _lock:
        _folder, _process = folder, 0


def collect(folder: Path) -> Counts:
    """The sum of all processes that keep theirs in ``folder``; what is no such file there is passed over."""
    total = Counts()
    for path in folder.glob(f"*{_SUFFIX}"):
        total.add(_read(path))
    return total


def prometheus(counts: Counts) -> str:
    """The counts in Prometheus' text format."""
    lines = ["# TYPE viaduct_driver_retries_total counter"]
    for (driver, method, fault), count in sorted(counts.retries.items()):
        labels = f'driver="{driver}",method="{method}",fault="{fault}"'
        lines.append(f"viaduct_driver_retries_total{{{labels}}} {count}")
    lines.append("# TYPE viaduct_driver_retried_calls_total counter")
    for outcome in (RECOVERED, EXHAUSTED, RESOLVED):
        lines.append(f'viaduct_driver_retried_calls_total{{outcome="{outcome}"}} {counts.outcomes[outcome]}')
    lines.append("# TYPE viaduct_driver_retry_seconds_total counter")
    lines.append(f"viaduct_driver_retry_seconds_total {counts.seconds:.6f}")
    return "\n".join([*lines, ""])


def _take_up() -> None:
    """In a process that counts for the first time: begin with what its number has counted before."""
    global _counts, _process
    if _folder is not None and _process != os.getpid():
        _process = os.getpid()
        _counts = _read(_path())


def _path() -> Path:
    assert _folder is not None
    return _folder / f"{_process}{_SUFFIX}"


def _read(path: Path) -> Counts:
    try:
        return Counts.of_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return Counts()


def _keep() -> None:
    """Counting must not fail a request: a folder that can't be written to leaves the counts in memory."""
    if _folder is None:
        return
    path = _path()
    with contextlib.suppress(OSError):
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(_counts.as_json()))
        os.replace(temporary, path)
