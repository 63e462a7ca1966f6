"""What every database must be able to do for the compiler and the installer: :class:`Target`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .rendering import Renderer, trigger_dialect
from .spec import TriggerSpec


@dataclass(frozen=True)
class Installed:
    """A trigger found in a database.

    ``table`` is empty for a trigger function left behind without its trigger; ``fingerprint`` is empty when
    there is none or when the trigger is disabled; ``function`` is the PostgreSQL function behind it.
    """

    name: str
    table: str
    fingerprint: str
    function: str = ""


@dataclass(frozen=True)
class PrivilegeProblem:
    """A privilege that the database user seems to lack.

    ``stops_writers``: the trigger could be created, and would then fail at every write of its table.
    """

    subject: str
    privilege: str
    hint: str
    stops_writers: bool = False


class Target(ABC):
    """One database engine."""

    base: type[Any]
    name_limit: int
    transactional: bool = True
    """Whether a failed installation can be undone as a whole."""

    def renderer(self, spec: TriggerSpec, schema: str | None) -> Renderer:
        """A renderer for one spec."""
        return Renderer(spec, trigger_dialect(self.base, schema))

    @abstractmethod
    def create(self, spec: TriggerSpec, render: Renderer, fingerprint: str) -> tuple[str, ...]:
        """The statements that create the trigger, with the fingerprint in it (empty, to compute it)."""

    def as_installed(self, spec: TriggerSpec, fingerprint: str) -> Installed:
        """The trigger as :meth:`installed` will report it."""
        return Installed(spec.name, spec.table.name, fingerprint)

    @abstractmethod
    def drop(self, installed: Installed, schema: str | None) -> tuple[str, ...]:
        """The statements that remove a trigger; no error if it is gone."""

    @abstractmethod
    def installed(self, connection: Any, prefix: str) -> list[Installed]:
        """The triggers whose names start with ``prefix``, in the connection's default schema."""

    def schema(self, connection: Any) -> str | None:
        """The schema to name in the compiled SQL, or None when names resolve beside the trigger anyway."""
        return None

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        """All of the block or nothing, where DDL is transactional.

        Inside a transaction of the caller it is a savepoint and the caller commits; else it commits here.
        """
        with connection.begin_nested() if connection.in_transaction() else connection.begin():
            yield

    @contextmanager
    def patience(self, connection: Any, seconds: float) -> Iterator[None]:
        """Wait no longer than this for a table that other transactions hold (writers queue behind us)."""
        yield

    def problems(self, connection: Any, specs: Sequence[TriggerSpec]) -> list[PrivilegeProblem]:
        """The privileges that installing these would need and that the user does not have."""
        return []

    def hint(self, error: BaseException) -> str:
        """What to do about an error of the database driver; empty when there is nothing special to say."""
        return ""


def query(connection: Any, sql: str) -> list[Any]:
    """Rows of a statement without parameters (its percent signs are left alone)."""
    return list(connection.exec_driver_sql(sql, execution_options={"no_parameters": True}))


def run(connection: Any, sql: str) -> None:
    """A statement without parameters and without rows (its percent signs are left alone)."""
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def driver_error(error: BaseException) -> BaseException:
    """The database driver's own error inside of SQLAlchemy's, or of the one that oslo.db makes of that."""
    while True:
        inner = getattr(error, "orig", None) or getattr(error, "inner_exception", None)
        if not isinstance(inner, BaseException):
            return error
        error = inner


def text_literal(value: str) -> str:
    """A quoted SQL text; for names that were read from the database."""
    return "'" + value.replace("'", "''") + "'"
