"""Kinds of which one record holds many documents, a field for each: all that belongs to one owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from keystone_viaduct.cassandra.drivers import assignment, endpoint_policy, expiring, providers
from keystone_viaduct.cassandra.drivers.domain_config import OPTIONS
from keystone_viaduct.cassandra.records import Fields, Shape
from keystone_viaduct.cassandra.transfer.fields import shown, stored
from keystone_viaduct.cassandra.transfer.ports import Item
from keystone_viaduct.errors import BadDocument
from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.shape import Field
from keystone_viaduct.kinds.value import Document, Type, join_key, part_key

_ANY = Field("any", Type.JSON)


@dataclass(frozen=True)
class Pairs:
    """Which of one sort of things an owner has: a field for each, named by its id."""

    kind: Kind
    shape: Shape
    owner: str
    part: str

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """One for each field."""
        for name in sorted(fields):
            document: Document = {self.owner: key, self.part: name}
            yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The owner."""
        return str(document[self.owner])

    def put(self, before: Fields | None, document: Document) -> Fields:
        """The owner's record, with the field."""
        return {**(before or {}), str(document[self.part]): True}


@dataclass(frozen=True)
class Protocols:
    """The protocols of an identity provider."""

    kind: Kind
    shape: Shape = providers.PROTOCOLS

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """One for each field."""
        names = providers.PROTOCOL_FIELDS.columns.names()
        for name in sorted(fields):
            document: Document = {"id": name, "idp_id": key}
            for spec in self.kind.fields:
                if spec.stored in names:
                    document[spec.name] = shown(spec, fields[name].get(names[spec.stored]))
            yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The identity provider."""
        return str(document["idp_id"])

    def put(self, before: Fields | None, document: Document) -> Fields:
        """The provider's record, with the protocol."""
        names = providers.PROTOCOL_FIELDS.columns.names()
        specs = [spec for spec in self.kind.fields if spec.stored in names]
        value = {names[spec.stored]: stored(spec, document.get(spec.name)) for spec in specs}
        return {**(before or {}), str(document["id"]): value}


@dataclass(frozen=True)
class Expiring:
    """The memberships of a user that an identity provider has told of."""

    kind: Kind
    shape: Shape = expiring.EXPIRING

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """One for each field."""
        verified = next(spec for spec in self.kind.fields if spec.name == "last_verified")
        for name in sorted(fields):
            membership = expiring.parse(name)
            document: Document = {"user_id": key, "group_id": membership.group, "idp_id": membership.idp}
            document["last_verified"] = shown(verified, fields[name])
            yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The user."""
        return str(document["user_id"])

    def put(self, before: Fields | None, document: Document) -> Fields:
        """The user's record, with the membership."""
        verified = next(spec for spec in self.kind.fields if spec.name == "last_verified")
        field = expiring.Expiring(str(document["group_id"]), str(document["idp_id"])).field
        return {**(before or {}), field: stored(verified, document["last_verified"])}


@dataclass(frozen=True)
class Grants:
    """What an actor was granted: on projects and domains, or on the system."""

    kind: Kind
    shape: Shape = assignment.GRANTS

    @property
    def _of_system(self) -> bool:
        return self.kind.name == "system_assignment"

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """One for each field that is of this kind."""
        for grant in assignment.grants(fields):
            if (grant.type not in assignment.TYPES) == self._of_system:
                document: Document = {
                    "type": grant.type,
                    "actor_id": key,
                    "target_id": grant.target,
                    "role_id": grant.role,
                    "inherited": grant.inherited,
                }
                yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The actor."""
        return str(document["actor_id"])

    def put(self, before: Fields | None, document: Document) -> Fields:
        """The actor's record, with the grant."""
        kind, target, role = (str(document[name]) for name in ("type", "target_id", "role_id"))
        grant = assignment.Grant(kind, target, role, bool(document["inherited"]))
        return {**(before or {}), grant.field: True}


@dataclass(frozen=True)
class Configurations:
    """The options of a domain: one record and one document."""

    kind: Kind
    shape: Shape = OPTIONS

    def documents(self, key: str, fields: Fields) -> Iterator[Item]:
        """The document."""
        document: Document = {"domain_id": key}
        for name, option in fields.items():
            prefix = "sensitive" if option["sensitive"] else "whitelisted"
            named = join_key(tuple(unquote(part) for part in name.split("/")))
            document[f"{prefix}.{named}"] = shown(_ANY, option["value"])
        yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """The domain."""
        return str(document["domain_id"])

    def put(self, _before: Fields | None, document: Document) -> Fields:
        """The record."""
        found: dict[str, Any] = {}
        for name, value in document.items():
            prefix, _, named = name.partition(".")
            if prefix in ("sensitive", "whitelisted"):
                parts = part_key(named, self.kind.name, 2, sized=False)
                field = "/".join(quote(part, safe="") for part in parts)
                if field in found:  # Keystone's own list of options says which they are
                    raise BadDocument(f"its option {named} is sensitive and is not", kind=self.kind.name)
                found[field] = {"sensitive": prefix == "sensitive", "value": stored(_ANY, value)}
        return found


@dataclass(frozen=True)
class Associations:
    """The policies of endpoints, services, and services in regions."""

    kind: Kind
    shape: Shape = endpoint_policy.ASSOCIATION

    def documents(self, _key: str, fields: Fields) -> Iterator[Item]:
        """The document."""
        document: Document = {spec.name: fields[spec.name] for spec in self.kind.fields}
        yield self.kind.key_of(document), document

    def place(self, document: Document) -> str:
        """What has the policy."""
        return endpoint_policy.key(*(_text(document[name]) for name in endpoint_policy.ENDS))

    def put(self, _before: Fields | None, document: Document) -> Fields:
        """The record."""
        return {spec.name: document[spec.name] for spec in self.kind.fields}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
