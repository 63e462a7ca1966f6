"""What a Keystone has counted, as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from keystone_viaduct.sync.wire import checks, limits


class Standing(NamedTuple):
    """How far an upgrade of the schema is; ``next``: what an operator does next."""

    name: str
    state: str
    next: str


class Figures(NamedTuple):
    """Calls of drivers that were run again and how they ended; reads that the memos of requests have answered
    (``hits``) and not (``misses``).
    """

    retried: int = 0
    recovered: int = 0
    exhausted: int = 0
    hits: int = 0
    misses: int = 0
    upgrades: tuple[Standing, ...] = ()


def figures_from_json(value: Any) -> Figures:
    """What a site answers; the parts that it leaves out are 0. Raises BadRequest."""
    body = checks.mapping(value, "figures")
    outcomes = checks.mapping(body.get("outcomes", {}), "outcomes")
    memo = checks.mapping(body.get("memo", {}), "memo")
    rows = checks.sequence(body.get("retries", []), "retries", limits.LIST)
    upgrades = checks.sequence(body.get("upgrades", []), "upgrades", limits.LIST)
    return Figures(
        sum(
            checks.integer(checks.member(checks.mapping(row, "retries"), "count", ""), "count")
            for row in rows
        ),
        checks.integer(outcomes.get("recovered", 0), "recovered"),
        checks.integer(outcomes.get("exhausted", 0), "exhausted"),
        checks.integer(memo.get("hits", 0), "hits"),
        checks.integer(memo.get("misses", 0), "misses"),
        tuple(_standing(one) for one in upgrades),
    )


def _standing(value: Any) -> Standing:
    body = checks.mapping(value, "upgrades")
    return Standing(*(checks.text(body.get(name, ""), "upgrades", limits.FIELD) for name in Standing._fields))
