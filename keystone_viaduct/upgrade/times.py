"""Moments in ``up`` and ``down``: a DATETIME as microseconds since 1970, and back.

A moment has no time zone; services that keep one keep UTC. Those from the year 1000 to 9999 are converted:
what every engine can hold, and count with. :func:`moment` and :func:`microseconds` are what the
nodes mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .expression import Expression, Row, Scalar

_EPOCH = datetime.fromisoformat("1970-01-01")
_MICROSECOND = timedelta(microseconds=1)
EARLIEST = datetime.fromisoformat("1000-01-01")
LATEST = datetime.fromisoformat("9999-12-31T23:59:59.999999")


def microseconds(moment_: datetime) -> int:
    """Since 1970-01-01 00:00:00."""
    return (moment_ - _EPOCH) // _MICROSECOND


def moment(number: int) -> datetime:
    """So many microseconds after 1970-01-01 00:00:00."""
    return _EPOCH + number * _MICROSECOND


#: The numbers of the first and the last moment.
LEAST, MOST = microseconds(EARLIEST), microseconds(LATEST)


@dataclass(frozen=True)
class AsMicroseconds(Expression):
    """A moment as the number of microseconds since 1970."""

    moment: Expression

    def value(self, row: Row) -> Scalar:
        """The number."""
        value = self.moment.value(row)
        return microseconds(value) if isinstance(value, datetime) and EARLIEST <= value <= LATEST else None

    def fails(self, row: Row) -> bool:
        """A moment before 1000 or after 9999."""
        value = self.moment.value(row)
        return (value is not None and self.value(row) is None) or super().fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """The moment."""
        return (self.moment,)


@dataclass(frozen=True)
class AsMoment(Expression):
    """A number of microseconds since 1970 as a moment."""

    number: Expression

    def value(self, row: Row) -> Scalar:
        """The moment."""
        value = self.number.value(row)
        return moment(value) if isinstance(value, int) and LEAST <= value <= MOST else None

    def fails(self, row: Row) -> bool:
        """A number that is no moment from 1000 to 9999."""
        value = self.number.value(row)
        return (value is not None and self.value(row) is None) or super().fails(row)

    def parts(self) -> tuple[Expression, ...]:
        """The number."""
        return (self.number,)


@dataclass(frozen=True)
class WholeSeconds(Expression):
    """A moment without the fraction of its second, as a DATETIME of MariaDB and MySQL holds it."""

    moment: Expression

    def value(self, row: Row) -> Scalar:
        """The beginning of its second."""
        value = self.moment.value(row)
        return value.replace(microsecond=0) if isinstance(value, datetime) else None

    def parts(self) -> tuple[Expression, ...]:
        """The moment."""
        return (self.moment,)
