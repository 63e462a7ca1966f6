"""Keystone's own expand and contract scripts, run in the new release's environment under our budget.

They are Alembic revisions, unmodified, and they run where they belong: the new release's Python plays them
(``migrator.py``), one after the other, and asks here before each statement. So ``plan`` can show them with
what they lock; a statement that meets a busy table gives way and is tried again; and where DDL has no
transaction (MariaDB, MySQL), a revision that was cut off between two statements goes on behind those done.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import ConfigError, UpgradeError, UpgradeRefused

from . import foreign
from .ddl import LiveDatabase
from .ports import Entry, Journal
from .steps import Lock, Observation, Phase, Seen, Statement
from .talk import Talk

MIGRATOR = Path(__file__).with_name("migrator.py")
_BRANCHES = {Phase.EXPAND: "expand", Phase.CONTRACT: "contract"}
_PLAIN_INDEX = re.compile(r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)", re.IGNORECASE)


@dataclass(frozen=True)
class Environment:
    """Where the new release is installed, and the configuration that its scripts read."""

    python: Path
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class UpstreamScripts:
    """See :class:`keystone_viaduct.upgrade.ports.Scripts`. A context manager: it has a process of its own."""

    def __init__(
        self,
        environment: Environment,
        database: LiveDatabase,
        journal: Journal,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = environment
        self._database = database
        self._journal = journal
        self._pause = pause
        self._talk: Talk | None = None
        self._release = ""
        self._shown: dict[Phase, Sequence[Statement]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.end()

    @property
    def release(self) -> str:
        """``keystone-25.0.0``. Raises ConfigError where there is no Keystone."""
        if not self._release:
            self._release = f"keystone-{self._begin()}"
        return self._release

    def _begin(self) -> str:
        """Start the process; the release that it tells."""
        try:
            self._talk = Talk([str(self._environment.python), str(MIGRATOR)])
            return str(self._talk.next()["release"])
        except (OSError, UpgradeError) as error:
            self.close()
            raise ConfigError(
                f"there is no Keystone in the environment of {self._environment.python}: {error}",
                hint="--upstream names the python of the new release's environment",
            ) from error

    def statements(self, phase: Phase) -> Sequence[Statement]:
        """What the scripts of a phase would run; nothing is changed. They are played once, until one runs."""
        if phase not in self._shown:
            with self._conversation(phase, dry=True) as talk:
                shown = _Showing(talk, self._database)
                shown.listen()
            self._shown[phase] = shown.statements
        return self._shown[phase]

    def run(self, upgrade: str, phase: Phase, ran: Callable[[Statement], None]) -> None:
        """Run them, or go on with them. Raises UpgradeRefused, TableBusy, UpgradeError, LeaseHeld."""
        for statement in self.statements(phase):
            self._database.refuse_to_stop(statement)
        self._shown.clear()
        entries = [entry for entry in self._journal.entries(upgrade) if entry.phase == phase]
        with self._conversation(phase, dry=False) as talk:
            _Running(talk, self._database, self._journal, upgrade, phase, entries, ran, self._pause).listen()
        self._database.forget()

    @contextmanager
    def _conversation(self, phase: Phase, *, dry: bool) -> Iterator[Talk]:
        """Order a branch to be played. What was broken off leaves no process behind."""
        if self._talk is None:
            self._begin()
        assert self._talk is not None
        order = {
            "url": self._database.engine.url.render_as_string(hide_password=False),
            "branch": _BRANCHES[phase],
            "settings": self._database.settings(),
            "files": self._environment.files,
            "folders": self._environment.folders,
            "dry": dry,
        }
        try:
            self._talk.answer(order)
            yield self._talk
        except BaseException:
            self.close()
            raise


class _Listener:
    """Hears what a migrator says, and answers. ``on_…`` methods are called by what was said."""

    def __init__(self, talk: Talk, database: LiveDatabase) -> None:
        self.talk = talk
        self.database = database
        self.engine = database.server().engine
        self.connection = 0
        self.revision = ""

    def listen(self) -> None:
        """Until the end."""
        told = self.talk.next()
        while told["what"] != "end":
            runs = getattr(self, f"on_{told['what']}")(told)
            if runs:  # a statement of DDL runs until the next thing is said
                with self.database.guard(self.connection):
                    told = self.talk.next()
            else:
                told = self.talk.next()

    def on_begin(self, told: dict[str, Any]) -> None:
        """What is missing."""

    def on_connection(self, told: dict[str, Any]) -> None:
        """MySQL's number of its session."""
        self.connection = int(told["number"])

    def on_revision(self, told: dict[str, Any]) -> None:
        """One is about to begin, and is waited for: SQLite has one writer, and the journal is one."""
        self.begin_revision(told["revision"])
        self.talk.answer("go on")

    def begin_revision(self, revision: str) -> None:
        """It is the next one."""
        self.revision = revision

    def on_ran(self, told: dict[str, Any]) -> None:
        """A statement is done."""

    def on_done(self, told: dict[str, Any]) -> None:
        """The revision is done."""

    def statement_of(self, sql: str) -> tuple[Statement, foreign.Reading]:
        """As it will be run: an index on PostgreSQL outside of a transaction, while writers go on."""
        reading = foreign.read(sql, self.engine)
        if self.engine == "postgresql" and reading.lock is Lock.WRITES_WAIT and _PLAIN_INDEX.match(sql):
            sql = _PLAIN_INDEX.sub(lambda found: f"CREATE {found[1] or ''}INDEX CONCURRENTLY ", sql)
            reading = foreign.read(sql, self.engine)
        done = reading.done or Observation(Seen.TABLE, reading.table)
        return Statement(sql, reading.table, reading.lock, done), reading


class _Showing(_Listener):
    """Collects what would be run."""

    def __init__(self, talk: Talk, database: LiveDatabase) -> None:
        super().__init__(talk, database)
        self.statements: list[Statement] = []

    def on_statement(self, told: dict[str, Any]) -> None:
        """One more."""
        self.statements.append(self.statement_of(told["sql"])[0])
        self.talk.answer("skip")

    def on_failed(self, told: dict[str, Any]) -> None:
        """The scripts read what is not there yet, or the database is unwell."""
        self.talk.answer("stop")
        raise UpgradeError(
            f"revision {self.revision} can't be shown: {told['text']}",
            hint="mend what it says; nothing was done",
        )


@dataclass
class _Cut:
    """The statements of the revision at hand: their steps in the journal, and what was run."""

    steps: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    def pairs(self) -> list[tuple[str, str]]:
        """Step and statement, in their order."""
        return list(zip(self.steps, self.statements, strict=True))


class _Running(_Listener):
    """Decides on each statement by the journal and the catalogue, and keeps the journal."""

    def __init__(
        self,
        talk: Talk,
        database: LiveDatabase,
        journal: Journal,
        upgrade: str,
        phase: Phase,
        entries: Sequence[Entry],
        ran: Callable[[Statement], None],
        pause: Callable[[float], None],
    ) -> None:
        super().__init__(talk, database)
        self._journal = journal
        self._upgrade = upgrade
        self._phase = phase
        self._entries = {entry.step: entry for entry in entries}
        self._ran = ran
        self._pause = pause
        self._in_one = self.engine in ("postgresql", "sqlite")
        self._cut = _Cut()
        self._pauses: Iterator[float] = iter(())
        self._statement: Statement | None = None

    def on_begin(self, told: dict[str, Any]) -> None:
        """Contract waits for expand, as upstream has it."""
        if told["ahead"]:
            raise UpgradeRefused(
                f"expand of the same release is not done: {', '.join(told['ahead'])}",
                hint="expand first, with the environment of the same release",
            )

    def begin_revision(self, revision: str) -> None:
        """Begun, or gone on with."""
        super().begin_revision(revision)
        self._cut = _Cut()
        self._pauses = self.database.tries().pauses()
        self._journal.intend(self._upgrade, self._phase, revision, f"revision {revision}")

    def on_statement(self, told: dict[str, Any]) -> bool:
        """Whether it is run now."""
        statement, reading = self.statement_of(told["sql"])
        self._statement = statement
        step = f"{self.revision} {len(self._cut.steps) + 1}"
        self._cut.steps.append(step)
        self._cut.statements.append(statement.sql)
        if self._is_done(step, statement, reading):
            self.talk.answer("skip")
            return False
        if " CONCURRENTLY " in statement.sql:
            self.talk.answer("outside")
            return False
        if not self._in_one:  # (SQLite lets nobody else write meanwhile)
            self._journal.intend(self._upgrade, self._phase, step, statement.sql)
            self._pauses = self.database.tries().pauses()
        self._wait_while_held(statement)
        self.talk.answer("run")
        return True

    def on_committing(self, told: dict[str, Any]) -> None:
        """What the transaction has done so far is done for good, before the statement at hand."""
        for step, sql in self._cut.pairs():
            self._journal.intend(self._upgrade, self._phase, step, sql)
        self.talk.answer("commit")

    def on_committed(self, told: dict[str, Any]) -> None:
        """No transaction of the revision's is open: an index can be built while writers go on."""
        *before, (step, _) = self._cut.pairs()
        for earlier, _ in before:
            self._journal.observed(self._upgrade, self._phase, earlier)
        assert self._statement is not None
        self._build_index(self._statement)
        self._journal.observed(self._upgrade, self._phase, step)
        self._ran(self._statement)
        self._pauses = self.database.tries().pauses()
        self.talk.answer("go on")

    def _build_index(self, statement: Statement) -> None:
        """What an earlier try has left invalid goes first."""
        name = statement.done.name.replace('"', '""')
        drop = f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"'
        for sql in (drop, statement.sql):  # nobody waits behind either of them, however long it waits
            self.database.run(Statement(sql, statement.table, Lock.NONE, statement.done))

    def _is_done(self, step: str, statement: Statement, reading: foreign.Reading) -> bool:
        """Whether an earlier run has done it. What a transaction has not ended with is not in the journal."""
        entry = self._entries.get(step)
        if entry is None:
            return False
        if entry.sql == statement.sql and (entry.done_at or reading.repeatable):
            return bool(entry.done_at)
        if entry.sql == statement.sql and reading.done is not None:
            return self.database.observe(reading.done)
        raise UpgradeRefused(
            f"revision {self.revision} was cut off at {entry.sql}, and nothing shows whether that was done",
            hint="look at the table; finish the revision by hand, `keystone-manage db_sync` stamps it",
            sql=entry.sql,
        )

    def on_ran(self, told: dict[str, Any]) -> None:
        """The statement is done; for good only where there is no transaction around it."""
        if not self._in_one:
            self._journal.observed(self._upgrade, self._phase, self._cut.steps[-1])
        if self._statement is not None:
            self._ran(self._statement)

    def on_done(self, told: dict[str, Any]) -> None:
        """All of the revision is."""
        for step, sql in self._cut.pairs():
            self._journal.intend(self._upgrade, self._phase, step, sql)
            self._journal.observed(self._upgrade, self._phase, step)
        self._journal.observed(self._upgrade, self._phase, self.revision)

    def on_refused(self, told: dict[str, Any]) -> bool:
        """A statement of DDL on its own found its table busy, or is wrong."""
        self._give_way(told)
        assert self._statement is not None
        self._wait_while_held(self._statement)
        self.talk.answer("again")
        return True

    def on_failed(self, told: dict[str, Any]) -> None:
        """A revision as a whole did; nothing of it is left where DDL has a transaction."""
        self._give_way(told)
        self._entries = {
            entry.step: entry for entry in self._journal.entries(self._upgrade) if entry.phase == self._phase
        }
        self._cut = _Cut()
        self.talk.answer("again")

    def _wait_while_held(self, statement: Statement) -> None:
        while self.database.is_held(statement.table):
            self._sleep(statement)

    def _give_way(self, told: dict[str, Any]) -> None:
        """Pause before the next try. Raises UpgradeError unless it was only in others' way, TableBusy."""
        error = DBAPIError(told.get("sql", self.revision), None, _Told(told))
        if not self.database.is_busy(error):
            self.talk.answer("stop")
            raise UpgradeError(
                f"{self.engine} refuses revision {self.revision}: {told['text']}",
                hint="mend what it says, then go on by resume",
            )
        self._sleep(self._statement)

    def _sleep(self, statement: Statement | None) -> None:
        pause = next(self._pauses, None)
        if pause is None:
            self.talk.answer("stop")
            table, sql = (statement.table, statement.sql) if statement else ("", self.revision)
            raise self.database.given_up(table, sql)
        self._pause(pause)


class _Told(Exception):
    """A driver's error in the migrator, as it was told."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["number"] or told["text"], told["text"])
        self.pgcode = told["state"] or None

    def __str__(self) -> str:
        return str(self.args[1])
