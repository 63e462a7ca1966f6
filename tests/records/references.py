"""Which column of a table names a record of which kind: for rows that are made up.

Written down here once more, and not asked of the product, whose declarations are to be tried.
"""

from __future__ import annotations

from collections.abc import Mapping

USER, GROUP, PROJECT, DOMAIN, ROLE = "user", "group", "project", "domain", "role"
IDP = "identity_provider"

#: By table and column. What is not here holds any value.
REFERENCES: Mapping[str, Mapping[str, str]] = {
    "region": {"parent_region_id": "region"},
    "endpoint": {"service_id": "service", "region_id": "region"},
    "project_endpoint": {"endpoint_id": "endpoint", "project_id": PROJECT},
    "project_endpoint_group": {"endpoint_group_id": "endpoint_group", "project_id": PROJECT},
    "policy_association": {
        "policy_id": "policy",
        "endpoint_id": "endpoint",
        "service_id": "service",
        "region_id": "region",
    },
    "implied_role": {"prior_role_id": ROLE, "implied_role_id": ROLE},
    "user": {"default_project_id": PROJECT},
    "user_group_membership": {"user_id": USER, "group_id": GROUP},
    "expiring_user_group_membership": {"user_id": USER, "group_id": GROUP, "idp_id": IDP},
    "credential": {"user_id": USER, "project_id": PROJECT},
    "access_rule": {"user_id": USER},
    "application_credential": {"user_id": USER, "project_id": PROJECT},
    "trust": {"trustor_user_id": USER, "trustee_user_id": USER, "project_id": PROJECT},
    "federation_protocol": {"idp_id": IDP, "mapping_id": "mapping"},
    "registered_limit": {"service_id": "service", "region_id": "region"},
    "limit": {"project_id": PROJECT, "domain_id": DOMAIN, "registered_limit_id": "registered_limit"},
    "request_token": {
        "consumer_id": "consumer",
        "authorizing_user_id": USER,
        "requested_project_id": PROJECT,
    },
    "access_token": {"consumer_id": "consumer", "authorizing_user_id": USER, "project_id": PROJECT},
    "whitelisted_config": {"domain_id": DOMAIN},
    "sensitive_config": {"domain_id": DOMAIN},
    "revocation_event": {"user_id": USER, "project_id": PROJECT, "role_id": ROLE, "domain_id": DOMAIN},
    "project_tag": {"project_id": PROJECT},
}

#: A grant's type says of what kinds its actor and its target are.
GRANTS: Mapping[str, tuple[str, str]] = {
    "UserProject": (USER, PROJECT),
    "GroupProject": (GROUP, PROJECT),
    "UserDomain": (USER, DOMAIN),
    "GroupDomain": (GROUP, DOMAIN),
}
SYSTEM_GRANTS: Mapping[str, str] = {"UserSystem": USER, "GroupSystem": GROUP}
