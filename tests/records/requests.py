"""Records made through Keystone's own API, from the schemas that it checks them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from keystone.assignment import schema as assignment
from keystone.catalog import schema as catalog
from keystone.credential import schema as credential
from keystone.federation import schema as federation
from keystone.identity import schema as identity
from keystone.oauth1 import schema as oauth1
from keystone.policy import schema as policy
from keystone.resource import schema as resource
from keystone.trust import schema as trust

from tests.records.maker import Json, Maker
from tests.records.pool import Made

#: What Keystone's front door lets in.
LONGEST = 114_688


@dataclass(frozen=True)
class Ground:
    """What records refer to: made before, and the same at all sites."""

    user: str
    other: str
    project: str
    service: str
    role: str
    admin: str
    admin_project: str


@dataclass(frozen=True)
class Target:
    """How records of a kind are asked for; ``fixed`` says what a body must not leave to chance."""

    kind: str
    path: str
    member: str
    schema: Mapping[str, Any]
    fixed: Callable[[Ground, Maker], dict[str, Json]]
    method: str = "POST"
    scope: str = "system"

    def made(self, answer: Json, site: str) -> Made:
        """The record that Keystone shows."""
        key = str(answer["id"])
        return Made(self.kind, (key,), site, f"{self.path.rstrip('/')}/{quote(key, safe='')}")


def _nothing(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {}


def _named(ground: Ground, maker: Maker) -> dict[str, Json]:
    """Names are unique, so that most bodies are taken."""
    return {"name": f"{maker.text(30)}{maker.word()}"}


def _in_default(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {**_named(ground, maker), "domain_id": "default", "options": {}}


def _user(ground: Ground, maker: Maker) -> dict[str, Json]:
    password = maker.word() if maker.chance(0.8) else None
    found: dict[str, Json] = {"default_project_id": ground.project, "password": password, "federated": []}
    return {**_in_default(ground, maker), **found}


def _project(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {**_in_default(ground, maker), "parent_id": "default", "is_domain": False, "tags": [maker.word()]}


def _credential(ground: Ground, maker: Maker) -> dict[str, Json]:
    found = {
        "user_id": ground.user,
        "project_id": ground.project,
        "type": maker.random.choice(("cert", "totp")),
    }
    return {**found, "blob": maker.text(100) * (600 if maker.chance(0.03) else 1)}


def _trust(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {
        "trustor_user_id": ground.admin,
        "trustee_user_id": ground.other,
        "project_id": ground.admin_project,
        "roles": [{"id": ground.role}],
        "remaining_uses": maker.random.choice((None, 7)),
        "allow_redelegation": False,
        "expires_at": f"{maker.random.randrange(2100, 9999)}-01-01T00:00:00.000000Z",
        "redelegated_trust_id": None,
        "redelegation_count": None,
        "impersonation": False,
    }


def _region(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {"id": f"{maker.text(40)}{maker.word()}", "parent_region_id": None}


def _endpoint(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {"service_id": ground.service, "region_id": None, "region": None}


def _provider(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {"domain_id": "default", "remote_ids": [maker.word()]}


def _mapping(ground: Ground, maker: Maker) -> dict[str, Json]:
    rule = {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": f"A{maker.word()}"}]}
    return {"rules": [rule] * maker.random.choice((1, 2, 30)), "schema_version": "1.0"}


def _endpoint_group(ground: Ground, maker: Maker) -> dict[str, Json]:
    return {"name": maker.text(200) or maker.word(), "filters": {"service_id": ground.service}}


def _inner(body: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body["properties"][member]
    return found


TARGETS = (
    Target(
        "credential",
        "/credentials",
        "credential",
        _inner(credential.create_request_body, "credential"),
        _credential,
    ),
    Target("region", "/regions", "region", _inner(catalog.region_create_request_body, "region"), _region),
    Target(
        "service", "/services", "service", _inner(catalog.service_create_request_body, "service"), _nothing
    ),
    Target(
        "endpoint",
        "/endpoints",
        "endpoint",
        _inner(catalog.endpoint_create_request_body, "endpoint"),
        _endpoint,
    ),
    Target(
        "project", "/projects", "project", _inner(resource.project_create_request_body, "project"), _project
    ),
    Target(
        "domain", "/domains", "domain", _inner(resource.domain_create_request_body, "domain"), _in_default
    ),
    Target("user", "/users", "user", _inner(identity.user_create_request, "user"), _user),
    Target("group", "/groups", "group", _inner(identity.group_create_request_body, "group"), _in_default),
    Target("role", "/roles", "role", _inner(assignment.role_create_request_body, "role"), _in_default),
    Target("policy", "/policies", "policy", policy.policy_create, _nothing),
    Target("consumer", "/OS-OAUTH1/consumers", "consumer", oauth1.consumer_create, _nothing),
    Target(
        "trust",
        "/OS-TRUST/trusts",
        "trust",
        _inner(trust.trust_create_request_body, "trust"),
        _trust,
        scope="project",
    ),
    Target(
        "identity_provider",
        "/OS-FEDERATION/identity_providers/",
        "identity_provider",
        _inner(federation.identity_provider_create_request_body, "identity_provider"),
        _provider,
        "PUT",
    ),
    Target(
        "mapping",
        "/OS-FEDERATION/mappings/",
        "mapping",
        {"properties": {}, "additionalProperties": False},
        _mapping,
        "PUT",
    ),
    Target(
        "endpoint_group",
        "/OS-EP-FILTER/endpoint_groups",
        "endpoint_group",
        {"properties": {}, "additionalProperties": False},
        _endpoint_group,
    ),
    Target(
        "service_provider",
        "/OS-FEDERATION/service_providers/",
        "service_provider",
        _inner(federation.service_provider_create_request_body, "service_provider"),
        _nothing,
        "PUT",
    ),
)


#: Kinds that can't be changed, or take no attributes of one's own when they are.
FIXED = frozenset({"trust", "service_provider", "identity_provider", "consumer", "mapping", "endpoint_group"})
