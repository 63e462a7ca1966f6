"""A spec that no database could run is refused when it is made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import TriggerError
from keystone_viaduct.triggers import Event, Timing, TriggerSpec, assign, new

TABLE = sa.table("t", sa.column("a", sa.Integer), sa.column("b", sa.Integer))
LOG = sa.table("log", sa.column("x"))
INSERT = LOG.insert().values(x=1)
VALID: dict[str, Any] = {
    "name": "x_1",
    "table": TABLE,
    "event": Event.UPDATE,
    "timing": Timing.BEFORE,
    "body": (INSERT, assign(TABLE.c.a, new(TABLE.c.b))),
}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "Bad"}, "lower case"),
        ({"name": "a-b"}, "lower case"),
        ({"name": 'a"b'}, "lower case"),
        ({"name": "a\n"}, "lower case"),
        ({"name": ""}, "lower case"),
        ({"body": ()}, "body is empty"),
        ({"body": (sa.text("SELECT 1"),)}, "TextClause is no insert, update, delete or assignment"),
        ({"body": (sa.select(TABLE.c.a),)}, "Select is no insert"),
        ({"body": ("SIGNAL SQLSTATE '45000'",)}, "str is no insert"),
        ({"changed": ("nope",)}, "has no column nope"),
        ({"event": Event.DELETE, "changed": ("a",), "body": (INSERT,)}, "only an UPDATE"),
        ({"event": Event.INSERT, "changed": ("a",)}, "only an UPDATE"),
        ({"timing": Timing.AFTER}, "assigned before an INSERT or UPDATE only"),
        ({"event": Event.DELETE}, "assigned before an INSERT or UPDATE only"),
        ({"body": (assign(sa.column("nope"), sa.literal(1)),)}, "has no column nope"),
        ({"body": (assign(TABLE.c.a, sa.literal(1)),) * 2}, "assigned twice"),
        ({"body": (assign(TABLE.c.a, sa.literal(1)), INSERT)}, "statements come before assignments"),
    ],
)
def test_what_can_not_be_a_trigger_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(TriggerError, match=problem) as caught:
        TriggerSpec(**{**VALID, **change})
    assert caught.value.fields["trigger"] == {**VALID, **change}["name"]


def test_words_and_column_names_will_do() -> None:
    spec = TriggerSpec(**{**VALID, "event": "update", "timing": "before", "changed": ["a", TABLE.c.b]})
    assert (spec.event, spec.timing) == (Event.UPDATE, Timing.BEFORE)
    assert spec.changed == (TABLE.c.a, TABLE.c.b)


def test_the_body_is_told_apart() -> None:
    spec = TriggerSpec(**VALID)
    assert spec.statements == (INSERT,)
    assert [item.column.name for item in spec.assignments] == ["a"]
    assert spec.writes == {("insert", "log")}


def test_a_spec_can_not_be_altered() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TriggerSpec(**VALID).name = "y"  # type: ignore[misc]
