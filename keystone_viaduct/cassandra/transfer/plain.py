"""Kinds of which each record is one document: columns of a model, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from keystone_viaduct.cassandra.drivers.graph import Columns
from keystone_viaduct.cassandra.records import Fields, Shape
from keystone_viaduct.cassandra.transfer.fields import shown, stored
from keystone_viaduct.cassandra.transfer.ports import Item
from keystone_viaduct.documents.cipher import CredentialCipher
from keystone_viaduct.kinds import shape as of_kind
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.shape import Child, Field
from keystone_viaduct.kinds.value import JSON, Document, Type


@dataclass(frozen=True)
class Plain:
    """``items``: the columns of what belongs to a record as a list of objects, by the name of the list;
    ``bare``: such lists that a record has not got while they are empty.
    """

    kind: Kind
    shape: Shape
    columns: Columns
    items: Mapping[str, Columns] = field(default_factory=dict)
    bare: tuple[str, ...] = ()
    cipher: CredentialCipher | None = None

    @cached_property
    def _attributes(self) -> dict[str, str]:
        """Column to field of the record; a column that is the key has none."""
        return self.columns.names()

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """The document of a record, if it is one of this kind."""
        if key in self.kind.hidden or any(
            fields.get(self._attributes[name]) != value for name, value in self.kind.constants.items()
        ):
            return
        document = self._root(key, fields)
        for child in self.kind.children:
            document.update(self._child(child, fields))
        yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The key of the record."""
        return str(document[self.kind.key[0]])

    def put(self, _before: Fields | None, document: Document) -> Fields:
        """The record of a document."""
        found: dict[str, Any] = {}
        for spec in self.kind.fields:
            if spec.type is Type.SEALED:
                found.update(self._sealed(spec, document))
            elif spec.stored in self._attributes:
                value = stored(spec, document.get(spec.name, spec.default))
                for name in (spec.stored, spec.mirror):
                    if name in self._attributes:
                        found[self._attributes[name]] = value
        for name, constant in self.kind.constants.items():
            found[self._attributes[name]] = constant
        if self.kind.extra:
            found[self._attributes["extra"]] = {
                name.removeprefix("extra."): stored(_ANY, value)
                for name, value in document.items()
                if name.startswith("extra.")
            }
        for child in self.kind.children:
            found.update(self._stored_child(child, document))
        return found

    def _root(self, key: str, fields: Fields) -> Document:
        document: Document = {}
        for spec in self.kind.fields:
            if spec.type is Type.SEALED:
                assert self.cipher is not None
                document[spec.name] = self.cipher.decrypt(fields[self._attributes[spec.stored]])
            elif spec.stored in self._attributes:
                document[spec.name] = shown(spec, _either(fields, self._attributes, spec))
            elif spec.name in self.kind.key:
                document[spec.name] = key
        extra = fields.get(self._attributes["extra"]) if self.kind.extra else None
        for name, value in (extra or {}).items():
            document[f"extra.{name}"] = shown(_ANY, value)
        return document

    def _sealed(self, spec: Field, document: Document) -> dict[str, Any]:
        assert self.cipher is not None
        blob, key_hash = self.cipher.encrypt(str(document[spec.name]))
        return {self._attributes[spec.stored]: blob, self._attributes[spec.companion]: key_hash}

    def _child(self, child: Child, fields: Fields) -> dict[str, JSON]:
        name = child.field
        if child.shape is of_kind.Shape.ONE:
            side = fields.get(name)
            return {f"{name}.{spec.name}": side[spec.name] for spec in child.fields} if side else {}
        if child.shape is of_kind.Shape.OPTIONS:
            options = fields.get("options", {})
            return {f"{name}.{key}": shown(child.fields[1], value) for key, value in options.items()}
        if child.shape is of_kind.Shape.SET:
            return {name: [*sorted(_ids(fields.get(name, ())))]}
        if child.parent and name not in fields:
            return {}
        columns = self.items[name].names()
        listed = [
            {spec.name: shown(spec, _either(item, columns, spec)) for spec in child.fields}
            for item in fields.get(name, ())
        ]
        return {name: [*sorted(listed, key=lambda item: tuple(item[part] for part in child.order))]}

    def _stored_child(self, child: Child, document: Document) -> dict[str, Any]:
        name = child.field
        if child.shape is of_kind.Shape.ONE:
            there = all(document.get(f"{name}.{spec.name}") is not None for spec in child.fields)
            return {name: {s.name: document[f"{name}.{s.name}"] for s in child.fields}} if there else {}
        if child.shape is of_kind.Shape.OPTIONS:
            prefix = f"{name}."
            return {
                "options": {
                    key.removeprefix(prefix): stored(child.fields[1], value)
                    for key, value in document.items()
                    if key.startswith(prefix)
                }
            }
        given = document.get(name)
        listed = given if isinstance(given, list) else []
        if child.shape is of_kind.Shape.SET:
            return {name: listed}
        if (child.parent and name not in document) or (not listed and name in self.bare):
            return {}
        columns = self.items[name].names()
        return {name: [_item(child, columns, item) for item in listed if isinstance(item, dict)]}


_ANY = Field("any", Type.JSON)


def _either(fields: Mapping[str, Any], attributes: Mapping[str, str], spec: Field) -> Any:
    """A column's value, or that of the older column that holds the same time."""
    value = fields.get(attributes[spec.stored])
    return fields.get(attributes.get(spec.mirror, "")) if value is None and spec.mirror else value


def _item(child: Child, columns: Mapping[str, str], item: Document) -> dict[str, Any]:
    return {columns[spec.stored]: stored(spec, item.get(spec.name, spec.default)) for spec in child.fields}


def _ids(listed: Any) -> list[str]:
    """Records hold some of what they name whole."""
    return [one["id"] if isinstance(one, dict) else one for one in listed]
