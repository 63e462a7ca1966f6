"""What `viaduct upgrade` works on: the database, the runner, and what capture does at the turning points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from keystone_viaduct.cli import _keystone
from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import ConfigError, SchemaMissing, TriggerError, UpgradeState
from keystone_viaduct.upgrade.backfill import SqlFiller
from keystone_viaduct.upgrade.ddl import Budget, LiveDatabase, dialect_for, open_database
from keystone_viaduct.upgrade.declaration import load
from keystone_viaduct.upgrade.journal import SqlJournal
from keystone_viaduct.upgrade.preflight import Preflight
from keystone_viaduct.upgrade.repair import Repairer, count_marks
from keystone_viaduct.upgrade.runner import Hooks, Runner
from keystone_viaduct.upgrade.steps import Lock, Observation, Refusal, Seen, Statement, Upgrade
from keystone_viaduct.upgrade.upstream import Environment, UpstreamScripts
from keystone_viaduct.upgrade.verify import SqlVerifier

#: How long writers may queue behind the triggers of capture where they are made anew.
_WAIT = 0.2
_TRIES = 200


@dataclass(frozen=True)
class Place:
    """The database, its journal, and how changes are captured (None: it is no Keystone's)."""

    database: LiveDatabase
    journal: SqlJournal
    capture: str | None


@contextmanager
def open_place(args: Arguments) -> Iterator[Place]:
    """The database of ``--database``, or Keystone's. Raises ConfigError, UpgradeRefused."""
    if args.database and (args.config_file or args.config_dir):
        raise ConfigError("--database and --config-file name two databases", hint="leave one out")
    settings = None if args.database else _keystone.settings_of(args)
    url = args.database or (settings.connection if settings else "")
    budget = Budget(patience=args.patience)
    database = open_database(url, budget, stopping_allowed=args.allow_stopping)
    journal = SqlJournal(database.engine, SystemClock())
    try:
        yield Place(database, journal, settings.capture if settings else None)
    finally:
        database.close()


@contextmanager
def open_runner(args: Arguments, place: Place, hooks: Hooks) -> Iterator[Runner]:
    """The runner of the declared upgrade, holding the lease. Raises BadDeclaration, LeaseHeld."""
    database, journal = place.database, place.journal
    with ExitStack() as stack:
        scripts = None
        if args.upstream:
            files, folders = tuple(args.config_file or ()), tuple(args.config_dir or ())
            environment = Environment(Path(args.upstream), files, folders)
            scripts = stack.enter_context(UpstreamScripts(environment, database, journal))
        upgrade = _declared(args, scripts)
        filler = SqlFiller(database.engine, journal)
        verifier = SqlVerifier(database.engine, share=args.sample)
        dialect = dialect_for(database.server())
        marks = Repairer(database.engine, SystemClock())
        journal.prepare()
        journal.acquire()
        stack.callback(journal.release)
        stack.callback(marks.close)
        preflight = Preflight(database.engine)
        yield Runner(upgrade, database, dialect, journal, filler, verifier, preflight, marks, hooks, scripts)


def _declared(args: Arguments, scripts: UpstreamScripts | None) -> Upgrade:
    """What the file says, or nothing but the new release's own migrations."""
    if args.file is None and scripts is None:
        raise ConfigError(
            f"{args.phase} needs the file that declares the upgrade",
            hint="give it last; or --upstream, for Keystone's own migrations alone",
        )
    release = scripts.release if scripts else ""
    upgrade = load(Path(args.file)) if args.file else Upgrade(release, ())
    return replace(upgrade, scripts=release)


def repairer(args: Arguments, place: Place) -> Repairer:
    """The worker for what triggers of the declared upgrade can't do at once. Raises BadDeclaration."""
    upgrade = _declared(args, None)
    given = [operation.steps(place.database.server()) for operation in upgrade.operations]
    bridges = [bridge for steps in given if not isinstance(steps, Refusal) for bridge in steps.bridges]
    place.journal.prepare()
    return Repairer(place.database.engine, SystemClock(), bridges)


def marks_of(place: Place) -> int:
    """How many marks wait, of whatever upgrade."""
    return count_marks(place.database.engine)


def watch(place: Place) -> None:
    """Bring the triggers of capture in line with the columns that they are to watch now."""
    from keystone_viaduct.documents.schema import reflect
    from keystone_viaduct.sync.capture import triggers_of
    from keystone_viaduct.sync.store import schema

    if place.capture is None:
        return
    for _ in range(_TRIES):
        with place.database.engine.connect() as connection:
            if schema.current(connection) is None:
                return
            try:
                tables = reflect(connection, fresh=True)
            except SchemaMissing:
                return
            connection.commit()
            capture = triggers_of(connection, tables, place.capture, lock_seconds=_WAIT)
            if connection.dialect.name == "mysql":
                actions = capture.install(dry_run=True)
                connection.commit()
                _run_each(place.database, [(sql, item.table) for item in actions for sql in item.sql])
                return
            try:
                capture.install()
                return
            except TriggerError as error:
                if "lock_seconds" not in error.hint:
                    raise
    raise UpgradeState("capture's tables were in use at every try", hint="end long transactions, then resume")


def _run_each(database: LiveDatabase, statements: list[tuple[str, str]]) -> None:
    """Within the budget, one after the other: nothing is transactional there anyway."""
    for sql, table in statements:
        database.run(Statement(sql, table, Lock.BRIEF, Observation(Seen.TRIGGER, table)))
