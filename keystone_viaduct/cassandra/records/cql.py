"""The steps as CQL. Tables are named in full, and so are columns: nothing depends on a session's state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from keystone_viaduct.cassandra.records.ports import Claim, Event, Held, Row, Stored, Write
from keystone_viaduct.cassandra.session import Session, Statement

GRAVE_SECONDS = 365 * 24 * 3600
"""How long it is known of a record that is gone at which revision it went."""

_READ = "SELECT field, value, revision, trail, gone FROM {table} WHERE key = ?"
_REVISE = "UPDATE {table} USING TTL ? SET revision = ?, trail = ?, gone = ? WHERE key = ? IF revision = ?"
_PUT = "INSERT INTO {table} (key, field, value) VALUES (?, ?, ?)"
_DROP = "DELETE FROM {table} WHERE key = ? AND field = ?"
_DROP_ALL = "DELETE FROM {table} WHERE key = ? AND field >= ''"

_CLAIM = "INSERT INTO {table} (rule, scope, name, owner, base) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS"
_CLAIMED = "SELECT owner, base FROM {table} WHERE rule = ? AND scope = ? AND name = ?"
_RECLAIM = (
    "UPDATE {table} SET owner = ?, base = ? WHERE rule = ? AND scope = ? AND name = ? "
    "IF owner = ? AND base = ?"
)
_UNCLAIM = "DELETE FROM {table} WHERE rule = ? AND scope = ? AND name = ? IF owner = ? AND base < ?"

_LIST = (
    "SELECT key, hint FROM {table}_listing WHERE path = ? AND target = ? AND bucket = ? AND key > ? LIMIT ?"
)
_LIST_PUT = (
    "INSERT INTO {table}_listing (path, target, bucket, key, hint) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_LIST_DROP = (
    "DELETE FROM {table}_listing USING TIMESTAMP ? "
    "WHERE path = ? AND target = ? AND bucket = ? AND key = ? AND hint = ?"
)

_SCAN = "SELECT DISTINCT key, token(key) AS place FROM {table} WHERE token(key) > ?"
_SCAN_CLAIMS = "SELECT rule, scope, name, owner, base FROM {table}"
_SCAN_ROWS = "SELECT path, target, bucket, key, hint FROM {table}_listing"
_FIRST = -(2**63)
"""Below the place of every key."""

_NOTE = "INSERT INTO {table} (key, value) VALUES (?, ?) USING TIMESTAMP ?"
_NOTED = "SELECT value FROM {table} WHERE key = ?"

_EVENT = "INSERT INTO {table} (place, at, id, value) VALUES (?, ?, ?, ?) USING TTL ?"
_EVENTS = "SELECT at, id, value FROM {table} WHERE place = ? AND at >= ?"


class CqlTables:
    """Tables of one keyspace. ``prefix`` goes before the keys of all partitions: tests use it to be alone."""

    def __init__(self, session: Session, prefix: str = "") -> None:
        self._session = session
        self._keyspace = session.settings.keyspace
        self._prefix = prefix

    def read(self, kind: str, key: str, *, serial: bool = False) -> Stored:
        """See :class:`~.ports.Tables`."""
        while True:
            rows = self._session.read(self._of(kind, _READ), (self._prefix + key,), serial=serial)
            stored = _stored(rows)
            if stored is not None:  # else it was read by pages, and has changed between two
                return stored

    def read_many(self, kind: str, keys: Sequence[str]) -> dict[str, Stored]:
        """See :class:`~.ports.Tables`."""
        values = [(self._prefix + key,) for key in keys]
        found = zip(keys, self._session.read_many(self._of(kind, _READ), values), strict=True)
        each = {key: _stored(rows) or self.read(kind, key) for key, rows in found}
        return {key: stored for key, stored in each.items() if stored.revision}

    def write(self, kind: str, key: str, change: Write) -> bool:
        """See :class:`~.ports.Tables`."""
        place = self._prefix + key
        seconds = GRAVE_SECONDS if change.gone else 0
        head = (seconds, change.revision, " ".join(change.trail), change.gone, place, change.expected or None)
        statements: list[Statement] = [(self._of(kind, _REVISE), head)]
        if change.gone:
            statements.append((self._of(kind, _DROP_ALL), (place,)))
        statements += [(self._of(kind, _DROP), (place, name)) for name in change.drop]
        statements += [(self._of(kind, _PUT), (place, name, text)) for name, text in change.put.items()]
        return self._session.conditional(statements).applied

    def claim(self, claim: Claim, wanted: Held) -> Held:
        """See :class:`~.ports.Tables`."""
        values = (*self._named(claim), wanted.owner, wanted.base)
        done = self._session.conditional([(self._of("claim", _CLAIM), values)])
        return wanted if done.applied else Held(done.row.owner, done.row.base)

    def reclaim(self, claim: Claim, held: Held, wanted: Held) -> bool:
        """See :class:`~.ports.Tables`."""
        values = (wanted.owner, wanted.base, *self._named(claim), held.owner, held.base)
        return self._session.conditional([(self._of("claim", _RECLAIM), values)]).applied

    def unclaim(self, claim: Claim, owner: str, below: int) -> bool:
        """See :class:`~.ports.Tables`."""
        values = (*self._named(claim), owner, below)
        return self._session.conditional([(self._of("claim", _UNCLAIM), values)]).applied

    def claimed(self, claim: Claim) -> Held | None:
        """See :class:`~.ports.Tables`."""
        rows = self._session.read(self._of("claim", _CLAIMED), self._named(claim))
        return Held(rows[0].owner, rows[0].base) if rows else None

    def list_put(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """See :class:`~.ports.Tables`."""
        text = self._of(kind, _LIST_PUT)
        self._session.write((text, (*self._place(row), row.key, row.hint, revision)) for row in rows)

    def list_drop(self, kind: str, rows: Iterable[Row], revision: int) -> None:
        """See :class:`~.ports.Tables`."""
        text = self._of(kind, _LIST_DROP)
        self._session.write((text, (revision, *self._place(row), row.key, row.hint)) for row in rows)

    def list_pages(
        self, kind: str, path: str, target: str, buckets: Sequence[str], after: str, limit: int
    ) -> list[list[Row]]:
        """See :class:`~.ports.Tables`."""
        values = [(path, self._prefix + target, bucket, after, limit) for bucket in buckets]
        found = self._session.read_many(self._of(kind, _LIST), values)
        return [
            [Row(path, target, bucket, row.key, row.hint) for row in rows]
            for bucket, rows in zip(buckets, found, strict=True)
        ]

    def scan(self, kind: str, after: int | None = None) -> Iterator[tuple[int, str]]:
        """See :class:`~.ports.Tables`."""
        values = (_FIRST if after is None else after,)
        for row in self._session.scan(self._of(kind, _SCAN), values):
            if row.key.startswith(self._prefix):
                yield row.place, row.key.removeprefix(self._prefix)

    def scan_claims(self) -> Iterator[tuple[Claim, Held]]:
        """See :class:`~.ports.Tables`."""
        for row in self._session.scan(self._of("claim", _SCAN_CLAIMS)):
            if row.scope.startswith(self._prefix):
                scope = row.scope.removeprefix(self._prefix)
                yield Claim(row.rule, scope, row.name), Held(row.owner, row.base)

    def scan_rows(self, kind: str) -> Iterator[Row]:
        """See :class:`~.ports.Tables`."""
        for row in self._session.scan(self._of(kind, _SCAN_ROWS)):
            if row.target.startswith(self._prefix):
                yield Row(row.path, row.target.removeprefix(self._prefix), row.bucket, row.key, row.hint)

    def note(self, kind: str, key: str, value: str, stamp: int) -> None:
        """See :class:`~.ports.Tables`."""
        self._session.write([(self._of(kind, _NOTE), (self._prefix + key, value, stamp))])

    def noted(self, kind: str, keys: Sequence[str]) -> dict[str, str]:
        """See :class:`~.ports.Tables`."""
        values = [(self._prefix + key,) for key in keys]
        found = zip(keys, self._session.read_many(self._of(kind, _NOTED), values), strict=True)
        return {key: rows[0].value for key, rows in found if rows}

    def event_put(self, kind: str, events: Iterable[Event], seconds: int) -> None:
        """See :class:`~.ports.Tables`."""
        text = self._of(kind, _EVENT)
        self._session.write(
            (text, (self._prefix + each.place, each.at, each.name, each.value, seconds)) for each in events
        )

    def events(self, kind: str, places: Sequence[str], since: int) -> list[Event]:
        """See :class:`~.ports.Tables`."""
        values = [(self._prefix + place, since) for place in places]
        found = zip(places, self._session.read_many(self._of(kind, _EVENTS), values), strict=True)
        return [Event(place, row.at, row.id, row.value) for place, rows in found for row in rows]

    def _of(self, table: str, text: str) -> str:
        return text.format(table=f"{self._keyspace}.{table}")

    def _named(self, claim: Claim) -> tuple[str, str, str]:
        return claim.rule, self._prefix + claim.scope, claim.name

    def _place(self, row: Row) -> tuple[str, str, str]:
        return row.path, self._prefix + row.target, row.bucket


def _stored(rows: Sequence[Any]) -> Stored | None:
    """A partition of its rows; None where they are not of one revision.

    Rows under a grave are not there, whatever a replica that was away for long has brought back.
    """
    if not rows:
        return Stored()
    head = rows[0]
    if any(row.revision != head.revision for row in rows):
        return None
    gone = bool(head.gone)
    fields = {} if gone else {row.field: row.value for row in rows if row.field is not None}
    return Stored(head.revision or 0, tuple((head.trail or "").split()), gone, fields)
