"""Who still runs the old release: evidence from the database itself, before anything is taken away.

An operator names the releases' sessions by database account or by the program name in the connection URL
(``application_name`` on PostgreSQL, ``program_name`` on MariaDB and MySQL). Evidence is two things: the new
release is seen, and the old is not; not seeing anybody proves nothing. Or the old account is locked. Without
names the rows count that workers of our WSGI entry write: :mod:`keystone_viaduct.upgrade.presence`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import UpgradeRefused

from . import holder, sessions
from .presence import LAPSE_MICROSECONDS
from .sessions import LET_BE, NOBODY, Identity
from .tables import RELEASES


@dataclass(frozen=True)
class Named:
    """What an operator says of the releases' sessions.

    ``also_at``: URLs of the other nodes of a cluster, each of which knows its own sessions only. ``lock``:
    the old account is locked, so that nobody comes back by it.
    """

    old: Identity = NOBODY
    new: Identity = NOBODY
    also_at: tuple[str, ...] = ()
    lock: bool = False


@dataclass(frozen=True)
class Leaving:
    """What tells an old worker from a new one: columns that go, and the release of the scripts (or empty)."""

    columns: Sequence[tuple[str, str]] = ()
    release: str = ""


def refuse_while_old_runs(engine: sa.engine.Engine, named: Named, leaving: Leaving, clock: Clock) -> str:
    """The evidence that the new release runs and the old does not. Raises UpgradeRefused without it."""
    if named.lock and not named.old.account:
        raise UpgradeRefused(
            "there is no account to be locked", hint="name the old release's by --old-account"
        )
    if named.old and (named.new or named.lock):
        return _by_sessions(engine, named)
    found = _by_rows(engine, leaving, clock)
    if found:
        return found
    raise UpgradeRefused(
        "nothing is known about who still runs the old release",
        hint="name both by --old-program and --new-program, or by their accounts; or serve both by"
        f" keystone_viaduct.wsgi; or {LET_BE}",
    )


def _by_sessions(engine: sa.engine.Engine, named: Named) -> str:
    with sessions.Watch(engine, named.also_at) as watch:
        _refuse_sessions(watch, named)
        if not named.lock:
            return f"{named.new} is connected, {named.old} is not"
        sessions.lock(engine, named.old.account)
        try:  # one may have come between
            _refuse_sessions(watch, named)
        except BaseException:
            sessions.unlock(engine, named.old.account)
            raise
    return f"{named.old} has no session and is locked"


def _refuse_sessions(watch: sessions.Watch, named: Named) -> None:
    old, new = named.old, named.new
    found = watch.sessions(programs=bool(old.program or new.program))
    running = [session for session in found if old.is_of(session)]
    if running:
        raise UpgradeRefused(
            f"the old release ({old}) still has {len(running)} sessions", hint="stop it, then contract again"
        )
    if new and not any(new.is_of(session) for session in found):
        raise UpgradeRefused(
            f"the new release ({new}) is not seen either, so not seeing the old one proves nothing",
            hint=f"start the new release first; or {LET_BE}",
        )


@dataclass(frozen=True)
class _Worker:
    name: str
    release: str
    columns: dict[str, list[str]]
    runs: bool

    def is_old(self, leaving: Leaving) -> bool:
        """Whether its models have a column that goes, or it is not of the release that the scripts are of."""
        if any(column in self.columns.get(table, ()) for table, column in leaving.columns):
            return True
        return bool(leaving.release) and self.release != leaving.release


def _by_rows(engine: sa.engine.Engine, leaving: Leaving, clock: Clock) -> str:
    """Empty where no worker has ever told anything."""
    found = _workers(engine, clock.now())
    if not found:
        return ""
    old = [worker for worker in found if worker.is_old(leaving)]
    running = [worker for worker in old if worker.runs]
    if running:
        said = ", ".join(f"{worker.release} in {worker.name}" for worker in running[:5])
        raise UpgradeRefused(
            f"the old release still runs: {said}" + (", …" if len(running) > 5 else ""),
            hint="stop it, then contract again; one that was killed counts as gone after 90 s",
        )
    if not old:
        raise UpgradeRefused(
            "no worker of the old release has ever told of itself, so not seeing one proves nothing",
            hint=f"keystone_viaduct.wsgi did not serve it: name its sessions by --old-program; or {LET_BE}",
        )
    new = sum(worker.runs for worker in found)
    if not new:
        raise UpgradeRefused(
            "no worker of the new release has told of itself",
            hint=f"start it first, by keystone_viaduct.wsgi; or {LET_BE}",
        )
    return f"{new} workers of the new release run, {len(old)} of the old one have ended"


def _workers(engine: sa.engine.Engine, now: int) -> list[_Worker]:
    if not sa.inspect(engine).has_table(RELEASES.name):
        return []
    with engine.connect() as connection:
        rows = connection.execute(sa.select(*RELEASES.c)).all()
    return [
        _Worker(
            row.worker,
            row.release,
            json.loads(row.columns),
            runs=not row.ended_at
            and row.seen_at > now - LAPSE_MICROSECONDS
            and not holder.is_gone(row.worker),
        )
        for row in rows
    ]
