"""Generated workloads on bridged columns: a share of `make test-bridges`."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused
from tests.bridges.across.computed import Sealed
from tests.bridges.across.declared import MOVED, Moved
from tests.bridges.across.judge import Judge
from tests.bridges.across.statements import Act
from tests.bridges.across.subject import Rows, Told, Values
from tests.bridges.declared import WORKLOADS
from tests.bridges.run import played
from tests.bridges.shaped import SHAPED
from tests.bridges.workload import Workload, connect, play
from tests.support.databases import DatabaseScope

CASES = 12
pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")


@pytest.mark.parametrize("declared", [*WORKLOADS, *SHAPED], ids=lambda item: item.operation)
def test_a_bridged_table_holds_what_the_model_holds_and_refuses_nothing_more(
    database_url: str, declared: Workload
) -> None:
    seed = random.randrange(1_000_000)
    with connect(database_url) as connection:
        try:
            outcome = play(connection, declared, cases=CASES, seed=seed)
        except UpgradeRefused as refused:
            pytest.skip(f"refused there: {refused.message}")
    assert (outcome.inconsistent, outcome.errors) == (0, 0), "\n".join(outcome.stories)
    assert outcome.statements > 2 * outcome.failed


QUICK = ("move column 1:1, rows made", "move column 1:n, not null", "compute columns")
ACROSS = [
    pytest.param(item, id=item.operation, marks=[] if item.operation in QUICK else pytest.mark.slow)
    for item in (*MOVED, Sealed())
]


@pytest.mark.parametrize("declared", ACROSS)
def test_nothing_that_was_written_is_lost_between_tables_once_marks_are_settled(
    database_url: str, declared: Moved | Sealed
) -> None:
    outcome = played(database_url, declared, cases=CASES // 4, seed=random.randrange(1_000_000))
    assert (outcome.inconsistent, outcome.errors) == (0, 0), "\n".join(outcome.stories)
    assert outcome.statements > 2 * outcome.failed


def test_a_row_that_its_own_statement_replaces_may_have_left_its_value_with_the_parent() -> None:
    """A REPLACE of two children of one parent: the second takes the first one's place, and is silent."""
    move = next(item.move for item in MOVED if item.operation == "split across tables")
    parent: Values = {"id": "p", "note": None}
    row: Values = {"place_id": "p", "note": None, "socket": None}
    given: Rows = {"c1": {**row, "id": "c1", "socket": "a:1"}, "c2": {**row, "id": "c2"}}
    act = Act("old", "replace", lambda tables, engine: [], {"c2"}, given)
    before = Told({"p": {**parent, "address": "", "port": 0}}, {})
    meant = Told({"p": parent}, {"c2": given["c2"]})

    def problems(address: str, port: int) -> list[str]:
        child = {**given["c2"], "socket": f"{address}:{port}"}
        found = Told({"p": {**parent, "address": address, "port": port}}, {"c2": child})
        return list(Judge(move).problems(act, before, meant, found))

    assert not problems("a", 1) and not problems("", 0) and problems("b", 2)


def test_the_seed_alone_decides_what_a_case_does(database_scope: DatabaseScope) -> None:
    def told() -> sa.Row[tuple[object, ...]] | None:
        with connect(database_scope.empty("sqlite")) as connection:
            play(connection, WORKLOADS[0], cases=1, seed=7)
            return connection.execute(sa.text("SELECT count(*), max(id), max(login) FROM thing")).one()

    assert told() == told()
