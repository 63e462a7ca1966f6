"""The one door to Keystone's tables: documents in, documents out, on a connection that the caller owns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import sqlalchemy as sa

from keystone_viaduct.errors import BadDocument, SchemaMissing
from keystone_viaduct.kinds.natural import NaturalKey
from keystone_viaduct.kinds.reference import Mode
from keystone_viaduct.kinds.registry import REGISTRY, get
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, Document, join_key

from . import lookup
from .cipher import CredentialCipher
from .delete import delete_records
from .equality import Folding, ServerFolding
from .insert import Inserter
from .layout import Layout, make_layout
from .load import Loader, batches, in_keys, key_values
from .members import Members
from .names import Claim, Names
from .referring import Referrers, Target
from .revocation import Events
from .schema import Schema, reflect
from .spelling import Spelling
from .storable import Storable
from .update import Change, Updater

Connection = sa.engine.Connection
Options = Mapping[str, frozenset[str]]


class Codecs:
    """Reads and writes the records of every kind over one schema. Never commits.

    Unknown kinds raise UnknownKind, malformed keys BadKey, a kind whose table is missing SchemaMissing.
    ``options``: per kind, the ids of the resource options that the running Keystone has registered. The
    others it would delete with the next change of their owner, so it is not given them (None: given all).
    ``folding`` answers for the collations of the schema's columns (None: the server does). Rows that never
    travel (``kinds.local``) are not there, unless asked for ``with_local``.
    """

    def __init__(
        self,
        schema: Schema,
        cipher: CredentialCipher,
        options: Options | None = None,
        folding: Folding | None = None,
        *,
        with_local: bool = False,
    ) -> None:
        self.schema = schema
        self._folding = folding or ServerFolding()
        self.cipher = cipher
        self.options = options
        self._layouts = {
            name: make_layout(
                schema, kind, None if options is None else options.get(name), with_local=with_local
            )
            for name, kind in REGISTRY.items()
            if schema.has(kind.table)
        }
        self._loaders = {name: Loader(layout, cipher) for name, layout in self._layouts.items()}
        self._inserters = {name: Inserter(layout, cipher) for name, layout in self._layouts.items()}
        self._updaters = {
            name: Updater(layout, self._inserters[name]) for name, layout in self._layouts.items()
        }
        self._storable = {name: Storable(schema, layout, cipher) for name, layout in self._layouts.items()}
        self._members = {
            name: Members(schema, layout, self._folding) for name, layout in self._layouts.items()
        }
        self._spelling = {
            name: Spelling(schema, layout, self._layouts, self._folding)
            for name, layout in self._layouts.items()
        }
        self._names = Names(schema, self._layouts, self._folding)
        self._defaults: dict[str, Document] = {}
        self._events = {
            name: Events(layout) for name, layout in self._layouts.items() if layout.kind.insert_only
        }

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that this release can store, in dependency order."""
        return tuple(self._layouts)

    @cached_property
    def release(self) -> str:
        """What this release can store, as text that two releases share only if they are alike."""
        found = {kind: sorted(self.fields(kind)) for kind in sorted(self.kinds)}
        return json.dumps(found, separators=(",", ":"))

    def anew(self, connection: Connection) -> Codecs:
        """Codecs for the schema as it is now."""
        return Codecs(reflect(connection, fresh=True), self.cipher, self.options, self._folding)

    def fields(self, kind: str) -> frozenset[str]:
        """The fields that this release can store; a pattern ends in ``.*``."""
        return self._layout(kind).fields

    def defaults(self, kind: str) -> Document:
        """What a field holds when nothing is given; required fields without a default are left out."""
        known = self._defaults.get(kind)
        if known is None:
            known = self._defaults[kind] = self._find_defaults(kind)
        return dict(known)

    def _find_defaults(self, kind: str) -> Document:
        root = self._layout(kind).root
        found: Document = {}
        for bound in root.bounds if root is not None else ():
            if bound.spec.default is not None or not bound.spec.required:
                found[bound.name] = bound.spec.default
        for part in self._layout(kind).children:
            if part.child.shape is Shape.SET:
                found[part.child.field] = []
        return found

    def enforced(self, kind: str) -> tuple[NaturalKey, ...]:
        """The natural keys that a unique constraint of the database guards, folded keys among them."""
        assert self._layout(kind).kind.name == kind
        return self._names.enforced(kind)

    def folded(self, connection: Connection, claims: Sequence[Claim]) -> dict[Claim, Claim]:
        """Each claim as the database compares it: two that it takes for equal have equal ones."""
        return self._names.folded(connection, claims)

    def check(self, kind: str, document: Document) -> None:
        """Raises BadDocument for what this database can't hold: wrong types, sizes, characters."""
        assert self._layout(kind).kind.name == kind
        self._storable[kind].check(document)

    def refusals(
        self, connection: Connection, kind: str, documents: Sequence[Document]
    ) -> list[BadDocument | None]:
        """What is wrong with each document for this database: a type, a size, a character, or members that
        it takes for the same; None if it can hold it. At most one statement for a few hundred documents.
        """
        found: list[BadDocument | None] = []
        for document in documents:
            try:
                self.check(kind, document)
                found.append(None)
            except BadDocument as error:
                found.append(error)
        fits = [number for number, error in enumerate(found) if error is None]
        members = self._members[kind].check(connection, [documents[number] for number in fits])
        for position, twins in members.items():
            found[fits[position]] = twins
        return found

    def load(self, connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, Document]:
        """The documents of these keys; those that are not there are missing from the result.

        Raises CredentialUnreadable, whose ``fields["keys"]`` are those to leave out.
        """
        layout = self._layout(kind)
        if kind in self._events:
            return self._events[kind].load(connection, keys)
        found = self._loaders[kind].load(connection, self._possible(layout, keys))
        self._spelling[kind].correct(connection, found)
        return found

    def site_only(self, connection: Connection, kind: str, keys: Sequence[str]) -> list[str]:
        """Those of the keys whose rows are there and never travel."""
        layout = self._layout(kind)
        if kind in self._events or layout.root is None or not layout.root.local:
            return []
        columns = layout.root.key_columns
        statement = sa.select(*columns).where(in_keys(columns), sa.or_(*layout.root.local))
        return [
            join_key(tuple(row))
            for batch in batches(key_values(layout, self._possible(layout, keys)))
            for row in connection.execute(statement, {"keys": list(batch)})
        ]

    def large(self, connection: Connection, kind: str, keys: Sequence[str], beyond: int) -> dict[str, int]:
        """Key -> how many characters the texts without a bound have, of those with more than so many."""
        layout = self._layout(kind)
        return lookup.large(connection, self.schema, layout, self._possible(layout, keys), beyond)

    def keys(self, connection: Connection, kind: str, after: str | None, limit: int) -> list[str]:
        """Up to ``limit`` keys that follow ``after`` in an order of the database's own, fewer at the end."""
        layout = self._layout(kind)
        if kind in self._events:
            return self._events[kind].keys(connection, after, limit)
        return lookup.list_keys(connection, layout, after, limit)

    def column(self, connection: Connection, kind: str, field: str) -> Iterator[tuple[str, JSON]]:
        """The key and one field of every record of the kind that has something there."""
        yield from lookup.column_of(connection, self._layout(kind), field)

    def named(
        self, connection: Connection, kind: str, field: str, value: str, limit: int
    ) -> list[tuple[str, str]]:
        """Key and value of the records whose field has this value, as the database compares texts."""
        return lookup.named(connection, self._layout(kind), field, value, limit)

    def count(self, connection: Connection, kind: str) -> int:
        """How many records of the kind there are."""
        layout = self._layout(kind)
        if kind in self._events:
            assert layout.root is not None
            return int(connection.scalar(sa.select(sa.func.count()).select_from(layout.root.table)) or 0)
        return lookup.count_keys(connection, layout)

    def resolve_marks(
        self, connection: Connection, kind: str, mark_keys: Sequence[str]
    ) -> dict[str, str | None]:
        """Key of a trigger's mark -> key of the record; None when the row is gone and that means nothing."""
        self._layout(kind)
        if kind in self._events:
            return self._events[kind].resolve(connection, mark_keys)
        return {key: key for key in mark_keys}

    def insert_many(self, connection: Connection, kind: str, items: Sequence[tuple[str, Document]]) -> None:
        """Inserts records that are not there, in bulk. Raises BadDocument for a user that would be bare."""
        self._layout(kind)
        self._inserters[kind].insert(connection, items)

    def write(self, connection: Connection, kind: str, key: str, old: Document | None, new: Document) -> None:
        """Inserts when ``old`` is None, else writes what differs. Fields unknown to this release are ignored.

        A user that would become bare, without local, nonlocal or federated part, is deleted.
        """
        if old is None:
            self._layout(kind)
            self._inserters[kind].insert(connection, [(key, new)])
        else:
            self.change_many(connection, kind, [(key, old, new)])

    def change_many(self, connection: Connection, kind: str, changes: Sequence[Change]) -> None:
        """As :meth:`write`, for records that are there."""
        declared = self._layout(kind).kind
        bare = [key for key, _, new in changes if not declared.is_whole(new)]
        if bare:
            self.delete(connection, kind, bare)
        if not declared.insert_only:
            self._updaters[kind].update(connection, [one for one in changes if declared.is_whole(one[2])])

    def delete(self, connection: Connection, kind: str, keys: Sequence[str]) -> None:
        """Removes records: children, what Keystone would stumble over, and the root."""
        layout = self._layout(kind)
        if kind in self._events:
            assert layout.root is not None
            numbers = self._events[kind].ids(connection, keys)
            column = layout.root.c[layout.kind.surrogate]
            for batch in batches(numbers):
                connection.execute(
                    sa.delete(layout.root.table).where(in_keys((column,))), {"keys": list(batch)}
                )
            return
        delete_records(connection, self.schema, layout, self._possible(layout, keys))

    def lock(self, connection: Connection, kind: str, keys: Sequence[str]) -> list[str]:
        """Locks the rows of these records until the transaction ends; returns the keys that are there."""
        layout = self._layout(kind)
        if layout.kind.insert_only:
            return list(self.load(connection, kind, keys))
        return lookup.lock(connection, layout, self._possible(layout, keys))

    def referrers(
        self,
        connection: Connection,
        targets: Iterable[Target],
        modes: Collection[Mode],
        kinds: Collection[str] | None = None,
    ) -> list[tuple[str, str, Target]]:
        """(kind, key, target) of the records that refer to ``targets`` by references of these modes."""
        layouts = {k: layout for k, layout in self._layouts.items() if kinds is None or k in kinds}
        return Referrers(self.schema, layouts, self.keys, self.load, self._folding).find(
            connection, targets, modes
        )

    def holders(
        self, connection: Connection, kind: str, constraint: str, values: Sequence[tuple[JSON, ...]]
    ) -> dict[tuple[JSON, ...], str]:
        """Which record holds each of these natural keys, by the database's own idea of equality."""
        assert self._layout(kind).kind.name == kind
        return self._names.holders(connection, kind, constraint, values)

    def _possible(self, layout: Layout, keys: Sequence[str]) -> list[str]:
        """Without keys that no row can have: MySQL and PostgreSQL refuse the very question for them."""
        columns = [layout.children[0].key] if layout.root is None else [b.column for b in layout.root.keys]
        return [
            key
            for key in keys
            if (key.isascii() and "\0" not in key) or all(map(self.schema.holds, columns, layout.typed(key)))
        ]

    def _layout(self, kind: str) -> Layout:
        declared = get(kind)
        try:
            return self._layouts[kind]
        except KeyError:
            raise SchemaMissing(
                f"this database has no table {declared.table!r}",
                hint=f"kind {kind} can't be kept at this site",
                kind=kind,
            ) from None
