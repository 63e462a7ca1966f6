"""The records in Cassandra as a place where documents come from or go to."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from keystone_viaduct.cassandra.records import Fields, NameTaken, Records
from keystone_viaduct.cassandra.transfer.events import Events
from keystone_viaduct.cassandra.transfer.layout import NOTED, Layout, layouts
from keystone_viaduct.cassandra.transfer.ports import Item, Page, Refusal
from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.value import Document

PAGE = 200
"""Records read at once."""
AT_ONCE = 16
"""Records that are being changed at once."""


class RecordStore:
    """See :class:`~.ports.Store`. ``events`` are those of revocation, which are no records."""

    checks_references = False
    folds_names = False

    def __init__(self, name: str, records: Records, cipher: CredentialCipher, events: Events) -> None:
        self.name = name
        self.kinds = tuple(REGISTRY)
        self._records = records
        self._layouts = layouts(records, cipher)
        self._events = events

    def pages(self, kind: str, after: str | None) -> Iterator[Page]:
        """All documents of a kind, in the order of the tokens of their records."""
        if kind == self._events.kind:
            yield from self._events.pages(after)
            return
        of = self._layouts[kind]
        keys = self._records.scan(of.shape, None if after is None else int(after))
        while some := list(itertools.islice(keys, PAGE)):
            found = self._records.get_many(of.shape, [key for _, key in some])
            items = [item for key, fields in found.items() for item in of.documents(key, fields)]
            yield Page(self._with_notes(kind, items), str(some[-1][0]))

    def load(self, kind: str, items: Sequence[Item]) -> dict[str, Document]:
        """What the records hold of these."""
        if kind == self._events.kind:
            return self._events.load(items)
        of = self._layouts[kind]
        places = {key: of.place(document) for key, document in items}
        found = self._records.get_many(of.shape, places.values())
        wanted = [
            (key, document)
            for place, fields in found.items()
            for key, document in of.documents(place, fields)
            if places.get(key) == place
        ]
        return dict(self._with_notes(kind, wanted))

    def put(self, kind: str, items: Sequence[Item]) -> list[Refusal]:
        """Put these into their records, several records at once."""
        if kind == self._events.kind:
            self._events.put(items)
            return []
        of = self._layouts[kind]
        by_place: dict[str, list[Item]] = {}
        for key, document in items:
            by_place.setdefault(of.place(document), []).append((key, document))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            refused = pool.map(lambda place: self._put(of, place, by_place[place]), by_place)
            found = [refusal for each in refused for refusal in each]
        gone = {refusal.key for refusal in found}
        self._note(kind, (document for key, document in items if key not in gone))
        return found

    def _put(self, of: Layout, place: str, items: Sequence[Item]) -> list[Refusal]:
        def decide(before: Fields | None) -> Fields | None:
            for _key, document in items:
                before = of.put(before, document)
            return before

        try:
            self._records.change(of.shape, place, decide)
        except NameTaken as taken:
            return [
                Refusal(key, f"the name {taken.claim.name!r} belongs to {taken.owner}") for key, _ in items
            ]
        except BadDocument as bad:
            return [Refusal(key, bad.message) for key, _ in items]
        return []

    def passes_by(self, kind: str, document: Document) -> bool:
        """Revocation events are not kept longer than the tokens that they speak of."""
        return kind == self._events.kind and self._events.is_past(document)

    def _with_notes(self, kind: str, items: list[Item]) -> list[Item]:
        noted = NOTED.get(kind)
        if noted is None or not items:
            return items
        notes = self._records.noted(noted.notes, (noted.key(document) for _, document in items))
        for _key, document in items:
            text = notes.get(noted.key(document))
            given = document.setdefault(noted.field, None)
            if text is not None:
                document[noted.field] = max(noted.read(text), given or "")
        return items

    def _note(self, kind: str, documents: Iterable[Document]) -> None:
        noted = NOTED.get(kind)
        for document in documents if noted is not None else ():
            assert noted is not None
            value = document.get(noted.field)
            if value is not None:
                self._records.note(noted.notes, noted.key(document), noted.write(value))
