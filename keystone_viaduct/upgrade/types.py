"""Types of columns, by their usual names, and what fits into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from .expression import (
    After,
    AsInteger,
    AsText,
    Before,
    Case,
    Condition,
    Expression,
    Field,
    FirstOf,
    Guarded,
    Literal,
    Lookup,
    Row,
    Scalar,
    Uuid,
)
from .times import EARLIEST, LATEST, AsMicroseconds, AsMoment, WholeSeconds, moment

#: Digits of a 64-bit number, with its sign.
_LONGEST_NUMBER = 20


class Type:
    """What a column holds. All are frozen dataclasses."""

    @property
    def few(self) -> tuple[Scalar, ...]:
        """All values but NULL, where they are few; empty where they are not."""
        return ()

    def holds(self, value: Scalar) -> bool:
        """Whether the value fits."""
        raise NotImplementedError

    def takes(self, other: Type) -> bool:
        """Whether every value of the other type fits."""
        return self == other

    def some(self) -> Scalar:
        """Any value that fits, for a column that nobody reads any more."""
        raise NotImplementedError

    def fitted(self, value: Expression) -> Expression:
        """What a column of this type is given, where the value may not fit."""
        return Fitted(value, self)

    def on(self, engine: str) -> Type:
        """The type as one engine has it."""
        return self


@dataclass(frozen=True)
class Boolean(Type):
    """True or false."""

    @property
    def few(self) -> tuple[Scalar, ...]:
        """Both."""
        return (False, True)

    def holds(self, value: Scalar) -> bool:
        """0 and 1 too, as some engines store them."""
        return value in (None, False, True)

    def some(self) -> Scalar:
        """False."""
        return False


@dataclass(frozen=True)
class Integer(Type):
    """A signed number of 16, 32 or 64 bits."""

    bits: int = 32

    def holds(self, value: Scalar) -> bool:
        """Whether it is in the range."""
        return value is None or (isinstance(value, int) and self.least <= value <= self.most)

    def takes(self, other: Type) -> bool:
        """Any that is no wider."""
        return isinstance(other, Integer) and other.bits <= self.bits

    def some(self) -> Scalar:
        """0."""
        return 0

    @property
    def least(self) -> int:
        """The smallest number."""
        return -(1 << (self.bits - 1))

    @property
    def most(self) -> int:
        """The largest number."""
        return (1 << (self.bits - 1)) - 1


@dataclass(frozen=True)
class Text(Type):
    """Characters, ``length`` at most; without a length as many as the engine takes."""

    length: int | None = None

    def holds(self, value: Scalar) -> bool:
        """By the number of characters."""
        return value is None or (
            isinstance(value, str) and (self.length is None or len(value) <= self.length)
        )

    def some(self) -> Scalar:
        """Nothing."""
        return ""

    def takes(self, other: Type) -> bool:
        """Any that is no longer."""
        if isinstance(other, Enum):
            return all(self.holds(value) for value in other.values)
        if not isinstance(other, Text):
            return False
        return self.length is None or (other.length is not None and other.length <= self.length)


@dataclass(frozen=True)
class Enum(Type):
    """One of a few texts. ``name``: that of the type itself, which PostgreSQL needs."""

    values: tuple[str, ...]
    name: str = ""

    @property
    def few(self) -> tuple[Scalar, ...]:
        """Those that are listed."""
        return self.values

    def holds(self, value: Scalar) -> bool:
        """Whether it is listed."""
        return value is None or value in self.values

    def some(self) -> Scalar:
        """The first."""
        return self.values[0]

    def takes(self, other: Type) -> bool:
        """Any whose values are all listed here."""
        return isinstance(other, Enum) and set(other.values) <= set(self.values)


@dataclass(frozen=True)
class DateTime(Type):
    """A moment without a time zone. ``digits`` after the second: 6, or 0.

    None is as the engine usually has it: 0 on MariaDB and MySQL, 6 elsewhere.
    """

    digits: int | None = None

    def holds(self, value: Scalar) -> bool:
        """In the range of all engines, and with no fraction if it has no digits."""
        if not isinstance(value, datetime):
            return value is None
        return EARLIEST <= value <= LATEST and (self.digits != 0 or not value.microsecond)

    def some(self) -> Scalar:
        """The first of 1970."""
        return moment(0)

    def takes(self, other: Type) -> bool:
        """Any with no more digits."""
        return isinstance(other, DateTime) and (self.digits != 0 or other.digits == 0)

    def fitted(self, value: Expression) -> Expression:
        """The fraction goes."""
        return WholeSeconds(value)

    def on(self, engine: str) -> Type:
        """With digits."""
        usual = 0 if engine in ("mariadb", "mysql") else 6
        return replace(self, digits=usual) if self.digits is None else self


@dataclass(frozen=True)
class Fitted(Expression):
    """A value that a column of this type is to hold; None, and failed, if it does not fit."""

    of: Expression
    type: Type

    def value(self, row: Row) -> Scalar:
        """The value if it fits."""
        value = self.of.value(row)
        return value if self.type.holds(value) else None

    def fails(self, row: Row) -> bool:
        """A value that does not fit."""
        return not self.type.holds(self.of.value(row)) or super().fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """The value."""
        return (self.of,)


def always_fits(value: Expression, type_: Type, columns: Mapping[str, Type]) -> bool:
    """Whether the value of an expression over these columns fits into the type, whatever the row."""

    def fits(part: Expression) -> bool:
        return always_fits(part, type_, columns)

    if isinstance(value, Field):
        return type_.takes(columns[value.name])
    if isinstance(value, Literal):
        return type_.holds(value.constant)
    if isinstance(value, Condition):
        return isinstance(type_, Boolean)
    if isinstance(value, Uuid):
        return type_.takes(Text(32))
    if isinstance(value, AsText):
        return type_.takes(Text(_LONGEST_NUMBER))
    if isinstance(value, (AsInteger, AsMicroseconds)):
        return type_.takes(Integer(64))
    if isinstance(value, AsMoment):
        return type_.takes(DateTime(6))
    if isinstance(value, WholeSeconds):
        return type_.takes(DateTime(0))
    if isinstance(value, (Before, After)):
        return fits(value.text)
    if isinstance(value, Guarded):
        return type_.holds(value.fallback) and fits(value.of)
    if isinstance(value, Fitted):
        return type_.takes(value.type) or fits(value.of)
    if isinstance(value, Lookup):
        listed = all(type_.holds(item) for _, item in value.pairs)
        return listed and (value.otherwise is None or fits(value.otherwise))
    if isinstance(value, Case):
        return all(fits(item) for _, item in value.branches) and fits(value.otherwise)
    return isinstance(value, FirstOf) and all(fits(item) for item in value.values)
