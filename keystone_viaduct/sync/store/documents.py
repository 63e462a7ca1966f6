"""Keystone's own tables behind :class:`keystone_viaduct.sync.ports.Tables`, through the codecs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.kinds.model import Mode
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Claim, Write
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part, keys_by_kind
from keystone_viaduct.sync.store.ordering import plan


class DocumentsPart(Part):
    """Documents are read and written in the transaction's own connection."""

    def known_fields(self, kind: str) -> frozenset[str]:
        """Fields that this release can store; patterns are ``prefix.*``."""
        return self.codecs.fields(kind)

    def release(self) -> str:
        """What the schema can store, as text: JSON of kind -> sorted fields."""
        return self.codecs.release

    def release_is_current(self) -> bool:
        """Whether the schema still is as this process knows it; looks at the database."""
        return self.codecs.anew(self.connection).release == self.codecs.release

    def defaults(self, kind: str) -> Document:
        """What a column holds when nothing is given, per field (None included)."""
        return self.codecs.defaults(kind)

    def refusals(self, kind: str, documents: Sequence[Document]) -> list[str | None]:
        """Why this database can't hold each document; None if it can."""
        found = self.codecs.refusals(self.connection, kind, documents)
        return [None if error is None else error.message for error in found]

    def named(self, kind: str, field: str, value: str, limit: int) -> list[tuple[Ref, str]]:
        """Records whose field has this value, with what stands there."""
        found = self.codecs.named(self.connection, kind, field, value, limit)
        return [(Ref(kind, key), text) for key, text in found]

    def large(self, refs: Sequence[Ref], beyond: int) -> dict[Ref, int]:
        """Those of these records whose texts have more than so many characters in all, and how many."""
        return {
            Ref(kind, key): size
            for kind, keys in keys_by_kind(refs).items()
            for key, size in self.codecs.large(self.connection, kind, keys, beyond).items()
        }

    def documents(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """The documents that are there; the others are absent from the result."""
        return {
            Ref(kind, key): document
            for kind, keys in keys_by_kind(refs).items()
            for key, document in self.codecs.load(self.connection, kind, keys).items()
        }

    def site_only(self, refs: Sequence[Ref]) -> set[Ref]:
        """Those of these whose rows never travel."""
        return {
            Ref(kind, key)
            for kind, keys in keys_by_kind(refs).items()
            for key in self.codecs.site_only(self.connection, kind, keys)
        }

    def lock_documents(self, refs: Sequence[Ref]) -> set[Ref]:
        """Keep others from writing these records; in one order always, so that two lockers can't meet."""
        grouped = keys_by_kind(refs)
        return {
            Ref(kind, key)
            for kind in REGISTRY
            if kind in grouped
            for key in self.codecs.lock(self.connection, kind, sorted(grouped[kind]))
        }

    def write_documents(self, writes: Sequence[Write]) -> None:
        """Do all of them, in an order that foreign keys and unique names allow."""
        if self.before_writing is None:
            sqlite = self.connection.dialect.name == "sqlite"
            self.before_writing = int(self.connection.scalar(q.LAST_MARK) or 0) if sqlite else 0
        todo = plan(writes, _temporary_names())
        for write in todo.vacations:
            self._change(write.ref.kind, [write])
        if todo.forced:
            with _references_unchecked(self.connection):
                self._delete(todo.forced)
        self._delete(todo.deletes)
        for kind, layers, changes in todo.creates_and_changes:
            for layer in layers:
                items = [(write.ref.key, write.new) for write in layer if write.new is not None]
                self.codecs.insert_many(self.connection, kind, items)
            self._change(kind, changes)
        self._delete(todo.late_deletes)

    def _change(self, kind: str, writes: Sequence[Write]) -> None:
        changes = [(w.ref.key, w.old, w.new) for w in writes if w.old is not None and w.new is not None]
        if changes:
            self.codecs.change_many(self.connection, kind, changes)

    def _delete(self, groups: Sequence[tuple[str, list[Ref]]]) -> None:
        for kind, refs in groups:
            self.codecs.delete(self.connection, kind, [ref.key for ref in refs])

    def referrers(
        self, refs: Sequence[Ref], modes: frozenset[Mode], kinds: frozenset[str] | None = None
    ) -> dict[Ref, list[Ref]]:
        """Per record, the records (of these kinds) that refer to it by a reference of one of these modes."""
        found: dict[Ref, list[Ref]] = {ref: [] for ref in refs}
        targets = [(ref.kind, ref.key) for ref in found]
        for kind, key, target in self.codecs.referrers(self.connection, targets, modes, kinds):
            found[Ref(*target)].append(Ref(kind, key))
        return found

    def enforced(self, kind: str) -> Sequence[NaturalKey]:
        """The natural keys that the database guards; a record's key too, where two of them may be equal."""
        return self.codecs.enforced(kind)

    def folded(self, claims: Sequence[Claim]) -> dict[Claim, Claim]:
        """Each claim as the database compares it: it takes two for equal if and only if these are equal."""
        asked: list[Any] = [tuple(claim) for claim in claims]
        found: dict[Any, Any] = self.codecs.folded(self.connection, asked)
        return {claim: Claim(*found[tuple(claim)]) for claim in claims}

    def holders(self, claims: Sequence[Claim]) -> dict[Claim, Ref]:
        """Which record holds each claimed value now, by the database's own idea of equality."""
        grouped: dict[tuple[str, str], list[Claim]] = {}
        for claim in claims:
            grouped.setdefault((claim.kind, claim.constraint), []).append(claim)
        found: dict[Claim, Ref] = {}
        for (kind, constraint), group in grouped.items():
            values: list[Any] = [claim.values for claim in group]
            held: dict[Any, str] = self.codecs.holders(self.connection, kind, constraint, values)
            found.update((claim, Ref(kind, held[claim.values])) for claim in group if claim.values in held)
        return found


@contextmanager
def _references_unchecked(connection: sa.engine.Connection) -> Iterator[None]:
    """Foreign keys to what is deleted are not looked at, for what takes its place is written next.

    Only where two keys may be equal can one record take another's place: on MySQL and MariaDB.
    """
    if connection.dialect.name not in ("mysql", "mariadb"):
        yield
        return
    connection.execute(sa.text("SET foreign_key_checks = 0"))
    try:
        yield
    finally:
        connection.execute(sa.text("SET foreign_key_checks = 1"))


def _temporary_names() -> Iterator[str]:
    """Names that nobody has: a tilde and 14 random digits, which every named column can hold."""
    while True:
        yield f"~{secrets.token_hex(7)}"
