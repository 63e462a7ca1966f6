"""Brings a keyspace to the newest version of the schema: one file of statements for each step.

Two nodes that create the same table at once can lose data (CASSANDRA-10699). So one process changes the
schema at a time, by a lock that is a lightweight transaction, and agreement of the nodes is awaited after
each statement. Each statement may be run again (``IF NOT EXISTS``): a process that dies is followed by
another one, which begins at the step that is not noted as done.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keystone_viaduct.cassandra import topology
from keystone_viaduct.cassandra.session import Session
from keystone_viaduct.errors import NotInitialised, SchemaMissing, SchemaNewer, StoreBusy

FOLDER = Path(__file__).parent
PAXOS = ("paxos_variant", "paxos_state_purging")
"""Settings of the nodes that say how lightweight transactions are decided and what is kept of them."""
LOCK_SECONDS = 300
"""How long the lock outlives the process that held it."""

_META = "SELECT value FROM {keyspace}.meta WHERE name = ?"
_SET = "INSERT INTO {keyspace}.meta (name, value) VALUES (?, ?) IF NOT EXISTS"
_MOVE = "UPDATE {keyspace}.meta SET value = ? WHERE name = ? IF value = ?"
_LOCK = "INSERT INTO {keyspace}.meta (name, value) VALUES ('changer', ?) IF NOT EXISTS USING TTL ?"
_KEEP = "UPDATE {keyspace}.meta USING TTL ? SET value = ? WHERE name = 'changer' IF value = ?"
_UNLOCK = "DELETE FROM {keyspace}.meta WHERE name = 'changer' IF value = ?"


@dataclass(frozen=True)
class Step:
    """One version: its number, and its statements with the tables named in the keyspace."""

    number: int
    name: str
    text: str

    def statements(self, keyspace: str) -> list[str]:
        """Each of them, for that keyspace."""
        bare = re.sub(r"^--.*$", "", self.text, flags=re.MULTILINE)
        parts = (part.strip() for part in bare.split(";"))
        return [
            re.sub(r"^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) ", rf"\1 {keyspace}.", part)
            for part in parts
            if part
        ]


def steps() -> list[Step]:
    """All of them, in order."""
    found = sorted(FOLDER.glob("[0-9]*.cql"))
    return [Step(int(path.name[:4]), path.stem, path.read_text()) for path in found]


def newest() -> int:
    """The version that this release of Viaduct works with."""
    return steps()[-1].number


class Ladder:
    """The schema of one keyspace."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.keyspace = session.settings.keyspace

    def create(self, replicas: Mapping[str, int]) -> None:
        """Make the keyspace, if it is not there, with so many replicas in each data centre."""
        for name in replicas:
            topology.local(self.session.datacenters(), name)
        each = ", ".join(f"'{name}': {count}" for name, count in sorted(replicas.items()))
        self.session.alter(
            f"CREATE KEYSPACE IF NOT EXISTS {self.keyspace} WITH replication = "
            f"{{'class': '{topology.NETWORK_TOPOLOGY}', {each}}}"
        )

    def replicas(self) -> dict[str, int]:
        """Data centre to replicas; raises where there is no such keyspace."""
        text = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?"
        rows = self.session.read(text, (self.keyspace,))
        if not rows:
            raise NotInitialised(
                f"Cassandra has no keyspace {self.keyspace}", hint="make it, or look at [cassandra] keyspace"
            )
        return topology.replicas(rows[0].replication, self.keyspace)

    def check(self) -> None:
        """Raise unless a Keystone of this release may work here; sets the levels of the session."""
        held = self.replicas()
        self._set_levels(held)
        found, wanted = self.version(), newest()
        if found < wanted:
            raise SchemaMissing(
                f"the schema in keyspace {self.keyspace} has version {found}, this release needs {wanted}",
                hint="upgrade the schema",
            )
        if found > wanted:
            raise SchemaNewer(
                f"the schema in keyspace {self.keyspace} has version {found}, this release knows {wanted}",
                hint="upgrade Viaduct here, or let the newer one serve",
            )
        topology.check(held, self._value("serial"), self.session.datacenter, self.keyspace)

    def state(self) -> dict[str, Any]:
        """What is stored of it, and how the nodes are set up to agree, for people to look at."""
        self._set_levels(self.replicas())
        try:
            found: dict[str, Any] = {"schema": self.version(), "serial": self._value("serial")}
        except SchemaMissing:  # the keyspace is there, and nothing in it
            found = {"schema": 0, "serial": None}
        return {**found, "newest": newest(), "paxos": self.node_settings(PAXOS)}

    def node_settings(self, names: Collection[str]) -> dict[str, str]:
        """What a node says of its own configuration."""
        rows = self.session.read("SELECT name, value FROM system_views.settings", ())
        return {row.name: row.value for row in rows if row.name in names}

    def version(self) -> int:
        """The version that is complete; 0 for none."""
        return int(self._value("schema") or 0)

    def upgrade(self, known: Iterable[Step] | None = None) -> list[str]:
        """Take the steps that are missing; their names. Nobody else may be doing it."""
        held = self.replicas()
        self._set_levels(held)
        ladder = list(known or steps())
        for statement in ladder[0].statements(self.keyspace)[:1]:  # the table that the lock is in
            self.session.alter(statement)
        if self.version() > ladder[-1].number:
            raise SchemaNewer(
                f"the schema in keyspace {self.keyspace} has version {self.version()}, this release knows "
                f"{ladder[-1].number}",
                hint="upgrade with the newer release",
            )
        lock = _Lock(self.session, self.keyspace)
        lock.take()
        try:
            taken = [self._take(step, lock) for step in ladder if step.number > self.version()]
            self._put("serial", topology.serial(held))
        finally:
            lock.free()
        return taken

    def _take(self, step: Step, lock: _Lock) -> str:
        for statement in step.statements(self.keyspace):
            lock.keep()
            self.session.alter(statement)
        self._put("schema", str(step.number))
        return step.name

    def _set_levels(self, held: Mapping[str, int]) -> None:
        self.session.levels = topology.Levels(topology.serial(held), self.session.settings.read_consistency)

    def _value(self, name: str) -> str | None:
        rows = self.session.read(_META.format(keyspace=self.keyspace), (name,), serial=True)
        return rows[0].value if rows else None

    def _put(self, name: str, value: str) -> None:
        found = self._value(name)
        if found == value:
            return
        if found is None:
            self.session.conditional([(_SET.format(keyspace=self.keyspace), (name, value))])
        else:
            self.session.conditional([(_MOVE.format(keyspace=self.keyspace), (value, name, found))])


class _Lock:
    """Held by the process that changes the schema; it goes by itself some minutes after its holder died."""

    def __init__(self, session: Session, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace
        self._token = secrets.token_hex(8)

    def take(self) -> None:
        """Take it, or say that somebody has it."""
        text = _LOCK.format(keyspace=self._keyspace)
        if not self._session.conditional([(text, (self._token, LOCK_SECONDS))]).applied:
            raise StoreBusy(
                f"another process changes the schema in keyspace {self._keyspace}",
                hint=f"wait for it; if it died, the lock goes by itself within {LOCK_SECONDS} s",
            )

    def keep(self) -> None:
        """Keep it for some minutes more; raises where it was lost."""
        text = _KEEP.format(keyspace=self._keyspace)
        if not self._session.conditional([(text, (LOCK_SECONDS, self._token, self._token))]).applied:
            raise StoreBusy(
                f"the lock on the schema in keyspace {self._keyspace} was lost: this took too long",
                hint="run the upgrade again; what was done is not done twice",
            )

    def free(self) -> None:
        """Give it back."""
        self._session.conditional([(_UNLOCK.format(keyspace=self._keyspace), (self._token,))])
