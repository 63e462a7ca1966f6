"""Keystone's own drivers leave marks of exactly what they have changed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_db.sqlalchemy import enginefacade

from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.sync.capture import SessionCapture, TriggerCapture
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.store import SqlStore
from keystone_viaduct.triggers import State
from tests.integration.store.witness import differing, everything, forget_marks, marked
from tests.unit.documents.world import (
    CHILD_PROJECT,
    DOMAIN,
    GLOBAL_ROLE,
    GROUP,
    LDAP_USER,
    PROJECT,
    REGION,
    ROLE,
    USER,
)

pytest.importorskip("keystone")
import keystone.conf
from keystone.application_credential.backends import sql as app_creds
from keystone.assignment.backends import sql as assignments
from keystone.assignment.role_backends import sql as roles
from keystone.catalog.backends import sql as catalog
from keystone.common import sql as keystone_sql
from keystone.credential.backends import sql as credentials
from keystone.endpoint_policy.backends import sql as endpoint_policy
from keystone.federation.backends import sql as federation
from keystone.identity.backends import sql as identity
from keystone.identity.mapping_backends import sql as id_mapping
from keystone.identity.shadow_backends import sql as shadow
from keystone.limit.backends import sql as limits
from keystone.models import revoke_model
from keystone.oauth1.backends import sql as oauth1
from keystone.policy.backends import sql as policies
from keystone.resource.backends import sql as resources
from keystone.resource.config_backends import sql as domain_configs
from keystone.revoke.backends import sql as revocations
from keystone.trust.backends import sql as trusts

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb")

keystone.conf.configure()

LATER = datetime.datetime(2040, 1, 1)
SAMPLE = {"id": "new", "name": "new", "domain_id": DOMAIN, "enabled": True}


@pytest.fixture(
    params=["triggers", pytest.param("session events", marks=pytest.mark.engines("sqlite", "postgresql"))]
)
def drivers(
    request: pytest.FixtureRequest, world: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqlStore]:
    """Keystone's drivers on the site's database, with either capture."""
    manager = enginefacade.transaction_context()
    manager.configure(connection=world.engine.url.render_as_string(hide_password=False))
    if request.param == "session events":
        with world.engine.connect() as connection:
            triggers = TriggerCapture(connection, reflect(connection))
            triggers.remove()
            assert State.INSTALLED not in {item.state for item in triggers.status()}
        manager.append_on_engine_create(SessionCapture().attach)
    monkeypatch.setattr(keystone_sql.core, "_main_context_manager", manager)
    generator = SimpleNamespace(generate_public_ID=lambda entity: "new-public-id")
    monkeypatch.setattr(shadow, "PROVIDERS", SimpleNamespace(id_generator_api=generator))
    yield world
    manager.dispose_pool()
    if request.param == "session events":  # the site is the next test's, too
        with world.engine.connect() as connection:
            TriggerCapture(connection, reflect(connection)).install()


def _identity() -> list[Callable[[], Any]]:
    users, shadows = identity.Identity(), shadow.ShadowUsers()
    federated = {
        "idp_id": "idp",
        "protocol_id": "saml2",
        "unique_id": "fed",
        "display_name": "Fed",
    }
    return [
        lambda: users.create_user("new", {**SAMPLE, "password": "secret", "email": "a@b"}),
        lambda: users.update_user("new", {"name": "renamed", "email": "c@d"}),
        lambda: users.update_user("new", {"options": {"lock_password": True}}),
        lambda: users.update_user("new", {"options": {"lock_password": None}}),
        lambda: users.change_password("new", "other"),
        lambda: users.add_user_to_group("new", GROUP),
        lambda: users.remove_user_from_group("new", GROUP),
        lambda: users.create_group("ng", {"id": "ng", "name": "ng", "domain_id": DOMAIN, "x": 1}),
        lambda: users.update_group("ng", {"name": "gn"}),
        lambda: users.delete_group("ng"),
        lambda: users.delete_user("new"),
        lambda: shadows.create_federated_user(DOMAIN, dict(federated), email="f@x"),
        lambda: shadows.update_federated_user_display_name("idp", "saml2", "fed", "Fed X"),
        lambda: shadows.create_nonlocal_user({"id": "nl", "name": "nl", "domain_id": DOMAIN}),
        lambda: shadows.set_last_active_at(USER),
        lambda: shadows.add_user_to_group_expires(USER, GROUP),
    ]


def _resources() -> list[Callable[[], Any]]:
    driver, configs = resources.Resource(), domain_configs.DomainConfig()
    project = {**SAMPLE, "parent_id": PROJECT, "is_domain": False}
    domain = {"id": "nd", "name": "nd", "domain_id": None, "is_domain": True, "enabled": True}
    option = {"group": "ldap", "option": "suffix", "value": "dc=x", "sensitive": False}
    return [
        lambda: driver.create_project("new", {**project, "tags": ["a", "b"]}),
        lambda: driver.update_project("new", {"tags": ["b", "c"], "x": [1]}),
        lambda: driver.update_project("new", {"options": {"immutable": True}}),
        lambda: driver.delete_projects_from_ids(["new", CHILD_PROJECT]),
        lambda: driver.create_project("nd", domain),
        lambda: driver.update_project("nd", {"name": "dn", "enabled": False}),
        lambda: driver.delete_project("nd"),
        lambda: configs.create_config_options(DOMAIN, [option]),
        lambda: configs.update_config_options(DOMAIN, [{**option, "value": "dc=y"}]),
        lambda: configs.delete_config_options(DOMAIN, "ldap", "suffix"),
    ]


def _grants() -> list[Callable[[], Any]]:
    driver, grants = roles.Role(), assignments.Assignment()
    return [
        lambda: driver.create_role("nr", {"id": "nr", "name": "nr", "domain_id": None}),
        lambda: driver.update_role("nr", {"name": "rn", "options": {"immutable": True}}),
        lambda: driver.create_implied_role("nr", ROLE),
        lambda: driver.delete_implied_role("nr", ROLE),
        lambda: driver.create_implied_role(GLOBAL_ROLE, "nr"),
        lambda: driver.delete_role("nr"),
        lambda: grants.create_grant(GLOBAL_ROLE, user_id=LDAP_USER, project_id=PROJECT),
        lambda: grants.delete_grant(GLOBAL_ROLE, user_id=LDAP_USER, project_id=PROJECT),
        lambda: grants.create_system_grant(ROLE, GROUP, "system", "GroupSystem", False),
        lambda: grants.delete_system_grant(ROLE, GROUP, "system", False),
        lambda: grants.delete_user_assignments(USER),
        lambda: grants.delete_role_assignments(ROLE),
    ]


def _catalog() -> list[Callable[[], Any]]:
    driver = catalog.Catalog()
    return [
        lambda: driver.create_region({"id": "nr", "description": "", "parent_region_id": REGION}),
        lambda: driver.update_region("nr", {"description": "x"}),
        lambda: driver.create_service("ns", {"id": "ns", "type": "image", "name": "glance", "enabled": True}),
        lambda: driver.update_service("ns", {"name": "other"}),
        lambda: driver.create_endpoint(
            "ne",
            {"id": "ne", "interface": "public", "service_id": "ns", "region_id": "nr", "url": "https://x"},
        ),
        lambda: driver.update_endpoint("ne", {"url": "https://y"}),
        lambda: driver.add_endpoint_to_project("ne", PROJECT),
        lambda: driver.delete_association_by_endpoint("ne"),
        lambda: driver.create_endpoint_group(
            "ng", {"id": "ng", "name": "ng", "filters": {"interface": "admin"}}
        ),
        lambda: driver.add_endpoint_group_to_project("ng", PROJECT),
        lambda: driver.delete_endpoint_group("ng"),
        lambda: driver.delete_service("ns"),
        lambda: driver.delete_region("nr"),
        lambda: policies.Policy().create_policy("np", {"id": "np", "type": "t", "blob": "{}"}),
        lambda: policies.Policy().update_policy("np", {"blob": "{1}"}),
        lambda: endpoint_policy.EndpointPolicy().create_policy_association("np", region_id="cell"),
        lambda: endpoint_policy.EndpointPolicy().delete_association_by_policy("np"),
        lambda: policies.Policy().delete_policy("np"),
        lambda: limits.UnifiedLimit().update_limit("li", {"resource_limit": 12}),
        lambda: limits.UnifiedLimit().delete_limits_for_project(PROJECT),
        lambda: limits.UnifiedLimit().update_registered_limit("rl", {"default_limit": 11}),
    ]


def _federation() -> list[Callable[[], Any]]:
    driver, mappings = federation.Federation(), id_mapping.Mapping()
    idp = {"enabled": True, "domain_id": DOMAIN, "remote_ids": ["https://new"], "authorization_ttl": 5}
    entity = {"domain_id": DOMAIN, "local_id": "uid=new", "entity_type": "group"}
    return [
        lambda: driver.create_mapping(
            "nm", {"id": "nm", "rules": [{"local": [], "remote": []}], "schema_version": "1.0"}
        ),
        lambda: driver.update_mapping("nm", {"rules": [{"local": [], "remote": [{"type": "X"}]}]}),
        lambda: driver.create_idp("ni", dict(idp)),
        lambda: driver.update_idp("ni", {"remote_ids": ["https://new", "https://other"]}),
        lambda: driver.create_protocol("ni", "np", {"id": "np", "mapping_id": "nm"}),
        lambda: driver.update_protocol("ni", "np", {"mapping_id": "map"}),
        lambda: driver.delete_protocol("idp", "saml2"),
        lambda: driver.delete_idp("ni"),
        lambda: driver.delete_idp("idp"),
        lambda: driver.delete_mapping("nm"),
        lambda: driver.update_sp("sp", {"enabled": False}),
        lambda: driver.delete_sp("sp"),
        lambda: mappings.create_id_mapping(entity, "new-public-id"),
        lambda: mappings.delete_id_mapping(LDAP_USER),
    ]


def _credentials() -> list[Callable[[], Any]]:
    creds, apps, trust, oauth = (
        credentials.Credential(),
        app_creds.ApplicationCredential(),
        trusts.Trust(),
        oauth1.OAuth1(),
    )
    credential = {
        "id": "nc",
        "user_id": USER,
        "project_id": PROJECT,
        "encrypted_blob": b"x".hex(),
        "key_hash": "h",
        "type": "cert",
    }
    app = {
        "id": "na",
        "name": "na",
        "user_id": USER,
        "project_id": PROJECT,
        "secret": "x",
        "description": "",
        "expires_at": LATER,
        "unrestricted": False,
        "system": None,
    }
    rule = {"id": "nru", "service": "image", "path": "/v2/*", "method": "GET"}
    return [
        lambda: creds.create_credential("nc", dict(credential)),
        lambda: creds.update_credential("nc", {"type": "totp"}),
        lambda: creds.delete_credentials_for_user(USER),
        lambda: apps.create_application_credential(dict(app), [{"id": ROLE}], [dict(rule)]),
        lambda: apps.delete_application_credential("na"),
        lambda: apps.delete_application_credentials_for_user(USER),
        lambda: apps.delete_access_rules_for_user(USER),
        lambda: trust.consume_use("tr"),
        lambda: trust.delete_trust("tr"),
        lambda: oauth.create_consumer({"id": "no", "description": "", "secret": "s"}),
        lambda: oauth.update_consumer("no", {"description": "x"}),
        lambda: oauth.create_request_token("no", PROJECT, 600),
        lambda: oauth.delete_consumer("con"),
        lambda: revocations.Revoke().revoke(
            revoke_model.RevokeEvent(user_id=USER, issued_before=LATER, revoked_at=datetime.datetime.now())
        ),
    ]


@pytest.mark.parametrize(
    "operations",
    [_identity, _resources, _grants, _catalog, _federation, _credentials],
    ids=lambda f: f.__name__,
)
def test_drivers_leave_marks_of_exactly_what_they_changed(
    drivers: SqlStore, operations: Callable[[], list[Callable[[], Any]]]
) -> None:
    unenforced = drivers.engine.dialect.name == "sqlite"
    before = drivers.run(everything)
    for number, operation in enumerate(operations()):
        operation()
        after = drivers.run(everything)
        changed = _without_pruned(differing(before, after), after)
        marks = drivers.run(marked)
        assert changed, f"operation {number} changed nothing"
        assert changed <= marks, f"operation {number}"
        assert unenforced or marks == changed, f"operation {number}"
        drivers.run(forget_marks)
        before = after


def test_a_log_in_is_marked_once_a_day_and_a_failed_one_never(drivers: SqlStore) -> None:
    options = keystone.conf.CONF
    users = identity.Identity()
    users.create_user("new", {**SAMPLE, "password": "secret"})
    drivers.run(forget_marks)
    options.set_override("lockout_failure_attempts", 3, group="security_compliance")
    try:
        with pytest.raises(AssertionError):
            users.authenticate("new", "wrong")
        assert drivers.run(marked) == set()
        users.authenticate("new", "secret")
        assert drivers.run(marked) == set()
    finally:
        options.clear_override("lockout_failure_attempts", group="security_compliance")
    shadows = shadow.ShadowUsers()
    options.set_override("disable_user_account_days_inactive", 5, group="security_compliance")
    try:
        shadows.set_last_active_at("new")
        assert drivers.run(marked) == {Ref("user", "new")}
        drivers.run(forget_marks)
        shadows.set_last_active_at("new")
        assert drivers.run(marked) == set()
    finally:
        options.clear_override("disable_user_account_days_inactive", group="security_compliance")


def _without_pruned(changed: set[Ref], after: dict[Ref, Any]) -> set[Ref]:
    """Revocation events that were pruned are no change of anything."""
    return {ref for ref in changed if ref.kind != "revocation_event" or ref in after}
