"""Compiling: what is refused, and when the fingerprint changes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLDialect

from keystone_viaduct.errors import TriggerError
from keystone_viaduct.triggers import Event, Timing, TriggerSpec, assign, compile, key_text, new, old

ENGINES = ["sqlite", "postgresql", "mariadb", "mysql", "cockroachdb"]
TABLE = sa.table("t", sa.column("a", sa.Integer), sa.column("b", sa.String), sa.column("c", sa.String(5)))
LOG = sa.table("log", sa.column("x", sa.String))


def spec(*body: Any, event: Event = Event.UPDATE, timing: Timing = Timing.AFTER, **more: Any) -> TriggerSpec:
    """A trigger on ``t``."""
    return TriggerSpec("x", TABLE, event, timing, body, **more)


def log(value: Any) -> Any:
    """An INSERT of one value."""
    return LOG.insert().values(x=value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "value",
    [
        sa.func.RAISE(sa.text("ABORT"), "no"),
        sa.text("RAISE(ABORT, 'no')"),
        sa.text("(SELECT 1); SIGNAL SQLSTATE '45000'"),
        sa.text("1; DELETE FROM t"),
        sa.text("resignal"),
        sa.text("1 -- rest"),
        sa.text("1 /* fp */"),
    ],
)
def test_nothing_that_could_stop_a_writer_is_compiled(engine: str, value: Any) -> None:
    with pytest.raises(TriggerError, match="is not allowed in a trigger") as caught:
        compile(spec(log(value)), engine)
    assert "never stop a writer" in caught.value.hint


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_words_inside_of_quotes_are_data(engine: str) -> None:
    text = 'RAISE; SIGNAL -- /* it\'s */ "x" `y`'
    assert "RAISE" in "".join(compile(spec(log(text)), engine).create)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("event", "value"), [(Event.INSERT, old(TABLE.c.b)), (Event.DELETE, new(TABLE.c.b))])
def test_a_row_that_does_not_exist_can_not_be_read(engine: str, event: Event, value: Any) -> None:
    with pytest.raises(TriggerError, match=f"this trigger has no {value.row} row"):
        compile(spec(log(key_text(value)), event=event), engine)
    with pytest.raises(TriggerError, match="this trigger has no"):
        compile(spec(log("x"), event=event, when=value == "y"), engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_that_the_table_does_not_have_is_refused(engine: str) -> None:
    with pytest.raises(TriggerError, match="the trigger's table has no column x"):
        compile(spec(log(new(LOG.c.x))), engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_without_a_row_is_refused(engine: str) -> None:
    for wrong in (
        spec(log("x"), when=TABLE.c.a > 1),
        spec(log("x"), when=sa.and_(new(TABLE.c.a) > 1, TABLE.c.b == "x")),
        spec(log(TABLE.c.b)),
        spec(log(key_text(TABLE.c.b))),
        spec(log(sa.column("loose"))),
        spec(assign(TABLE.c.a, TABLE.c.a + 1), timing=Timing.BEFORE),
    ):
        with pytest.raises(TriggerError, match=r"has no row here; say new\(column\)"):
            compile(wrong, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_of_what_a_statement_reads_or_writes_can_be_used(engine: str) -> None:
    alias = TABLE.alias("other")
    for right in (
        spec(LOG.update().where(LOG.c.x == new(TABLE.c.b)).values(x=LOG.c.x + "!")),
        spec(LOG.delete().where(LOG.c.x.in_(sa.select(TABLE.c.b).where(TABLE.c.a == old(TABLE.c.a))))),
        spec(log(sa.select(sa.func.max(TABLE.c.b)).where(TABLE.c.a == new(TABLE.c.a)).scalar_subquery())),
        spec(
            LOG.insert().from_select(
                ["x"], sa.select(alias.c.b).select_from(alias.join(LOG, LOG.c.x == alias.c.b))
            )
        ),
        spec(log("x"), when=sa.exists().where(LOG.c.x == new(TABLE.c.b))),
    ):
        assert compile(right, engine).fingerprint


@pytest.mark.parametrize("engine", ENGINES)
def test_an_insert_without_values_is_refused(engine: str) -> None:
    with pytest.raises(TriggerError, match="x has no value"):
        compile(spec(LOG.insert()), engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_null_is_a_value(engine: str) -> None:
    assert "VALUES (NULL)" in "".join(compile(spec(log(None)), engine).create)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", [object(), sa.bindparam("later"), "a\0b"])
def test_a_value_that_is_no_literal_is_refused(engine: str, value: Any) -> None:
    with pytest.raises(TriggerError):
        compile(spec(log(value)), engine)


@pytest.mark.parametrize("default", ["y", lambda: "y"])
@pytest.mark.parametrize("engine", ENGINES)
def test_python_side_defaults_are_refused_rather_than_lost(engine: str, default: Any) -> None:
    metadata = sa.MetaData()
    table = sa.Table("log", metadata, sa.Column("x", sa.String), sa.Column("y", sa.String, default=default))
    select = table.insert().from_select(["x"], sa.select(sa.literal("x")))
    with pytest.raises(TriggerError, match="column y has a default that only Python can compute"):
        compile(spec(select), engine)
    with pytest.raises(TriggerError, match="column y has a default that only Python can compute") as caught:
        compile(spec(table.insert().values(x="x")), engine)
    assert "each column a value or a server default" in caught.value.hint


@pytest.mark.parametrize(
    ("engine", "limit"), [("postgresql", 63), ("mysql", 64), ("mariadb", 64), ("cockroachdb", 49)]
)
def test_names_are_held_to_the_engines_limit(engine: str, limit: int) -> None:
    longest = dataclasses.replace(spec(log("x")), name="x" * limit)
    assert compile(longest, engine).name == "x" * limit
    with pytest.raises(TriggerError, match=f"may have {limit} characters at most"):
        compile(dataclasses.replace(longest, name="x" * (limit + 1)), engine)


def test_every_generated_name_fits_into_63_bytes_on_cockroachdb() -> None:
    compiled = compile(dataclasses.replace(spec(log("x")), name="x" * 49), "cockroachdb")
    assert f"{'x' * 49}__{compiled.fingerprint}" in compiled.create[0]
    assert len(f"{'x' * 49}__{compiled.fingerprint}") == 63


@pytest.mark.parametrize("engine", ENGINES)
def test_the_fingerprint_is_in_the_sql_and_stays_the_same(engine: str) -> None:
    first, second = compile(spec(log("x")), engine), compile(spec(log("x")), engine)
    assert first == second
    assert first.fingerprint in "".join(first.create)
    assert len(first.fingerprint) == 12


@pytest.mark.parametrize("engine", ENGINES)
def test_every_part_of_a_spec_is_in_the_fingerprint(engine: str) -> None:
    base = spec(log("x"), event=Event.UPDATE, timing=Timing.BEFORE)
    other = sa.table("u", *(sa.column(column.name, column.type) for column in TABLE.c))
    variants = [
        base,
        dataclasses.replace(base, name="y"),
        dataclasses.replace(base, table=other),
        dataclasses.replace(base, event=Event.DELETE),
        dataclasses.replace(base, timing=Timing.AFTER),
        dataclasses.replace(base, body=(log("y"),)),
        dataclasses.replace(base, body=(log("x"), assign(TABLE.c.a, sa.literal(1)))),
        dataclasses.replace(base, changed=("a",)),
        dataclasses.replace(base, changed=("a", "b")),
        dataclasses.replace(base, when=new(TABLE.c.a) > 1),
    ]
    prints = [compile(variant, engine).fingerprint for variant in variants]
    assert len(set(prints)) == len(variants)


def test_a_schema_is_named_for_every_table_on_postgresql() -> None:
    compiled = compile(spec(log("x")), "postgresql", schema="key stone")
    assert '"key stone"."log"' in compiled.create[0]
    assert 'ON "key stone"."t"' in compiled.create[1]
    assert compiled.drop == (
        'DROP TRIGGER IF EXISTS "x" ON "key stone"."t"',
        'DROP FUNCTION IF EXISTS "key stone"."x"()',
    )


def test_a_dialect_object_is_as_good_as_its_name() -> None:
    assert compile(spec(log("x")), sa.create_engine("sqlite://").dialect) == compile(spec(log("x")), "sqlite")
    assert compile(spec(log("x")), MySQLDialect()) == compile(spec(log("x")), "mariadb")


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(TriggerError, match="no triggers for oracle") as caught:
        compile(spec(log("x")), "oracle")
    assert "cockroachdb" in caught.value.hint


def test_assignments_that_read_each_other_need_complete_types_on_mysql() -> None:
    swap = spec(assign(TABLE.c.b, new(TABLE.c.c)), assign(TABLE.c.c, new(TABLE.c.b)), timing=Timing.BEFORE)
    with pytest.raises(TriggerError, match="the type of b is not known well enough") as caught:
        compile(swap, "mysql")
    assert "a length for texts" in caught.value.hint
    assert "viaduct_0 VARCHAR;" in compile(swap, "postgresql").create[0]


@pytest.mark.parametrize("word", ["group", "user", "limit", "trust", "rank", "system", "order", "new", "old"])
@pytest.mark.parametrize("engine", ENGINES)
def test_names_are_always_quoted(engine: str, word: str) -> None:
    table = sa.table(word, sa.column(word, sa.String(5)))
    body = table.insert().from_select(
        [word], sa.select(table.c[word]).where(table.c[word] == new(table.c[word]))
    )
    compiled = compile(TriggerSpec("x", table, Event.UPDATE, Timing.AFTER, (body,), (word,)), engine)
    quote = "`" if engine in ("mysql", "mariadb") else '"'
    text = "".join(compiled.create).replace(f"{quote}{word}{quote}", "")
    if word in ("new", "old"):
        text = text.replace("NEW", "").replace("OLD", "")
    assert f" {word} " not in text.lower().replace("for each row", "")
