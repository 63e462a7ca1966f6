"""Every kind, in dependency order, and the tables that no kind covers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from keystone_viaduct.errors import UnknownKind

from . import (
    application_credential,
    assignment,
    catalog,
    credential,
    federation,
    identity,
    limit,
    oauth,
    policy,
    resource,
    revocation,
    trust,
)
from .model import Kind

_ORDER: tuple[Kind, ...] = (
    catalog.REGION,
    catalog.SERVICE,
    catalog.ENDPOINT,
    catalog.ENDPOINT_GROUP,
    policy.POLICY,
    policy.POLICY_ASSOCIATION,
    resource.DOMAIN,
    resource.DOMAIN_CONFIG,
    assignment.ROLE,
    assignment.IMPLIED_ROLE,
    resource.PROJECT,
    catalog.PROJECT_ENDPOINT,
    catalog.PROJECT_ENDPOINT_GROUP,
    limit.REGISTERED_LIMIT,
    limit.LIMIT,
    federation.IDENTITY_PROVIDER,
    federation.MAPPING,
    federation.FEDERATION_PROTOCOL,
    federation.SERVICE_PROVIDER,
    identity.ID_MAPPING,
    identity.USER,
    identity.GROUP,
    identity.MEMBERSHIP,
    identity.EXPIRING_MEMBERSHIP,
    oauth.CONSUMER,
    oauth.REQUEST_TOKEN,
    oauth.ACCESS_TOKEN,
    application_credential.ACCESS_RULE,
    application_credential.APPLICATION_CREDENTIAL,
    trust.TRUST,
    credential.CREDENTIAL,
    assignment.ASSIGNMENT,
    assignment.SYSTEM_ASSIGNMENT,
    revocation.REVOCATION_EVENT,
)

REGISTRY: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ORDER})
"""Name -> kind; what a kind refers to comes before it, so this is the order to insert in."""

UNITABLE = ("user", "group", "project", "role")
"""Kinds of which an operator may merge two records that sites made apart under one name.

Not domains: their ids are in too many places outside of Keystone.
"""

GRANTS = frozenset({"assignment", "system_assignment", "membership", "implied_role"})
"""Kinds whose records say by being there who may do what."""

TWINNED = tuple(kind.name for kind in _ORDER if any(natural.unites for natural in kind.natural))
"""Kinds of which the hub itself unites two records that sites made apart."""

EXCLUDED: Mapping[str, str] = MappingProxyType(
    {
        "alembic_version": "which migrations this database has seen",
        "config_register": "which domain owns this site's SQL identity driver",
        "token": "left over from before Fernet tokens; nothing reads it",
    }
)
"""Table -> why it is not replicated."""

OWN_PREFIX = "viaduct_"
"""Tables of this product itself are not replicated either."""


def get(name: str) -> Kind:
    """The kind of that name; raises UnknownKind."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise UnknownKind(
            f"there is no kind {name!r}",
            hint="'viaduct kinds' lists them; a kind of a newer release is unknown to an older one",
            kind=name,
        ) from None
