"""What drivers promise beyond upstream's tests: several records, clients that die, databases that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from keystone import exception

from keystone_viaduct import drivers
from keystone_viaduct.cassandra.drivers import base
from keystone_viaduct.cassandra.drivers.assignment import Assignment
from keystone_viaduct.cassandra.drivers.credential import Credential
from keystone_viaduct.cassandra.drivers.domain_config import DomainConfig
from keystone_viaduct.cassandra.drivers.id_mapping import Mapping
from keystone_viaduct.cassandra.drivers.role import Role
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import outage
from keystone_viaduct.errors import OutcomeUnknown, StoreBusy, StoreUnavailable
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import (
    Crashed,
    Perform,
    Stepping,
    dying_after,
    interrupted,
    patient,
)


@pytest.fixture
def tables() -> Iterator[MemoryTables]:
    made = MemoryTables()
    use(made)
    yield made
    use(MemoryTables())


def use(tables: Any) -> None:
    """Let all drivers use these tables from now on."""
    records = Records(tables, backoff=patient())
    base.source = lambda: records


def make(*names: str) -> Role:
    """A driver, and roles whose ids are their names."""
    driver = Role()
    for name in names:
        driver.create_role(name, {"id": name, "name": name, "domain_id": None})
    return driver


def rules(driver: Role) -> list[tuple[str, str]]:
    """All of them."""
    return [(each["prior_role_id"], each["implied_role_id"]) for each in driver.list_role_inference_rules()]


def at(tables: MemoryTables, number: int, what: str, work: Callable[[], object]) -> Stepping:
    """The same tables, with something done by another client before the step of that name and number."""

    def meanwhile() -> None:
        use(tables)
        work()

    return Stepping(tables, interrupted(what, meanwhile, number))


def test_a_rule_about_a_role_that_is_deleted_meanwhile_is_taken_back(tables: MemoryTables) -> None:
    driver = make("a", "b")
    use(at(tables, 1, "write", lambda: driver.delete_role("b")))
    with pytest.raises(exception.RoleNotFound):
        driver.create_implied_role("a", "b")
    assert rules(driver) == []


@pytest.mark.parametrize("number", range(12))
def test_a_role_whose_deletion_broke_off_is_in_no_rule_once_it_is_gone(
    tables: MemoryTables, number: int
) -> None:
    driver = make("a", "b", "c")
    driver.create_implied_role("a", "b")
    driver.create_implied_role("b", "c")
    use(Stepping(tables, dying_after(number)))
    try:
        driver.delete_role("b")
    except Crashed:
        pass
    use(tables)
    there = {each["id"] for each in driver.list_roles_from_ids(["a", "b", "c"])}
    assert {role for rule in rules(driver) for role in rule} <= there
    if "b" in there:
        driver.delete_role("b")
    assert rules(driver) == []


def test_a_users_grants_go_at_once_and_a_projects_actor_by_actor(tables: MemoryTables) -> None:
    driver = Assignment()
    for user in ("u1", "u2"):
        for project in ("p1", "p2"):
            driver.create_grant("r", user_id=user, project_id=project)
    driver.create_system_grant("r", "u1", "system", "UserSystem", False)
    taken: list[str] = []

    def step(name: str, perform: Perform) -> object:
        taken.append(name)
        return perform()

    use(Stepping(tables, step))
    driver.delete_user_assignments("u1")
    assert taken.count("write") == 1
    driver.delete_project_assignments("p1")
    assert driver.list_role_assignments() == [{"user_id": "u2", "project_id": "p2", "role_id": "r"}]
    assert [each.actor_id for each in driver.list_system_grants_by_role("r")] == ["u1"]


def test_an_interrupted_clean_up_is_finished_by_doing_it_again(tables: MemoryTables) -> None:
    driver = Assignment()
    for number in range(5):
        driver.create_grant("r", user_id=f"u{number}", project_id="p")
    use(Stepping(tables, dying_after(9)))
    with pytest.raises(Crashed):
        driver.delete_project_assignments("p")
    use(tables)
    assert 0 < len(driver.list_role_assignments(project_ids=["p"])) < 5
    driver.delete_project_assignments("p")
    assert driver.list_role_assignments() == []


def test_ids_with_a_separator_in_them_are_kept_apart(tables: MemoryTables) -> None:
    driver = Assignment()
    driver.create_grant("r/1", user_id="u", project_id="p%2F/x")
    assert driver.list_grant_role_ids(user_id="u", project_id="p%2F/x") == ["r/1"]
    assert driver.list_role_assignments(role_id="r/1")[0]["project_id"] == "p%2F/x"


def test_a_duplicate_is_a_conflict_that_names_it(tables: MemoryTables) -> None:
    driver = make("a")
    with pytest.raises(exception.Conflict, match="name a"):
        driver.create_role("other", {"id": "other", "name": "a", "domain_id": None})


def test_one_domain_at_a_time_is_registered_and_only_it_can_let_go(tables: MemoryTables) -> None:
    driver = DomainConfig()
    other: list[bool] = []
    use(at(tables, 1, "write", lambda: other.append(driver.obtain_registration("d2", "sql"))))
    assert not driver.obtain_registration("d1", "sql")
    assert other == [True]
    assert driver.read_registration("sql") == "d2"
    driver.release_registration("d1")
    driver.release_registration("d1", "sql")
    assert driver.read_registration("sql") == "d2"
    driver.release_registration("d2")
    assert driver.obtain_registration("d1", "sql")


def test_a_credential_that_was_moved_meanwhile_is_not_deleted_with_its_former_user(
    tables: MemoryTables,
) -> None:
    driver = Credential()
    made = {"id": "c", "user_id": "u1", "encrypted_blob": "x", "type": "cert", "key_hash": "k"}
    driver.create_credential("c", made)
    use(at(tables, 1, "write", lambda: driver.update_credential("c", {"user_id": "u2"})))
    driver.delete_credentials_for_user("u1")
    use(tables)
    assert [each["id"] for each in driver.list_credentials_for_user("u2")] == ["c"]
    driver.delete_credentials_for_user("u2")
    with pytest.raises(exception.CredentialNotFound):
        driver.get_credential("c")


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"domain_id": "d1"}, ["p3"]),
        ({"public_id": "p1"}, ["p2", "p3"]),
        ({"domain_id": "d1", "local_id": b"two"}, ["p1", "p3"]),
        ({"entity_type": "user"}, ["p2"]),
        ({}, []),
    ],
)
def test_ids_that_match_all_that_is_said_are_forgotten(
    tables: MemoryTables, wanted: dict[str, Any], left: list[str]
) -> None:
    driver = Mapping()
    for public_id, domain, local, kind in (
        ("p1", "d1", "one", "user"),
        ("p2", "d1", b"two", "group"),
        ("p3", "d2", "one", "user"),
    ):
        entity = {"domain_id": domain, "local_id": local, "entity_type": kind}
        assert driver.create_id_mapping(entity, public_id) == public_id
        assert driver.create_id_mapping(entity, "another") == public_id, "it has one"
        assert driver.get_public_id(entity) == public_id
    driver.purge_mappings(wanted)
    assert [key for key in ("p1", "p2", "p3") if driver.get_id_mapping(key)] == left


@pytest.mark.parametrize("error", [StoreBusy, StoreUnavailable, OutcomeUnknown])
def test_what_records_have_given_up_on_is_not_repeated_and_answered_503(
    tables: MemoryTables, error: type[Exception]
) -> None:
    make("a")
    taken: list[str] = []

    def step(name: str, _perform: Perform) -> object:
        taken.append(name)
        raise error("no majority")

    use(Stepping(tables, step))
    wrapped = drivers.wrap(Role(), "keystone.role", DriverSettings())
    with outage.noting() as noted, pytest.raises(error):
        wrapped.get_role("a")
    assert taken == ["read"]
    assert noted.given_up, "from which the middleware makes 503"
