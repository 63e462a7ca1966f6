"""Expressions as text: literals, white space, and the constructs outside of triggers."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.triggers import differs, key_text, new, now_microseconds, same
from keystone_viaduct.triggers.compiler import TARGETS
from keystone_viaduct.triggers.expressions import contains_query
from keystone_viaduct.triggers.rendering import tidy, trigger_dialect

TABLE = sa.table("t", sa.column("a", sa.Integer), sa.column("b", sa.String), sa.column("c", sa.JSON))


def literal(value: object, engine: str) -> str:
    """A value as it stands in a trigger."""
    dialect = trigger_dialect(TARGETS[engine].base)
    return str(sa.literal(value).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize(
    ("engine", "value", "text"),
    [
        ("sqlite", "it's 100%", "'it''s 100%'"),
        ("postgresql", "it's 100%", "'it''s 100%'"),
        ("mysql", "it's 100%", "'it''s 100%'"),
        ("sqlite", "a\\'b", "'a\\''b'"),
        ("postgresql", "a\\'b", "E'a\\\\''b'"),
        ("cockroachdb", "a\\'b", "E'a\\\\''b'"),
        ("mysql", "a\\'b", "_utf8mb4 x'615c2762'"),
        ("postgresql", "ü", "'ü'"),
        ("mysql", "ü", "_utf8mb4 x'c3bc'"),
        ("mysql", 5, "5"),
        ("postgresql", True, "true"),
        ("sqlite", True, "1"),
    ],
)
def test_literals_do_not_depend_on_the_session(engine: str, value: object, text: str) -> None:
    assert literal(value, engine) == text


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_white_space_inside_of_quotes_is_kept(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert tidy(f"SELECT  {quoted}\n  , 1 \n") == f"SELECT {quoted} , 1"


def test_row_values_have_no_meaning_outside_of_a_trigger() -> None:
    with pytest.raises(sa.exc.CompileError, match="inside a trigger only"):
        sa.select(new(TABLE.c.a)).compile()


def test_key_text_wants_at_least_one_part() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        key_text()


@pytest.mark.parametrize(
    ("engine", "differing", "equal"),
    [
        ("sqlite", '"t"."a" IS NOT "t"."b"', '"t"."a" IS "t"."b"'),
        ("postgresql", '"t"."a" IS DISTINCT FROM "t"."b"', '"t"."a" IS NOT DISTINCT FROM "t"."b"'),
        ("mysql", "NOT (`t`.`a` <=> `t`.`b`)", "(`t`.`a` <=> `t`.`b`)"),
    ],
)
def test_comparison_and_its_opposite(engine: str, differing: str, equal: str) -> None:
    dialect = trigger_dialect(TARGETS[engine].base)
    pair = (TABLE.c.a, TABLE.c.b)
    texts = [str(sa.select(make(*pair)).compile(dialect=dialect)) for make in (differs, same)]
    assert differing in texts[0]
    assert equal in texts[1]
    assert "NOT (" not in texts[1]


def test_postgresql_compares_json_as_text_because_it_has_no_equality() -> None:
    dialect = trigger_dialect(TARGETS["postgresql"].base)
    assert str(sa.select(differs(TABLE.c.c, TABLE.c.c)).compile(dialect=dialect)).count("CAST(") == 2


def test_queries_inside_of_an_expression_are_found() -> None:
    assert contains_query(sa.not_(sa.exists().where(TABLE.c.a == 1)))
    assert contains_query(sa.and_(TABLE.c.a == 1, TABLE.c.b.in_(sa.select(TABLE.c.b))))
    assert not contains_query(sa.and_(TABLE.c.a == 1, differs(TABLE.c.a, key_text(TABLE.c.b))))


@pytest.mark.parametrize("element", [now_microseconds(), key_text(TABLE.c.a), differs(TABLE.c.a, TABLE.c.b)])
def test_constructs_can_be_selected_and_bring_their_tables_along(
    element: sa.sql.ColumnElement[object],
) -> None:
    text = str(sa.select(element).compile(dialect=trigger_dialect(TARGETS["sqlite"].base)))
    assert ('FROM "t"' in text) is not isinstance(element, now_microseconds)
