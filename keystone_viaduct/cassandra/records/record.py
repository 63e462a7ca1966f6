"""Changes of whole records, and reads of them.

A change reads the record, lets its caller decide what becomes of it, and writes it on the condition that its
revision is the one that was read; else it begins again. So no update is lost, and what was deleted does not
come back by an update that began before.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from keystone_viaduct.cassandra.records.claim import Claims, Overtaken
from keystone_viaduct.cassandra.records.fence import next_revision
from keystone_viaduct.cassandra.records.listing import Listings
from keystone_viaduct.cassandra.records.ports import Claim, Event, Held, Stored, Tables, Write
from keystone_viaduct.cassandra.records.shape import Fields, Shape
from keystone_viaduct.clock import Clock, SystemClock
from keystone_viaduct.drivers.backoff import Backoff, Waits
from keystone_viaduct.errors import OutcomeUnknown, StoreBusy, StoreError

LOG = logging.getLogger(__name__)

TRAIL = 8
"""Changes that a record remembers the names of."""

Decide = Callable[[Fields | None], Fields | None]
"""What becomes of a record: shown what it is (None: there is none), it gives what it shall be (None:
nothing). It may be asked several times, and may raise: then nothing is changed."""


def encode(fields: Fields) -> dict[str, str]:
    """Fields as they are stored: equal values have equal texts."""
    return {
        name: json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        for name, value in fields.items()
    }


def decode(stored: Stored) -> dict[str, Any] | None:
    """The record that a partition holds; None where there is none."""
    return {name: json.loads(text) for name, text in stored.fields.items()} if stored.alive else None


class Records:
    """All records of one keyspace."""

    def __init__(self, tables: Tables, clock: Clock | None = None, backoff: Backoff | None = None) -> None:
        self._tables = tables
        self._clock = clock or SystemClock()
        self._backoff = backoff or Backoff(longest=0.5, deadline=10.0)

    def get(self, shape: Shape, key: str) -> dict[str, Any] | None:
        """The record at a key."""
        return decode(self._tables.read(shape.kind, key))

    def get_latest(self, shape: Shape, key: str) -> dict[str, Any] | None:
        """The same, after all changes that were answered before, in whatever data centre: for decisions."""
        return decode(self._tables.read(shape.kind, key, serial=True))

    def get_many(self, shape: Shape, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Those that are there, in the order of their keys in ``keys``."""
        wanted = list(dict.fromkeys(keys))
        found = self._tables.read_many(shape.kind, wanted) if wanted else {}
        decoded = ((key, decode(found[key])) for key in wanted if key in found)
        return {key: fields for key, fields in decoded if fields is not None}

    def named(self, shape: Shape, rule: str, scope: str, name: str) -> tuple[str, dict[str, Any]] | None:
        """Key and record of the one that has a unique name."""
        claim = Claim(f"{shape.kind}.{rule}", scope, name)
        held = self._tables.claimed(claim)
        fields = self.get(shape, held.owner) if held is not None else None
        if held is None or fields is None or claim not in shape.claims(fields):
            return None
        return held.owner, fields

    def list(
        self,
        shape: Shape,
        path: str,
        target: str = "",
        *,
        after: str = "",
        limit: int | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[str, Fields]]:
        """Key and record of those that are listed there, in order of key (``listing``)."""
        listings = Listings(self._tables, shape, decode)
        return listings.records(path, target, after=after, limit=limit, wanted=wanted)

    def scan(self, shape: Shape, after: int | None = None) -> Iterator[tuple[int, str]]:
        """Keys of all records that there are or were, each with its place; those behind ``after``."""
        return self._tables.scan(shape.kind, after)

    def note(self, kind: str, key: str, value: str) -> None:
        """Write down, at no great cost, what may be lost without harm; the clock says which is the latest."""
        self._tables.note(kind, key, value, self._clock.now())

    def noted(self, kind: str, keys: Iterable[str]) -> dict[str, str]:
        """What was noted at those of these keys where anything was."""
        return self._tables.noted(kind, list(dict.fromkeys(keys)))

    def add_events(self, kind: str, events: Iterable[Event], seconds: int) -> None:
        """Add what is never changed, and goes by itself after so many seconds."""
        self._tables.event_put(kind, list(events), seconds)

    def events(self, kind: str, places: Iterable[str], since: int) -> Sequence[Event]:
        """What lies at these places, from ``since`` on."""
        return self._tables.events(kind, list(dict.fromkeys(places)), since)

    def change(self, shape: Shape, key: str, decide: Decide) -> Fields | None:
        """Let ``decide`` say what becomes of the record at ``key``; what it is then.

        Raises :class:`~.claim.NameTaken` where another record has a name that this one shall get, StoreBusy
        where others kept changing it until the deadline, and what ``decide`` raises.
        """
        waits = self._backoff.begin()
        serial = False
        while True:
            stored = self._tables.read(shape.kind, key, serial=serial)
            before = decode(stored)
            try:
                after = decide(before)
            except Exception:
                if serial:
                    raise
                serial = True  # what it was shown may be old
                continue
            if after == before or _Change(self, shape, key, stored, before, after, waits).made():
                return after
            serial = True
            _wait(waits, shape, key)


class _Change:
    """One attempt to make of a record what was decided."""

    def __init__(
        self,
        records: Records,
        shape: Shape,
        key: str,
        stored: Stored,
        before: Fields | None,
        after: Fields | None,
        waits: Waits,
    ) -> None:
        self._tables = records._tables
        self._shape = shape
        self._key = key
        self._stored = stored
        self._before, self._after = before, after
        self._waits = waits
        self._revision = next_revision(records._clock, stored.revision)
        self._token = secrets.token_hex(6)
        self._claims = Claims(records._tables, records._clock, shape.kind, self._has)

    def made(self) -> bool:
        """Whether it was: False when the record had changed meanwhile."""
        kind, base = self._shape.kind, self._stored.revision
        had, has = self._shape.claims(self._before), self._shape.claims(self._after)
        listed = self._shape.rows(self._key, self._before)
        shall = self._shape.rows(self._key, self._after)
        try:
            for claim in sorted(has - had):
                self._claims.take(claim, Held(self._key, base), self._pause)
        except Overtaken:
            return False
        if shall - listed:
            self._tables.list_put(kind, sorted(shall - listed), self._revision)
        if not self._written():
            return False
        self._tidy(sorted(had - has))
        if listed - shall:
            self._drop(sorted(listed - shall))
        return True

    def _write(self) -> Write:
        trail = (self._token, *self._stored.trail)[:TRAIL]
        if self._after is None:
            return Write(self._stored.revision, self._revision, trail, gone=True)
        new, old = encode(self._after), self._stored.fields
        put = {name: text for name, text in new.items() if old.get(name) != text}
        return Write(
            self._stored.revision, self._revision, trail, False, put, sorted(old.keys() - new.keys())
        )

    def _written(self) -> bool:
        """Make the step that decides, and find out what became of it."""
        write = self._write()
        doubt = False
        while True:
            try:
                if self._tables.write(self._shape.kind, self._key, write):
                    return True
                if not doubt:
                    return False
            except OutcomeUnknown:
                doubt = True
            found = self._found(write)
            if found is not None:
                return found
            self._pause()

    def _found(self, write: Write) -> bool | None:
        """Whether an attempt whose answer was lost was applied; None: not yet, so it is to be sent again."""
        now = self._tables.read(self._shape.kind, self._key, serial=True)
        if self._token in now.trail:
            return True
        if now.revision == write.expected:
            return None
        last = self._stored.trail[:1]
        if len(now.trail) < TRAIL or (last and last[0] in now.trail):
            return False  # all later changes are in the trail, and this one is not
        raise OutcomeUnknown(
            f"{self._shape.kind} {self._key} was changed so often since that it can't be said "
            "whether this change was made",
            hint="look, and repeat it if it was not",
        )

    def _tidy(self, obsolete: Sequence[Claim]) -> None:
        try:
            for claim in obsolete:
                self._claims.release(claim, self._key, self._revision)
        except StoreError as error:  # the change is made; who meets the claim will see that it is void
            LOG.warning("a name of %s %s was not freed: %s", self._shape.kind, self._key, error)

    def _drop(self, rows: Sequence[Any]) -> None:
        try:
            self._tables.list_drop(self._shape.kind, rows, self._revision)
        except StoreError as error:  # the same
            LOG.warning("rows of %s %s were not taken away: %s", self._shape.kind, self._key, error)

    def _has(self, stored: Stored, claim: Claim) -> bool:
        return claim in self._shape.claims(decode(stored))

    def _pause(self) -> None:
        _wait(self._waits, self._shape, self._key)


def _wait(waits: Waits, shape: Shape, key: str) -> None:
    if waits.wait() is None:
        raise StoreBusy(
            f"{shape.kind} {key} could not be changed: others changed it all the time, or no "
            "majority answered",
            hint="repeat it later",
        )
