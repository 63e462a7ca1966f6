"""One expression put into another: what comes of a value that goes to the other side and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from .expression import Expression, Field


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with each column replaced by what computes it."""
    if isinstance(expression, Field):
        return values[expression.name]
    changed = {
        item.name: _inside(getattr(expression, item.name), values)
        for item in fields(expression)  # type: ignore[arg-type]
    }
    return replace(expression, **changed)  # type: ignore[type-var]


def _inside(value: Any, values: Mapping[str, Expression]) -> Any:
    if isinstance(value, Expression):
        return substitute(value, values)
    if isinstance(value, tuple):
        return tuple(_inside(item, values) for item in value)
    return value
