"""Simplified expressions: the same values, with less to be asked."""

from __future__ import annotations

from itertools import product

import pytest

from keystone_viaduct.upgrade.expression import (
    Expression,
    Field,
    FirstOf,
    Guarded,
    Literal,
    Lookup,
    Same,
    Scalar,
    same,
)
from keystone_viaduct.upgrade.simplify import simplified
from keystone_viaduct.upgrade.types import Fitted, Text
from tests.bridges.declared import DECLARED, Declared

A = Field("a")
STATES = (("public", True), ("private", False), ("shared", False))
WITH_NULL = (("x", "long"), (None, "n"), ("y", None))
SINGLE = {
    "a fallback for what is not listed": Guarded(Lookup(A, STATES), False),
    "and for NULL as well": FirstOf((Guarded(Lookup(A, STATES), False), Literal(False))),
    "and for a NULL that is listed": FirstOf((Guarded(Lookup(A, WITH_NULL), "z"), Literal("z"))),
    "all of them the fallback": FirstOf((Guarded(Lookup(A, (("x", "z"), ("y", "z"))), "z"), Literal("z"))),
    "a key twice": FirstOf((Guarded(Lookup(A, (("x", "z"), ("x", "q"))), "z"), Literal("z"))),
    "another fallback for NULL": FirstOf((Guarded(Lookup(A, STATES), False), Literal(True))),
    "listed values that do not fit": Fitted(Lookup(A, WITH_NULL), Text(3)),
    "and are guarded": Guarded(Fitted(Lookup(A, WITH_NULL), Text(3)), "z"),
    "what is not listed is something else": Guarded(Lookup(A, STATES, Fitted(A, Text(3))), False),
}
GIVEN: tuple[Scalar, ...] = ("public", "private", "x", "y", "z", "", None)


@pytest.mark.parametrize("expression", SINGLE.values(), ids=SINGLE)
def test_a_look_up_with_its_fallback_has_the_same_values(expression: Expression) -> None:
    for value in GIVEN:
        row = {"a": value}
        assert same(simplified(expression).value(row), expression.value(row)), value


@pytest.mark.parametrize("declared", DECLARED, ids=lambda item: item.operation)
def test_what_bridges_store_stays_the_same(declared: Declared) -> None:
    bridge = declared.bridge
    for side, values in ((bridge.old, bridge.total_up()), (bridge.new, bridge.total_down())):
        for given in product(*(declared.values[column.name] for column in side)):
            row = dict(zip((column.name for column in side), given, strict=True))
            for value in values:
                assert same(simplified(value).value(row), value.value(row)), row


def test_nothing_is_asked_for_that_gives_the_fallback_anyway() -> None:
    found = simplified(SINGLE["and for NULL as well"])
    assert found == Same(A, Literal("public"))
