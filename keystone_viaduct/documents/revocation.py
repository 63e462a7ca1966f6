"""Revocation events: rows that are known by their content, marked by their number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.value import Document, part_key

from .convert import parse_time
from .layout import Layout
from .load import batches, in_keys

_SECOND = timedelta(seconds=1)


class Events:
    """Reads of a kind whose key is ``<time>/<digest of its content>``."""

    def __init__(self, layout: Layout) -> None:
        assert layout.root is not None
        self.layout = layout
        self.root = layout.root
        self._id = layout.root.c[layout.kind.surrogate]
        self._time = layout.root.c.issued_before

    def load(self, connection: sa.engine.Connection, keys: Sequence[str]) -> dict[str, Document]:
        """The documents that are there."""
        return {key: document for key, document, _ in self._of_keys(connection, keys)}

    def ids(self, connection: sa.engine.Connection, keys: Sequence[str]) -> list[int]:
        """The row numbers of these records; equal rows count as one record."""
        return [number for _, _, number in self._of_keys(connection, keys)]

    def keys(self, connection: sa.engine.Connection, after: str | None, limit: int) -> list[str]:
        """Up to ``limit`` keys in order of time and digest."""
        found: list[str] = []
        start = None
        if after is not None:
            start = parse_time(part_key(after, self.layout.kind.name, 2)[0])
            found = sorted(key for key, _, _ in self._within(connection, start) if key > after)
            start += _SECOND
        while len(found) < limit:
            statement = sa.select(self._time).where(*self.root.visible).order_by(self._time).limit(1)
            if start is not None:
                statement = statement.where(self._time >= start)
            first = connection.execute(statement).scalar()
            if first is None:
                break
            first = first.replace(microsecond=0)
            page = self._page(connection, first, limit)
            found += sorted({key for key, _ in page})
            # none where SQLite compares a text that was written by hand in another form
            start = max((second for _, second in page), default=first) + _SECOND
        return list(dict.fromkeys(found))[:limit]

    def resolve(self, connection: sa.engine.Connection, ids: Sequence[str]) -> dict[str, str | None]:
        """Row number (as text) -> key of the record, None where the row is gone: pruned, not deleted."""
        found: dict[str, str | None] = dict.fromkeys(ids)
        statement = self._select().where(in_keys((self._id,)))
        for batch in batches([int(number) for number in ids]):
            for key, _, number in self._shown(connection.execute(statement, {"keys": list(batch)})):
                found[str(number)] = key
        return found

    def _page(self, connection: sa.engine.Connection, start: Any, limit: int) -> list[tuple[str, Any]]:
        """(key, second) of whole seconds from ``start`` on, at least ``limit`` of them if there are."""
        statement = self._select().where(self._time >= start).order_by(self._time).limit(limit)
        rows = list(self._shown(connection.execute(statement)))
        page = [(key, parse_time(str(document["issued_before"]))) for key, document, _ in rows]
        last = page[-1][1] if page else start
        page += [(key, last) for key, _, _ in self._within(connection, last)]
        return page

    def _within(self, connection: sa.engine.Connection, second: Any) -> list[tuple[str, Document, int]]:
        statement = self._select().where(self._time >= second, self._time < second + _SECOND)
        return list(self._shown(connection.execute(statement)))

    def _of_keys(
        self, connection: sa.engine.Connection, keys: Sequence[str]
    ) -> Iterable[tuple[str, Document, int]]:
        wanted = set(keys)
        seconds = sorted({parse_time(part_key(key, self.layout.kind.name, 2)[0]) for key in wanted})
        for batch in batches(seconds, 100):
            spans = sa.or_(*(sa.and_(self._time >= s, self._time < s + _SECOND) for s in batch))
            for item in self._shown(connection.execute(self._select().where(spans).order_by(self._id))):
                if item[0] in wanted:
                    yield item

    def _select(self) -> Any:
        return sa.select(self._id, *(bound.column for bound in self.root.bounds)).where(*self.root.visible)

    def _shown(self, rows: Iterable[Any]) -> Iterable[tuple[str, Document, int]]:
        for number, *values in rows:
            document: Document = {}
            for bound, value in zip(self.root.bounds, values, strict=True):
                document[bound.name] = value if bound.read is None else bound.read(value)
            yield self.layout.kind.key_of(document), document, number
