"""Who is connected to a database, and how an account is kept from coming back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import UpgradeRefused

#: Programs that keep sessions for others: behind one of them nobody is seen.
POOLERS = frozenset({"pgbouncer", "pgpool", "odyssey", "pgcat", "proxysql", "maxscale", "haproxy"})
LET_BE = "say --unobserved if you know that no old release runs"

# without the right to see others' statistics the kind of their sessions is NULL, but not their names
_POSTGRESQL = """
SELECT usename, application_name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (backend_type = 'client backend' OR backend_type IS NULL)
"""
_MYSQL_ACCOUNTS = "SELECT user, '' FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
_MYSQL_PROGRAMS = """
SELECT p.user, COALESCE(a.attr_value, '') FROM information_schema.processlist p
LEFT JOIN performance_schema.session_connect_attrs a
  ON a.processlist_id = p.id AND a.attr_name = 'program_name'
WHERE p.id <> CONNECTION_ID()
"""
# refused to who lacks PROCESS; an account may have it itself, by a role, or because everybody has it
_FOR_WHO_SEES_ALL = "SELECT 1 FROM information_schema.innodb_trx LIMIT 1"
_ACCESS_DENIED = 1227
_NODE = "SHOW GLOBAL STATUS WHERE variable_name IN ('wsrep_gcomm_uuid', 'wsrep_cluster_size')"


@dataclass(frozen=True)
class Session:
    """Who is connected."""

    account: str
    program: str


@dataclass(frozen=True)
class Identity:
    """How one release's sessions are known: by account, by program name, or by both."""

    account: str = ""
    program: str = ""

    def __bool__(self) -> bool:
        return bool(self.account or self.program)

    def __str__(self) -> str:
        named = (("account", self.account), ("program", self.program))
        return ", ".join(f"{word} {name}" for word, name in named if name)

    def is_of(self, session: Session) -> bool:
        """Whether a session is one of this release."""
        return self.account in ("", session.account) and self.program in ("", session.program)


NOBODY = Identity()


class Watch:
    """Looks at a database, at all nodes of a cluster. A context manager: it knows how to reach the others."""

    def __init__(self, engine: sa.engine.Engine, also_at: tuple[str, ...] = ()) -> None:
        self._stack = ExitStack()
        self._engines = [engine]
        for url in also_at:
            other = sa.create_engine(url, poolclass=sa.pool.NullPool)
            self._stack.callback(other.dispose)
            self._engines.append(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def sessions(self, *, programs: bool) -> list[Session]:
        """Of all others. Raises UpgradeRefused where not all of them can be seen."""
        if self._engines[0].dialect.name == "sqlite":
            raise UpgradeRefused("SQLite knows no sessions", hint=LET_BE)
        with ExitStack() as stack:
            try:
                connections = [stack.enter_context(engine.connect()) for engine in self._engines]
                _refuse_unseen_nodes(connections)
                found = [session for item in connections for session in look(item, programs=programs)]
            except DBAPIError as error:
                raise UpgradeRefused(f"sessions can't be seen: {error.orig}", hint=LET_BE) from error
        between = sorted({session.program for session in found if session.program.lower() in POOLERS})
        if between:
            raise UpgradeRefused(f"{between[0]} stands between, and hides who is connected", hint=LET_BE)
        return found


def look(connection: sa.engine.Connection, *, programs: bool) -> Iterator[Session]:
    """The sessions of others at one server. Raises UpgradeRefused where not all of them can be seen."""
    _refuse_pooler(connection)
    if connection.dialect.name == "postgresql":
        query = _POSTGRESQL
    else:
        _refuse_half_sight(connection)
        query = _MYSQL_ACCOUNTS
        if programs:
            if not connection.execute(sa.text("SELECT @@performance_schema")).scalar():
                raise UpgradeRefused(
                    "without the performance schema the server does not tell programs apart",
                    hint="give each release an account of its own and name those",
                )
            query = _MYSQL_PROGRAMS
    for account, program in connection.execute(sa.text(query)).all():
        yield Session(account or "", program or "")


def _refuse_pooler(connection: sa.engine.Connection) -> None:
    """A pooler shows its clients a number that is not the session's."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "postgresql":
        told = driver.info.backend_pid
        real = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    else:
        told = driver.thread_id()
        mark = f"viaduct {uuid.uuid4().hex}"  # (a pooler may answer CONNECTION_ID() by itself)
        query = f"SELECT id FROM information_schema.processlist WHERE INSTR(info, '{mark}') > 0"
        real = connection.execute(sa.text(query)).scalar()
    if real is not None and told != real:
        raise UpgradeRefused(
            "something stands between us and the database, and hides who is connected",
            hint=f"give the database's own address by --database or in the configuration; or {LET_BE}",
        )


def _refuse_half_sight(connection: sa.engine.Connection) -> None:
    """Without PROCESS one sees the sessions of one's own account only."""
    try:
        connection.execute(sa.text(_FOR_WHO_SEES_ALL)).all()
    except DBAPIError as error:
        if getattr(error.orig, "args", (None,))[0] != _ACCESS_DENIED:
            raise
        raise UpgradeRefused(
            "the database user lacks PROCESS, and sees no sessions but its own",
            hint=f"an administrator may GRANT PROCESS ON *.* to it; or {LET_BE}",
        ) from error


def _refuse_unseen_nodes(connections: list[sa.engine.Connection]) -> None:
    """Each node of a Galera cluster knows its own sessions only."""
    if connections[0].dialect.name != "mysql":
        return
    nodes: set[str] = set()
    size = 1
    for connection in connections:
        said = {name.lower(): value for name, value in connection.execute(sa.text(_NODE)).all()}
        nodes.add(said.get("wsrep_gcomm_uuid", ""))
        size = max(size, int(said.get("wsrep_cluster_size") or 0))
    if size > len(nodes):
        raise UpgradeRefused(
            f"the cluster has {size} nodes, each of which knows its own sessions only; asked: {len(nodes)}",
            hint=f"name the others' URLs, each by --also-at; or {LET_BE}",
        )


def lock(engine: sa.engine.Engine, account: str) -> None:
    """Nobody connects by this account any more. Raises UpgradeRefused."""
    _alter(engine, account, "NOLOGIN", "ACCOUNT LOCK")


def unlock(engine: sa.engine.Engine, account: str) -> None:
    """As before."""
    _alter(engine, account, "LOGIN", "ACCOUNT UNLOCK")


def _alter(engine: sa.engine.Engine, account: str, postgresql: str, mysql: str) -> None:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in _statements(connection, account, postgresql, mysql):
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except DBAPIError as error:
        raise UpgradeRefused(
            f"account {account} can't be locked: {error.orig}",
            hint="leave --lock-old-account out, and have an administrator lock it",
        ) from error


def _statements(connection: sa.engine.Connection, account: str, postgresql: str, mysql: str) -> Iterator[str]:
    if connection.dialect.name == "postgresql":
        if connection.execute(sa.text("SELECT current_user")).scalar_one() == account:
            raise UpgradeRefused(f"{account} is the account of this command", hint="it can't lock itself out")
        yield f"ALTER ROLE {connection.dialect.identifier_preparer.quote(account)} {postgresql}"
        return
    own = str(connection.execute(sa.text("SELECT CURRENT_USER()")).scalar_one()).rpartition("@")[0]
    if own == account:
        raise UpgradeRefused(f"{account} is the account of this command", hint="it can't lock itself out")
    query = sa.text("SELECT host FROM mysql.user WHERE user = :account")
    hosts = list(connection.execute(query, {"account": account}).scalars())
    if not hosts:
        raise UpgradeRefused(f"there is no account {account}", hint="look at --old-account")
    for host in hosts:
        name, place = (text.replace("\\", "\\\\").replace("'", "\\'") for text in (account, host))
        yield f"ALTER USER '{name}'@'{place}' {mysql}"
