"""Expressions that give the same values with fewer comparisons; triggers compute them for every row.

Only :meth:`Expression.value` is kept: what a simplified expression says of failures means nothing.
"""

from __future__ import annotations

from dataclasses import replace

from .expression import (
    After,
    AsInteger,
    AsText,
    Before,
    Expression,
    Field,
    FirstOf,
    Guarded,
    Joined,
    Literal,
    Lookup,
    Same,
    Scalar,
    same,
)
from .substitute import rebuilt
from .times import AsMicroseconds, AsMoment, WholeSeconds
from .types import Fitted

_STRICT = (Field, Joined, Before, AsText, AsInteger, Fitted, AsMicroseconds, AsMoment, WholeSeconds)


def is_strict(node: Expression) -> bool:
    """Whether it is NULL only where it fails, or where a column that it reads is NULL."""
    strict = isinstance(node, _STRICT)
    strict = strict or (isinstance(node, After) and node.required)
    strict = strict or (isinstance(node, Literal) and node.constant is not None)
    return strict and all(is_strict(part) for part in node.parts())


def simplified(expression: Expression) -> Expression:
    """The expression, and those inside of it, simplified where we know how."""
    if isinstance(expression, Guarded):  # what is inside says where it fails, so it stays
        return _guarded_lookup(expression) or expression
    if isinstance(expression, FirstOf):
        return _first_of(expression)
    if isinstance(expression, Fitted) and isinstance(expression.of, Lookup):
        return _fitted_lookup(expression, None) or expression
    return rebuilt(expression, simplified)


def _first_of(expression: FirstOf) -> Expression:
    """``FirstOf(Guarded(x, c), c)``: c stands for what fails and for what is missing alike."""
    if len(expression.values) == 2:
        first, last = expression.values
        if isinstance(first, Guarded) and last == Literal(first.fallback):
            found = _guarded_lookup(first)
            if found is not None:
                return _without_nulls(found, first.fallback)
            if is_strict(first.of):
                return FirstOf((simplified(first.of), last))
    return FirstOf(tuple(simplified(value) for value in expression.values))


def _guarded_lookup(node: Guarded) -> Lookup | None:
    """One look, with the fallback for what is not listed; a NULL stays one."""
    of = node.of
    found = _fitted_lookup(of, node.fallback) if isinstance(of, Fitted) else of
    if not isinstance(found, Lookup) or found.otherwise is not None or not isinstance(found.of, Field):
        return None
    pairs = found.pairs
    if all(key is not None for key, _ in pairs):
        pairs = (*pairs, (None, None))
    return replace(found, pairs=pairs, otherwise=Literal(node.fallback))


def _fitted_lookup(node: Fitted, misfit: Scalar) -> Lookup | None:
    """Which of its values fit is known already."""
    if not isinstance(node.of, Lookup) or node.of.otherwise is not None:
        return None
    pairs = tuple((key, value if node.type.holds(value) else misfit) for key, value in node.of.pairs)
    return replace(node.of, pairs=pairs)


def _without_nulls(found: Lookup, fallback: Scalar) -> Expression:
    """The fallback also for NULL; then nobody has to ask for what gives the fallback anyway."""
    pairs = tuple((key, fallback if value is None else value) for key, value in found.pairs)
    distinct = not any(same(one, other) for at, (one, _) in enumerate(pairs) for other, _ in pairs[:at])
    needed = tuple(pair for pair in pairs if pair[1] != fallback) if distinct else pairs
    if len(needed) == 1 and fallback is False and needed[0][1] is True:
        return Same(found.of, Literal(needed[0][0]))
    return replace(found, pairs=needed or pairs[:1])
