"""Keystone's own migrations, revision by revision, each statement asked for first. A program, not a module.

Run by the *new* release's Python, so it imports nothing but what that has: Keystone, Alembic, SQLAlchemy. It
speaks JSON, a line at a time. First it tells its release. Then it reads an order (``url``, ``branch``,
``settings``, ``files``, ``folders``, ``dry``), tells what comes (``say``) until the ``end``, and waits for an
answer where it asks: ``revision``; ``statement`` (answers: ``run``, ``skip`` or ``outside``); ``refused`` and
``failed`` (``again`` or ``stop``). ``outside``: the runner has the statement done itself, outside of the
revision's transaction, which is ended for that (``committing``, ``committed``); a new one begins. When nobody
answers any more it ends.

    /opt/keystone-25/bin/python migrator.py < orders
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

import sqlalchemy as sa

#: What only reads, or belongs to Alembic's own table: nobody has to be asked.
_ONLY_READS = re.compile(
    r"\s*(SELECT|SHOW|PRAGMA|WITH|DESC|DESCRIBE|EXPLAIN|SET|BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE
)
_OWN_TABLE = re.compile(r"\balembic_version\b", re.IGNORECASE)
_IS_DDL = re.compile(r"\s*(CREATE|ALTER|DROP|RENAME)\b", re.IGNORECASE)
_TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"


class Line:
    """The conversation with the runner. Whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, what: str, **fields: Any) -> None:
        """Tell, without an answer."""
        self._out.write(json.dumps({"what": what, **fields}) + "\n")
        self._out.flush()

    def ask(self, what: str, **fields: Any) -> str:
        """Tell, and wait for the answer; end when the runner is gone."""
        self.say(what, **fields)
        answer = sys.stdin.readline()
        if not answer:
            raise SystemExit(3)
        return str(json.loads(answer))


class Migrator:
    """The revisions of one branch on one database."""

    def __init__(self, line: Line, order: dict[str, Any]) -> None:
        from alembic.script import ScriptDirectory

        self._line = line
        self._dry = bool(order["dry"])
        self._branch = str(order["branch"])
        self._config = _configuration(order)
        self._scripts = ScriptDirectory.from_config(self._config)
        self._engine = sa.create_engine(order["url"], poolclass=sa.pool.NullPool)
        self._in_one = self._engine.dialect.name != "mysql"
        self._listen(list(order["settings"]))
        if self._engine.dialect.name == "sqlite":
            self._begin_at_once()

    def work(self) -> None:
        """Tell the release, then each revision that is missing; run it, or with ``dry`` only show it."""
        with self._engine.connect() as connection:
            pending = self._pending(connection, self._branch)
            ahead = self._pending(connection, "expand") if self._branch == "contract" else []
        self._line.say("begin", pending=pending, ahead=ahead)
        if self._dry:
            pending = pending[-1:]  # Alembic runs those before it on the way
        elif ahead:
            pending = []
        for revision in pending:
            self._line.ask("revision", revision=revision)
            self._upgrade(revision)
            self._line.say("done", revision=revision)
        self._line.say("end")

    def _pending(self, connection: Any, branch: str) -> list[str]:
        """Revisions of the branch that the database has not seen, the first one first."""
        from alembic.migration import MigrationContext

        heads = MigrationContext.configure(connection).get_current_heads()
        seen = {item.revision for head in heads for item in self._scripts.iterate_revisions(head, "base")}
        wanted = [item.revision for item in self._scripts.iterate_revisions(f"{branch}@head", "base")]
        return [revision for revision in reversed(wanted) if revision not in seen]

    def _upgrade(self, revision: str) -> None:
        """One revision in one transaction, where the engine has such; again while the runner says so."""
        from alembic import command

        while True:
            try:
                with self._engine.connect() as connection, connection.begin() as transaction:
                    triggers = self._triggers(connection)
                    self._config.attributes["connection"] = connection
                    command.upgrade(self._config, revision)
                    self._put_back(connection, triggers)
                    if self._dry:
                        transaction.rollback()
                return
            except sa.exc.DBAPIError as error:
                if self._line.ask("failed", revision=revision, **_described(error.orig)) != "again":
                    raise SystemExit(4) from None

    def _triggers(self, connection: Any) -> list[Any]:
        """SQLite's: Alembic makes tables anew there, and forgets their triggers."""
        if self._engine.dialect.name != "sqlite" or self._dry:
            return []
        return list(connection.exec_driver_sql(_TRIGGERS).fetchall())

    def _put_back(self, connection: Any, triggers: list[Any]) -> None:
        if not triggers:
            return
        there = {row[0] for row in connection.exec_driver_sql(_TRIGGERS).fetchall()}
        tables = set(sa.inspect(connection).get_table_names())
        for name, table, sql in triggers:
            if name not in there and table in tables:
                connection.exec_driver_sql(sql)

    @property
    def _plays_for_show(self) -> bool:
        """On SQLite Alembic reads the table that it is about to make anew: there all is run, and undone."""
        return self._dry and self._engine.dialect.name == "sqlite"

    def _begin_at_once(self) -> None:
        """The driver would commit before each statement of DDL."""

        @sa.event.listens_for(self._engine, "connect")
        def connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @sa.event.listens_for(self._engine, "begin")
        def begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def _listen(self, settings: list[str]) -> None:
        """Sessions under the runner's budget, and every statement shown to it before it is run."""

        @sa.event.listens_for(self._engine, "connect")
        def connect(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for setting in settings:
                cursor.execute(setting)
            if self._engine.dialect.name == "mysql":
                self._line.say("connection", number=connection.thread_id())
            cursor.close()

        @sa.event.listens_for(self._engine, "do_execute")
        def do_execute(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool:
            return self._statement(cursor, statement, parameters or None)

        @sa.event.listens_for(self._engine, "do_execute_no_params")
        def do_execute_no_params(cursor: Any, statement: str, _context: Any) -> bool:
            return self._statement(cursor, statement, None)

    def _statement(self, cursor: Any, statement: str, parameters: Any) -> bool:
        """Whether it has been dealt with; False: SQLAlchemy runs it as ever."""
        if _ONLY_READS.match(statement) or _OWN_TABLE.search(statement):
            return False
        shown = " ".join(statement.split())
        if parameters:
            shown += f" -- {parameters!r}"
        answer = self._line.ask("statement", sql=shown)
        if answer == "outside":
            self._line.ask("committing")
            cursor.connection.commit()
            self._line.ask("committed")
            return True
        if answer == "skip" and not self._plays_for_show:
            return True
        while True:
            try:
                cursor.execute(statement) if parameters is None else cursor.execute(statement, parameters)
                self._line.say("ran", sql=shown)
                return True
            except Exception as error:
                alone = not self._in_one and _IS_DDL.match(statement) is not None
                if not alone or self._line.ask("refused", sql=shown, **_described(error)) != "again":
                    raise


def _configuration(order: dict[str, Any]) -> Any:
    """Alembic's, as Keystone makes it. The URL is not handed on: ConfigParser would read a % in it."""
    import keystone.conf
    from keystone.common import sql
    from keystone.common.sql import upgrades

    conf = keystone.conf.CONF
    files = [part for name in order["files"] for part in ("--config-file", name)]
    folders = [part for name in order["folders"] for part in ("--config-dir", name)]
    if not conf._args:
        keystone.conf.configure()
        sql.initialize()
    conf(args=[*files, *folders], project="keystone", default_config_files=[] if files or folders else None)
    conf.set_override("connection", "sqlite://", group="database")
    return upgrades.get_alembic_config()


def _release() -> str:
    from importlib.metadata import version

    return str(version("keystone"))


def _described(error: Any) -> dict[str, Any]:
    """What the runner has to know of a driver's error."""
    arguments = getattr(error, "args", ())
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    return {"number": number, "state": getattr(error, "pgcode", None) or "", "text": str(error).strip()}


def main() -> int:
    """Carry out order after order."""
    line = Line()
    line.say("release", release=_release())
    for order in iter(sys.stdin.readline, ""):
        try:
            Migrator(line, json.loads(order)).work()
        except Exception as error:  # noqa: BLE001 -- the runner is told, whatever it is
            line.say("broken", text=f"{type(error).__name__}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
