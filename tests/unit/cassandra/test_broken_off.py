"""Work on several records that broke off after any of its steps: what must hold then, and doing it again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from keystone import exception

from keystone_viaduct.cassandra.drivers.application_credential import ApplicationCredential
from keystone_viaduct.cassandra.drivers.catalog import Catalog
from keystone_viaduct.cassandra.drivers.endpoint_policy import EndpointPolicy
from keystone_viaduct.cassandra.drivers.expiring import EXPIRING, Expiring
from keystone_viaduct.cassandra.drivers.federation import Federation
from keystone_viaduct.cassandra.drivers.identity import Identity
from keystone_viaduct.cassandra.drivers.oauth1 import OAuth1
from keystone_viaduct.cassandra.drivers.people import USER
from keystone_viaduct.cassandra.drivers.removal import ORPHANS_GO
from keystone_viaduct.cassandra.drivers.trust import Trust
from keystone_viaduct.cassandra.drivers.unified_limit import UnifiedLimit
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import Crashed, dying_after, patient
from tests.unit.cassandra.over import use


@pytest.fixture(autouse=True)
def empty_afterwards(conf: Any) -> Iterator[None]:
    """No case finds the tables of the one before."""
    yield
    use(MemoryTables())


@dataclasses.dataclass(frozen=True)
class Case:
    """``given`` makes what there is, ``work`` breaks off, ``holds`` asserts what must be so at any time, and
    ``done`` what is so in the end.
    """

    given: Callable[[], object]
    work: Callable[[], object]
    holds: Callable[[MemoryTables], object]
    done: Callable[[MemoryTables], object]


def alive(tables: MemoryTables, kind: str) -> set[str]:
    """The keys of what is there of a kind."""
    return {key for (of, key), stored in tables.partitions.items() if of == kind and stored.alive}


SIDE = {"idp_id": "i", "protocol_id": "p", "unique_id": "x", "display_name": "X"}


def provider() -> None:
    """A provider with two protocols, a user who came by it alone, and one who has a password too."""
    driver, identity = Federation(), Identity()
    driver.create_idp("i", {"domain_id": "d", "enabled": True, "remote_ids": ["r"]})
    for name in ("p", "q"):
        driver.create_protocol("i", name, {"mapping_id": "m"})
    identity.create_group("g", {"id": "g", "name": "g", "domain_id": "d"})
    identity.create_user("local", {"id": "local", "name": "n", "domain_id": "d", "enabled": True})
    records = driver._records
    records.change(
        USER, "local", lambda before: {**(before or {}), "federated": [{**SIDE, "unique_id": "y"}]}
    )
    records.change(
        USER, "only", lambda _: {"domain_id": "d", "extra": {}, "_enabled": True, "federated": [SIDE]}
    )
    identity.add_user_to_group("only", "g")
    records.change(EXPIRING, "only", lambda _: {Expiring("g", "i").field: 1})


def departed(tables: MemoryTables) -> None:
    """Nobody logs in by the provider, and who came by it alone has gone."""
    fields = Records(tables, backoff=patient()).get(USER, "local")
    assert fields is not None and "federated" not in fields
    assert ("only" in alive(tables, "user")) is not ORPHANS_GO
    if ORPHANS_GO:
        assert not alive(tables, "membership")


def provider_holds(tables: MemoryTables) -> None:
    if "i" not in alive(tables, "identity_provider"):
        assert not alive(tables, "federation_protocol")
        assert not alive(tables, "expiring")
        departed(tables)
    if ORPHANS_GO and "only" not in alive(tables, "user"):
        assert not alive(tables, "membership")


def catalog() -> Catalog:
    """A region in another one, a service with two endpoints that a project sees, and a group."""
    driver = Catalog()
    driver.create_region({"id": "outer", "description": ""})
    driver.create_region({"id": "inner", "description": "", "parent_region_id": "outer"})
    driver.create_service("s", {"id": "s", "type": "t", "enabled": True})
    for name in ("e1", "e2"):
        made = {"id": name, "service_id": "s", "interface": "public", "url": "http://x", "enabled": True}
        driver.create_endpoint(name, made)
        driver.add_endpoint_to_project(name, "project")
    driver.create_endpoint_group("g", {"id": "g", "name": "g", "filters": {}})
    driver.add_endpoint_group_to_project("g", "project")
    return driver


def regions_hold(tables: MemoryTables) -> None:
    there = alive(tables, "region")
    assert "inner" not in there or "outer" in there


def service_holds(tables: MemoryTables) -> None:
    if "s" not in alive(tables, "service"):
        assert not alive(tables, "endpoint") and not alive(tables, "project_endpoint")


def group_holds(tables: MemoryTables) -> None:
    if "g" not in alive(tables, "endpoint_group"):
        assert not alive(tables, "project_endpoint_group")


TOKENS: dict[str, str] = {}


def consumer() -> None:
    """A consumer with a request token that is authorized, and an access token."""
    driver = OAuth1()
    driver.create_consumer({"id": "c", "secret": "s", "description": None})
    for _ in range(2):
        token = driver.create_request_token("c", "project", 0)["id"]
        driver.authorize_request_token(token, "u", ["r"])
        TOKENS["request"] = token
        if not alive_tokens():
            driver.create_access_token(token, 0)


def alive_tokens() -> list[dict[str, Any]]:
    return OAuth1().list_access_tokens("u")


def consumer_holds(tables: MemoryTables) -> None:
    if "c" not in alive(tables, "consumer"):
        assert not alive(tables, "request_token") and not alive(tables, "access_token")


def exchange_holds(tables: MemoryTables) -> None:
    assert len(alive(tables, "request_token")) + len(alive(tables, "access_token")) <= 2


def exchanged(tables: MemoryTables) -> None:
    assert not alive(tables, "request_token")
    assert len(alive(tables, "access_token")) in (1, 2)


def credential() -> None:
    """Make an application credential with two rules."""
    rules = [{"id": f"a{n}", "service": "s", "path": f"/{n}", "method": "GET"} for n in range(2)]
    made = {"id": "k", "name": "n", "secret": "x", "user_id": "u", "project_id": "p"}
    ApplicationCredential().create_application_credential(made, [{"id": "r"}], rules)


def credential_holds(tables: MemoryTables) -> None:
    assert not alive(tables, "application_credential") or alive(tables, "access_rule") == {"a0", "a1"}


def bounded(tables: MemoryTables) -> None:
    credential_holds(tables)
    assert [rule["id"] for rule in ApplicationCredential().get_application_credential("k")["access_rules"]]


def trusts() -> None:
    """Two for a project and one for another, and one that is used up."""
    driver = Trust()
    for number, project in enumerate(("p", "p", "other")):
        made = {"trustor_user_id": f"u{number}", "trustee_user_id": "t", "project_id": project}
        driver.create_trust(
            f"t{number}", {**made, "impersonation": False, "remaining_uses": 1}, [{"id": "r"}]
        )


def of_project_marked(tables: MemoryTables) -> None:
    assert [each["id"] for each in Trust().list_trusts()] == ["t2"]


def used(tables: MemoryTables) -> None:
    with pytest.raises(exception.TrustUseLimitReached):
        Trust().consume_use("t2")


def uses_hold(tables: MemoryTables) -> None:
    assert Trust().get_trust("t2", deleted=True)["remaining_uses"] in (0, 1)


def associations() -> None:
    for endpoint in ("e1", "e2"):
        EndpointPolicy().create_policy_association("policy", endpoint_id=endpoint)
    EndpointPolicy().create_policy_association("other", service_id="s")


def associated(tables: MemoryTables) -> None:
    assert EndpointPolicy().list_associations_for_policy("policy") == []
    assert EndpointPolicy().get_policy_association(service_id="s") == {"policy_id": "other"}


def registered() -> None:
    made = {"id": "l", "service_id": "s", "resource_name": "cores", "default_limit": 1}
    UnifiedLimit().create_registered_limits([made])


def limit() -> None:
    made = {"id": "k", "project_id": "p", "service_id": "s", "resource_name": "cores", "resource_limit": 2}
    UnifiedLimit().create_limits([made])


def limits_hold(tables: MemoryTables) -> None:
    assert not alive(tables, "unified_limit") or alive(tables, "registered_limit")


CASES = {
    "delete_idp": Case(provider, lambda: Federation().delete_idp("i"), provider_holds, departed),
    "delete_protocol": Case(
        provider, lambda: Federation().delete_protocol("i", "p"), provider_holds, departed
    ),
    "delete_region": Case(
        catalog,
        lambda: Catalog().delete_region("outer"),
        regions_hold,
        lambda tables: None if not alive(tables, "region") else pytest.fail("a region is left"),
    ),
    "delete_service": Case(catalog, lambda: Catalog().delete_service("s"), service_holds, service_holds),
    "delete_endpoint_group": Case(
        catalog, lambda: Catalog().delete_endpoint_group("g"), group_holds, group_holds
    ),
    "delete_consumer": Case(consumer, lambda: OAuth1().delete_consumer("c"), consumer_holds, consumer_holds),
    "create_access_token": Case(
        consumer,
        lambda: OAuth1().create_access_token(TOKENS["request"], 0),
        exchange_holds,
        exchanged,
    ),
    "create_application_credential": Case(lambda: None, credential, credential_holds, bounded),
    "delete_trusts_for_project": Case(
        trusts, lambda: Trust().delete_trusts_for_project("p"), uses_hold, of_project_marked
    ),
    "consume_use": Case(trusts, lambda: Trust().consume_use("t2"), uses_hold, used),
    "delete_association_by_policy": Case(
        associations,
        lambda: EndpointPolicy().delete_association_by_policy("policy"),
        lambda _tables: EndpointPolicy().get_policy_association(service_id="s"),
        associated,
    ),
    "create_limits": Case(
        registered,
        limit,
        limits_hold,
        lambda tables: UnifiedLimit().get_limit("k"),
    ),
    "delete_registered_limit": Case(
        registered,
        lambda: UnifiedLimit().delete_registered_limit("l"),
        limits_hold,
        lambda tables: None if not alive(tables, "registered_limit") else pytest.fail("it is left"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_broke_off_anywhere_leaves_nothing_over_once_it_is_done_again(name: str) -> None:
    case = CASES[name]
    for number in range(200):
        tables = MemoryTables()
        use(tables)
        case.given()
        use(tables, dying_after(number))
        died = True
        try:
            case.work()
            died = False
        except Crashed:
            pass
        use(tables)
        case.holds(tables)
        try:
            case.work()
        except (exception.NotFound, exception.Conflict, exception.TrustUseLimitReached):
            pass  # it was done
        case.done(tables)
        if not died:
            break
    else:
        pytest.fail("it takes more steps than that")
    assert number > 2, "it has steps"
