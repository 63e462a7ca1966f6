"""Operations by engine: what works and what is refused, and that the documentation says so."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import UpgradeRefused
from keystone_viaduct.upgrade import operations
from keystone_viaduct.upgrade.ddl import Budget, dialect_for
from keystone_viaduct.upgrade.steps import Operation, Refusal, Server
from tests.unit.test_docs import rows
from tests.unit.upgrade.samples import OPERATIONS, statements

ENGINES = ("postgresql", "mariadb", "mysql", "sqlite")
PAGE = "reference/upgrade-operations/engines.md"


def told(operation: Operation, engine: str) -> str:
    """As the page says it."""
    found = statements(operation, engine)
    if isinstance(found, Refusal):
        return f"refused: {found.reason}"
    stopping = [item for items in found.values() for item in items if item.lock.stops]
    return f"refused unless `--allow-stopping`: {stopping[0].lock}" if stopping else "works"


def test_the_table_of_engines_says_what_the_code_does() -> None:
    page = rows(PAGE)
    wanted = {name: [told(item, engine) for engine in ENGINES] for name, item in OPERATIONS.items()}
    lines = [f"| `{name}` | {' | '.join(cells)} |" for name, cells in wanted.items()]
    assert {name: page.get(name) for name in wanted} == wanted, "\n".join(["the page should say", *lines])


def test_every_operation_has_a_sample_and_a_page_of_its_own() -> None:
    assert {name.partition(",")[0] for name in OPERATIONS} == set(operations.__all__)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_refusal_names_the_engine_the_reason_and_a_way_out(name: str, engine: str) -> None:
    found = statements(OPERATIONS[name], engine)
    if isinstance(found, Refusal):
        assert found.engine == engine and found.reason and found.way_out


def test_there_are_no_upgrades_on_an_engine_that_they_were_never_run_on() -> None:
    with pytest.raises(UpgradeRefused, match="no rolling upgrades on cockroachdb"):
        dialect_for(Server("cockroachdb", (26, 2)))


def test_a_try_that_makes_nobody_wait_comes_again_soon_and_others_ever_later() -> None:
    """A table of short transactions is free for moments: forty tries meet none of them."""
    budget = Budget()
    assert max(budget.pauses()) == budget.longest_pause and len(list(budget.pauses())) < 100
    at_once = list(budget.at_once().pauses())
    assert len(at_once) > 1000 and max(at_once) == budget.first_pause
