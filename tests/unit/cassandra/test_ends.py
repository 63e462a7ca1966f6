"""Records that need another one: which goes, or changes, while they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keystone.conf
import pytest
from keystone import exception
from keystone.common import provider_api

from keystone_viaduct.cassandra.drivers.application_credential import ApplicationCredential
from keystone_viaduct.cassandra.drivers.catalog import Catalog
from keystone_viaduct.cassandra.drivers.federation import Federation
from keystone_viaduct.cassandra.drivers.oauth1 import OAuth1
from keystone_viaduct.cassandra.drivers.shadow_users import ShadowUsers
from keystone_viaduct.cassandra.drivers.trust import Trust
from keystone_viaduct.cassandra.drivers.unified_limit import UnifiedLimit
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from tests.unit.cassandra.over import meanwhile, use
from tests.unit.cassandra.test_broken_off import SIDE, alive, catalog, credential, limit, registered


@pytest.fixture
def tables(conf: Any) -> MemoryTables:
    conf.set_override("driver", "cassandra", group="federation")
    made = MemoryTables()
    use(made)
    return made


def idp(*protocols: str) -> Federation:
    driver = Federation()
    driver.create_idp("i", {"domain_id": "d", "enabled": True})
    for name in protocols:
        driver.create_protocol("i", name, {"mapping_id": "m"})
    return driver


def endpoint(driver: Catalog, name: str = "new", **more: Any) -> None:
    made = {"id": name, "service_id": "s", "region_id": "inner", "interface": "public", "url": "http://x"}
    driver.create_endpoint(name, {**made, **more})


def test_a_protocol_whose_provider_goes_meanwhile_is_taken_back(tables: MemoryTables) -> None:
    driver = idp()
    meanwhile(tables, "write", lambda: driver.delete_idp("i"))
    with pytest.raises(exception.IdentityProviderNotFound):
        driver.create_protocol("i", "p", {"mapping_id": "m"})
    assert not alive(tables, "federation_protocol")


@pytest.mark.parametrize("what", ["new", "known"])
def test_a_log_in_by_a_protocol_that_goes_meanwhile_leaves_no_way_in(
    tables: MemoryTables, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, shadow = idp("p"), ShadowUsers()
    if what == "known":
        user = {"id": "u", "name": "n", "domain_id": "d", "enabled": True}
        shadow.create_nonlocal_user(user)
        work: Callable[[], object] = lambda: shadow.create_federated_object({"user_id": "u", **SIDE})  # noqa: E731
    else:
        generator = type("Generator", (), {"generate_public_ID": lambda self, entity: "u"})()
        providers = type("Providers", (), {"id_generator_api": generator})
        monkeypatch.setattr(provider_api, "ProviderAPIs", providers)
        work = lambda: shadow.create_federated_user("d", SIDE)  # noqa: E731
    meanwhile(tables, "write", lambda: driver.delete_protocol("i", "p"))
    with pytest.raises(exception.FederatedProtocolNotFound):
        work()
    assert ("u" in alive(tables, "user")) == (what == "known")
    with pytest.raises(exception.UserNotFound):
        shadow.get_federated_user("i", "p", "x")


def test_protocols_that_another_driver_has_are_not_missed(tables: MemoryTables) -> None:
    keystone.conf.CONF.set_override("driver", "sql", group="federation")
    shadow = ShadowUsers()
    shadow.create_nonlocal_user({"id": "u", "name": "n", "domain_id": "d", "enabled": True})
    shadow.create_federated_object({"user_id": "u", **SIDE})
    assert shadow.get_federated_user("i", "p", "x")["id"] == "u"


def test_two_providers_never_have_one_remote_id_and_the_conflict_names_it(tables: MemoryTables) -> None:
    driver = idp()
    driver.update_idp("i", {"remote_ids": ["a", "b"]})
    with pytest.raises(exception.Conflict, match="Duplicate remote ID: b"):
        driver.create_idp("j", {"domain_id": "d", "enabled": True, "remote_ids": ["b", "c"]})
    driver.update_idp("i", {"remote_ids": ["a"]})
    driver.create_idp("j", {"domain_id": "d", "enabled": True, "remote_ids": ["b", "c"]})
    assert driver.get_idp_from_remote_id("b") == {"idp_id": "j", "remote_id": "b"}
    with pytest.raises(exception.Conflict, match="Duplicate entry: j"):
        driver.create_idp("j", {"domain_id": "d", "enabled": True})


@pytest.mark.parametrize("end", ["region", "service"])
def test_an_endpoint_one_of_whose_ends_goes_meanwhile_is_taken_back(tables: MemoryTables, end: str) -> None:
    driver = catalog()
    goes = driver.delete_region if end == "region" else driver.delete_service
    meanwhile(tables, "write", lambda: goes("inner" if end == "region" else "s"))
    with pytest.raises(exception.NotFound):
        endpoint(driver)
    assert "new" not in alive(tables, "endpoint")


def test_an_endpoint_that_is_moved_where_there_is_nothing_stays_where_it_was(tables: MemoryTables) -> None:
    driver = catalog()
    meanwhile(tables, "write", lambda: driver.delete_region("inner"))
    with pytest.raises(exception.RegionNotFound):
        driver.update_endpoint("e1", {"region_id": "inner"})
    use(tables)
    assert driver.get_endpoint("e1")["region_id"] is None


def test_a_region_that_gets_an_endpoint_while_it_is_deleted_is_put_back(tables: MemoryTables) -> None:
    driver = catalog()
    meanwhile(tables, "write", lambda: endpoint(driver))
    with pytest.raises(exception.RegionDeletionError):
        driver.delete_region("inner")
    use(tables)
    assert driver.get_region("inner")["parent_region_id"] == "outer"
    assert driver.get_endpoint("new")["region_id"] == "inner"


def test_a_project_is_not_given_a_group_that_goes_meanwhile(tables: MemoryTables) -> None:
    driver = catalog()
    meanwhile(tables, "write", lambda: driver.delete_endpoint_group("g"))
    with pytest.raises(exception.EndpointGroupNotFound):
        driver.add_endpoint_group_to_project("g", "another")
    assert not alive(tables, "project_endpoint_group")


def test_a_token_whose_consumer_goes_meanwhile_is_taken_back(tables: MemoryTables) -> None:
    driver = OAuth1()
    driver.create_consumer({"id": "c", "secret": "s"})
    meanwhile(tables, "write", lambda: driver.delete_consumer("c"))
    with pytest.raises(exception.NotFound, match="Consumer"):
        driver.create_request_token("c", "p", 0)
    assert not alive(tables, "request_token")


def test_of_two_who_exchange_one_request_token_one_gets_an_access_token(tables: MemoryTables) -> None:
    driver = OAuth1()
    driver.create_consumer({"id": "c", "secret": "s"})
    token = driver.create_request_token("c", "p", 0)["id"]
    driver.authorize_request_token(token, "u", ["r"])
    meanwhile(tables, "write", lambda: driver.create_access_token(token, 0))
    with pytest.raises(exception.NotFound, match="Request token"):
        driver.create_access_token(token, 0)
    assert len(alive(tables, "access_token")) == 1


def test_a_credential_whose_rule_goes_meanwhile_is_taken_back(tables: MemoryTables) -> None:
    driver = ApplicationCredential()
    credential()
    driver.delete_application_credential("k")
    meanwhile(tables, "write", lambda: driver.delete_access_rule("a0"))
    with pytest.raises(exception.AccessRuleNotFound):
        credential()
    assert not alive(tables, "application_credential")


def test_a_rule_that_a_credential_gets_while_it_is_deleted_is_put_back(tables: MemoryTables) -> None:
    driver = ApplicationCredential()
    credential()
    driver.delete_application_credential("k")
    meanwhile(tables, "write", credential)
    with pytest.raises(exception.ForbiddenNotSecurity):
        driver.delete_access_rule("a0", "u")
    use(tables)
    assert driver.get_access_rule("a0", "u")["path"] == "/0"
    with pytest.raises(exception.AccessRuleNotFound):
        driver.get_access_rule("a0", "somebody")


def test_a_credential_whose_rules_were_deleted_is_still_bound_by_them(tables: MemoryTables) -> None:
    driver = ApplicationCredential()
    credential()
    driver.delete_access_rules_for_user("u")
    assert len(driver.get_application_credential("k")["access_rules"]) == 2


@pytest.mark.parametrize("what", ["deleted", "changed"])
def test_a_limit_whose_registered_one_goes_meanwhile_is_taken_back(tables: MemoryTables, what: str) -> None:
    driver = UnifiedLimit()
    registered()

    def goes() -> None:
        if what == "deleted":
            driver.delete_registered_limit("l")
        else:
            driver.update_registered_limit("l", {"resource_name": "ram"})

    meanwhile(tables, "write", goes)
    with pytest.raises(exception.NoLimitReference):
        limit()
    assert not alive(tables, "unified_limit")


@pytest.mark.parametrize("what", ["deleted", "changed"])
def test_a_registered_limit_that_gets_a_limit_meanwhile_stays_as_it_was(
    tables: MemoryTables, what: str
) -> None:
    driver = UnifiedLimit()
    work: Callable[[], object] = (
        (lambda: driver.delete_registered_limit("l"))
        if what == "deleted"
        else (lambda: driver.update_registered_limit("l", {"resource_name": "ram"}))
    )
    registered()
    meanwhile(tables, "write", limit)
    with pytest.raises(exception.RegisteredLimitError):
        work()
    use(tables)
    assert driver.get_registered_limit("l")["resource_name"] == "cores"
    assert driver.get_limit("k")["resource_name"] == "cores"


def test_of_several_registered_limits_none_is_made_where_one_is_there(tables: MemoryTables) -> None:
    driver = UnifiedLimit()
    registered()
    made = {"service_id": "s", "region_id": None, "default_limit": 1}
    with pytest.raises(exception.Conflict):
        driver.create_registered_limits(
            [{**made, "id": "m", "resource_name": "ram"}, {**made, "id": "n", "resource_name": "cores"}]
        )
    assert alive(tables, "registered_limit") == {"l"}


def test_a_use_of_a_trust_is_counted_once_for_each_that_is_allowed(tables: MemoryTables) -> None:
    driver = Trust()
    made = {"trustor_user_id": "u", "trustee_user_id": "t", "impersonation": True, "remaining_uses": 2}
    driver.create_trust("t", made, [{"id": "r"}])
    meanwhile(tables, "write", lambda: driver.consume_use("t"))
    driver.consume_use("t")
    use(tables)
    assert driver.get_trust("t", deleted=True)["remaining_uses"] == 0
    with pytest.raises(exception.TrustUseLimitReached):
        driver.consume_use("t")
