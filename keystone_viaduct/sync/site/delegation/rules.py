"""One rule for each kind of record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from keystone_viaduct.sync.site.delegation import (
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
from keystone_viaduct.sync.site.delegation.court import Rule
from keystone_viaduct.sync.site.delegation.ways import asking

_ALL: tuple[Rule, ...] = (
    catalog.region,
    catalog.service,
    catalog.endpoint,
    catalog.endpoint_group,
    policy.policy,
    policy.policy_association,
    resource.domain,
    resource.domain_config,
    assignment.role,
    assignment.implied_role,
    resource.project,
    catalog.project_endpoint,
    catalog.project_endpoint_group,
    limit.registered_limit,
    limit.limit,
    federation.identity_provider,
    federation.mapping,
    federation.federation_protocol,
    federation.service_provider,
    identity.id_mapping,
    identity.user,
    identity.group,
    identity.membership,
    identity.expiring_membership,
    oauth.consumer,
    oauth.request_token,
    oauth.access_token,
    application_credential.access_rule,
    application_credential.application_credential,
    trust.trust,
    credential.credential,
    assignment.assignment,
    assignment.system_assignment,
    revocation.revocation_event,
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.__name__: asking(rule) for rule in _ALL})
"""Kind -> its rule; a kind without one is not delegated to anybody whose delegation is limited."""
