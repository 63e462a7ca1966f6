"""Whole transactions are run again for the errors that a repetition can cure, and for no other."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.errors import NotInitialised, StoreBusy, StoreUnavailable
from keystone_viaduct.sync.store.retry import COLLISIONS, RetryPolicy, is_transient, translate


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class PostgresError(Exception):
    """As psycopg2 reports."""

    def __init__(self, state: str) -> None:
        super().__init__(f"state {state}")
        self.pgcode = state


def wrapped(
    original: BaseException, kind: type[sa.exc.DBAPIError] = sa.exc.OperationalError, **more: Any
) -> Any:
    """An SQLAlchemy error around a driver's."""
    return kind("SELECT 1", {}, original, **more)


def policy(clock: Clock, **more: Any) -> RetryPolicy:
    """A policy on a clock that does not wait."""
    return RetryPolicy(monotonic=clock.monotonic, sleep=clock.sleep, **more)


@pytest.mark.parametrize(
    "original",
    [
        PostgresError("40001"),
        PostgresError("40P01"),
        Exception(1213, "Deadlock found"),
        Exception(1205, "Lock wait timeout exceeded"),
        sqlite3.OperationalError("database is locked"),
        sqlite3.OperationalError("database table is locked"),
    ],
)
def test_these_are_run_again(original: BaseException) -> None:
    clock, outcomes = Clock(), iter([wrapped(original), wrapped(original)])

    def attempt() -> str:
        error = next(outcomes, None)
        if error is not None:
            raise error
        return "done"

    assert policy(clock).run(attempt) == "done"
    assert len(clock.waits) == 2 and all(0 <= wait <= 0.02 for wait in clock.waits)


@pytest.mark.parametrize(
    "original",
    [PostgresError("42601"), Exception(1064, "syntax"), sqlite3.OperationalError("no such column")],
)
def test_these_are_not(original: BaseException) -> None:
    error = wrapped(original)
    assert not is_transient(error)
    with pytest.raises(sa.exc.OperationalError):
        policy(Clock()).run(lambda: _raise(error))


def test_a_lost_connection_is_run_again() -> None:
    assert is_transient(wrapped(Exception("gone"), connection_invalidated=True))


def test_a_collision_with_another_writer_is_run_again_but_not_for_ever() -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise wrapped(PostgresError("23505"), sa.exc.IntegrityError)

    with pytest.raises(sa.exc.IntegrityError):
        policy(Clock()).run(attempt)
    assert len(attempts) == COLLISIONS


def test_after_the_deadline_the_database_counts_as_busy() -> None:
    clock = Clock()
    with pytest.raises(StoreBusy, match="refused") as caught:
        policy(clock, deadline=2.0).run(lambda: _raise(wrapped(PostgresError("40001"))))
    assert caught.value.hint and clock.now < 2.0


def test_our_own_exceptions_pass_and_are_never_repeated() -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise LookupError

    with pytest.raises(LookupError):
        policy(Clock()).run(attempt)
    assert len(attempts) == 1


@pytest.mark.parametrize(
    "text",
    [
        "no such table: viaduct_site",
        'relation "viaduct_site" does not exist',
        "(1146, \"Table 'k.viaduct_site' doesn't exist\")",
    ],
)
def test_missing_tables_of_ours_mean_that_the_site_was_not_initialised(text: str) -> None:
    error = translate(wrapped(Exception(text), sa.exc.ProgrammingError))
    assert isinstance(error, NotInitialised) and "viaduct init" in error.hint


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    error = sa.exc.OperationalError(None, None, Exception("connection refused"))
    assert isinstance(translate(error), StoreUnavailable)


def _raise(error: BaseException) -> None:
    raise error
