"""Runs a whole transaction again when the database refused it for a reason that a repetition can cure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from keystone_viaduct.errors import (
    KindError,
    NotInitialised,
    SealingError,
    StoreBusy,
    StoreUnavailable,
    ViaductError,
)
from keystone_viaduct.sync.store.tables import PREFIX

T = TypeVar("T")

#: Serialization failure, deadlock (SQL standard and PostgreSQL), CockroachDB's restart.
SQLSTATES = frozenset({"40001", "40P01", "CR000"})
#: Lock wait time-out, deadlock or lost Galera certification, changed since read (MariaDB).
MYSQL_CODES = frozenset({1205, 1213, 1020})
#: A row that someone else has created meanwhile is seen by the next attempt; a defect is not cured by any.
COLLISIONS = 3
_NOT_OF_RECORDS = frozenset({"08", "25", "40", "53", "57", "58", "XX"})
_NUMBERS_NOT_OF_RECORDS = frozenset({1020, 1021, 1040, 1047, 1053, 1114, 1180, 1205, 1213, 1290, 1317, 1927})
_SQLITE_NOT_OF_RECORDS = ("is locked", "disk I/O error", "is full", "readonly database", "unable to open")
_MISSING_TABLE = ("no such table", "doesn't exist", "does not exist", "UndefinedTable")


@dataclass(frozen=True)
class RetryPolicy:
    """No attempt begins ``deadline`` seconds after the first; waits are random below a doubling bound."""

    deadline: float = 30.0
    first_delay: float = 0.01
    max_delay: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, attempt: Callable[[], T], is_unsure: Callable[[], bool] = lambda: False) -> T:
        """Call ``attempt`` until it succeeds. Raises StoreBusy after the deadline; see :func:`translate`.

        ``is_unsure``: whether it is not known what became of the last one. Then a database that can't be
        reached is waited for, too.
        """
        give_up = self.monotonic() + self.deadline
        bound, collisions = self.first_delay, 0
        while True:
            try:
                return attempt()
            except sa.exc.DBAPIError as error:
                collisions += isinstance(error, sa.exc.IntegrityError)
                again = is_transient(error) or (is_unsure() and is_away(error))
                if not again or collisions >= COLLISIONS:
                    raise translate(error) from error
                wait = random.uniform(0, bound)
                if self.monotonic() + wait >= give_up:
                    if is_unsure():
                        raise _not_known(error) from error
                    raise StoreBusy(
                        f"the database refused the transaction for {self.deadline:g} s: {error.orig}",
                        hint="look for long transactions on viaduct_site and Keystone's tables",
                    ) from error
                self.sleep(wait)
                bound = min(bound * 2, self.max_delay)


def is_transient(error: sa.exc.DBAPIError) -> bool:
    """Whether running the whole transaction again may help."""
    if error.connection_invalidated or isinstance(error, sa.exc.IntegrityError):
        return True
    original = error.orig
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if state in SQLSTATES:
        return True
    arguments = getattr(original, "args", ())
    if arguments and arguments[0] in MYSQL_CODES:
        return True
    text = str(original)
    return "is locked" in text and type(original).__module__.startswith("sqlite3")


def is_away(error: sa.exc.DBAPIError) -> bool:
    """Whether the database could not be reached at all."""
    return isinstance(error, sa.exc.OperationalError) and error.statement is None


def _not_known(error: sa.exc.DBAPIError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the database was lost at COMMIT, and can't be asked what became of it: {str(error.orig).strip()}",
        hint="it is not known whether the change was made: look before you make it again",
    )


def translate(error: sa.exc.DBAPIError) -> Exception:
    """Our own error where the cause is known to us; else the error itself."""
    text = str(error.orig)
    if PREFIX in text and any(sign in text for sign in _MISSING_TABLE):
        known: ViaductError = NotInitialised("this database has no viaduct tables", hint="run `viaduct init`")
        return known
    if is_away(error):
        return StoreUnavailable(
            f"the database can't be reached: {text.strip()}", hint="look at [database] connection"
        )
    return error


def lies_in_a_record(error: Exception) -> bool:
    """Whether it may come from what a record holds. A database that is away, full, read-only or busy is none.

    Classes of SQLSTATE: a connection, a rollback, resources, an operator, the system; numbers of MariaDB: the
    disk or a table full, too many connections, a shutdown, read-only, no node of a majority.
    """
    if isinstance(error, sa.exc.DBAPIError):
        if error.connection_invalidated or error.statement is None:
            return False
        state = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")
        arguments = getattr(error.orig, "args", ())
        number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
        if state[:2] in _NOT_OF_RECORDS or number in _NUMBERS_NOT_OF_RECORDS:
            return False
        return not any(text in str(error.orig) for text in _SQLITE_NOT_OF_RECORDS)
    if isinstance(error, ViaductError):
        return isinstance(error, KindError | SealingError)
    return not isinstance(error, sa.exc.SQLAlchemyError | MemoryError | OSError)
