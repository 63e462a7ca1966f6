"""What a bridge refuses to be, and its rules on single rows."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import BadDeclaration
from keystone_viaduct.upgrade.expression import AsInteger, AsText, Field, Joined, Literal, Lookup
from keystone_viaduct.upgrade.shape import Bridge, Column, Conversion, Table, digest
from keystone_viaduct.upgrade.types import Boolean, Fitted, Integer, Text

TABLE = Table("thing", (Column("id", Text(64), nullable=False),))
OLD, NEW = Column("a", Text(8)), Column("b", Integer(32))
UP, DOWN = Conversion("b", AsInteger(Field("a"))), Conversion("a", AsText(Field("b")))


def bridge(
    old: Column = OLD, new: Column = NEW, up: Conversion = UP, down: Conversion = DOWN, name: str = "thing_b"
) -> Bridge:
    return Bridge(name, TABLE, (old,), (new,), (up,), (down,))


def test_a_row_is_consistent_by_either_direction() -> None:
    made = bridge()
    assert made.consistent().holds({"a": "007", "b": 7})  # up
    assert made.consistent().holds({"a": "7", "b": 7})
    assert made.consistent().holds({"a": None, "b": None})
    assert not made.consistent().holds({"a": "7", "b": None})
    assert not made.consistent().holds({"a": "7", "b": 8})


def test_what_a_lossy_down_cannot_express_is_kept() -> None:
    states = (("public", True), ("private", False), ("shared", False))
    made = bridge(
        Column("a", Boolean()),
        Column("b", Text(8)),
        Conversion("b", Lookup(Field("a"), ((True, "public"), (False, "private")))),
        Conversion("a", Lookup(Field("b"), states)),
    )
    assert made.settle({"a": False, "b": "shared"}, new_side=False) == {"a": False, "b": "shared"}
    assert made.settle({"a": True, "b": "shared"}, new_side=False) == {"a": True, "b": "public"}
    assert made.settle({"a": True, "b": "shared"}, new_side=True) == {"a": False, "b": "shared"}


def test_an_old_row_is_filled_although_down_makes_its_value_of_nothing_too() -> None:
    made = bridge(
        Column("a", Boolean(), nullable=False),
        Column("b", Text(8)),
        Conversion("b", Lookup(Field("a"), ((True, "public"), (False, "private")))),
        Conversion("a", Lookup(Field("b"), (("public", True),), Literal(False)), fallback=False),
    )
    unfilled = {"a": False, "b": None}
    assert made.derived().holds(unfilled) and not made.settled().holds(unfilled)
    assert made.settle(unfilled, new_side=False, inserted=True) == {"a": False, "b": "private"}
    assert made.settle({"a": True, "b": None}, new_side=True) == unfilled  # a new writer may mean NULL


def test_what_cannot_be_converted_becomes_null_or_the_fallback_and_says_so() -> None:
    assert bridge().settle({"a": "x", "b": None}, new_side=False)["b"] is None
    guarded = bridge(up=Conversion("b", AsInteger(Field("a")), fallback=-1))
    assert guarded.settle({"a": "x", "b": None}, new_side=False)["b"] == -1
    assert guarded.settle({"a": "99999999999", "b": None}, new_side=False)["b"] == -1
    assert guarded.settle({"a": None, "b": 5}, new_side=False)["b"] is None
    assert guarded.total_up()[0].fails({"a": "x"}) and not guarded.total_up()[0].fails({"a": None})


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"name": "Thing"}, "lower case"),
        ({"new": Column("a", Integer())}, "named twice"),
        ({"up": Conversion("c", Field("a"))}, "one conversion for each new column"),
        ({"up": Conversion("b", Field("z"))}, "computed from z"),
        ({"up": Conversion("b", AsInteger(Field("a")), fallback="x")}, "does not fit"),
        ({"old": Column("a", Text(8), nullable=False)}, "takes no NULL"),
    ],
)
def test_a_bridge_that_makes_no_sense_is_refused_by_name(broken: dict[str, object], said: str) -> None:
    with pytest.raises(BadDeclaration, match=said) as caught:
        bridge(**broken)  # type: ignore[arg-type]
    assert "thing_b" in str(caught.value) or "Thing" in str(caught.value)


def test_a_table_without_a_key_is_refused() -> None:
    with pytest.raises(BadDeclaration, match="without a key"):
        Table("thing", ())


def test_another_declaration_has_another_digest() -> None:
    assert digest(bridge()) == digest(bridge())
    assert digest(bridge()) != digest(bridge(up=Conversion("b", AsInteger(Field("a")), fallback=0)))


def test_what_always_fits_is_not_guarded() -> None:
    same = bridge(OLD, Column("b", Text(8)), Conversion("b", Field("a")), Conversion("a", Field("b")))
    assert same.total_up() == (Field("a"),)
    longer = Conversion("b", Joined((Field("a"), Literal("x"))))
    guarded = bridge(OLD, Column("b", Text(8)), longer, Conversion("a", Field("b")))
    assert guarded.total_up() == (Fitted(longer.value, Text(8)),)


def test_whether_each_old_value_comes_back_is_tried_where_they_are_few() -> None:
    states = (("public", True), ("private", False), ("shared", False))
    up = Conversion("b", Lookup(Field("a"), ((True, "public"), (False, "shared"))))
    column, new = Column("a", Boolean()), Column("b", Text(8))
    assert bridge(column, new, up, Conversion("a", Lookup(Field("b"), states))).reversible
    assert not bridge(column, new, up, Conversion("a", Lookup(Field("b"), states[1:]))).reversible
    one_for_both = Conversion("b", Lookup(Field("a"), ((True, "public"), (False, "public"))))
    assert not bridge(column, new, one_for_both, Conversion("a", Lookup(Field("b"), states))).reversible
    nothing_of_null = Conversion("a", Lookup(Field("b"), states[:1], Literal(False)), fallback=False)
    assert not bridge(column, new, up, nothing_of_null).reversible
    assert bridge(Column("a", Boolean(), nullable=False), new, up, nothing_of_null).reversible
    assert not bridge().reversible, "007 becomes 7"
    same_name = (Conversion("b", Field("a")), Conversion("a", Field("b")))
    assert bridge(OLD, Column("b", Text(8)), *same_name).reversible
