"""What fits into a column, and moments as numbers."""

from __future__ import annotations

from datetime import datetime

import pytest

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.upgrade.expression import Field, Literal, Lookup, Scalar, Within
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table
from keystone_viaduct.upgrade.times import LEAST, MOST, AsMicroseconds, AsMoment, WholeSeconds
from keystone_viaduct.upgrade.types import DateTime, Enum, Fitted, Integer, Text, always_fits

MOMENTS = {"at": DateTime(6), "whole": DateTime(0)}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999999", -1),
        ("2026-11-29T01:02:03.000004", 1_795_914_123_000_004),
        ("1000-01-01", LEAST),
        ("9999-12-31T23:59:59.999999", MOST),
    ],
)
def test_a_moment_is_its_microseconds_and_they_are_the_moment(text: str, number: int) -> None:
    at = datetime.fromisoformat(text)
    assert AsMicroseconds(Field("at")).value({"at": at}) == number
    assert AsMoment(Field("n")).value({"n": number}) == at


@pytest.mark.parametrize("number", [LEAST - 1, MOST + 1, 2**63 - 1, -(2**63)])
def test_a_number_that_is_no_moment_is_null_and_says_so(number: int) -> None:
    made = AsMoment(Field("n"))
    assert made.value({"n": number}) is None and made.fails({"n": number})
    assert not made.fails({"n": None})


def test_a_column_without_digits_gets_whole_seconds() -> None:
    assert not always_fits(Field("at"), DateTime(0), MOMENTS)
    assert always_fits(Field("whole"), DateTime(6), MOMENTS)
    assert DateTime(0).fitted(Field("at")) == WholeSeconds(Field("at"))
    assert DateTime().on("mariadb") == DateTime(0) and DateTime().on("postgresql") == DateTime(6)


def test_a_text_that_is_not_listed_does_not_fit_into_an_enumeration() -> None:
    listed = Enum(("low", "high"), "level")
    made = Fitted(Field("x"), listed)
    assert made.value({"x": "high"}) == "high" and not made.fails({"x": "high"})
    assert made.value({"x": "HIGH"}) is None and made.fails({"x": "HIGH"})
    assert always_fits(Lookup(Field("x"), ((1, "low"),)), listed, {})
    assert not always_fits(Literal("other"), listed, {})
    assert Text(4).takes(listed) and not Text(3).takes(listed)


@pytest.mark.parametrize(("value", "held"), [(1, True), (5, True), (0, False), (6, False), (None, False)])
def test_a_number_lies_within_its_limits(value: Scalar, held: bool) -> None:
    assert Within(Field("n"), 1, 5).holds({"n": value}) is held


def test_no_rows_are_taken_by_a_moment() -> None:
    with pytest.raises(BadDeclaration, match="rows can't be taken by a moment"):
        Table("log", (Column("at", DateTime(6), nullable=False),))


def test_only_bridges_of_two_names_for_the_same_are_exact() -> None:
    def bridge(new: Column, up: Conversion) -> Bridge:
        table = Table("thing", (Column("id", Integer(), nullable=False),))
        old = Column("a", Text(8))
        return Bridge("thing_b", table, (old,), (new,), (up,), (Conversion("a", Field("b")),))

    assert bridge(Column("b", Text(8)), Conversion("b", Field("a"))).exact
    assert not bridge(Column("b", Text(4)), Conversion("b", Field("a"))).exact
    assert not bridge(Column("b", Text(8)), Conversion("b", Field("a"), fallback="x")).exact
