"""What an applied change drops from Keystone's caches."""

from __future__ import annotations

import inspect

import pytest
from keystone import application_credential, catalog, credential, federation, identity, limit, resource
from keystone.assignment import core as assignment

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api import cache
from keystone_viaduct.sync.api.cache import ASSIGNMENTS, CATALOG, REVOKE, TOKENS, Entry, drops_of
from keystone_viaduct.sync.model import Document, Ref
from keystone_viaduct.sync.ports import Write

MANAGERS = {
    "application_credential_api": application_credential.Manager,
    "catalog_api": catalog.Manager,
    "credential_api": credential.Manager,
    "domain_config_api": resource.DomainConfigManager,
    "federation_api": federation.Manager,
    "id_mapping_api": identity.MappingManager,
    "identity_api": identity.Manager,
    "resource_api": resource.Manager,
    "role_api": assignment.RoleManager,
    "unified_limit_api": limit.Manager,
}
FULL: Document = {
    "name": "n",
    "domain_id": "d",
    "local.name": "l",
    "nonlocal.name": "m",
    "federated": [{"display_name": "f"}],
    "user_id": "u",
    "type": "ec2",
    "local_id": "x",
    "entity_type": "user",
    "enabled": True,
}


def key(kind: str) -> str:
    """Some key of that kind."""
    parts = REGISTRY[kind].key_parts or len(REGISTRY[kind].key)
    return "/".join(f"k{number}" for number in range(parts))


def drops(kind: str, old: Document | None, new: Document | None) -> cache.Drops:
    """Of one write."""
    return drops_of([Write(Ref(kind, key(kind)), old, new)])


def test_every_kind_has_a_rule() -> None:
    assert set(cache.RULES) == set(REGISTRY)


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_every_entry_is_a_memoized_function_called_with_its_own_arguments(kind: str) -> None:
    for entry in drops(kind, FULL, FULL).entries:
        function = getattr(MANAGERS[entry.manager], entry.function)
        assert callable(function.invalidate)
        wanted = len(inspect.signature(function).parameters) - 1
        assert len(entry.arguments) == wanted or (
            entry.function == "get_access_rule" and len(entry.arguments) == 1
        )


def test_names_are_dropped_as_they_were_and_as_they_are() -> None:
    found = drops("project", {**FULL, "name": "old"}, {**FULL, "name": "new"}).entries
    assert {e.arguments for e in found if e.function == "get_project_by_name"} == {("old", "d"), ("new", "d")}
    found = drops("user", {**FULL, "local.name": "old"}, {**FULL, "local.name": "new"}).entries
    assert {("old", "d"), ("new", "d")} <= {e.arguments for e in found if e.function == "get_user_by_name"}
    found = drops("domain", {"name": "old"}, {"name": "new"}).entries
    assert {e.arguments for e in found if e.function == "get_domain_by_name"} == {("old",), ("new",)}


@pytest.mark.parametrize(
    ("kind", "old", "new", "regions"),
    [
        ("user", {"enabled": True}, {"enabled": False}, {TOKENS}),
        ("user", {"passwords": [1]}, {"passwords": [2]}, {TOKENS}),
        ("user", FULL, None, {TOKENS, ASSIGNMENTS}),
        ("user", FULL, {**FULL, "extra.email": "x"}, set()),
        ("project", FULL, None, {TOKENS, ASSIGNMENTS, CATALOG}),
        ("role", FULL, {**FULL, "name": "x"}, set()),
        ("role", FULL, None, {TOKENS, ASSIGNMENTS}),
        ("assignment", None, FULL, {ASSIGNMENTS}),
        ("assignment", FULL, None, {TOKENS, ASSIGNMENTS}),
        ("system_assignment", FULL, None, {TOKENS, ASSIGNMENTS}),
        ("membership", FULL, None, {TOKENS, ASSIGNMENTS}),
        ("endpoint_group", FULL, FULL, {CATALOG}),
        ("trust", {}, {"deleted_at": "2026-01-01T00:00:00Z"}, {TOKENS}),
        ("application_credential", FULL, None, {TOKENS}),
        ("revocation_event", None, FULL, {REVOKE, TOKENS}),
        ("service", FULL, None, {CATALOG, cache.DEFAULT}),
    ],
)
def test_what_depends_on_a_record_goes_with_it(
    kind: str, old: Document | None, new: Document | None, regions: set[str]
) -> None:
    assert drops(kind, old, new).regions == regions


def test_a_credential_is_dropped_from_the_lists_it_was_in_and_is_in() -> None:
    found = drops("credential", {"user_id": "a", "type": "ec2"}, {"user_id": "b", "type": "totp"}).entries
    lists = {e.arguments for e in found if e.function == "_list_credentials_for_user"}
    assert lists == {("a", "ec2"), ("a", None), ("b", "totp"), ("b", None)}


def test_creating_an_id_mapping_drops_the_remembered_miss() -> None:
    found = drops("id_mapping", None, FULL).entries
    assert Entry("id_mapping_api", "_get_public_id", ("d", "x", "user")) in found


def test_a_large_page_drops_regions_instead_of_thousands_of_entries() -> None:
    writes = [
        Write(Ref("user", str(number)), None, {**FULL, "local.name": str(number)}) for number in range(500)
    ]
    found = drops_of(writes)
    assert not found.entries
    assert cache.DEFAULT in found.regions
