"""What each method of Keystone's driver interfaces does to the database.

Reads may be answered from the request memo. What is named neither as a read nor as plain counts as a write,
so a method of a release or driver that this table does not know is merely slower, never wrong.

Source: the abstract base classes and the SQL drivers of Keystone 24 to 30.
"""

from __future__ import annotations

import enum

IDENTITY = "keystone.identity"
ID_MAPPING = "keystone.identity.id_mapping"
SHADOW_USERS = "keystone.identity.shadow_users"
FEDERATION = "keystone.federation"
ASSIGNMENT = "keystone.assignment"
ROLE = "keystone.role"
RESOURCE = "keystone.resource"
DOMAIN_CONFIG = "keystone.resource.domain_config"
CATALOG = "keystone.catalog"
CREDENTIAL = "keystone.credential"
APPLICATION_CREDENTIAL = "keystone.application_credential"
ENDPOINT_POLICY = "keystone.endpoint_policy"
OAUTH1 = "keystone.oauth1"
POLICY = "keystone.policy"
REVOKE = "keystone.revoke"
TRUST = "keystone.trust"
UNIFIED_LIMIT = "keystone.unified_limit"


class Effect(enum.Enum):
    """What a call of a method does to the database."""

    PLAIN = "plain"
    """Nothing: it answers from the configuration, or is no method of the interface."""
    READ = "read"
    """Reads only, and the same question has the same answer until somebody writes."""
    SILENT = "silent"
    """Writes nothing that any read method returns."""
    WRITE = "write"


_PLAIN = {
    IDENTITY: "generates_uuids is_domain_aware",
    ASSIGNMENT: "default_role_driver default_resource_driver",
    RESOURCE: "check_project_depth_limit",
    DOMAIN_CONFIG: "choose_table",
    POLICY: "enforce",
}

# authenticate writes failed_auth_*, set_last_active_at writes last_active_at: no read method returns these.
_SILENT = {
    IDENTITY: "authenticate",
    SHADOW_USERS: "set_last_active_at",
    APPLICATION_CREDENTIAL: "authenticate",
}

# read_registration is left out: it is asked again to learn what another process has done meanwhile.
_READS = {
    IDENTITY: "check_user_in_group get_group get_group_by_name get_user get_user_by_name list_groups"
    " list_groups_for_user list_users list_users_in_group",
    ID_MAPPING: "get_id_mapping get_public_id get_domain_mapping_list",
    SHADOW_USERS: "get_federated_objects get_federated_user get_federated_users get_user"
    " list_federated_users_info",
    FEDERATION: "get_enabled_service_providers get_idp get_idp_from_remote_id get_mapping"
    " get_mapping_from_idp_and_protocol get_protocol get_sp list_idps list_mappings list_protocols list_sps",
    ASSIGNMENT: "check_grant_role_id check_system_grant list_grant_role_ids list_role_assignments"
    " list_system_grants list_system_grants_by_role",
    ROLE: "get_implied_role get_role list_implied_roles list_role_inference_rules list_roles"
    " list_roles_from_ids",
    RESOURCE: "check_project_depth get_project get_project_by_name is_leaf_project"
    " list_project_ids_from_domain_ids list_project_parents list_projects list_projects_acting_as_domain"
    " list_projects_by_tags list_projects_from_ids list_projects_in_domain list_projects_in_subtree",
    DOMAIN_CONFIG: "get_config_option list_config_options",
    CATALOG: "check_endpoint_in_project get_endpoint get_endpoint_group get_endpoint_group_in_project"
    " get_region get_service get_v3_catalog list_endpoint_groups list_endpoint_groups_for_project"
    " list_endpoints list_endpoints_for_project list_projects_associated_with_endpoint_group"
    " list_projects_for_endpoint"
    " list_regions list_services",
    CREDENTIAL: "get_credential list_credentials list_credentials_for_user",
    APPLICATION_CREDENTIAL: "get_access_rule get_application_credential list_access_rules_for_user"
    " list_application_credentials_for_user",
    ENDPOINT_POLICY: "check_policy_association get_policy_association list_associations_for_policy",
    OAUTH1: "get_access_token get_consumer get_consumer_with_secret get_request_token list_access_tokens"
    " list_consumers",
    POLICY: "get_policy list_policies",
    REVOKE: "list_events",
    TRUST: "get_trust list_trusts list_trusts_for_trustee list_trusts_for_trustor",
    UNIFIED_LIMIT: "get_limit get_registered_limit list_limits list_registered_limits",
}

NAMESPACES = frozenset(_READS)
"""The driver namespaces that hold database state: those that are wrapped."""

# Drivers whose writes are seen by each other's reads: users are written by all three of the first group
# (deleting an identity provider deletes its users), implied roles go with their role.
_GROUPS = ((IDENTITY, SHADOW_USERS, FEDERATION), (ASSIGNMENT, ROLE))

_EFFECTS: dict[tuple[str, str], Effect] = {
    (namespace, name): effect
    for effect, table in ((Effect.PLAIN, _PLAIN), (Effect.SILENT, _SILENT), (Effect.READ, _READS))
    for namespace, names in table.items()
    for name in names.split()
}


def effect(namespace: str, method: str) -> Effect:
    """What ``method`` of a driver of ``namespace`` does; private ones are plain, unknown ones are writes."""
    if method.startswith("_"):
        return Effect.PLAIN
    return _EFFECTS.get((namespace, method), Effect.WRITE)


def group(namespace: str) -> str:
    """The name of the set of namespaces that see each other's writes (its first member)."""
    return next((members[0] for members in _GROUPS if namespace in members), namespace)
