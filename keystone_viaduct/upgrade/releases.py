"""Who still runs the old release: evidence from the database's own sessions, before anything is taken away.

An operator names the old release's sessions by its database account or by the program name in its connection
URL (``application_name`` on PostgreSQL, ``program_name`` on MariaDB and MySQL), and the new one's the same
way. Evidence is two things: the new release is seen, and the old is not. Not seeing anybody proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from keystone_viaduct.errors import UpgradeRefused

#: Programs that keep sessions for others: behind one of them nobody is seen.
POOLERS = frozenset({"pgbouncer", "pgpool", "odyssey", "pgcat", "proxysql", "maxscale", "haproxy"})
_LET_BE = "say --unobserved if you know that no old release runs"

_POSTGRESQL = """
SELECT usename, application_name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_MYSQL_ACCOUNTS = "SELECT user, '' FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
_MYSQL_PROGRAMS = """
SELECT p.user, COALESCE(a.attr_value, '') FROM information_schema.processlist p
LEFT JOIN performance_schema.session_connect_attrs a
  ON a.processlist_id = p.id AND a.attr_name = 'program_name'
WHERE p.id <> CONNECTION_ID()
"""


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


def refuse_while_old_runs(engine: sa.engine.Engine, old: Identity, new: Identity) -> None:
    """Raises UpgradeRefused unless the sessions show that the new release runs and the old does not."""
    if not old or not new:
        raise UpgradeRefused(
            "nothing is known about who still runs the old release",
            hint=f"name both by --old-program and --new-program, or by their accounts; or {_LET_BE}",
        )
    if engine.dialect.name == "sqlite":
        raise UpgradeRefused("SQLite knows no sessions", hint=_LET_BE)
    found = sessions(engine, programs=bool(old.program or new.program))
    between = sorted({session.program for session in found if session.program.lower() in POOLERS})
    if between:
        raise UpgradeRefused(f"{between[0]} stands between, and hides who is connected", hint=_LET_BE)
    running = [session for session in found if old.is_of(session)]
    if running:
        raise UpgradeRefused(
            f"the old release ({old}) still has {len(running)} sessions", hint="stop it, then contract again"
        )
    if not any(new.is_of(session) for session in found):
        raise UpgradeRefused(
            f"the new release ({new}) is not seen either, so not seeing the old one proves nothing",
            hint=f"start the new release first; or {_LET_BE}",
        )


def sessions(engine: sa.engine.Engine, *, programs: bool) -> list[Session]:
    """Who is connected. Raises UpgradeRefused where the server does not tell."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            query = _POSTGRESQL
        elif programs:
            on = connection.execute(sa.text("SELECT @@performance_schema")).scalar()
            if not on:
                raise UpgradeRefused(
                    "without the performance schema the server does not tell programs apart",
                    hint="give each release an account of its own and name those",
                )
            query = _MYSQL_PROGRAMS
        else:
            query = _MYSQL_ACCOUNTS
        try:
            found = connection.execute(sa.text(query)).all()
        except DBAPIError as error:
            raise UpgradeRefused(f"sessions can't be seen: {error.orig}", hint=_LET_BE) from error
    return [Session(account or "", program or "") for account, program in found]
