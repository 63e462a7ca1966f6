"""One expression put into another: what comes of a value that goes to the other side and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from .expression import Expression, Field


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with each column replaced by what computes it."""
    if isinstance(expression, Field):
        return values[expression.name]
    return rebuilt(expression, lambda part: substitute(part, values))


def rebuilt(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with each of those inside of it changed."""

    def inside(value: Any) -> Any:
        if isinstance(value, Expression):
            return change(value)
        return tuple(map(inside, value)) if isinstance(value, tuple) else value

    changed = {item.name: inside(getattr(expression, item.name)) for item in fields(expression)}  # type: ignore[arg-type]
    return replace(expression, **changed)  # type: ignore[type-var]
