"""Brings the triggers of a live database in line with their specs: :class:`Installer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.errors import TriggerError

from .compiler import CompiledTrigger, compile, target_of
from .spec import TriggerSpec
from .target import Installed, PrivilegeProblem, driver_error, run


class State(StrEnum):
    """How a trigger in the database relates to the specs."""

    INSTALLED = "installed"
    MISSING = "missing"
    OUTDATED = "outdated"
    """There, but made from another spec, on another table, altered or disabled."""
    ORPHAN = "orphan"
    """There, with our prefix, but no spec wants it."""


@dataclass(frozen=True)
class TriggerStatus:
    """The state of one trigger."""

    name: str
    state: State
    table: str


@dataclass(frozen=True)
class Action:
    """Something that was done, or with ``dry_run`` would be done: ``create``, ``replace`` or ``drop``."""

    verb: str
    name: str
    table: str
    sql: tuple[str, ...]


class Installer:
    """Installs, compares and removes the triggers whose names start with ``prefix``.

    Whoever shares a database chooses a prefix of his own (none may begin with another): triggers with the
    prefix but without a spec are removed. A connection inside a transaction is left to its owner to commit;
    otherwise each method commits. MariaDB and MySQL commit every statement at once, and what was open on the
    connection with it.
    """

    def __init__(self, connection: Any, prefix: str = "viaduct_", *, lock_seconds: float = 5.0) -> None:
        """``lock_seconds``: how long to wait for a table; writers queue behind an installation that waits."""
        self._connection = connection
        self._prefix = prefix
        self._lock_seconds = lock_seconds
        self._target = target_of(connection.dialect)

    def status(self, specs: Sequence[TriggerSpec]) -> list[TriggerStatus]:
        """The state of every spec, in their order, then the orphans."""
        return [status for status, _, _ in self._compare(specs)]

    def check_privileges(self, specs: Sequence[TriggerSpec]) -> list[PrivilegeProblem]:
        """What the database user seems to lack to install these; empty when nothing is in the way."""
        return self._target.problems(self._connection, specs)

    def install(self, specs: Sequence[TriggerSpec], *, dry_run: bool = False) -> list[Action]:
        """Create what is missing, replace what is outdated, drop orphans; does nothing a second time.

        Returns what was done. On :class:`TriggerError` nothing was changed where DDL is transactional
        (PostgreSQL, SQLite); elsewhere ``error.fields["done"]`` has the actions that were completed, and
        running it again goes on.
        """
        if dry_run:
            return self._plan(specs)
        with self._target.transaction(self._connection):
            actions = self._plan(specs)
            if any(action.verb != "drop" for action in actions):
                self._refuse_to_stop_writers(specs)
            return self._perform(actions)

    def prune(self, specs: Sequence[TriggerSpec] = ()) -> list[Action]:
        """Drop every trigger of the prefix that has no spec here: without specs, all of them."""
        with self._target.transaction(self._connection):
            return self._perform([action for action in self._plan(specs) if action.verb == "drop"])

    def _compare(
        self, specs: Sequence[TriggerSpec]
    ) -> list[tuple[TriggerStatus, CompiledTrigger | None, list[Installed]]]:
        wanted = self._compiled(specs)
        there: dict[str, list[Installed]] = {}
        for item in self._target.installed(self._connection, self._prefix):
            there.setdefault(item.name, []).append(item)
        result: list[tuple[TriggerStatus, CompiledTrigger | None, list[Installed]]] = []
        for spec, compiled in wanted:
            found = there.pop(spec.name, [])
            status = TriggerStatus(spec.name, _state(spec, compiled, found), spec.table.name)
            result.append((status, compiled, found))
        for name, found in there.items():
            result.append((TriggerStatus(name, State.ORPHAN, found[0].table), None, found))
        return result

    def _compiled(self, specs: Sequence[TriggerSpec]) -> list[tuple[TriggerSpec, CompiledTrigger]]:
        names = [spec.name for spec in specs]
        for name in names:
            if not name.startswith(self._prefix):
                raise TriggerError(f"trigger {name} does not start with {self._prefix}", trigger=name)
            if names.count(name) > 1:
                raise TriggerError(f"two triggers are called {name}", trigger=name)
        schema = self._target.schema(self._connection)
        return [(spec, compile(spec, self._connection.dialect, schema=schema)) for spec in specs]

    def _plan(self, specs: Sequence[TriggerSpec]) -> list[Action]:
        schema = self._target.schema(self._connection)
        drops, creates = [], []
        for status, compiled, found in self._compare(specs):
            removal = tuple(sql for item in found for sql in self._target.drop(item, schema))
            if compiled is None:
                drops.append(Action("drop", status.name, status.table, removal))
            elif status.state is State.MISSING:
                creates.append(Action("create", status.name, status.table, removal + compiled.create))
            elif status.state is State.OUTDATED:
                creates.append(Action("replace", status.name, status.table, removal + compiled.create))
        return drops + creates

    def _perform(self, actions: Sequence[Action]) -> list[Action]:
        done: list[Action] = []
        if not actions:
            return done
        with self._target.patience(self._connection, self._lock_seconds):
            for action in actions:
                self._run(action, done)
                done.append(action)
        return done

    def _run(self, action: Action, done: list[Action]) -> None:
        for index, sql in enumerate(action.sql):
            try:
                run(self._connection, sql)
            except Exception as error:
                raise self._failure(action, index, done, driver_error(error)) from error

    def _refuse_to_stop_writers(self, specs: Sequence[TriggerSpec]) -> None:
        """A trigger whose body must fail would make every write of its table fail."""
        inspector = sa.inspect(self._connection)
        needed = {table: spec.name for spec in specs for _, table in spec.writes}
        for table, trigger in sorted(needed.items()):
            if not inspector.has_table(table):
                raise TriggerError(
                    f"trigger {trigger} writes to table {table}, which does not exist; nothing was changed",
                    hint=f"create {table} first",
                    trigger=trigger,
                    done=[],
                )
        for problem in self._target.problems(self._connection, specs):
            if problem.stops_writers:
                raise TriggerError(
                    "the triggers could not do their work: "
                    f"no {problem.privilege} privilege on {problem.subject}; nothing was changed",
                    hint=problem.hint,
                    done=[],
                )

    def _failure(self, action: Action, index: int, done: list[Action], error: BaseException) -> TriggerError:
        hint = self._target.hint(error)
        if self._target.transactional:
            done, outcome = [], "nothing was changed"
        else:
            names = ", ".join(f"{item.verb} {item.name}" for item in done) or "nothing"
            outcome = f"done before: {names}"
            if index:
                outcome += f"; {action.name} itself is half done ({index} of {len(action.sql)} statements)"
        return TriggerError(
            f"could not {action.verb} trigger {action.name} on {action.table}: {error}; {outcome}",
            hint=hint,
            trigger=action.name,
            sql=action.sql[index],
            done=done,
            statements_done=action.sql[:index] if not self._target.transactional else (),
        )


def _state(spec: TriggerSpec, compiled: CompiledTrigger, found: list[Installed]) -> State:
    if not any(item.table for item in found):
        return State.MISSING
    exact = [(item.table, item.fingerprint) for item in found] == [(spec.table.name, compiled.fingerprint)]
    return State.INSTALLED if exact else State.OUTDATED
