"""Carrying a plan out: each move in a transaction of its own, and once more for what came meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.errors import AdoptError, AlreadyJoined

from .inventory import DatabaseInventory, Inventory
from .journal import Ids, Journal, ids_of, save_aliases
from .overrides import Overrides
from .plan import plan_for
from .rekey import Rekeyer
from .verdict import Move, Plan

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, how many there are)."""

_ROUNDS = 5
_ATTEMPTS = 6


@dataclass(frozen=True)
class AdoptResult:
    """What was done: ``moved`` kind -> old -> new; ``late`` rows that others wrote meanwhile under old ids.

    ``plan`` is the one that was carried out, ``left`` a new one made afterwards (equal when nothing was due).
    """

    plan: Plan
    moved: Ids
    late: int
    left: Plan


def adopt(
    hub: Inventory,
    engine: sa.engine.Engine,
    cipher: CredentialCipher,
    *,
    site: str,
    rekey: bool = False,
    overrides: Overrides | None = None,
    folds: bool = False,
    journal: Path | None = None,
    aliases: Path | None = None,
    renumber: Callable[[], None] | None = None,
    agents: Collection[str] = (),
    agree: Callable[[Plan], None] = lambda plan: None,
    progress: Progress | None = None,
) -> AdoptResult:
    """Give the records behind ``engine`` the ids that the hub has for the same things.

    Without ``rekey`` domains, projects, users and groups keep theirs. ``journal``: where the moves are
    written before the first of them (without it a killed run is taken up by planning anew, and its map of ids
    lacks what was done before). ``aliases``: where the map old -> new goes for other services. ``renumber``
    is called when ids have changed, for a site that has numbered its records already. ``agree`` is shown the
    plan before anything is changed, and may raise. ``agents``: names or ids of the agent's accounts.
    Raises AdoptError, AlreadyJoined, ConfigError, SchemaMissing.
    """
    refuse_if_joined(engine)
    run = _Run(engine, cipher, site, hub.site, journal, aliases, renumber, progress)
    run.resume()

    def look() -> Plan:
        here = DatabaseInventory(site, engine, cipher)
        return plan_for(here, hub, overrides, rekey=rekey, folds=folds, agents=agents, progress=progress)

    plan = look()
    agree(plan)
    due = plan.due(rekey=rekey)
    run.carry_out(due)
    return AdoptResult(plan, ids_of(run.moved), run.late, look() if due else plan)


class _Run:
    def __init__(
        self,
        engine: sa.engine.Engine,
        cipher: CredentialCipher,
        site: str,
        hub: str,
        journal: Path | None,
        aliases: Path | None,
        renumber: Callable[[], None] | None,
        progress: Progress | None,
    ) -> None:
        self._engine, self._cipher, self._site, self._hub = engine, cipher, site, hub
        self._journal = None if journal is None else Journal(journal, site)
        self._aliases, self._renumber, self._progress = aliases, renumber, progress
        self.moved: list[Move] = []
        self.late = 0

    def resume(self) -> None:
        """Finish what a killed run has begun."""
        if self._journal is not None:
            self._make(self._journal.unfinished())

    def carry_out(self, moves: Sequence[Move]) -> None:
        """Write the moves down, then make them."""
        if moves and self._journal is not None:
            self._journal.begin(moves)
        self._make(moves)

    def _make(self, moves: Sequence[Move]) -> None:
        if not moves:
            return
        self.late += apply_moves(self._engine, self._cipher, moves, progress=self._progress)
        self.moved += moves
        if self._renumber is not None:
            self._renumber()
        if self._aliases is not None:
            save_aliases(self._aliases, self._site, self._hub, moves)
        if self._journal is not None:
            self._journal.finish()


def apply_moves(
    engine: sa.engine.Engine,
    cipher: CredentialCipher,
    moves: Sequence[Move],
    *,
    progress: Progress | None = None,
) -> int:
    """Make these moves; those that were made already are skipped. Raises AdoptError.

    Returns how many rows had to be corrected afterwards, because somebody wrote them under an old id while
    this was at work. Doing it again changes nothing.
    """
    if not moves:
        return 0
    rekeyer = Rekeyer(engine, cipher)
    with engine.begin() as connection:
        used = rekeyer.usage(connection, moves)
    for number, move in enumerate(moves):
        if progress is not None:
            progress(f"{move.kind} {move.label}", number, len(moves))
        _in_transaction(engine, partial(rekeyer.move, move=move, used=used))
    late = 0
    for _ in range(_ROUNDS):
        found = _correct(engine, rekeyer, moves)
        if not found:
            return late
        late += found
    raise AdoptError(
        "somebody keeps writing rows under the old ids",
        hint="stop this site's Keystone (or its cache of tokens), then run this again",
    )


def _correct(engine: sa.engine.Engine, rekeyer: Rekeyer, moves: Sequence[Move]) -> int:
    """Move what refers to old ids still."""
    with engine.begin() as connection:
        used = rekeyer.usage(connection, moves)
    count = 0
    for move in moves:
        if used.names(move):
            count += _in_transaction(engine, partial(rekeyer.references, move=move, used=used))
    return count


def _in_transaction(engine: sa.engine.Engine, work: Callable[[sa.engine.Connection], int]) -> int:
    """Run ``work``, again as a whole if the database gave it up (deadlock, time-out, lost connection)."""
    for attempt in range(_ATTEMPTS):
        try:
            with engine.begin() as connection:
                return work(connection)
        except sa.exc.OperationalError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.05 * 2**attempt * (1 + random.random()))
    raise AssertionError("unreachable")


def refuse_if_joined(engine: sa.engine.Engine) -> None:
    """Raises AlreadyJoined when the database has replicated with another site."""
    present = set(sa.inspect(engine).get_table_names())
    joined = False
    with engine.connect() as connection:
        if "viaduct_checkpoint" in present:
            table = sa.table("viaduct_checkpoint", sa.column("source"))
            joined = connection.execute(sa.select(table.c.source).limit(1)).first() is not None
        if "viaduct_peer" in present and not joined:
            peer = sa.table("viaduct_peer", sa.column("site"), sa.column("acknowledged"))
            asked = sa.select(peer.c.site).where(peer.c.acknowledged > 0).limit(1)
            joined = connection.execute(asked).first() is not None
    if joined:
        raise AlreadyJoined(
            "this site replicates with others already",
            hint="adopt a site before it joins: to the others its old ids would be deletes; to start over, "
            "take it out of the fleet and remove its viaduct_ tables ('viaduct init --remove')",
        )
