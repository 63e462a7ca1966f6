"""A small world with a record of every kind, each referring to the others as real ones do."""

from __future__ import annotations

import copy
import json
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from keystone_viaduct.kinds.model import Kind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Child, Field, Shape
from keystone_viaduct.kinds.value import JSON, Document, Type

Items = list[tuple[str, Document]]

REGION = "EU/North 100%"
USER, GROUP, LDAP_USER, FEDERATED_USER = "u" * 32, "g" * 32, "b" * 64, "f" * 64
DOMAIN, PROJECT, CHILD_PROJECT = "d" * 32, "p" * 32, "c" * 32
ROLE, GLOBAL_ROLE = "r" * 32, "admin-role"

WORLD: list[tuple[str, Document]] = [
    ("region", {"id": REGION, "description": "", "parent_region_id": None, "extra.owner": {"a": [1, None]}}),
    ("region", {"id": "cell", "description": "Zelle ü", "parent_region_id": REGION}),
    ("service", {"id": "s" * 32, "type": "compute", "enabled": True, "extra.name": "nova"}),
    (
        "endpoint",
        {
            "id": "e" * 32,
            "legacy_endpoint_id": None,
            "interface": "public",
            "service_id": "s" * 32,
            "region_id": REGION,
            "url": "https://nova/v2.1/%(project_id)s",
            "enabled": False,
            "extra.name": "n",
        },
    ),
    (
        "endpoint_group",
        {
            "id": "eg",
            "name": "all",
            "description": None,
            "filters": {"interface": "public", "service_id": "s" * 32, "region_id": REGION},
        },
    ),
    ("policy", {"id": "pol", "type": "application/json", "blob": '{"a": "rule:b"}', "extra.x": None}),
    (
        "policy_association",
        {"endpoint_id": None, "service_id": "s" * 32, "region_id": REGION, "policy_id": "pol"},
    ),
    (
        "policy_association",
        {"endpoint_id": "e" * 32, "service_id": None, "region_id": None, "policy_id": "pol"},
    ),
    (
        "domain",
        {
            "id": DOMAIN,
            "name": "Corp",
            "description": "",
            "enabled": True,
            "tags": ["a b", "ü"],
            "option.IMMU": True,
            "extra.contact": "me",
        },
    ),
    (
        "domain_config",
        {
            "domain_id": DOMAIN,
            "whitelisted.ldap/url": "ldap://here",
            "whitelisted.identity/driver": "ldap",
            "sensitive.ldap/password": "s3cret",
        },
    ),
    (
        "role",
        {"id": GLOBAL_ROLE, "name": "admin", "domain_id": None, "description": None, "option.IMMU": True},
    ),
    ("role", {"id": ROLE, "name": "admin", "domain_id": DOMAIN, "description": "d", "extra.k": 1}),
    ("implied_role", {"prior_role_id": GLOBAL_ROLE, "implied_role_id": ROLE}),
    (
        "project",
        {
            "id": PROJECT,
            "name": "web",
            "description": None,
            "enabled": None,
            "domain_id": DOMAIN,
            "parent_id": DOMAIN,
            "tags": [],
        },
    ),
    (
        "project",
        {
            "id": CHILD_PROJECT,
            "name": "web-test",
            "description": "x",
            "enabled": False,
            "domain_id": DOMAIN,
            "parent_id": PROJECT,
            "tags": ["blue", "green"],
            "extra.quota": 1.5,
        },
    ),
    ("project_endpoint", {"endpoint_id": "e" * 32, "project_id": PROJECT}),
    ("project_endpoint_group", {"endpoint_group_id": "eg", "project_id": PROJECT}),
    (
        "registered_limit",
        {
            "id": "rl",
            "service_id": "s" * 32,
            "region_id": None,
            "resource_name": "cores",
            "default_limit": 10,
            "description": None,
        },
    ),
    (
        "limit",
        {
            "id": "li",
            "project_id": PROJECT,
            "domain_id": None,
            "resource_limit": 20,
            "description": "more",
            "registered_limit_id": "rl",
        },
    ),
    (
        "identity_provider",
        {
            "id": "idp",
            "enabled": True,
            "description": None,
            "domain_id": DOMAIN,
            "authorization_ttl": 5,
            "remote_ids": ["https://idp/a", "https://idp/b"],
        },
    ),
    (
        "mapping",
        {
            "id": "map",
            "rules": [
                {
                    "local": [{"user": {"name": "{0}"}, "group": {"id": GROUP}}, {"group_ids": GROUP}],
                    "remote": [{"type": "REMOTE_USER"}],
                }
            ],
            "schema_version": "2.0",
        },
    ),
    (
        "federation_protocol",
        {"id": "saml2", "idp_id": "idp", "mapping_id": "map", "remote_id_attribute": None},
    ),
    (
        "service_provider",
        {
            "id": "sp",
            "enabled": True,
            "description": "",
            "auth_url": "https://sp/auth",
            "sp_url": "https://sp",
            "relay_state_prefix": "ss:mem:",
        },
    ),
    (
        "id_mapping",
        {"public_id": LDAP_USER, "domain_id": DOMAIN, "local_id": "uid=x", "entity_type": "user"},
    ),
    (
        "user",
        {
            "id": USER,
            "domain_id": DOMAIN,
            "enabled": True,
            "default_project_id": PROJECT,
            "created_at": "2026-01-02T03:04:05Z",
            "last_active_at": "2026-02-03",
            "extra.email": "a@b",
            "extra.nested": {"z": 1, "a": [None, True]},
            "local.name": "Jo ü",
            "passwords": [
                {
                    "created_at_int": 1700000000123456,
                    "expires_at_int": 1700000001123456,
                    "password_hash": "$2b$04$old",
                    "self_service": False,
                },
                {
                    "created_at_int": 1700000001123456,
                    "expires_at_int": None,
                    "password_hash": "$2b$04$new",
                    "self_service": True,
                },
            ],
            "federated": [{"idp_id": "idp", "protocol_id": "saml2", "unique_id": "jo", "display_name": "Jo"}],
            "option.1003": True,
            "option.MFAR": [["password", "totp"]],
        },
    ),
    (
        "user",
        {
            "id": LDAP_USER,
            "domain_id": DOMAIN,
            "enabled": None,
            "default_project_id": None,
            "created_at": None,
            "last_active_at": None,
            "nonlocal.name": "x",
            "federated": [],
        },
    ),
    ("group", {"id": GROUP, "domain_id": DOMAIN, "name": "ops", "description": "", "extra.a": []}),
    ("membership", {"user_id": USER, "group_id": GROUP}),
    (
        "expiring_membership",
        {"user_id": USER, "group_id": GROUP, "idp_id": "idp", "last_verified": "2026-03-04T05:06:07Z"},
    ),
    ("consumer", {"id": "con", "description": "d", "secret": "cs", "extra.name": "n"}),
    (
        "request_token",
        {
            "id": "rt",
            "request_secret": "rs",
            "verifier": None,
            "authorizing_user_id": None,
            "requested_project_id": PROJECT,
            "role_ids": None,
            "consumer_id": "con",
            "expires_at": "2026-03-04T05:06:07.123456Z",
        },
    ),
    (
        "access_token",
        {
            "id": "at",
            "access_secret": "as",
            "authorizing_user_id": USER,
            "project_id": PROJECT,
            "role_ids": [ROLE, GLOBAL_ROLE],
            "consumer_id": "con",
            "expires_at": None,
        },
    ),
    (
        "access_rule",
        {"id": "ar", "user_id": USER, "service": "compute", "path": "/v2.1/**", "method": "GET"},
    ),
    (
        "application_credential",
        {
            "id": "ac",
            "name": "ci",
            "secret_hash": "$2b$04$ac",
            "description": None,
            "user_id": USER,
            "project_id": PROJECT,
            "system": None,
            "expires_at": 1900000000000001,
            "unrestricted": None,
            "roles": [GLOBAL_ROLE, ROLE],
            "access_rules": ["ar"],
        },
    ),
    (
        "trust",
        {
            "id": "tr",
            "trustor_user_id": USER,
            "trustee_user_id": LDAP_USER,
            "project_id": PROJECT,
            "impersonation": False,
            "deleted_at": None,
            "expires_at_int": 1900000000500000,
            "remaining_uses": 3,
            "redelegated_trust_id": None,
            "redelegation_count": 0,
            "roles": [ROLE],
        },
    ),
    (
        "credential",
        {
            "id": "k" * 64,
            "user_id": USER,
            "project_id": PROJECT,
            "type": "ec2",
            "blob": json.dumps({"access": "x", "secret": "y", "trust_id": "tr"}),
            "extra.note": "n",
        },
    ),
    (
        "assignment",
        {"type": "UserProject", "actor_id": USER, "target_id": PROJECT, "role_id": ROLE, "inherited": False},
    ),
    (
        "assignment",
        {"type": "GroupDomain", "actor_id": GROUP, "target_id": DOMAIN, "role_id": ROLE, "inherited": True},
    ),
    (
        "system_assignment",
        {
            "type": "UserSystem",
            "actor_id": USER,
            "target_id": "system",
            "role_id": GLOBAL_ROLE,
            "inherited": False,
        },
    ),
    (
        "revocation_event",
        {
            "domain_id": None,
            "project_id": None,
            "user_id": USER,
            "role_id": None,
            "trust_id": None,
            "consumer_id": None,
            "access_token_id": None,
            "issued_before": "2026-03-04T05:06:07Z",
            "expires_at": None,
            "revoked_at": "2026-03-04T05:06:07Z",
            "audit_id": None,
            "audit_chain_id": "abc",
        },
    ),
]


def items_of(kind: str) -> Items:
    """(key, document) of the world's records of a kind, fresh copies."""
    declared = REGISTRY[kind]
    return [(declared.key_of(d), copy.deepcopy(d)) for name, d in WORLD if name == kind]


def one(kind: str) -> tuple[str, Document]:
    """(key, document) of the first record of a kind."""
    return items_of(kind)[0]


# Any character that every engine can hold: Keystone's MySQL columns are utf8mb3.
_text = st.text(
    st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_characters="\0", exclude_categories=["Cs"]),
    max_size=12,
)
_wide = st.text(max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _wide,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_wide, inner, max_size=3),
    max_leaves=6,
)
_values: dict[Type, st.SearchStrategy[Any]] = {
    Type.TEXT: _text,
    Type.SEALED: _text,
    Type.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Type.BOOLEAN: st.booleans(),
    Type.DATETIME: st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2037, 1, 1)).map(
        lambda d: d.isoformat(timespec="seconds")[:19] + "Z"
    ),
    Type.DATE: st.dates(min_value=date(1971, 1, 1)).map(lambda d: d.isoformat()),
    Type.MICROS: st.integers(10**6, 2 * 10**15),
    Type.JSON: _json,
    Type.JSON_TWICE: st.lists(st.dictionaries(_wide, _json, max_size=2), max_size=2),
    Type.JSON_TEXT: st.lists(_text, max_size=3),
}


def _value(spec: Field) -> st.SearchStrategy[Any]:
    found = _values[spec.type]
    if spec.size is not None and spec.type is Type.TEXT:
        size = spec.size
        found = found.map(lambda text: text[:size])
    return found if spec.required else st.none() | found


def _child(child: Child, document: Document) -> st.SearchStrategy[Any]:
    if child.shape is Shape.OPTIONS:
        return st.dictionaries(st.sampled_from(["1000", "1001", "MFAR", "IMMU", "ZZZ9"]), _json).map(
            lambda d: {f"{child.field}.{name}": value for name, value in d.items() if value is not None}
        )
    if child.shape is Shape.CONFIG:
        return st.dictionaries(st.sampled_from(["ldap/url", "a%2Fb/c"]), _json, min_size=1).map(
            lambda d: {f"{child.field}.{name}": value for name, value in d.items()}
        )
    if child.table == "project_tag":
        return st.sets(st.sampled_from(["a", "b c", "ü", "1"])).map(lambda s: {"tags": sorted(s)})
    if child.table == "password" and "local.name" in document:
        row: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
            {spec.name: _value(spec) for spec in child.fields}
        )
        return st.lists(row, max_size=3, unique_by=_created).map(
            lambda rows: {"passwords": sorted(rows, key=_created)}
        )
    return st.just({name: document[name] for name in document if name in child.document_fields})


def _created(row: dict[str, Any]) -> int:
    created: int = row["created_at_int"]
    return created


def variants(kind: Kind, document: Document) -> st.SearchStrategy[Document]:
    """Documents of the same record with other contents; keys, references and names are kept."""
    kept = {*kind.key, *(reference.field for reference in kind.references)}
    kept |= {name for natural in kind.natural for name in natural.fields} | {"local.name", "nonlocal.name"}
    free = {spec.name: _value(spec) for spec in kind.fields if spec.name not in kept}
    parts: list[st.SearchStrategy[Document]] = [
        st.just({name: document[name] for name in kept if name in document}),
        st.fixed_dictionaries(free),
        *(_child(child, document) for child in kind.children),
    ]
    if kind.extra:
        extra = st.dictionaries(_wide, _json, max_size=3)
        parts.append(extra.map(lambda d: {f"extra.{name}": value for name, value in d.items()}))

    def merge(found: tuple[Document, ...]) -> Document:
        merged: dict[str, JSON] = {}
        for part in found:
            merged.update(part)
        return merged

    return st.tuples(*parts).map(merge)
