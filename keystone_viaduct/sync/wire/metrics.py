"""What a Keystone has counted, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from keystone_viaduct import counting
from keystone_viaduct.sync.wire import checks, limits


class Standing(NamedTuple):
    """How far an upgrade of the schema is; ``next``: what an operator does next."""

    name: str
    state: str
    next: str


class Metrics(NamedTuple):
    """Calls of drivers that were run again and how they ended; reads that the memos of requests have answered
    (``hits``) and not (``misses``).
    """

    retried: int = 0
    recovered: int = 0
    exhausted: int = 0
    hits: int = 0
    misses: int = 0
    upgrades: tuple[Standing, ...] = ()


def metrics_from_json(value: Any) -> Metrics:
    """What a site answers; counters that it leaves out are 0, those that nobody knows are passed over.
    Raises BadRequest.
    """
    body = checks.mapping(value, "metrics")
    rows = checks.sequence(body.get("counters", []), "counters", limits.SAMPLES)
    upgrades = checks.sequence(body.get("upgrades", []), "upgrades", limits.LIST)
    samples = [checks.mapping(row, "counters") for row in rows]

    def total(counter: counting.Declared, **labels: str) -> int:
        return sum(
            checks.integer(checks.member(one, "value", ""), "value")
            for one in samples
            if one.get("name") == f"{counter.name}_total" and _has(one, labels)
        )

    return Metrics(
        total(counting.RETRIES),
        total(counting.RETRIED_CALLS, outcome=counting.RECOVERED),
        total(counting.RETRIED_CALLS, outcome=counting.EXHAUSTED),
        total(counting.MEMO, result=counting.HIT),
        total(counting.MEMO, result=counting.MISS),
        tuple(_standing(one) for one in upgrades),
    )


def _has(sample: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    told = checks.mapping(sample.get("labels", {}), "labels")
    return all(told.get(name) == text for name, text in labels.items())


def _standing(value: Any) -> Standing:
    body = checks.mapping(value, "upgrades")
    return Standing(*(checks.text(body.get(name, ""), "upgrades", limits.FIELD) for name in Standing._fields))
