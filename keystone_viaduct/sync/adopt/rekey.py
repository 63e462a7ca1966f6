"""Gives one record another id, together with everything that refers to it, in the caller's transaction.

A new row is inserted under a name that nobody has, children and references are moved to it, the old row is
deleted and the name restored: an order in which no foreign key and no unique name ever stands in the way.
Rows are moved, not rewritten, so what never travels (failed log-ins, numbered keys) stays with them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.errors import AdoptError
from keystone_viaduct.kinds.registry import REGISTRY

from .columns import Own, Place, Tables, json_references, own_of
from .verdict import Move

Connection = sa.engine.Connection
_CHUNK = 200


@dataclass(frozen=True)
class _Ids:
    """The two ids of a move as they stand in columns (keys are escaped)."""

    move: Move
    old: str
    new: str

    @classmethod
    def of(cls, move: Move) -> _Ids:
        kind = REGISTRY[move.kind]
        return cls(move, *kind.split_key(move.old), *kind.split_key(move.new))


class Rekeyer:
    """Moves records of one database. Make it anew after each migration of the database."""

    def __init__(self, engine: sa.engine.Engine, cipher: CredentialCipher) -> None:
        self._tables = Tables(engine)
        self._codecs = Codecs(reflect(engine), cipher)
        self._json = {
            kind: inside for kind, inside in json_references().items() if kind in self._codecs.kinds
        }

    def move(self, connection: Connection, move: Move, used: Usage | None = None) -> bool:
        """Move one record; False when its old id is not there (any more). Raises AdoptError.

        ``used`` tells which references are worth looking at; without it all are.
        """
        own, ids = own_of(REGISTRY[move.kind]), _Ids.of(move)
        if not self._exists(connection, own, ids.old):
            return False
        if self._exists(connection, own, ids.new):
            raise AdoptError(
                f"{move.kind} {move.old} can't become {move.new}: that id is taken here",
                hint="the data changed since the plan was made: remove the journal and run it again",
                kind=move.kind,
                old=move.old,
                new=move.new,
            )
        try:
            self._root(connection, own, ids, used)
        except sa.exc.IntegrityError as error:
            raise AdoptError(
                f"{move.kind} {move.old} can't become {move.new}: {error.orig}",
                hint="another row stands in the way; remove it and run this again",
                kind=move.kind,
                old=move.old,
                new=move.new,
            ) from error
        return True

    def _exists(self, connection: Connection, own: Own, key: str) -> bool:
        column = self._tables[own.table].c[own.column]
        return (
            connection.execute(sa.select(column).where(column == key).with_for_update()).first() is not None
        )

    def _root(self, connection: Connection, own: Own, ids: _Ids, used: Usage | None) -> None:
        table = self._tables[own.table]
        column = table.c[own.column]
        if own.surrogate:
            connection.execute(sa.update(table).where(column == ids.old).values({column.name: ids.new}))
            self.references(connection, ids.move, used)
            return
        name = self._copy(connection, own, ids)
        for child, joined in dict.fromkeys((*own.children, *self._tables.bound_to(own))):
            if child in self._tables:
                self._change(connection, self._tables[child], joined, ids, [])
        self.references(connection, ids.move, used)
        connection.execute(sa.delete(table).where(column == ids.old))
        if own.vacate:
            connection.execute(sa.update(table).where(column == ids.new).values({own.vacate: name}))

    def _copy(self, connection: Connection, own: Own, ids: _Ids) -> str | None:
        """Insert the row under its new id, and a temporary name where names are unique; the real one."""
        table = self._tables[own.table]
        column = table.c[own.column]
        given = {own.column: ids.new}
        if own.vacate:
            given[own.vacate] = f"~{secrets.token_hex(7)}"
        columns = [item for item in table.c if item.computed is None]
        source = sa.select(
            *(
                sa.literal(given[item.name], item.type).label(item.name) if item.name in given else item
                for item in columns
            )
        ).where(column == ids.old)
        name: str | None = None
        if own.vacate:
            name = connection.execute(sa.select(table.c[own.vacate]).where(column == ids.old)).scalar_one()
        connection.execute(sa.insert(table).from_select([item.name for item in columns], source))
        return name

    def references(self, connection: Connection, move: Move, used: Usage | None = None) -> int:
        """Make everything that refers to the old id refer to the new one; the number of rows changed."""
        count, ids = 0, _Ids.of(move)
        for place in self._tables.places:
            if move.kind in place.targets and (used is None or used.has(place, ids.old)):
                table = self._tables[place.table]
                count += self._change(connection, table, place.column, ids, self._tables.condition(place))
        for kind in self._json:
            keys = None if used is None else used.documents(kind, (move.kind, move.old))
            if keys is None or keys:
                count += self._documents(connection, kind, move, keys)
        return count

    def _change(
        self, connection: Connection, table: sa.Table, name: str, ids: _Ids, when: Sequence[Any]
    ) -> int:
        column = table.c[name]
        if column.primary_key:
            self._drop_twins(connection, table, column, ids, when)
        done = connection.execute(
            sa.update(table).where(column == ids.old, *when).values({column.name: ids.new})
        )
        return int(done.rowcount)

    def _drop_twins(
        self, connection: Connection, table: sa.Table, column: sa.Column[Any], ids: _Ids, when: Sequence[Any]
    ) -> None:
        """Remove rows that would become equal to an orphan that has the new id already."""
        others = [item for item in table.primary_key.columns if item is not column]
        rows = sa.select(*others).where(*when) if others else sa.select(sa.literal(1))
        there = {tuple(row) for row in connection.execute(rows.where(column == ids.new))}
        if not there:
            return
        for row in connection.execute(rows.where(column == ids.old)).all():
            if tuple(row) in there:
                same = [item == value for item, value in zip(others, row, strict=True)]
                connection.execute(sa.delete(table).where(column == ids.old, *same, *when))

    def _documents(self, connection: Connection, kind: str, move: Move, keys: Collection[str] | None) -> int:
        """Rewrite references inside JSON."""

        def moved(target: str, key: str) -> str:
            return move.new if (target, key) == (move.kind, move.old) else key

        count = 0
        for key, old in self._load(connection, kind, keys).items():
            new = dict(old)
            for reference in self._json[kind]:
                reference.rewrite(new, moved)
            if new != old:
                self._codecs.write(connection, kind, key, old, new)
                count += 1
        return count

    def _load(self, connection: Connection, kind: str, keys: Collection[str] | None) -> dict[str, Any]:
        wanted = list(keys) if keys is not None else self._keys(connection, kind)
        found: dict[str, Any] = {}
        for start in range(0, len(wanted), _CHUNK):
            found.update(self._codecs.load(connection, kind, wanted[start : start + _CHUNK]))
        return found

    def _keys(self, connection: Connection, kind: str) -> list[str]:
        found: list[str] = []
        while page := self._codecs.keys(connection, kind, found[-1] if found else None, _CHUNK):
            found += page
        return found

    def usage(self, connection: Connection, moves: Collection[Move]) -> Usage:
        """Which places, and which JSON documents, name any of the old ids of ``moves``."""
        old = {(move.kind, _Ids.of(move).old) for move in moves}
        kinds = {move.kind for move in moves}
        columns: dict[Place, frozenset[str]] = {}
        for place in self._tables.places:
            if kinds.isdisjoint(place.targets):
                continue
            table = self._tables[place.table]
            statement = sa.select(table.c[place.column]).where(*self._tables.condition(place)).distinct()
            values = {str(value) for value in connection.execute(statement).scalars() if value is not None}
            columns[place] = frozenset(
                key for target in place.targets for kind, key in old if kind == target and key in values
            )
        documents: dict[str, dict[tuple[str, str], list[str]]] = {}
        for kind in self._json:
            by_target = documents.setdefault(kind, {})
            for key, document in self._load(connection, kind, None).items():
                for reference in self._json[kind]:
                    for ref in reference.find(document):
                        by_target.setdefault((ref.kind, ref.key), []).append(key)
        return Usage(columns, documents)


class Usage:
    """Where old ids were seen when it was made; what came later is found by making it again."""

    def __init__(
        self,
        columns: Mapping[Place, frozenset[str]],
        documents: Mapping[str, Mapping[tuple[str, str], Sequence[str]]],
    ) -> None:
        self._columns = columns
        self._documents = documents

    def has(self, place: Place, key: str) -> bool:
        """Whether the place held this id."""
        return key in self._columns.get(place, frozenset())

    def documents(self, kind: str, target: tuple[str, str]) -> list[str]:
        """Keys of the records of ``kind`` with this reference inside JSON."""
        return list(dict.fromkeys(self._documents.get(kind, {}).get(target, ())))

    def names(self, move: Move) -> bool:
        """Whether anything referred to the record by its old id."""
        old = _Ids.of(move).old
        return any(
            move.kind in place.targets and old in held for place, held in self._columns.items()
        ) or any((move.kind, move.old) in by_target for by_target in self._documents.values())
