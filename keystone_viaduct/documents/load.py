"""Rows to documents: one statement per table and batch, whatever the number of records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from keystone_viaduct.errors import CredentialUnreadable, Unreadable
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.kinds.value import JSON, KEY_SIZE, Document, Type, join_key

from .cipher import CredentialCipher
from .convert import load_extra, time_to_micros
from .layout import Bound, ChildPart, Layout, Part, Root
from .undecodable import REASON, as_stored, is_undecodable

T = TypeVar("T")
BATCH = 500
"""Keys in one IN list."""


def batches(items: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """``items`` cut into pieces."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def in_keys(columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """``columns IN :keys``, the parameter given as a list of values, or of tuples for several columns."""
    parameter: Any = sa.bindparam("keys", expanding=True)
    if len(columns) == 1:
        return columns[0].in_(parameter)
    return sa.tuple_(*columns).in_(parameter)


def key_values(layout: Layout, keys: Iterable[str]) -> list[Any]:
    """What to give ``in_keys`` for these keys."""
    values = [layout.typed(key) for key in keys]
    return [value[0] for value in values] if values and len(values[0]) == 1 else list(values)


class Loader:
    """Loads documents of one kind."""

    def __init__(self, layout: Layout, cipher: CredentialCipher) -> None:
        self.layout = layout
        self.cipher = cipher
        self._root = None if layout.root is None else _RootReader(layout, layout.root)
        self._children = [_ChildReader(part) for part in layout.children]

    def load(self, connection: sa.engine.Connection, keys: Sequence[str]) -> dict[str, Document]:
        """The documents that are there. Raises Unreadable (of credentials alone CredentialUnreadable)
        naming each record of which none can be made.
        """
        found: dict[str, Document] = {}
        faults: Faults = {}
        for batch in batches(list(dict.fromkeys(keys))):
            found.update(self._batch(connection, batch, faults))
        if self.layout.root is not None and self.layout.root.sealed:
            _unseal(self.cipher, self.layout.root.sealed, found, faults)
        for key in [key for key in found if len(key) > KEY_SIZE]:
            del found[key]
            faults[key] = ValueError(f"its key is longer than {KEY_SIZE} characters")
        if faults:
            raise _unreadable(self.layout.kind.name, faults)
        return found

    def _batch(
        self, connection: sa.engine.Connection, keys: Sequence[str], faults: Faults
    ) -> dict[str, Document]:
        values = key_values(self.layout, keys)
        kind = self.layout.kind
        if self._root is None:
            found = {key: {kind.key[0]: value} for key, value in zip(keys, values, strict=True)}
        else:
            wanted = set(keys)
            found = self._root.read(connection, values, faults)
            found = {key: document for key, document in found.items() if key in wanted}
            faults.update(self._undecodable(connection, wanted - found.keys() - faults.keys()))
        if not self._children or not found:
            return found
        owners = {document[kind.key[0]]: document for document in found.values()}
        for child in self._children:
            broken: Faults = {}
            child.read(connection, list(owners), owners, broken)
            faults.update((kind.key_of(owners[owner]), why) for owner, why in broken.items())
        if self._root is None:
            return {key: document for key, document in found.items() if len(document) > 1}
        if kind.needs_child:
            return {key: document for key, document in found.items() if kind.is_whole(document)}
        return found

    def _undecodable(self, connection: sa.engine.Connection, keys: Iterable[str]) -> Faults:
        """Those of which there is a row whose key is no UTF-8."""
        assert self.layout.root is not None
        columns = self.layout.root.key_columns
        values = {key: self.layout.typed(key) for key in keys if "\\x" in key}
        return {
            key: ValueError(REASON)
            for key, value in values.items()
            if as_stored(connection, columns, value) is not value
        }


def _unseal(
    cipher: CredentialCipher, sealed: tuple[Bound, ...], found: dict[str, Document], faults: Faults
) -> None:
    for key, document in found.items():
        for bound in sealed:
            try:
                document[bound.name] = cipher.decrypt(str(document[bound.name]))
            except CredentialUnreadable as error:
                faults[key] = error


def _unreadable(kind: str, faults: Faults) -> Unreadable:
    """The error that names all of them."""
    first = next(iter(faults.values()))
    why = {key: _reason(error) for key, error in faults.items()}
    particulars = {"kind": kind, "keys": sorted(faults), "why": why}
    if all(isinstance(error, CredentialUnreadable) for error in faults.values()):
        hint = first.hint if isinstance(first, CredentialUnreadable) else ""
        what = f"no credential key of this site opens {len(faults)} credential(s)"
        return CredentialUnreadable(what, hint=hint, **particulars)
    key = sorted(faults)[0]
    return Unreadable(
        f"{len(faults)} record(s) can't be read, {kind}/{key} among them: {_reason(faults[key])}",
        hint="such a row can't travel, and Keystone itself may fail to read it: mend or delete it by SQL",
        **particulars,
    )


def _reason(error: ValueError | CredentialUnreadable) -> str:
    return error.message if isinstance(error, CredentialUnreadable) else str(error)[:200]


Faults = dict[Any, "ValueError | CredentialUnreadable"]
"""Key -> what is wrong with its rows."""
Reading = tuple[int, str, Callable[[Any], Any]]


def _conversions(part: Part, names: Sequence[str]) -> list[Reading]:
    return [
        (index, bound.name, bound.read)
        for index, bound in enumerate(part.bounds)
        if bound.read is not None and bound.name in names
    ]


def _native(part: Part, found: list[Reading]) -> list[Reading]:
    """Without the booleans: SQLAlchemy's own type has already made them."""
    flags = {bound.name for bound in part.bounds if bound.spec.type is Type.BOOLEAN}
    return [item for item in found if item[1] not in flags]


class _RootReader:
    def __init__(self, layout: Layout, root: Root) -> None:
        self._kind = layout.kind
        columns: list[Any] = [bound.column for bound in root.bounds]
        self._names = [bound.name for bound in root.bounds]
        self._convert = _native(root, _conversions(root, self._names))
        self._extra = len(columns) if self._kind.extra and "extra" in root.table.c else None
        if self._extra is not None:
            columns.append(root.c.extra)
        self._mirror = _late_mirrors(root, len(columns))
        columns += [root.c[column] for _, _, column in self._mirror]
        statement = sa.select(*columns).where(in_keys(root.key_columns), *root.filters)
        if self._kind.surrogate:
            statement = statement.order_by(root.c[self._kind.surrogate])
        self._statement = statement
        self._key = self._kind.key

    def read(
        self, connection: sa.engine.Connection, values: list[Any], faults: Faults
    ) -> dict[str, Document]:
        found: dict[str, Document] = {}
        names, single = self._names, len(self._key) == 1
        for row in connection.execute(self._statement, {"keys": values}):
            document: Document = dict(zip(names, row, strict=False))
            key = join_key((document[self._key[0]],)) if single else ""
            try:
                if is_undecodable(row):
                    raise ValueError(REASON)
                self._fill(document, row)
            except ValueError as error:
                faults[key or self._kind.key_of(document)] = error
                continue
            found.setdefault(key or self._kind.key_of(document), document)
        return found

    def _fill(self, document: Document, row: Any) -> None:
        for index, name, read in self._convert:
            document[name] = read(row[index])
        for index, name, _ in self._mirror:
            if document[name] is None and row[index] is not None:
                document[name] = time_to_micros(row[index])
        if self._extra is not None and row[self._extra] != "{}":
            for name, value in load_extra(row[self._extra]).items():
                document[f"extra.{name}"] = value


class _ChildReader:
    def __init__(self, part: ChildPart) -> None:
        self.part = part
        child = part.child
        values = part.values()
        self._names = [bound.name for bound, _ in values]
        columns: list[Any] = [part.key, *(column for _, column in values)]
        self._mirror = _late_mirrors(part.part, len(columns))
        columns += [part.part.c[column] for _, _, column in self._mirror]
        self._convert = _native(part.part, _conversions(part.part, self._names))
        statement = sa.select(*columns).select_from(part.source)
        statement = statement.where(in_keys((part.key,)))
        if child.surrogate:
            statement = statement.order_by(part.part.c[child.surrogate])
        self._statement = statement
        self._read: Callable[[sa.engine.Connection, list[Any], dict[Any, Document], Faults], None] = {
            Shape.ONE: self._read_one,
            Shape.SET: self._read_set,
            Shape.ITEMS: self._read_items,
            Shape.OPTIONS: self._read_options,
            Shape.CONFIG: self._read_config,
        }[child.shape]

    def read(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        """Adds the children's fields to the documents of ``owners``."""
        self._read(connection, keys, owners, faults)

    def _rows(self, connection: sa.engine.Connection, keys: list[Any], faults: Faults) -> Iterator[Any]:
        for row in connection.execute(self._statement, {"keys": keys}):
            if is_undecodable(row):
                faults[row[0]] = ValueError(REASON)
            else:
                yield row

    def _read_one(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        names = [self.part.prefix + name for name in self._names]
        for row in self._rows(connection, keys, faults):
            document = owners.get(row[0])
            if document is not None:
                document.update(zip(names, row[1:], strict=True))
                for index, name, read in self._convert:
                    document[self.part.prefix + name] = read(row[index + 1])

    def _read_set(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        field = self.part.child.field
        lists: dict[Any, list[Any]] = {key: [] for key in owners}
        for row in self._rows(connection, keys, faults):
            if row[0] in lists:
                lists[row[0]].append(row[1])
        for key, values in lists.items():
            values.sort()
            owners[key][field] = values

    def _read_items(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        child, parent = self.part.child, self.part.parent
        lists: dict[Any, list[Any]] = {}
        for key, document in owners.items():
            if parent is None or parent.prefix + parent.child.fields[0].name in document:
                lists[key] = []
        count = len(self._names) + 1
        for row in self._rows(connection, keys, faults):
            item: dict[str, JSON] = dict(zip(self._names, row[1:count], strict=True))
            for index, name, read in self._convert:
                item[name] = read(row[index + 1])
            for index, name, _ in self._mirror:
                if item[name] is None and row[index] is not None:
                    item[name] = time_to_micros(row[index])
            if row[0] in lists:
                lists[row[0]].append(item)
        for key, items in lists.items():
            if len(items) > 1:
                items.sort(key=lambda item: tuple(item[name] for name in child.order))
            owners[key][child.field] = items

    def _read_options(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        read = self.part.part.bounds[1].read
        assert read is not None
        for row in self._rows(connection, keys, faults):
            document = owners.get(row[0])
            if document is not None:
                _put(document, self.part.prefix + row[1], row[0], row[2], read, faults)

    def _read_config(
        self,
        connection: sa.engine.Connection,
        keys: list[Any],
        owners: dict[Any, Document],
        faults: Faults,
    ) -> None:
        read = self.part.part.bounds[2].read
        assert read is not None
        for row in self._rows(connection, keys, faults):
            document = owners.get(row[0])
            if document is not None:
                name = self.part.prefix + join_key((row[1], row[2]))
                _put(document, name, row[0], row[3], read, faults)


def _put(
    document: Document, name: str, owner: Any, value: Any, read: Callable[[Any], Any], faults: Faults
) -> None:
    try:
        document[name] = read(value)
    except ValueError as error:
        faults[owner] = error


def _late_mirrors(part: Part, offset: int) -> list[tuple[int, str, str]]:
    """(row index, field, column) of the older DATETIME columns that stand in for an unset integer one."""
    found = [bound for bound in part.bounds if bound.spec.mirror and bound.spec.mirror in part.table.c]
    return [(offset + index, bound.name, bound.spec.mirror) for index, bound in enumerate(found)]
