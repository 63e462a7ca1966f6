"""What ``up`` and ``down`` are written in: a small language that every engine, and Python, computes alike.

An expression is *total*: for any row it gives a value of its type or None, and never an error. What could not
be converted is None, and :meth:`Expression.fails` says so, so that a fallback can be given and such rows can
be listed. :meth:`Expression.value` is the definition; ``rendering.py`` says the same in SQL, and generated
workloads compare the two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

Scalar = str | int | bool | datetime | None
Row = Mapping[str, Scalar]

#: An integer is read from a text of so many digits at most: then it fits into 64 bits on every engine.
MOST_DIGITS = 18


class Expression:
    """One node. All are frozen dataclasses: equal and printed by what they say."""

    def value(self, row: Row) -> Scalar:
        """The value for a row."""
        raise NotImplementedError

    def fails(self, row: Row) -> bool:
        """Whether a value is there that could not be converted."""
        return any(part.fails(row) for part in self.parts())

    def parts(self) -> tuple[Expression, ...]:
        """The expressions inside this one."""
        return ()

    def fields(self) -> Iterator[str]:
        """The columns that it reads."""
        for part in self.parts():
            yield from part.fields()


class Condition(Expression):
    """An expression that is true or false, never None."""

    def holds(self, row: Row) -> bool:
        """Its value."""
        return bool(self.value(row))


@dataclass(frozen=True)
class Field(Expression):
    """A column of the row."""

    name: str

    def value(self, row: Row) -> Scalar:
        """As it is stored."""
        return row[self.name]

    def fields(self) -> Iterator[str]:
        """Itself."""
        yield self.name


@dataclass(frozen=True)
class Literal(Expression):
    """A constant."""

    constant: Scalar

    def value(self, row: Row) -> Scalar:
        """The constant."""
        return self.constant


@dataclass(frozen=True)
class Uuid(Expression):
    """32 hexadecimal digits at random, others each time that it is asked."""

    def value(self, row: Row) -> Scalar:
        """As Keystone makes its ids."""
        return uuid.uuid4().hex


@dataclass(frozen=True)
class Joined(Expression):
    """Texts one after the other; None if one of them is."""

    texts: tuple[Expression, ...]

    def value(self, row: Row) -> Scalar:
        """The concatenation."""
        values = [text.value(row) for text in self.texts]
        return None if None in values else "".join(str(value) for value in values)

    def parts(self) -> tuple[Expression, ...]:
        """The texts."""
        return self.texts


@dataclass(frozen=True)
class Before(Expression):
    """What stands before the first ``separator``; all of it where there is none."""

    text: Expression
    separator: str

    def value(self, row: Row) -> Scalar:
        """The first part."""
        value = self.text.value(row)
        return None if value is None else str(value).partition(self.separator)[0]

    def parts(self) -> tuple[Expression, ...]:
        """The text."""
        return (self.text,)


@dataclass(frozen=True)
class After(Expression):
    """What stands after the first ``separator``; None where there is none.

    ``required``: a text without the separator counts as one that could not be converted.
    """

    text: Expression
    separator: str
    required: bool = False

    def value(self, row: Row) -> Scalar:
        """The rest."""
        value = self.text.value(row)
        if value is None or self.separator not in str(value):
            return None
        return str(value).partition(self.separator)[2]

    def fails(self, row: Row) -> bool:
        """A text without the separator, if one is required."""
        value = self.text.value(row)
        missing = self.required and value is not None and self.separator not in str(value)
        return missing or super().fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """The text."""
        return (self.text,)


@dataclass(frozen=True)
class AsText(Expression):
    """An integer in decimal digits."""

    integer: Expression

    def value(self, row: Row) -> Scalar:
        """The digits."""
        value = self.integer.value(row)
        return str(int(value)) if isinstance(value, int) else None

    def parts(self) -> tuple[Expression, ...]:
        """The integer."""
        return (self.integer,)


@dataclass(frozen=True)
class AsInteger(Expression):
    """A text of ASCII digits, perhaps after ``-``, as a number; None for any other text."""

    text: Expression

    def value(self, row: Row) -> Scalar:
        """The number."""
        value = self.text.value(row)
        return int(str(value)) if value is not None and is_integer(str(value)) else None

    def fails(self, row: Row) -> bool:
        """A text that is no such number."""
        value = self.text.value(row)
        return (value is not None and not is_integer(str(value))) or super().fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """The text."""
        return (self.text,)


def is_integer(text: str) -> bool:
    """Whether :class:`AsInteger` reads it."""
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS


@dataclass(frozen=True)
class Lookup(Expression):
    """One value for another. ``otherwise`` is for values that are not listed; without it they fail."""

    of: Expression
    pairs: tuple[tuple[Scalar, Scalar], ...]
    otherwise: Expression | None = None

    def value(self, row: Row) -> Scalar:
        """The value opposite to the one that is the same."""
        given = self.of.value(row)
        for key, value in self.pairs:
            if same(key, given):
                return value
        return self.otherwise.value(row) if self.otherwise is not None else None

    def fails(self, row: Row) -> bool:
        """A value that is not listed, without ``otherwise``."""
        given = self.of.value(row)
        if any(same(key, given) for key, _ in self.pairs):
            return self.of.fails(row)
        if self.otherwise is None:
            return given is not None or self.of.fails(row)
        return self.of.fails(row) or self.otherwise.fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """What is looked up, and what is taken otherwise."""
        return (self.of,) if self.otherwise is None else (self.of, self.otherwise)


@dataclass(frozen=True)
class Case(Expression):
    """The value of the first branch whose condition holds."""

    branches: tuple[tuple[Condition, Expression], ...]
    otherwise: Expression = Literal(None)

    def _chosen(self, row: Row) -> Expression:
        for condition, value in self.branches:
            if condition.holds(row):
                return value
        return self.otherwise

    def value(self, row: Row) -> Scalar:
        """Of the branch chosen."""
        return self._chosen(row).value(row)

    def fails(self, row: Row) -> bool:
        """If the branch chosen does."""
        return self._chosen(row).fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """Conditions and values."""
        return (*(item for branch in self.branches for item in branch), self.otherwise)


@dataclass(frozen=True)
class FirstOf(Expression):
    """The first of these that is not None."""

    values: tuple[Expression, ...]

    def value(self, row: Row) -> Scalar:
        """COALESCE."""
        return next((found for item in self.values if (found := item.value(row)) is not None), None)

    def parts(self) -> tuple[Expression, ...]:
        """All of them."""
        return self.values


@dataclass(frozen=True)
class Guarded(Expression):
    """``of``, or the fallback where something in it could not be converted; :meth:`fails` still says so."""

    of: Expression
    fallback: Scalar

    def value(self, row: Row) -> Scalar:
        """One or the other."""
        return self.fallback if self.of.fails(row) else self.of.value(row)

    def parts(self) -> tuple[Expression, ...]:
        """What is guarded."""
        return (self.of,)


@dataclass(frozen=True)
class IsNull(Condition):
    """Whether there is no value."""

    of: Expression

    def value(self, row: Row) -> Scalar:
        """``IS NULL``."""
        return self.of.value(row) is None

    def parts(self) -> tuple[Expression, ...]:
        """The value."""
        return (self.of,)


@dataclass(frozen=True)
class Same(Condition):
    """Whether two values are the same, byte by byte, None being the same as None."""

    left: Expression
    right: Expression

    def value(self, row: Row) -> Scalar:
        """``IS NOT DISTINCT FROM``."""
        return same(self.left.value(row), self.right.value(row))

    def parts(self) -> tuple[Expression, ...]:
        """Both."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Not(Condition):
    """The opposite."""

    of: Condition

    def value(self, row: Row) -> Scalar:
        """NOT."""
        return not self.of.holds(row)

    def parts(self) -> tuple[Expression, ...]:
        """The condition."""
        return (self.of,)


@dataclass(frozen=True)
class Every(Condition):
    """Whether all of these hold; true without any."""

    of: tuple[Condition, ...]

    def value(self, row: Row) -> Scalar:
        """AND."""
        return all(item.holds(row) for item in self.of)

    def parts(self) -> tuple[Expression, ...]:
        """The conditions."""
        return self.of


@dataclass(frozen=True)
class AnyOf(Condition):
    """Whether one of these holds; false without any."""

    of: tuple[Condition, ...]

    def value(self, row: Row) -> Scalar:
        """OR."""
        return any(item.holds(row) for item in self.of)

    def parts(self) -> tuple[Expression, ...]:
        """The conditions."""
        return self.of


@dataclass(frozen=True)
class Within(Condition):
    """Whether a number lies between two, both included; NULL does not."""

    of: Expression
    least: int
    most: int

    def value(self, row: Row) -> Scalar:
        """``BETWEEN``."""
        value = self.of.value(row)
        return isinstance(value, int) and self.least <= value <= self.most

    def parts(self) -> tuple[Expression, ...]:
        """The number."""
        return (self.of,)


def same(left: Scalar, right: Scalar) -> bool:
    """Equal, None only to None; a boolean and an integer are compared by number, as databases store them."""
    if left is None or right is None:
        return left is right
    return left == right
