"""Attempts on what all domains share: catalog, policies, limits, federation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import ALL_DOMAINS, BOTH, FULL, Check, Stage, rule

PROJECT = {"name": "auto"}


def shared(
    name: str, kind: str, key: str | tuple[Any, ...], fields: dict[str, Any], full: bool = False
) -> Attempt:
    """The same deed, by a spoke of one domain and by one that may do it."""

    def deed(s: Stage) -> Check:
        return s.set(kind, key, **fields)

    return Attempt(name, deed, deed, allowing=FULL if full else ALL_DOMAINS)


def _mapping(local: dict[str, Any], key: str = "new") -> Any:
    return lambda s: s.set("mapping", key, rules=[rule(**local)], schema_version="2.0")


def _protocol(idp: str, mapping: str) -> Any:
    return lambda s: s.set("federation_protocol", ("oidc", idp), mapping_id=mapping)


def _dragged_idp(s: Stage, key: str) -> Check:
    s.remove("federation_protocol", ("saml", key))
    return s.remove("identity_provider", key)


ATTEMPTS = (
    shared("a region", "region", "two", {"description": "two"}),
    shared("a service", "service", "compute", {"enabled": False}),
    shared("an endpoint that gets everybody's tokens", "endpoint", "nova", {"url": "https://west"}),
    shared("an endpoint group", "endpoint_group", "chosen", {"filters": {"interface": "admin"}}),
    shared(
        "a service provider that gets assertions", "service_provider", "beyond", {"sp_url": "https://west"}
    ),
    shared("a limit for all who have none", "registered_limit", "cores", {"default_limit": 9999}),
    shared("a policy", "policy", "rules", {"blob": '{"admin": "@"}'}, full=True),
    shared(
        "a service's policy",
        "policy_association",
        ("", "compute", ""),
        {"endpoint_id": None, "service_id": "compute", "region_id": None, "policy_id": "rules"},
        full=True,
    ),
    Attempt(
        "another domain's project gets an endpoint",
        lambda s: s.set("project_endpoint", ("nova", "vault")),
        lambda s: s.set("project_endpoint", ("nova", "web")),
    ),
    Attempt(
        "another domain's project gets an endpoint group",
        lambda s: s.set("project_endpoint_group", ("chosen", "vault")),
        lambda s: s.set("project_endpoint_group", ("chosen", "web")),
    ),
    Attempt(
        "another domain's project gets a limit",
        lambda s: s.set("limit", "l", project_id="vault", resource_limit=9, registered_limit_id="cores"),
        lambda s: s.set("limit", "l", project_id="web", resource_limit=9, registered_limit_id="cores"),
    ),
    Attempt(
        "another domain gets a limit",
        lambda s: s.set("limit", "l", domain_id="d2", resource_limit=9, registered_limit_id="cores"),
        lambda s: s.set("limit", "l", domain_id="d1", resource_limit=9, registered_limit_id="cores"),
    ),
    Attempt(
        "an identity provider for another domain",
        lambda s: s.set("identity_provider", "new", enabled=True, domain_id="d2", remote_ids=["https://new"]),
        lambda s: s.set("identity_provider", "new", enabled=True, domain_id="d1", remote_ids=["https://new"]),
    ),
    Attempt(
        "an identity provider moved into another domain",
        lambda s: s.set("identity_provider", "idp1", domain_id="d2"),
        lambda s: s.set("identity_provider", "idp1", domain_id="d2"),
        allowing=BOTH,
    ),
    Attempt(
        "another domain's identity provider answers to a new name",
        lambda s: s.set("identity_provider", "idp2", remote_ids=["https://west"]),
        lambda s: s.set("identity_provider", "idp1", remote_ids=["https://west"]),
    ),
    Attempt(
        "another domain's identity provider deleted",
        lambda s: _dragged_idp(s, "idp2"),
        lambda s: _dragged_idp(s, "idp1"),
    ),
    Attempt(
        "the own identity provider under a mapping that leads to strong groups",
        _protocol("idp1", "theirs"),
        _protocol("idp1", "ours"),
    ),
    Attempt(
        "another domain's identity provider under the own mapping",
        _protocol("idp2", "ours"),
        _protocol("idp1", "ours"),
    ),
    Attempt(
        "a mapping that somebody else's protocol uses",
        _mapping({"group": {"id": "team"}}, "theirs"),
        _mapping({"group": {"id": "team"}}, "ours"),
    ),
    Attempt(
        "a mapping into a strong group",
        _mapping({"group": {"id": "staff"}}),
        _mapping({"group": {"id": "team"}}),
    ),
    Attempt(
        "a mapping into a strong group by its name",
        _mapping({"group": {"name": "staff", "domain": {"name": "d1"}}}),
        _mapping({"group": {"name": "team", "domain": {"name": "d1"}}}),
    ),
    Attempt(
        "a mapping into groups that the assertion names",
        _mapping({"group_ids": "{1}"}),
        _mapping({"group": {"id": "team"}}),
    ),
    Attempt(
        "a mapping into a group of a domain that the assertion names",
        _mapping({"group": {"name": "team", "domain": {"id": "{1}"}}}),
        _mapping({"group": {"name": "team", "domain": {"id": "d1"}}}),
    ),
    Attempt(
        "a mapping with too strong a role",
        _mapping({"projects": [{**PROJECT, "roles": [{"name": "admin"}]}]}),
        _mapping({"projects": [{**PROJECT, "roles": [{"name": "member"}]}]}),
    ),
    Attempt(
        "a mapping that makes somebody a local user",
        _mapping({"user": {"name": "{0}", "type": "local", "domain": {"id": "d1"}}}),
        _mapping({"user": {"name": "{0}", "type": "ephemeral", "domain": {"id": "d1"}}}),
    ),
    Attempt(
        "a mapping that makes users in another domain",
        _mapping({"user": {"name": "{0}"}, "domain": {"id": "d2"}}),
        _mapping({"user": {"name": "{0}"}, "domain": {"id": "d1"}}),
    ),
    Attempt(
        "a mapping with parts that nobody knows",
        _mapping({"super": True}),
        _mapping({"super": True}),
        allowing=replace(FULL, kinds=frozenset({"mapping"})),
    ),
)
