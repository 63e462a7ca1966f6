"""The tables of the live, migrated database, from which the models of a release differ."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from keystone_viaduct.errors import SchemaMissing
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Field
from keystone_viaduct.kinds.value import JSON, Type

Bind = sa.engine.Engine | sa.engine.Connection


@dataclass(frozen=True)
class Column:
    """What the database says about one column.

    ``default`` is the text of its server default, ``collation`` MySQL's (empty elsewhere, where texts are
    equal only when their bytes are).
    """

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool
    default: str | None
    collation: str = ""

    @property
    def narrow(self) -> bool:
        """Whether it holds characters up to U+FFFF only (utf8mb3)."""
        return self.collation.startswith(("utf8_", "utf8mb3_"))

    @property
    def folds(self) -> bool:
        """Whether it holds texts equal that differ in case only."""
        return self.collation.endswith("_ci")

    @property
    def is_enumeration(self) -> bool:
        """Whether it holds a few names only."""
        return isinstance(self.type, sa.Enum)

    def holds(self, text: str, dialect: str) -> bool:
        """Whether it can hold these characters at all; what it can't is equal to nothing in it."""
        return misplaced(text, dialect) is None and not (self.narrow and text and max(text) >= _WIDE)


@dataclass(frozen=True, eq=False)
class Schema:
    """The tables that kinds lie in, as this database has them.

    Databases of one shape share one (see :func:`reflect`), so what is made from it can be kept by it.
    ``unique``: per table, the columns that are unique together; looked at only where texts are compared by
    collations.
    """

    dialect: str
    columns: Mapping[str, Mapping[str, Column]]
    unique: Mapping[str, Collection[frozenset[str]]] = field(default_factory=dict)

    @property
    def folds_case(self) -> bool:
        """Whether names that differ in case only are equal to this database."""
        return self.columns["project"]["name"].folds

    def holds(self, column: sa.ColumnElement[Any] | sa.Column[Any], text: object) -> bool:
        """Whether a column of these tables can hold these characters; it holds what is no text."""
        if not isinstance(text, str) or (text.isascii() and "\0" not in text):
            return True
        assert isinstance(column, sa.Column) and isinstance(column.table, sa.Table)
        return self.columns[column.table.name][column.name].holds(text, self.dialect)

    def has(self, table: str, column: str = "") -> bool:
        """Whether the table, or the column of it, exists here."""
        return table in self.columns and (not column or column in self.columns[table])


_WIDE = "\U00010000"


def misplaced(text: str, dialect: str) -> str | None:
    """The character that no text column of such a database holds, by its name; None if there is none."""
    if text.isascii() and "\0" not in text:
        return None
    if "\0" in text and dialect in ("postgresql", "cockroachdb"):
        return "a NUL character, which PostgreSQL can't store"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "half a surrogate pair, which is no character"
    return None


_CACHE: WeakKeyDictionary[sa.engine.Engine, Schema] = WeakKeyDictionary()
_LOCK = threading.Lock()
#: The shapes seen last, the latest at the end; a process sees one or two, one that migrates a few more.
_SHAPES: dict[str, Schema] = {}
_MOST_SHAPES = 8
#: Kept by rolling upgrades, where there has been one.
_BRIDGED = "viaduct_bridged_column"


def tables_of_kinds() -> tuple[str, ...]:
    """Every table that some kind lies in."""
    return tuple(dict.fromkeys(table for kind in REGISTRY.values() for table in kind.tables))


def reflect(bind: Bind, *, fresh: bool = False) -> Schema:
    """The schema behind ``bind``, read once per engine; ``fresh`` reads it again (after a migration).

    Where a database of the same shape was read before, it is the same object. Raises SchemaMissing when there
    are no tables of Keystone.
    """
    engine = bind.engine
    with _LOCK:
        found = None if fresh else _CACHE.get(engine)
        if found is None:
            found = _shared(_reflect(bind))
            _CACHE[engine] = found
        return found


def _shared(schema: Schema) -> Schema:
    """The one that stands for all schemas of this shape."""
    shape = repr(
        (
            schema.dialect,
            schema.columns,
            sorted((t, sorted(map(sorted, u))) for t, u in schema.unique.items()),
        )
    )
    found = _SHAPES.pop(shape, schema)
    _SHAPES[shape] = found
    if len(_SHAPES) > _MOST_SHAPES:
        del _SHAPES[next(iter(_SHAPES))]
    return found


def _reflect(bind: Bind) -> Schema:
    if isinstance(bind, sa.engine.Engine):
        with bind.connect() as connection:  # an inspector of an engine opens one for each table
            return _reflect(connection)
    inspector = sa.inspect(bind)
    present = set(inspector.get_table_names())
    wanted = [table for table in tables_of_kinds() if table in present]
    if "project" not in present:
        raise SchemaMissing(
            "this database has no tables of Keystone",
            hint="run 'keystone-manage db_sync', or correct [database] connection",
        )
    mirrors = _mirrors(bind) if _BRIDGED in present else set()
    collations = _collations(bind) if bind.dialect.name in ("mysql", "mariadb") else {}
    columns = {
        table: {
            item["name"]: Column(
                item["name"],
                item["type"],
                bool(item["nullable"]),
                item.get("default"),
                collations.get((table, item["name"]), ""),
            )
            for item in inspector.get_columns(table)
            if (table, item["name"]) not in mirrors
        }
        for table in wanted
    }
    unique = {table: _unique(inspector, table) for table in wanted} if collations else {}
    return Schema(bind.dialect.name, columns, unique)


def _unique(inspector: sa.Inspector, table: str) -> frozenset[frozenset[str]]:
    found = [item["column_names"] for item in inspector.get_indexes(table) if item["unique"]]
    found.append([*inspector.get_pk_constraint(table)["constrained_columns"]])
    return frozenset(frozenset(name for name in names if name) for names in found)


def _mirrors(bind: Bind) -> set[tuple[str, str]]:
    """(table, column) of the columns that a rolling upgrade keeps equal to others, as long as it does.

    What they hold is said by the others already: they are neither captured nor sent.
    """
    statement = sa.text(f"SELECT table_name, column_name FROM {_BRIDGED}")
    if isinstance(bind, sa.engine.Connection):
        return {(table, column) for table, column in bind.execute(statement)}
    with bind.connect() as connection:
        return _mirrors(connection)


def _collations(bind: Bind) -> dict[tuple[str, str], str]:
    """(table, column) -> collation; SQLAlchemy's reflection leaves a table's default out."""
    statement = sa.text(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
    )
    if isinstance(bind, sa.engine.Connection):
        return {(table, column): name for table, column, name in bind.execute(statement)}
    with bind.connect() as connection:
        return _collations(connection)


def sql_type(column: Column, declared: Type | None) -> sa.types.TypeEngine[Any]:
    """The type to bind and read with. JSON stays text: SQLAlchemy's would not write what Keystone writes."""
    if isinstance(column.type, sa.Enum):
        return column.type
    return _SQL_TYPES.get(declared or guess(column), sa.String)()


def guess(column: Column) -> Type:
    """The document type of a column that no declaration knows."""
    shown = str(column.type).upper()
    if isinstance(column.type, sa.Boolean) or shown == "TINYINT(1)" or shown == "TINYINT":
        return Type.BOOLEAN
    if isinstance(column.type, sa.DateTime):
        return Type.DATETIME
    if isinstance(column.type, sa.Date):
        return Type.DATE
    return Type.INTEGER if isinstance(column.type, sa.Integer) else Type.TEXT


def unknown_field(column: Column) -> Field:
    """The declaration made up for a column of a later release."""
    kind = guess(column)
    default = _literal(column.default, kind)
    required = not column.nullable and default is None
    return Field(column.name, kind, getattr(column.type, "length", None), required, default)


def _literal(text: str | None, kind: Type) -> JSON:
    """A server default as a document's value; None for none and for expressions."""
    if text is None or text.upper().startswith(("NULL", "NEXTVAL")):
        return None
    text = text.split("::")[0].strip("()").strip("'")
    if kind is Type.BOOLEAN:
        return text.lower() in ("1", "true", "t")
    if kind is Type.INTEGER:
        return int(text) if text.lstrip("-").isdigit() else None
    return text if kind is Type.TEXT else None


_SQL_TYPES: dict[Type, type[sa.types.TypeEngine[Any]]] = {
    Type.BOOLEAN: sa.Boolean,
    Type.DATETIME: sa.DateTime,
    Type.DATE: sa.Date,
    Type.INTEGER: sa.BigInteger,
    Type.MICROS: sa.BigInteger,
}
