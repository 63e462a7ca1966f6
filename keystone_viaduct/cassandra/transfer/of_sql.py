"""Keystone's SQL database as a place where documents come from or go to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from keystone_viaduct.cassandra.transfer.ports import Item, Page, Refusal
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.errors import BadDocument, StoreUnavailable
from keystone_viaduct.kinds import raw
from keystone_viaduct.kinds.value import Document

PAGE = 200
"""Records read in one transaction."""
FOLDING = ("mysql", "mariadb")
"""Dialects whose usual collations take names for equal that differ in case only."""


class SqlStore:
    """See :class:`~.ports.Store`."""

    checks_references = True

    def __init__(self, name: str, engine: sa.engine.Engine, codecs: Codecs) -> None:
        self.name = name
        self.kinds = codecs.kinds
        self.folds_names = engine.dialect.name in FOLDING
        self._engine = engine
        self._codecs = codecs

    def pages(self, kind: str, after: str | None) -> Iterator[Page]:
        """All documents of a kind, each page in a transaction of its own."""
        while True:
            with self._begin() as connection:
                keys = self._codecs.keys(connection, kind, after, PAGE)
                found = self._codecs.load(connection, kind, keys)
            if keys:
                yield Page(list(found.items()), keys[-1])
            if len(keys) < PAGE:
                return
            after = keys[-1]

    def load(self, kind: str, items: Sequence[Item]) -> dict[str, Document]:
        """What the tables hold of these."""
        with self._begin() as connection:
            return self._codecs.load(connection, kind, [key for key, _ in items])

    def put(self, kind: str, items: Sequence[Item]) -> list[Refusal]:
        """In one transaction; where that is refused, one by one."""
        try:
            self._put(kind, items)
        except (sa.exc.IntegrityError, sa.exc.DataError, BadDocument) as error:
            if len(items) == 1:
                return [Refusal(items[0][0], _why(error))]
            return list(itertools.chain.from_iterable(self.put(kind, [item]) for item in items))
        return []

    def _put(self, kind: str, items: Sequence[Item]) -> None:
        with self._begin() as connection:
            found = self._codecs.load(connection, kind, [key for key, _ in items])
            for refusal in self._codecs.refusals(connection, kind, [document for _, document in items]):
                if refusal is not None:
                    raise refusal
            self._codecs.insert_many(connection, kind, [item for item in items if item[0] not in found])
            changed = [
                (key, found[key], document)
                for key, document in items
                if key in found and not raw.same_documents(found[key], document)
            ]
            self._codecs.change_many(connection, kind, changed)

    def passes_by(self, kind: str, document: Document) -> bool:
        """It holds whatever it is given."""
        return False

    @contextmanager
    def _begin(self) -> Iterator[sa.engine.Connection]:
        """A transaction, ended with what is done in it."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise StoreUnavailable(
                f"the database does not answer as it should: {error.orig}",
                hint="repeat it, it goes on from here",
            ) from error


def _why(error: Exception) -> str:
    if isinstance(error, BadDocument):
        return error.message
    return " ".join(str(getattr(error, "orig", error)).split())[:300]
