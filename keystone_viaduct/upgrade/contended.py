"""Settles a record whose rows somebody always holds: waits for one row at a time, holding nothing meanwhile.

Where many writers queue for a row, a database hands it from one to the next, and who never waits never gets
it. So one row is waited for, a second at most, in a transaction of its own, and only that row is written in
it: whoever waits for one lock while he holds no other can't be part of a deadlock.

The marks are read before the rows. Who has written the row that is held has left his mark before, so it is
seen; who writes another row meanwhile leaves a mark that is not among those that are taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from .expression import Scalar
from .marks import MARKS

#: A transaction in which our triggers do nothing.
Transactions = Callable[[], AbstractContextManager[Any]]
#: Looks at one record: one for each row that is written, and one for each that turns out not to be.
_MOST_LOOKS = 12
_AT_ONCE = 500
_WAIT = {
    "postgresql": ("SET LOCAL lock_timeout = '200ms'", "SET LOCAL lock_timeout = DEFAULT"),
    "mysql": ("SET SESSION innodb_lock_wait_timeout = 1", "SET SESSION innodb_lock_wait_timeout = DEFAULT"),
}
_WAIT["mariadb"] = _WAIT["mysql"]


@dataclass(frozen=True)
class Place:
    """One row, and what is to be written to it."""

    table: sa.Table
    key: tuple[Scalar, ...]
    values: Mapping[str, Scalar]

    @property
    def this(self) -> Any:
        """The condition that only this row meets."""
        pairs = zip(self.table.primary_key.columns, self.key, strict=True)
        return sa.and_(*(column == value for column, value in pairs))

    def write(self, connection: Any) -> None:
        """Do it."""
        connection.execute(sa.update(self.table).where(self.this).values(dict(self.values)))

    def is_row_of(self, other: Place | None) -> bool:
        """Whether both are about the same row."""
        return other is not None and self.table is other.table and self.key == other.key


#: What is to be written to a record, by these marks and by what the rows say; None where a row is to be made.
Wanted = Callable[[Any, str, Sequence[Any]], Sequence[Place] | None]


def settle_row_by_row(transactions: Transactions, bridge: str, record: str, wanted: Wanted) -> bool:
    """Write one row after the other; False if there is more to do, the next time.

    Raises DBAPIError when a row is not to be had within a second.
    """
    held: Place | None = None
    for _ in range(_MOST_LOOKS):
        with transactions() as connection:
            if held is not None:
                wait_for(connection, held.table, held.this)
            marks = marks_of(connection, bridge, record)
            if not marks:
                return True
            places = wanted(connection, record, marks)
            if places is None:
                return False
            for place in places:
                if place.is_row_of(held):
                    place.write(connection)
            left = [place for place in places if not place.is_row_of(held)]
            if not left:
                forget(connection, marks)
                return True
            held = left[0]
    return False


def settle_holding(
    transactions: Transactions,
    bridge: str,
    record: str,
    hold: Callable[[Any], None],
    settle: Callable[[Any, str], bool],
) -> bool:
    """``settle`` a record in a transaction that has waited for a row of it, which ``hold`` takes; False if
    somebody holds another one.
    """
    with transactions() as connection:
        hold(connection)
        marks = marks_of(connection, bridge, record)
        settled = not marks or settle(connection, record)
        forget(connection, marks if settled else [])
        return settled


def wait_for(connection: Any, table: sa.Table, where: Any, *, strong: bool = False) -> None:
    """Take a row, after a second at most. Raises DBAPIError if somebody has it for longer."""
    query = sa.select(*table.primary_key).where(where).with_for_update(key_share=not strong)
    with setting(connection, *_WAIT.get(connection.dialect.name, ("", ""))):
        connection.execute(query).all()


@contextmanager
def setting(connection: Any, on: str, off: str) -> Iterator[None]:
    """Between two statements that set something for the session, or LOCAL to the transaction; '' for none."""
    if not on:
        yield
        return
    connection.exec_driver_sql(on)
    try:
        yield
    except BaseException:
        if not off.startswith("SET LOCAL"):  # that ends with the transaction, which is lost
            with suppress(DBAPIError):
                connection.exec_driver_sql(off)
        raise
    connection.exec_driver_sql(off)


def marks_of(connection: Any, bridge: str, record: str) -> Sequence[Any]:
    """Which sides have been written, and which children, in their order."""
    this = sa.and_(MARKS.c.bridge == bridge, MARKS.c.record == record)
    query = sa.select(MARKS.c.number, MARKS.c.side, MARKS.c.child).where(this).order_by(MARKS.c.number)
    found: Sequence[Any] = connection.execute(query).all()
    return found


def forget(connection: Any, marks: Sequence[Any]) -> None:
    """Take marks away, which have been settled."""
    numbers = [mark.number for mark in marks]
    for begin in range(0, len(numbers), _AT_ONCE):
        these = numbers[begin : begin + _AT_ONCE]
        connection.execute(sa.delete(MARKS).where(MARKS.c.number.in_(these)))
