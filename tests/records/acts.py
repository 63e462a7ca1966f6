"""What is done to records that both sites know: changes, names, moves, deletions; to some at both at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from tests.records.maker import Maker
from tests.records.office import UNIQUE, Office
from tests.records.pool import Made, Pool
from tests.records.rows import Shell

CHANGE, RENAME, MOVE, DELETE, POINT = "change", "rename", "move", "delete", "point"
#: Of all records so many are met; of these so many at both sites at once, and so many by SQL.
MET, RACED, BY_SQL = 0.35, 0.2, 0.4
WEIGHTS = {CHANGE: 45, RENAME: 15, MOVE: 15, DELETE: 25}
#: Pairs of records that get one name, or come to lie below each other: one site each.
TWINS, CIRCLES = 0.01, 0.01
PARENTS = {"region": "parent_region_id", "project": "parent_id"}


class Order(NamedTuple):
    """What one site is to do; ``word`` is a mark or a name."""

    sort: str
    made: Made
    by_sql: bool
    word: str
    other: Made | None = None


@dataclass(frozen=True)
class Deed:
    """What a site has acknowledged; ``onto``: what the record refers to since."""

    site: str
    order: Order
    onto: Made | None = None


def plan(maker: Maker, records: Sequence[Made]) -> tuple[list[Order], list[Order]]:
    """What each of two sites is to do."""
    plans: tuple[list[Order], list[Order]] = [], []
    for made in records:
        if not maker.chance(MET):
            continue
        sites = plans if maker.chance(RACED) else (maker.random.choice(plans),)
        for orders in sites:
            (sort,) = maker.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
            orders.append(Order(sort, made, maker.chance(BY_SQL), maker.word()))
    met = {order.made for orders in plans for order in orders}
    for first, second in _couples(maker, records, met):
        plans[0].append(first)
        plans[1].append(second)
    return plans


def _couples(maker: Maker, records: Sequence[Made], met: Set[Made]) -> Iterator[tuple[Order, Order]]:
    """Twins of any kind with unique names; circles of records that lie at the top, and that nobody moves."""
    by_kind: dict[str, list[Made]] = {}
    for made in records:
        by_kind.setdefault(made.kind, []).append(made)
    for kind, known in sorted(by_kind.items()):
        if len(known) < 2:
            continue
        for _ in range(1 + int(len(known) * TWINS) if kind in UNIQUE else 0):
            one, other = maker.random.sample(known, 2)
            name, by_sql = maker.word(), maker.chance(BY_SQL)
            yield Order(RENAME, one, by_sql, name), Order(RENAME, other, by_sql, name)
        tops = [made for made in known if made not in met and not made.needs] if kind in PARENTS else []
        for _ in range(1 + int(len(tops) * CIRCLES) if len(tops) > 1 else 0):
            one, other = maker.random.sample(tops, 2)
            yield Order(POINT, one, True, "", other), Order(POINT, other, True, "", one)


def carry_out(
    site: str, office: Office, shell: Shell, orders: Sequence[Order], maker: Maker, pool: Pool
) -> list[Deed]:
    """Do them one after the other; what was taken."""
    found: list[Deed] = []
    for order in orders:
        if order.sort == MOVE:
            onto = shell.move(maker, order.made, pool)
            found += [Deed(site, order, onto)] if onto is not None else []
        elif _done(office, shell, order, maker):
            found.append(Deed(site, order, order.other))
    return found


def _done(office: Office, shell: Shell, order: Order, maker: Maker) -> bool:
    made, word = order.made, order.word
    if order.sort == POINT:
        assert order.other is not None
        return shell.point(made, PARENTS[made.kind], order.other)
    if order.sort == CHANGE:
        return (shell if order.by_sql else office).change(maker, made, word)
    if order.sort == RENAME:
        return (shell if order.by_sql else office).rename(made, word)
    return (shell if order.by_sql or not made.path else office).delete(made)
