"""Revocation events, which are no records but rows that go by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from keystone_viaduct.cassandra.drivers import revoke
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.cassandra.records.ports import Event
from keystone_viaduct.cassandra.transfer.fields import shown, stored
from keystone_viaduct.cassandra.transfer.ports import Item, Page
from keystone_viaduct.clock import Clock
from keystone_viaduct.documents.convert import parse_time, time_to_micros
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document

_SECOND = 1_000_000


class Events:
    """``lifetime``: seconds after which an event speaks of no token that is left."""

    kind = "revocation_event"

    def __init__(self, records: Records, clock: Clock, lifetime: int) -> None:
        self._records = records
        self._clock = clock
        self._lifetime = lifetime
        self._specs = REGISTRY[self.kind].fields

    def pages(self, after: str | None) -> Iterator[Page]:
        """Those that are not past, hour by hour."""
        first = (self._clock.now() - self._lifetime * _SECOND) // revoke.MICROSECONDS_AN_HOUR - 1
        last = self._clock.now() // revoke.MICROSECONDS_AN_HOUR + 1
        begin = first if after is None else max(first, int(after) + 1)
        for hour in range(begin, last + 1):
            found = self._records.events(revoke.KIND, [f"hour/{hour}"], 0)
            documents = [self._document(event) for event in found]
            items = {self._key(document): document for document in documents if not self.is_past(document)}
            yield Page(list(items.items()), str(hour))

    def load(self, items: Sequence[Item]) -> dict[str, Document]:
        """Those of them that are there."""
        found: dict[str, Document] = {}
        for key, document in items:
            place, at = self._place(document), self._micros(document, "issued_before")
            for event in self._records.events(revoke.KIND, [place], at):
                there = self._document(event)
                if self._key(there) == key:
                    found[key] = there
        return found

    def put(self, items: Sequence[Item]) -> None:
        """Add them, under names that follow from what they say: twice is as once."""
        events = []
        for key, document in items:
            if self.is_past(document):
                continue
            value, name = json.dumps(self._values(document), sort_keys=True), key.rpartition("/")[2]
            made = self._micros(document, "revoked_at")
            hour = f"hour/{made // revoke.MICROSECONDS_AN_HOUR}"
            events.append(Event(self._place(document), self._micros(document, "issued_before"), name, value))
            events.append(Event(hour, made, name, value))
        if events:
            self._records.add_events(revoke.KIND, events, self._lifetime + revoke.SLACK)

    def is_past(self, document: Document) -> bool:
        """Whether no token is left that an event speaks of."""
        return self._micros(document, "revoked_at") < self._clock.now() - self._lifetime * _SECOND

    def _document(self, event: Event) -> Document:
        values = json.loads(event.value)
        return {spec.name: shown(spec, values.get(spec.name)) for spec in self._specs}

    def _values(self, document: Document) -> dict[str, Any]:
        return {spec.name: stored(spec, document.get(spec.name)) for spec in self._specs}

    def _key(self, document: Document) -> str:
        return REGISTRY[self.kind].key_of(document)

    def _place(self, document: Document) -> str:
        return next(
            (f"{name}/{document[name]}" for name in revoke.BY if document.get(name)), revoke.EVERYBODY
        )

    def _micros(self, document: Document, name: str) -> int:
        return time_to_micros(parse_time(str(document[name])))
