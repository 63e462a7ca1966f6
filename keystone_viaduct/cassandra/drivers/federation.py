"""Namespace ``keystone.federation``: identity providers with their protocols, mappings, service providers.

A protocol needs its provider. It is written, and then the provider is looked at again; if it is gone, the
protocol is taken back. Whoever deletes a provider takes away first what hangs on it, protocols and users
included, so that an interrupted deletion is finished by doing it again; and once more afterwards, for what
was being written meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keystone import exception
from keystone.common import sql
from keystone.federation.backends import base
from keystone.federation.backends import sql as model
from oslo_db import exception as db_exception

from keystone_viaduct.cassandra.drivers.base import Filters
from keystone_viaduct.cassandra.drivers.providers import (
    IDP,
    MAPPING,
    MAPPINGS,
    PROTOCOL_FIELDS,
    PROTOCOLS,
    PROVIDERS,
    SERVICE_PROVIDER,
    SERVICE_PROVIDERS,
)
from keystone_viaduct.cassandra.drivers.removal import Removal
from keystone_viaduct.cassandra.records import Fields, NameTaken
from keystone_viaduct.cassandra.records.shape import ALL


class Federation(Removal, base.FederationDriverBase):  # type: ignore[misc]
    """See the base class."""

    def create_idp(self, idp_id: str, idp: Mapping[str, Any]) -> dict[str, Any]:
        """Make an identity provider."""
        ref = model.IdentityProviderModel.from_dict({**idp, "id": idp_id})
        fields = PROVIDERS.fields(ref)
        _told(idp_id, lambda: self._create(IDP, idp_id, fields))
        return dict(ref.to_dict())

    def delete_idp(self, idp_id: str) -> None:
        """Delete an identity provider, its protocols, and the users that came by it alone."""
        missing = exception.IdentityProviderNotFound(idp_id=idp_id)
        if self._records.get(IDP, idp_id) is None:
            raise missing
        self._clear_idp(idp_id)
        self._delete(IDP, idp_id, missing)
        self._clear_idp(idp_id)

    def _clear_idp(self, idp_id: str) -> None:
        self._change(PROTOCOLS, idp_id, lambda _: None)
        self._end_all_of(idp_id)
        self._remove_sides(idp_id)

    def list_idps(self, hints: Any = None) -> list[dict[str, Any]]:
        """Identity providers that match."""
        filters = Filters(hints, PROVIDERS.columns.filterable(model.IdentityProviderModel.attributes))
        domain = filters.exact("domain_id")
        place = ("domain", domain) if domain else (ALL, "")
        return [ref.to_dict() for ref in self._list(IDP, PROVIDERS, hints, filters, *place)]

    def get_idp(self, idp_id: str) -> dict[str, Any]:
        """An identity provider."""
        ref = self._thing(IDP, PROVIDERS, idp_id)
        if ref is None:
            raise exception.IdentityProviderNotFound(idp_id=idp_id)
        return dict(ref.to_dict())

    def get_idp_from_remote_id(self, remote_id: str) -> dict[str, Any]:
        """Which identity provider has that remote id."""
        found = self._records.named(IDP, "remote", "", remote_id)
        if found is None:
            raise exception.IdentityProviderNotFound(idp_id=remote_id)
        return {"idp_id": found[0], "remote_id": remote_id}

    def update_idp(self, idp_id: str, idp: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``idp`` names and may be changed."""
        missing = exception.IdentityProviderNotFound(idp_id=idp_id)
        alter = _altering(model.IdentityProviderModel, idp)
        updated = _told(idp_id, lambda: self._update(IDP, PROVIDERS, idp_id, alter, missing))
        return dict(updated.to_dict())

    @sql.handle_conflicts(conflict_type="federation_protocol")  # type: ignore[untyped-decorator]
    def create_protocol(self, idp_id: str, protocol_id: str, protocol: Mapping[str, Any]) -> dict[str, Any]:
        """Make a protocol of an identity provider, which is looked at again when it is there."""
        missing = exception.IdentityProviderNotFound(idp_id=idp_id)
        if self._records.get(IDP, idp_id) is None:
            raise missing
        made = {**protocol, "id": protocol_id, "idp_id": idp_id}
        values = PROTOCOL_FIELDS.fields(model.FederationProtocolModel.from_dict(made))

        def decide(before: Fields | None) -> Fields:
            if protocol_id in (before or {}):
                raise db_exception.DBDuplicateEntry(columns=["id", "idp_id"])
            return {**(before or {}), protocol_id: values}

        self._change(PROTOCOLS, idp_id, decide)
        if self._records.get_latest(IDP, idp_id) is None:
            self._drop_part(PROTOCOLS, idp_id, protocol_id)
            raise missing
        return _protocol(idp_id, protocol_id, values)

    def update_protocol(self, idp_id: str, protocol_id: str, protocol: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``protocol`` names and may be changed."""
        names = model.FederationProtocolModel.mutable_attributes
        changed = {name: value for name, value in protocol.items() if name in names}
        values: dict[str, Any] = {}

        def decide(before: Fields | None) -> Fields:
            values.update({**_one(before, idp_id, protocol_id), **changed})
            return {**(before or {}), protocol_id: dict(values)}

        self._change(PROTOCOLS, idp_id, decide)
        return _protocol(idp_id, protocol_id, values)

    def get_protocol(self, idp_id: str, protocol_id: str) -> dict[str, Any]:
        """A protocol of an identity provider."""
        values = _one(self._records.get(PROTOCOLS, idp_id), idp_id, protocol_id)
        return _protocol(idp_id, protocol_id, values)

    def list_protocols(self, idp_id: str) -> list[dict[str, Any]]:
        """The protocols of an identity provider."""
        fields = self._records.get(PROTOCOLS, idp_id) or {}
        return [_protocol(idp_id, name, fields[name]) for name in sorted(fields)]

    def delete_protocol(self, idp_id: str, protocol_id: str) -> None:
        """Delete a protocol, and the users that came by it alone."""
        _one(self._records.get(PROTOCOLS, idp_id), idp_id, protocol_id)
        self._remove_sides(idp_id, protocol_id)
        if not self._drop_part(PROTOCOLS, idp_id, protocol_id):
            raise _no_protocol(idp_id, protocol_id)
        self._remove_sides(idp_id, protocol_id)

    @sql.handle_conflicts(conflict_type="mapping")  # type: ignore[untyped-decorator]
    def create_mapping(self, mapping_id: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
        """Make a mapping."""
        names = ("rules", "schema_version")
        ref = model.MappingModel.from_dict({"id": mapping_id, **{name: mapping.get(name) for name in names}})
        self._create(MAPPING, mapping_id, MAPPINGS.fields(ref))
        return dict(ref.to_dict())

    def delete_mapping(self, mapping_id: str) -> None:
        """Delete a mapping."""
        self._delete(MAPPING, mapping_id, exception.MappingNotFound(mapping_id=mapping_id))

    def list_mappings(self) -> list[dict[str, Any]]:
        """All mappings."""
        return [MAPPINGS.thing(*each).to_dict() for each in self._records.list(MAPPING, ALL)]

    def get_mapping(self, mapping_id: str) -> dict[str, Any]:
        """A mapping."""
        ref = self._thing(MAPPING, MAPPINGS, mapping_id)
        if ref is None:
            raise exception.MappingNotFound(mapping_id=mapping_id)
        return dict(ref.to_dict())

    @sql.handle_conflicts(conflict_type="mapping")  # type: ignore[untyped-decorator]
    def update_mapping(self, mapping_id: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
        """Give a mapping other rules, and another version of their schema where it is said."""
        changed = {"rules": mapping.get("rules")}
        if mapping.get("schema_version"):
            changed["schema_version"] = mapping["schema_version"]

        def alter(ref: Any) -> None:
            new = model.MappingModel.from_dict({**ref.to_dict(), **changed})
            ref.rules, ref.schema_version = new.rules, new.schema_version

        missing = exception.MappingNotFound(mapping_id=mapping_id)
        return dict(self._update(MAPPING, MAPPINGS, mapping_id, alter, missing).to_dict())

    def get_mapping_from_idp_and_protocol(self, idp_id: str, protocol_id: str) -> dict[str, Any]:
        """The mapping of a protocol."""
        values = _one(self._records.get(PROTOCOLS, idp_id), idp_id, protocol_id)
        return self.get_mapping(values["mapping_id"])

    @sql.handle_conflicts(conflict_type="service_provider")  # type: ignore[untyped-decorator]
    def create_sp(self, sp_id: str, sp: Mapping[str, Any]) -> dict[str, Any]:
        """Make a service provider."""
        ref = model.ServiceProviderModel.from_dict({**sp, "id": sp_id})
        self._create(SERVICE_PROVIDER, sp_id, SERVICE_PROVIDERS.fields(ref))
        return dict(ref.to_dict())

    def delete_sp(self, sp_id: str) -> None:
        """Delete a service provider."""
        self._delete(SERVICE_PROVIDER, sp_id, exception.ServiceProviderNotFound(sp_id=sp_id))

    def list_sps(self, hints: Any = None) -> list[dict[str, Any]]:
        """Service providers that match."""
        attributes = SERVICE_PROVIDERS.columns.filterable(model.ServiceProviderModel.attributes)
        filters = Filters(hints, attributes)
        found = self._list(SERVICE_PROVIDER, SERVICE_PROVIDERS, hints, filters, ALL)
        return [ref.to_dict() for ref in found]

    def get_sp(self, sp_id: str) -> dict[str, Any]:
        """A service provider."""
        ref = self._thing(SERVICE_PROVIDER, SERVICE_PROVIDERS, sp_id)
        if ref is None:
            raise exception.ServiceProviderNotFound(sp_id=sp_id)
        return dict(ref.to_dict())

    def update_sp(self, sp_id: str, sp: Mapping[str, Any]) -> dict[str, Any]:
        """Change what ``sp`` names and may be changed."""
        missing = exception.ServiceProviderNotFound(sp_id=sp_id)
        alter = _altering(model.ServiceProviderModel, sp)
        return dict(self._update(SERVICE_PROVIDER, SERVICE_PROVIDERS, sp_id, alter, missing).to_dict())

    def get_enabled_service_providers(self) -> list[Any]:
        """The service providers that are enabled, as objects."""
        every = (SERVICE_PROVIDERS.thing(*each) for each in self._records.list(SERVICE_PROVIDER, ALL))
        return [ref for ref in every if ref.enabled]


def _altering(of: Any, changed: Mapping[str, Any]) -> Callable[[Any], None]:
    """What sets on an object those of its attributes that may be changed."""

    def alter(ref: Any) -> None:
        new = of.from_dict({**ref.to_dict(), **changed})
        for name in of.mutable_attributes - {"remote_ids"}:
            setattr(ref, name, getattr(new, name))
        if "remote_ids" in of.mutable_attributes:
            ref.remote_ids = [type(each)(remote_id=each.remote_id) for each in new.remote_ids]

    return alter


def _told(idp_id: str, work: Callable[[], Any]) -> Any:
    """Change an identity provider; a conflict says what of it another one has."""
    try:
        return work()
    except db_exception.DBDuplicateEntry as error:
        taken = error.__cause__
        named = f"remote ID: {taken.claim.name}" if isinstance(taken, NameTaken) else f"entry: {idp_id}"
        raise exception.Conflict(type="identity_provider", details=f"Duplicate {named}") from error


def _no_protocol(idp_id: str, protocol_id: str) -> Exception:
    missing: Exception = exception.FederatedProtocolNotFound(idp_id=idp_id, protocol_id=protocol_id)
    return missing


def _one(fields: Fields | None, idp_id: str, protocol_id: str) -> Mapping[str, Any]:
    """What is known of one protocol of a provider."""
    if protocol_id not in (fields or {}):
        raise _no_protocol(idp_id, protocol_id)
    found: Mapping[str, Any] = (fields or {})[protocol_id]
    return found


def _protocol(idp_id: str, protocol_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": protocol_id, "idp_id": idp_id, **values}
