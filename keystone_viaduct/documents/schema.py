"""The tables of the live, migrated database, from which the models of a release differ."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    """What the database says about one column; ``default`` is a literal server default."""

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool
    default: str | None


@dataclass(frozen=True)
class Schema:
    """The tables that kinds lie in, as this database has them."""

    dialect: str
    columns: Mapping[str, Mapping[str, Column]]

    def has(self, table: str, column: str = "") -> bool:
        """Whether the table, or the column of it, exists here."""
        return table in self.columns and (not column or column in self.columns[table])


_CACHE: WeakKeyDictionary[sa.engine.Engine, Schema] = WeakKeyDictionary()
_LOCK = threading.Lock()


def tables_of_kinds() -> tuple[str, ...]:
    """Every table that some kind lies in."""
    return tuple(dict.fromkeys(table for kind in REGISTRY.values() for table in kind.tables))


def reflect(bind: Bind, *, fresh: bool = False) -> Schema:
    """The schema behind ``bind``, read once per engine; ``fresh`` reads it again (after a migration).

    Raises SchemaMissing when there are no tables of Keystone.
    """
    engine = bind.engine
    with _LOCK:
        found = None if fresh else _CACHE.get(engine)
        if found is None:
            found = _reflect(bind)
            _CACHE[engine] = found
        return found


def _reflect(bind: Bind) -> Schema:
    inspector = sa.inspect(bind)
    present = set(inspector.get_table_names())
    wanted = [table for table in tables_of_kinds() if table in present]
    if "project" not in present:
        raise SchemaMissing(
            "this database has no tables of Keystone",
            hint="run 'keystone-manage db_sync', or correct [database] connection",
        )
    return Schema(bind.dialect.name, {table: _columns(inspector.get_columns(table)) for table in wanted})


def _columns(reflected: Iterable[Any]) -> dict[str, Column]:
    return {
        item["name"]: Column(item["name"], item["type"], bool(item["nullable"]), item.get("default"))
        for item in reflected
    }


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
