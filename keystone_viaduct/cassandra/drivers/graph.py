"""Keystone's models as plain objects: from an object to the fields of a record, and back.

An object is never added to a session. Its columns become JSON values; what the database would do with them
when a row is inserted is done here: defaults, and the refusal of NULL.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy
from oslo_db import exception as db_exception
from oslo_serialization import jsonutils

from keystone_viaduct.cassandra.records.hints import Attribute

EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 (Keystone's times are naive UTC)


class Columns:
    """The columns of one model."""

    def __init__(self, model: Any, without: Iterable[str] = ("id",)) -> None:
        self.model = model
        self._without = frozenset(without)

    @cached_property
    def _columns(self) -> dict[str, Any]:
        """Attribute to column. Read late: mappers are configured when all models are there."""
        found = sqlalchemy.inspect(self.model).column_attrs
        return {attr.key: attr.columns[0] for attr in found if attr.key not in self._without}

    def names(self) -> dict[str, str]:
        """Column of the table to field of the record."""
        return {column.name: name for name, column in self._columns.items()}

    def values(self, thing: Any) -> dict[str, Any]:
        """The columns of an object, as JSON; raises what a database would that finds a NULL to be refused."""
        values = {}
        for name, column in self._columns.items():
            value = getattr(thing, name)
            value = _default(column) if value is None else value
            if value is None and not column.nullable:
                raise _refused(column)
            values[name] = None if value is None else _encoder(column.type)(value)
        return values

    def attributes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What to set on an object; columns that the record does not know are left alone."""
        known = ((name, column) for name, column in self._columns.items() if name in values)
        return {
            name: None if values[name] is None else _decoder(column.type)(values[name])
            for name, column in known
        }

    def make(self, values: Mapping[str, Any], **more: Any) -> Any:
        """An object of a record's fields."""
        thing = self.model()
        for name, value in {**self.attributes(values), **more}.items():
            setattr(thing, name, value)
        return thing

    def filterable(self, names: Iterable[str]) -> dict[str, Attribute]:
        """What is to be known of attributes when they are filtered by."""
        found = {}
        for name in names:
            column = self._columns.get(name, self._columns.get(f"_{name}"))
            if column is None and name in self._without:
                column = sqlalchemy.inspect(self.model).column_attrs[name].columns[0]
            if column is not None:
                boolean = isinstance(column.type, sqlalchemy.Boolean)
                found[name] = Attribute(getattr(column.type, "length", None), boolean)
        return found


class Simple:
    """A model that is nothing but its columns."""

    def __init__(self, model: Any, without: Iterable[str] = ("id",), key: str = "id") -> None:
        self.columns = Columns(model, without)
        self._key = key

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of an object."""
        return self.columns.values(thing)

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The object of a record."""
        return self.columns.make(fields, **{self._key: key})


class WithOptions:
    """A model with resource options."""

    def __init__(self, model: Any, option: Any, without: Iterable[str] = ("id",)) -> None:
        self.columns = Columns(model, without)
        self._option = option

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of an object."""
        options = {each.option_id: each.option_value for each in thing._resource_option_mapper.values()}
        return {**self.columns.values(thing), "options": jsonutils.loads(jsonutils.dumps(options))}

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The object of a record."""
        made = self.columns.make(fields, id=key)
        for option_id, value in fields.get("options", {}).items():
            made._resource_option_mapper[option_id] = self._option(option_id, value)
        return made


def _default(column: Any) -> Any:
    """What a database puts where nothing is given."""
    default = column.default
    if default is not None and default.is_scalar:
        return default.arg
    if default is not None and default.is_callable:
        return default.arg(None)
    given = column.server_default
    if given is None:
        return None
    text = getattr(given.arg, "text", given.arg)
    if isinstance(column.type, (sqlalchemy.Boolean, sqlalchemy.Integer)):
        return int(text) if isinstance(column.type, sqlalchemy.Integer) else bool(int(text))
    return str(text)


def _refused(column: Any) -> Exception:
    text = f"NOT NULL constraint failed: {column.table.name}.{column.name}"
    refused: Exception = db_exception.DBError(sqlalchemy.exc.IntegrityError(text, None, ValueError(text)))
    return refused


def _encoder(kind: Any) -> Callable[[Any], Any]:
    from keystone.common.sql import core

    if isinstance(kind, core.JsonBlob):
        return lambda value: jsonutils.loads(jsonutils.dumps(value))
    if isinstance(kind, core.DateTimeInt):
        return lambda value: kind.process_bind_param(value, None) if value else value
    if isinstance(kind, sqlalchemy.DateTime):
        return lambda value: int((value - EPOCH) / datetime.timedelta(microseconds=1))
    if isinstance(kind, sqlalchemy.Date):
        return lambda value: value.isoformat()[:10]
    if isinstance(kind, sqlalchemy.Boolean):
        return bool
    return lambda value: value


def _decoder(kind: Any) -> Callable[[Any], Any]:
    from keystone.common.sql import core

    if isinstance(kind, core.DateTimeInt):
        return lambda value: kind.process_result_value(value, None) if value else value
    if isinstance(kind, sqlalchemy.DateTime):
        return lambda value: EPOCH + datetime.timedelta(microseconds=value)
    if isinstance(kind, sqlalchemy.Date):
        return datetime.date.fromisoformat
    return lambda value: value
