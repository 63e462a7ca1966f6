"""Identity providers, their protocols, mappings and service providers as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystone.federation.backends import sql as model

from keystone_viaduct.cassandra.drivers.graph import Simple
from keystone_viaduct.cassandra.records import Listing, Shape, Unique
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

IDP = Shape(
    "identity_provider",
    unique=(Unique("remote", lambda fields: [("", remote_id) for remote_id in fields["remote_ids"]]),),
    listings=(Listing(ALL, everywhere), Listing("domain", field_of("domain_id"))),
)
PROTOCOLS = Shape("federation_protocol", listings=(Listing(ALL, everywhere),))
"""Key: the identity provider; a field for each of its protocols."""
MAPPING = Shape("mapping", listings=(Listing(ALL, everywhere),))
SERVICE_PROVIDER = Shape("service_provider", listings=(Listing(ALL, everywhere),))


class _Providers(Simple):
    """With the remote ids of a provider."""

    def fields(self, thing: Any) -> dict[str, Any]:
        """The record of an identity provider."""
        return {**super().fields(thing), "remote_ids": sorted({each.remote_id for each in thing.remote_ids})}

    def thing(self, key: str, fields: Mapping[str, Any]) -> Any:
        """The identity provider of a record."""
        made = super().thing(key, fields)
        made.remote_ids = [model.IdPRemoteIdsModel(remote_id=each) for each in fields["remote_ids"]]
        return made


PROVIDERS = _Providers(model.IdentityProviderModel)
PROTOCOL_FIELDS = Simple(model.FederationProtocolModel, ("id", "idp_id"))
MAPPINGS = Simple(model.MappingModel)
SERVICE_PROVIDERS = Simple(model.ServiceProviderModel)
