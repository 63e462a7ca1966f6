"""An upgrade from its plan to its contract, or back, on every engine, while both releases write."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import UpgradeRefused, UpgradeState
from keystone_viaduct.upgrade.expression import same
from keystone_viaduct.upgrade.operations import RenameColumn, ReplaceColumns
from keystone_viaduct.upgrade.shape import Column
from keystone_viaduct.upgrade.steps import Phase, State
from keystone_viaduct.upgrade.throttle import Pace
from keystone_viaduct.upgrade.types import Text
from tests.bridges.declared import DECLARED, TABLE, Declared
from tests.support.upgrades import Site, make_table, seeded, site, with_hooks

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

BY_NAME = {item.operation: item for item in DECLARED}


def prepared(url: str, declared: Declared, rows: int = 25) -> Site:
    """The old shape with rows in it, and an upgrade to the new one."""
    declared = declared.on(sa.engine.make_url(url).get_backend_name())
    make_table(url, declared.bridge, seeded(declared.bridge, declared.values, rows))
    return site(url, ReplaceColumns(declared.bridge))


@pytest.mark.parametrize("declared", DECLARED, ids=lambda item: item.operation)
def test_every_row_arrives_as_up_makes_it_and_the_old_shape_is_gone(
    database_url: str, declared: Declared
) -> None:
    made = prepared(database_url, declared)
    bridge = declared.on(made.database.server().engine).bridge
    before = made.typed_rows(declared.bridge)
    with made.runner() as runner:
        assert runner.expand() is State.EXPANDED
        assert runner.migrate() is State.MIGRATED
        assert not any(item.fatal for _, item in runner.verify())
        assert runner.contract() is State.CONTRACTED
    after = made.typed_rows(declared.bridge)
    assert after.keys() == before.keys()
    for key, row in before.items():
        for column, value in zip(bridge.new, bridge.total_up(), strict=True):
            assert same(after[key][column.name], value.value(row)), (key, row)
    columns = made.columns("thing")
    assert set(columns) == {"id", "note", *(column.name for column in bridge.new)}
    for column in bridge.new:
        assert columns[column.name]["nullable"] is column.nullable


NOT_NULL = [BY_NAME[name] for name in ("rename column, not null", "transform", "transform, enumerations")]


@pytest.mark.parametrize("declared", NOT_NULL, ids=lambda item: item.operation)
def test_new_code_writes_after_each_statement_of_contract(database_url: str, declared: Declared) -> None:
    made = prepared(database_url, declared)
    column = declared.bridge.new[0].name
    value = next(item for item in declared.values[column] if item)
    written = 0

    def write(*_: object) -> None:
        nonlocal written
        written += 1
        made.run(f"INSERT INTO thing (id, {column}) VALUES ('new{written}', '{value}')")

    if declared is NOT_NULL[0]:
        made.run("DELETE FROM thing", "CREATE UNIQUE INDEX by_login ON thing (login, note)")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
    with with_hooks(made, ran=write).runner() as runner:
        runner.contract()
    assert written >= 3
    assert len([key for key in made.rows("thing") if str(key).startswith("new")]) == written


ROLLED_BACK = [BY_NAME[name] for name in ("rename column, not null", "transform", "split")]


@pytest.mark.parametrize("declared", ROLLED_BACK, ids=lambda item: item.operation)
def test_a_rollback_leaves_the_old_shape_as_it_was(database_url: str, declared: Declared) -> None:
    made, bridge = prepared(database_url, declared), declared.bridge
    before, columns = made.rows("thing"), made.columns("thing")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        assert runner.rollback() is State.ROLLED_BACK
    assert made.rows("thing") == before
    found = made.columns("thing")
    assert found.keys() == columns.keys()
    for column in bridge.old:
        assert found[column.name]["nullable"] is columns[column.name]["nullable"]
        assert found[column.name]["default"] == columns[column.name]["default"]
    with made.runner() as runner:
        assert runner.expand() is State.EXPANDED  # it may be begun again


def test_old_and_new_code_write_between_the_phases(database_url: str) -> None:
    made = prepared(database_url, BY_NAME["transform"], rows=4)
    insert = "INSERT INTO thing (id, {}) VALUES ('{}', {})"
    with made.runner() as runner:
        runner.expand()
        yes, no = ("true", "false") if made.database.server().engine == "postgresql" else ("1", "0")
        made.run(insert.format("is_public", "old1", yes))
        runner.migrate()
        runner.verify()
        made.run(insert.format("visibility", "new1", "'community'"), insert.format("is_public", "old2", no))
        made.run(f"UPDATE thing SET is_public = {no} WHERE id = 'old1'")
        made.run("UPDATE thing SET visibility = 'public' WHERE id = 'old2'")
        found = {key: (bool(row["is_public"]), row["visibility"]) for key, row in made.rows("thing").items()}
        assert found["old1"] == (False, "shared")
        assert found["old2"] == (True, "public")
        assert found["new1"] == (False, "community")
        with pytest.raises(UpgradeRefused, match="only the new columns can hold"):
            runner.rollback()
        assert made.journal.state("next") is State.VERIFIED
        assert runner.rollback(accept_loss=True) is State.ROLLED_BACK
    assert {key: bool(row["is_public"]) for key, row in made.rows("thing").items()}["new1"] is False


def test_new_code_starts_only_after_verification_so_the_runner_keeps_the_order(sqlite_url: str) -> None:
    made = prepared(sqlite_url, BY_NAME["split"])
    with made.runner() as runner:
        for phase in (runner.migrate, runner.verify, runner.contract, runner.rollback):
            with pytest.raises(UpgradeState, match="next: expand"):
                phase()
        runner.expand()
        with pytest.raises(UpgradeState, match="next: migrate"):
            runner.verify()
        runner.migrate()
        with pytest.raises(UpgradeState, match="next: verify"):
            runner.contract()


def test_a_partial_write_of_new_code_before_the_backfill_destroys_an_old_value(sqlite_url: str) -> None:
    """Why that order is a rule, and not only a habit."""
    made = prepared(sqlite_url, BY_NAME["merge"], rows=0)
    made.run("INSERT INTO thing (id, first, last) VALUES ('a', 'Ada', 'Lovelace')")
    with made.runner() as runner:
        runner.expand()
        made.run("UPDATE thing SET name = 'Augusta' WHERE id = 'a'")
    assert made.rows("thing")["a"]["last"] is None


def test_contract_is_refused_while_rows_differ_or_a_trigger_is_gone(database_url: str) -> None:
    made = prepared(database_url, BY_NAME["rename column"], rows=3)
    engine = made.database.server().engine
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        runner.verify()
        place = " ON thing" if engine == "postgresql" else ""
        made.run(f"DROP TRIGGER viaduct_b_thing_account_ins{place}")
        with pytest.raises(UpgradeRefused, match="viaduct_b_thing_account_ins is gone"):
            runner.contract()
        made.run(f"DROP TRIGGER viaduct_b_thing_account_upd{place}")
        made.run("UPDATE thing SET login = 'other' WHERE id = 'k0001'")
        assert [(item.kind, item.example) for _, item in runner.verify()] == [("inconsistent", "k0001")]
        assert set(made.columns("thing")) >= {"login", "account"}


def test_verify_lists_what_could_not_be_converted_and_what_is_not_exact(database_url: str) -> None:
    made = prepared(database_url, BY_NAME["change type"], rows=0)
    made.run("INSERT INTO thing (id, port) VALUES ('a', '007'), ('b', 'x'), ('c', '7'), ('d', NULL)")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
        found = {item.kind: (item.rows, item.example, item.fatal) for _, item in runner.verify()}
    assert found == {"unconverted": (1, "b", False), "inexact": (1, "a", False)}


def test_a_backfill_leaves_what_down_cannot_express(database_url: str) -> None:
    made = prepared(database_url, BY_NAME["change type"], rows=0)
    made.run("INSERT INTO thing (id, port) VALUES ('a', '007')")
    with made.runner() as runner:
        runner.expand()
        runner.migrate()
    assert (made.rows("thing")["a"]["port"], made.rows("thing")["a"]["port_number"]) == ("007", 7)


def test_a_batch_reads_its_own_rows_and_not_the_table(postgresql_url: str) -> None:
    """PostgreSQL knows nothing of a table that was filled just now."""
    made = prepared(postgresql_url, BY_NAME["rename column"], rows=0)
    made.run("INSERT INTO thing (id, login) SELECT 'k' || n, 'x' || n FROM generate_series(1, 3000) n")
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith(("SELECT thing.id", "UPDATE thing")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}", parameters)
                plans.append(str(cursor.fetchall()))

    with made.runner() as runner:
        runner.expand()
        made.pace = Pace(batch=500, largest=500)
        sa.event.listen(made.database.engine, "before_cursor_execute", explain)
    with made.runner() as runner:
        runner.migrate()
    assert len(plans) > 2 * 3000 / 500
    assert not [plan for plan in plans if "Seq Scan" in plan]


def test_another_declaration_under_the_same_name_is_refused(sqlite_url: str) -> None:
    made = prepared(sqlite_url, BY_NAME["rename column"])
    with made.runner() as runner:
        runner.expand()
    other = site(sqlite_url, RenameColumn(TABLE, Column("login", Text(16)), "handle"))
    with other.runner() as runner, pytest.raises(UpgradeState, match="another declaration"):
        runner.migrate()


def test_the_plan_names_each_statement_with_its_lock_and_changes_nothing(database_url: str) -> None:
    made = prepared(database_url, BY_NAME["rename column, not null"])
    before = made.columns("thing")
    with made.runner() as runner:
        (planned,) = runner.plan()
    assert planned.refusal is None
    assert {phase: bool(found) for phase, found in planned.statements.items()} == {
        Phase.EXPAND: True,
        Phase.CONTRACT: True,
        Phase.ROLLBACK: True,
    }
    assert not any(item.lock.stops for found in planned.statements.values() for item in found)
    assert made.columns("thing").keys() == before.keys()
