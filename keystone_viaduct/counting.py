"""What a site's worker processes count, each counter declared here, added up whichever of them is asked.

Each process counts for itself and keeps its counts in a file of its own in a folder that all share
(``[viaduct] counters_folder``). A process that gets the number of one that has ended goes on from its counts,
so a sum never falls. Without the folder each process tells its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from keystone_viaduct.errors import ConfigError

Key = tuple[str, ...]
Counts = Counter[Key]
_SUFFIX = ".counts.json"
#: Seconds between two writes of what is counted often.
_SELDOM = 1.0


@dataclass(frozen=True, slots=True)
class Declared:
    """A counter: its metric's ``name`` (without ``_total``), what it is, its labels. ``known``: values of the
    labels that are told although nothing was counted. ``unit``: what one stands for. ``often``: it is written
    down once a second at most.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()
    known: tuple[Key, ...] = ()
    unit: float = 1
    often: bool = False

    def add(self, *values: str, number: int = 1) -> None:
        """One more, or ``number``, with these values of the labels."""
        if not number:
            return
        with _lock:
            _take_up()
            _counts[(self.name, *values)] += number
            if not self.often or time.monotonic() - _written >= _SELDOM:
                _keep()

    def of(self, found: Counts) -> Counter[Key]:
        """By values of the labels, in units of what was counted."""
        told: Counter[Key] = Counter(dict.fromkeys(self.known, 0))
        for (name, *values), number in found.items():
            if name == self.name and len(values) == len(self.labels):
                told[tuple(values)] += number
        return told

    def samples(self, found: Counts) -> list[tuple[Key, float]]:
        """Values of the labels, and the metric's."""
        return [(values, number * self.unit) for values, number in sorted(self.of(found).items())]


RETRIES = Declared(
    "viaduct_driver_retries", "Calls of drivers that were run again", ("driver", "method", "fault")
)
#: How a call that was run again ended: well; with its last error; done before, as reading back showed.
RECOVERED, EXHAUSTED, RESOLVED = "recovered", "exhausted", "resolved"
RETRIED_CALLS = Declared(
    "viaduct_driver_retried_calls",
    "How calls that were run again ended",
    ("outcome",),
    known=((RECOVERED,), (EXHAUSTED,), (RESOLVED,)),
)
RETRY_SECONDS = Declared(
    "viaduct_driver_retry_seconds",
    "How long they took beyond their first attempts",
    known=((),),
    unit=1e-6,
)
HIT, MISS = "hit", "miss"
MEMO = Declared(
    "viaduct_local_memo",
    "Reads of Keystone's drivers that the memo of a request has answered, and not",
    ("result",),
    known=((HIT,), (MISS,)),
    often=True,
)
PAGES = Declared("viaduct_local_pages", "Pages of other sites: applied, or the error's code", ("result",))
RECORDS = Declared(
    "viaduct_local_records",
    "Records of these pages: received, written to Keystone's tables for them, refused",
    ("kind", "result"),
    often=True,
)
ALL = (RETRIES, RETRIED_CALLS, RETRY_SECONDS, MEMO, PAGES, RECORDS)

_lock = threading.Lock()
_counts: Counts = Counter()
_folder: Path | None = None
_process = 0
_written = float("-inf")


def counts() -> Counts:
    """Of all processes that share the folder, else of this one."""
    with _lock:
        _take_up()
        if _folder is None:
            return Counter(_counts)
        _keep()
        return collect(_folder)


def collect(folder: Path) -> Counts:
    """The sum of all processes that keep theirs in ``folder``; what is no such file there is passed over."""
    total: Counts = Counter()
    for path in folder.glob(f"*{_SUFFIX}"):
        total.update(_read(path))
    return total


def to_json(found: Counts) -> list[dict[str, Any]]:
    """As samples of the metrics."""
    return [
        {"name": f"{one.name}_total", "labels": dict(zip(one.labels, values, strict=True)), "value": value}
        for one in ALL
        for values, value in one.samples(found)
    ]


def families(found: Counts, declared: tuple[Declared, ...] = ALL) -> Iterator[Metric]:
    """As metrics for Prometheus' library."""
    for one in declared:
        family = CounterMetricFamily(one.name, one.text, labels=one.labels)
        for values, value in one.samples(found):
            family.add_metric(values, value)
        yield family


def prometheus(found: Counts, declared: tuple[Declared, ...] = ALL) -> str:
    """In Prometheus' text format."""

    class Collector:
        def collect(self) -> Iterator[Metric]:
            return families(found, declared)

    return rendered(Collector())


def rendered(collector: Any) -> str:
    """What a collector of Prometheus' library tells, as text."""
    registry: Any = CollectorRegistry()
    registry.register(collector)
    text: str = generate_latest(registry).decode()
    return text


def keep_in(folder: Path | None) -> None:
    """Keep the counts of this process and its children in ``folder`` from now on; None: no longer, and begin
    anew. Raises ConfigError when the folder can't be made.
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
        if folder is None:
            _counts.clear()


def _take_up() -> None:
    """In a process that counts for the first time: begin with what its number has counted before."""
    global _process
    if _folder is not None and _process != os.getpid():
        _process = os.getpid()
        _counts.clear()
        _counts.update(_read(_path()))


def _path() -> Path:
    assert _folder is not None
    return _folder / f"{_process}{_SUFFIX}"


def _read(path: Path) -> Counts:
    try:
        return Counter({tuple(map(str, key)): int(number) for key, number in json.loads(path.read_text())})
    except (OSError, ValueError, TypeError):
        return Counter()


def _keep() -> None:
    """Counting must not fail a request: a folder that can't be written to leaves the counts in memory."""
    global _written
    if _folder is None:
        return
    _written = time.monotonic()
    path = _path()
    with contextlib.suppress(OSError):
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps([[list(key), number] for key, number in _counts.items()]))
        os.replace(temporary, path)
