"""What the codecs wrote, read through Keystone's own drivers; what those wrote, read by the codecs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.kinds.registry import REGISTRY
from tests.unit.documents.world import (
    DOMAIN,
    GLOBAL_ROLE,
    GROUP,
    PROJECT,
    REGION,
    ROLE,
    USER,
    WORLD,
    items_of,
)

pytest.importorskip("keystone")
import keystone.conf
from keystone.application_credential.backends import sql as app_creds
from keystone.assignment.backends import sql as assignments
from keystone.assignment.role_backends import sql as roles
from keystone.catalog.backends import sql as catalog
from keystone.common import driver_hints
from keystone.common import sql as keystone_sql
from keystone.credential.backends import sql as credentials
from keystone.endpoint_policy.backends import sql as endpoint_policy
from keystone.federation.backends import sql as federation
from keystone.identity.backends import sql as identity
from keystone.identity.mapping_backends import sql as id_mapping
from keystone.limit.backends import sql as limits
from keystone.oauth1.backends import sql as oauth1
from keystone.policy.backends import sql as policies
from keystone.resource.backends import sql as resources
from keystone.resource.config_backends import sql as domain_configs
from keystone.revoke.backends import sql as revocations
from keystone.trust.backends import sql as trusts

keystone.conf.configure()


@pytest.fixture
def drivers(
    engine: sa.engine.Engine, codecs: Codecs, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.engine.Engine]:
    """Keystone's drivers on a database that the codecs have filled; emptied again at the end."""
    manager = enginefacade.transaction_context()
    manager.configure(connection=engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr(keystone_sql.core, "_main_context_manager", manager)
    with engine.begin() as connection:
        for kind in codecs.kinds:
            codecs.insert_many(connection, kind, items_of(kind))
    yield engine
    manager.dispose_pool()
    with engine.begin() as connection:
        for kind in reversed(codecs.kinds):
            codecs.delete(connection, kind, codecs.keys(connection, kind, None, 1000))


def hints() -> Any:
    """No filters."""
    return driver_hints.Hints()


def test_users_and_groups(drivers: sa.engine.Engine) -> None:
    driver = identity.Identity()
    user = driver.get_user(USER)
    assert user["name"] == "Jo ü" and user["email"] == "a@b" and user["nested"] == {"z": 1, "a": [None, True]}
    assert user["options"] == {
        "lock_password": True,
        "multi_factor_auth_rules": [["password", "totp"]],
    }
    assert driver.get_user_by_name("Jo ü", DOMAIN)["id"] == USER
    assert driver.get_group(GROUP) == {
        "id": GROUP,
        "name": "ops",
        "domain_id": DOMAIN,
        "description": "",
        "a": [],
    }
    driver.check_user_in_group(USER, GROUP)
    assert {user["id"] for user in driver.list_users(hints())} == {USER, "b" * 64}


def test_the_last_password_is_the_current_one(drivers: sa.engine.Engine) -> None:
    with keystone_sql.session_for_read() as session:
        user = session.get(identity.model.User, USER)
        assert user.password == "$2b$04$new"
        assert user.password_expires_at is None
        assert user.created_at == datetime.datetime(2026, 1, 2, 3, 4, 5)
        assert user.last_active_at == datetime.date(2026, 2, 3)


def test_domains_and_projects(drivers: sa.engine.Engine) -> None:
    driver = resources.Resource()
    project = driver.get_project(PROJECT)
    assert project["parent_id"] == DOMAIN and project["enabled"] is None and project["tags"] == []
    domain = driver.get_project(DOMAIN)
    assert domain["is_domain"] and domain["domain_id"] is None and domain["options"] == {"immutable": True}
    assert sorted(domain["tags"]) == ["a b", "ü"] and domain["contact"] == "me"
    assert {item["id"] for item in driver.list_projects_in_domain(DOMAIN)} == {PROJECT, "c" * 32}


def test_domain_configurations(drivers: sa.engine.Engine) -> None:
    driver = domain_configs.DomainConfig()
    assert driver.get_config_option(DOMAIN, "ldap", "url")["value"] == "ldap://here"
    assert driver.get_config_option(DOMAIN, "ldap", "password", sensitive=True)["value"] == "s3cret"


def test_roles_and_grants(drivers: sa.engine.Engine) -> None:
    driver = roles.Role()
    assert driver.get_role(GLOBAL_ROLE)["domain_id"] is None
    assert driver.get_role(GLOBAL_ROLE)["options"] == {"immutable": True}
    assert driver.get_implied_role(GLOBAL_ROLE, ROLE)["implied_role_id"] == ROLE
    grants = assignments.Assignment()
    assert grants.list_grant_role_ids(user_id=USER, project_id=PROJECT) == [ROLE]
    assert grants.list_grant_role_ids(group_id=GROUP, domain_id=DOMAIN, inherited_to_projects=True) == [ROLE]
    assert grants.list_system_grants(USER, "system", "UserSystem")[0]["role_id"] == GLOBAL_ROLE


def test_the_catalog(drivers: sa.engine.Engine) -> None:
    driver = catalog.Catalog()
    assert driver.get_region(REGION)["owner"] == {"a": [1, None]}
    assert driver.get_service("s" * 32)["name"] == "nova"
    assert driver.get_endpoint("e" * 32)["region_id"] == REGION
    assert driver.get_endpoint_group("eg")["filters"]["interface"] == "public"
    assert driver.list_endpoints_for_project(PROJECT)[0]["endpoint_id"] == "e" * 32
    assert driver.get_endpoint_group_in_project("eg", PROJECT)["project_id"] == PROJECT


def test_policies_and_limits(drivers: sa.engine.Engine) -> None:
    assert policies.Policy().get_policy("pol")["blob"] == '{"a": "rule:b"}'
    driver = endpoint_policy.EndpointPolicy()
    assert driver.get_policy_association(endpoint_id="e" * 32)["policy_id"][0] == "pol"
    assert driver.get_policy_association(service_id="s" * 32, region_id=REGION)["policy_id"][0] == "pol"
    assert limits.UnifiedLimit().get_limit("li")["resource_name"] == "cores"
    assert limits.UnifiedLimit().get_registered_limit("rl")["default_limit"] == 10


def test_federation(drivers: sa.engine.Engine) -> None:
    driver = federation.Federation()
    assert driver.get_idp("idp")["remote_ids"] == ["https://idp/a", "https://idp/b"]
    assert driver.get_mapping("map")["rules"][0]["remote"] == [{"type": "REMOTE_USER"}]
    assert driver.get_mapping("map")["schema_version"] == "2.0"
    assert driver.get_protocol("idp", "saml2")["mapping_id"] == "map"
    assert driver.get_sp("sp")["relay_state_prefix"] == "ss:mem:"
    entity = {"domain_id": DOMAIN, "local_id": "uid=x", "entity_type": "user"}
    assert id_mapping.Mapping().get_public_id(entity) == "b" * 64


def test_credentials_trusts_and_tokens(drivers: sa.engine.Engine) -> None:
    credential = credentials.Credential().get_credential("k" * 64)
    assert credential["encrypted_blob"].startswith("sealed:") and credential["note"] == "n"
    found = app_creds.ApplicationCredential().get_application_credential("ac")
    assert sorted(role["id"] for role in found["roles"]) == [GLOBAL_ROLE, ROLE]
    assert found["access_rules"][0]["id"] == "ar"
    trust = trusts.Trust().get_trust("tr")
    assert trust["remaining_uses"] == 3 and trust["roles"] == [{"id": ROLE}]
    assert trust["expires_at"] == datetime.datetime(2030, 3, 17, 17, 46, 40, 500000)
    assert oauth1.OAuth1().get_consumer_with_secret("con")["secret"] == "cs"
    assert oauth1.OAuth1().get_access_token("at")["consumer_id"] == "con"
    assert revocations.Revoke().list_events()[0].audit_chain_id == "abc"


def test_what_keystone_writes_is_read_by_the_codecs(drivers: sa.engine.Engine, codecs: Codecs) -> None:
    driver = identity.Identity()
    made = driver.create_user(
        "new",
        {"id": "new", "name": "new", "domain_id": DOMAIN, "password": "secret", "enabled": True, "x": 1},
    )
    assert made["id"] == "new"
    mapping = {"id": "other", "rules": [{"local": [], "remote": []}], "schema_version": "1.0"}
    federation.Federation().create_mapping("other", dict(mapping))
    endpoint_policy.EndpointPolicy().create_policy_association("pol", region_id="cell")
    resources.Resource().create_project(
        "np",
        {"id": "np", "name": "np", "domain_id": DOMAIN, "is_domain": False, "enabled": True, "tags": ["t"]},
    )
    with drivers.begin() as connection:
        user = codecs.load(connection, "user", ["new"])["new"]
        assert user["extra.x"] == 1 and user["local.name"] == "new" and len(user["passwords"]) == 1  # type: ignore[arg-type]
        assert codecs.load(connection, "mapping", ["other"]) == {"other": mapping}
        assert codecs.load(connection, "policy_association", ["//cell"])["//cell"]["policy_id"] == "pol"
        assert codecs.load(connection, "project", ["np"])["np"]["tags"] == ["t"]
        for kind in codecs.kinds:
            for key, document in codecs.load(
                connection, kind, codecs.keys(connection, kind, None, 99)
            ).items():
                REGISTRY[kind].check(document)
                assert REGISTRY[kind].key_of(document) == key


def test_keystone_can_delete_what_the_codecs_wrote(drivers: sa.engine.Engine, codecs: Codecs) -> None:
    identity.Identity().delete_user(USER)
    roles.Role().delete_role(GLOBAL_ROLE)
    app_creds.ApplicationCredential().delete_application_credential("ac")
    trusts.Trust().delete_trust("tr")
    with drivers.begin() as connection:
        assert codecs.load(connection, "user", [USER]) == {}
        assert codecs.load(connection, "role", [GLOBAL_ROLE]) == {}
        assert codecs.load(connection, "trust", ["tr"])["tr"]["deleted_at"] is not None


def test_the_world_has_a_record_of_every_kind() -> None:
    assert {name for name, _ in WORLD} == set(REGISTRY)
