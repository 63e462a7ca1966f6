"""Branches: the body of a trigger that gives columns other values under conditions."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TriggerError
from keystone_viaduct.triggers import Event, Timing, TriggerSpec, assign, branch, compile, has_changed, new

TABLE = sa.table("pair", sa.column("a", sa.Integer()), sa.column("b", sa.Integer()))
A, B = TABLE.c.a, TABLE.c.b
BOTH = (branch(has_changed(B), assign(A, new(B))), branch(None, assign(B, new(A))))


def spec(body: tuple[object, ...] = BOTH, **further: object) -> TriggerSpec:
    return TriggerSpec("pair_upd", TABLE, Event.UPDATE, Timing.BEFORE, body, **further)  # type: ignore[arg-type]


def test_the_first_branch_whose_condition_holds_is_taken() -> None:
    sql = compile(spec(), "postgresql").create[0]
    assert 'THEN\n    NEW."a" := NEW."b";\n  ELSE\n    NEW."b" := NEW."a";\n  END IF;' in sql


def test_sqlite_gets_an_update_for_each_branch_and_only_one_of_them_acts() -> None:
    sql = compile(spec(), "sqlite").create[0]
    taken = '(OLD."b" IS NOT NEW."b")'
    first, second = (line for line in sql.splitlines() if "UPDATE" in line and "SET" in line)
    assert f"AND ({taken})" in first and f"AND (NOT ({taken}))" in second


def test_a_branch_must_not_read_what_it_assigns() -> None:
    with pytest.raises(TriggerError, match="reads what its branch assigned"):
        compile(spec((branch(None, assign(A, new(B)), assign(B, new(A))),)), "mariadb")


def test_assignments_are_all_in_branches_or_none_is() -> None:
    with pytest.raises(TriggerError, match="branches or none"):
        spec((assign(A, new(B)), branch(None, assign(B, new(A)))))


def test_a_trigger_that_runs_with_the_writers_rights_has_no_statements() -> None:
    assert "SECURITY DEFINER" in compile(spec(), "postgresql").create[0]
    assert "SECURITY" not in compile(spec(invoker=True), "postgresql").create[0]
    with pytest.raises(TriggerError, match="rights"):
        spec((sa.insert(TABLE).values(a=1),), invoker=True)


def test_complete_branches_stand_alone_where_a_long_condition_costs() -> None:
    """MariaDB and MySQL prepare each condition anew for each row; the others ask ``when`` before the body."""
    body = (branch(has_changed(B), assign(A, new(B)), unless=new(A) == 7), branch(None, assign(B, new(A))))
    made = spec(body, changed=("a", "b"), when=new(A) != 7, complete=True)
    lines = [line.strip() for line in compile(made, "mariadb").create[0].splitlines()]
    assert lines[3].startswith("IF (NOT (OLD.`b`") and lines[4:6] == [
        "IF NEW.`a` != 7 THEN",
        "SET NEW.`a` = NEW.`b`;",
    ]
    function, trigger = compile(made, "postgresql").create
    assert "7" not in function.split("*/")[1] and 'NEW."a" != 7' in trigger
    assert 'AFTER UPDATE OF "a", "b" ON' in compile(made, "sqlite").create[0]


def test_only_branches_can_be_complete() -> None:
    with pytest.raises(TriggerError, match="only branches"):
        spec((assign(A, new(B)),), complete=True)
