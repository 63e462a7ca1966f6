"""Pages of each kind, of n records and of four times as many, and what each costs the hub."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document
from keystone_viaduct.sync.charter import Delegation
from tests.costs.budget import CHANGE, CREATE, DELETE, LIMITED, READ, Case
from tests.costs.copies import CHANGED, copy_of
from tests.costs.meter import Cost
from tests.costs.stage import Stage

Copies = list[dict[str, list[Document]]]


def play(stage: Stage, n: int) -> Iterator[Case]:
    """All of them; the records of one are there for the next."""
    copies = [copy_of(number) for number in range(5 * n)]
    few, many = copies[:n], copies[n:]
    for kind in REGISTRY:
        yield Case(CREATE, kind, create(stage, kind, few), create(stage, kind, many))
    for kind, (name, value) in CHANGED.items():
        costs = [change(stage, kind, group, name, value) for group in (few, many)]
        yield Case(CHANGE, kind, costs[0], costs[1])
    stage.limit(all_of(copies))
    for kind, (name, value) in CHANGED.items():
        new = ("extra.more", "changed") if REGISTRY[kind].extra else (name, _other(value))
        costs = [change(stage, kind, group, *new) for group in (few, many)]
        yield Case(LIMITED, kind, costs[0], costs[1])
    pages = [stage.cost(partial(stage.east.read, "west", None, most)) for most in (10 * n, 40 * n)]
    yield Case(READ, "(of all)", pages[0], pages[1], kinds=len(REGISTRY))
    stage.limit(Delegation())
    for kind in reversed(list(REGISTRY)):
        if not REGISTRY[kind].insert_only:
            yield Case(DELETE, kind, delete(stage, kind, few), delete(stage, kind, many))


def _other(value: Any) -> Any:
    """Another value of the same sort."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 7
    return {"{": '{"other": ""}', "2": "2028-03-04T05:06:07Z"}.get(str(value)[:1], "other")


def all_of(copies: Copies) -> Delegation:
    """A delegation of all domains and roles that there are: each is looked at, and allowed."""
    domains = frozenset(str(document["id"]) for copy in copies for document in copy["domain"])
    return Delegation(domains=domains, roles=frozenset(str(d["id"]) for copy in copies for d in copy["role"]))


def create(stage: Stage, kind: str, group: Copies) -> Cost:
    """One page with the group's records of a kind."""
    stage.edit(kind, [(None, document) for copy in group for document in copy[kind]])
    return stage.send()


def change(stage: Stage, kind: str, group: Copies, field: str, value: Any) -> Cost:
    """One page with another value in each of them."""
    pairs: list[tuple[Document | None, Document | None]] = []
    for copy in group:
        after = [{**document, field: value} for document in copy[kind]]
        pairs += zip(copy[kind], after, strict=True)
        copy[kind] = after
    stage.edit(kind, pairs)
    return stage.send()


def delete(stage: Stage, kind: str, group: Copies) -> Cost:
    """One page that deletes the group's records of a kind."""
    stage.edit(kind, [(document, None) for copy in group for document in copy[kind]])
    return stage.send()
