"""Users and groups beyond upstream's tests: what a log-in costs, lockout, memberships whose ends go."""

from __future__ import annotations

import datetime
import operator
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from keystone import exception
from keystone.common import driver_hints
from oslo_utils import timeutils

from keystone_viaduct.cassandra.drivers import base
from keystone_viaduct.cassandra.drivers.identity import Identity
from keystone_viaduct.cassandra.drivers.people import USER
from keystone_viaduct.cassandra.drivers.shadow_users import ShadowUsers
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.errors import StoreUnavailable
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import (
    CONDITIONAL,
    Crashed,
    Perform,
    Step,
    Stepping,
    dying_after,
    interrupted,
    patient,
)


@pytest.fixture
def tables(conf: Any) -> Iterator[MemoryTables]:
    made = MemoryTables()
    use(made)
    yield made
    use(MemoryTables())


def use(tables: Any, step: Step | None = None) -> None:
    """Let all drivers use these tables from now on."""
    records = Records(tables if step is None else Stepping(tables, step), backoff=patient())
    base.source = lambda: records


def user(driver: Identity, name: str = "u1", **more: Any) -> None:
    """Make a user whose id is his name."""
    driver.create_user(
        name, {"id": name, "name": name, "domain_id": "d", "password": "right", "enabled": True, **more}
    )


def group(driver: Identity, name: str = "g1") -> None:
    """Make a group whose id is its name."""
    driver.create_group(name, {"id": name, "name": name, "domain_id": "d"})


def steps_of(tables: MemoryTables, work: Any) -> Counter[str]:
    """The steps that something takes, by name."""
    taken: Counter[str] = Counter()

    def step(name: str, perform: Perform) -> object:
        taken[name] += 1
        return perform()

    use(tables, step)
    work()
    use(tables)
    return taken


@pytest.mark.parametrize("attempts", [None, 3])
def test_a_log_in_takes_no_conditional_step(tables: MemoryTables, conf: Any, attempts: int | None) -> None:
    conf.set_override("lockout_failure_attempts", attempts, group="security_compliance")
    driver = Identity()
    user(driver)
    taken = steps_of(tables, lambda: driver.authenticate("u1", "right"))
    assert not CONDITIONAL & taken.keys()
    assert taken["read"] == (1 if attempts is None else 2)
    shadow = ShadowUsers()
    taken = steps_of(tables, lambda: shadow.set_last_active_at("u1"))
    assert taken == {"noted": 1, "note": 1}
    assert steps_of(tables, lambda: shadow.set_last_active_at("u1")) == {"noted": 1}, "once a day"


def test_wrong_passwords_lock_a_user_out_until_the_right_one_or_the_time(
    tables: MemoryTables, conf: Any
) -> None:
    conf.set_override("lockout_failure_attempts", 2, group="security_compliance")
    conf.set_override("lockout_duration", 60, group="security_compliance")
    driver = Identity()
    user(driver)

    def fail(number: int) -> None:
        for _ in range(number):
            with pytest.raises(AssertionError):
                driver.authenticate("u1", "wrong")

    fail(1)
    driver.authenticate("u1", "right")
    fail(2)
    with pytest.raises(exception.AccountLocked):
        driver.authenticate("u1", "right")
    timeutils.set_time_override(timeutils.utcnow() + datetime.timedelta(seconds=61))
    try:
        fail(1)
        driver.authenticate("u1", "right")
    finally:
        timeutils.clear_time_override()
    fail(2)
    driver.update_user("u1", {"enabled": True})
    driver.authenticate("u1", "right")


@pytest.mark.parametrize(
    ("compare", "found"), [(operator.lt, ["u1"]), (operator.gt, ["u3"]), (operator.eq, ["u2"])]
)
def test_users_are_found_by_when_their_password_expires(
    tables: MemoryTables, conf: Any, compare: Any, found: list[str]
) -> None:
    driver = Identity()
    for days in (1, 2, 3):
        conf.set_override("password_expires_days", days, group="security_compliance")
        user(driver, f"u{days}")
    hints = driver_hints.Hints()
    expires = driver.get_user("u2")["password_expires_at"].replace(tzinfo=datetime.UTC)  # as managers give it
    hints.add_filter("password_expires_at", expires, comparator=compare)
    assert [each["id"] for each in driver.list_users(hints)] == found
    assert hints.filters == []


def test_a_guess_that_cannot_be_counted_is_not_answered(tables: MemoryTables, conf: Any) -> None:
    conf.set_override("lockout_failure_attempts", 2, group="security_compliance")
    driver = Identity()
    user(driver)

    def minority(name: str, perform: Perform) -> object:
        if name in CONDITIONAL:
            raise StoreUnavailable("no majority")
        return perform()

    use(tables, minority)
    driver.authenticate("u1", "right")
    with pytest.raises(StoreUnavailable):
        driver.authenticate("u1", "wrong")


@pytest.mark.parametrize("attempts", [None, 3])
def test_where_nothing_can_be_written_a_log_in_goes_on(
    tables: MemoryTables, conf: Any, attempts: int | None
) -> None:
    """A cut leaves some data centre without a majority of all copies."""
    conf.set_override("lockout_failure_attempts", attempts, group="security_compliance")
    driver = Identity()
    user(driver)
    if attempts:
        with pytest.raises(AssertionError):
            driver.authenticate("u1", "wrong")

    def minority(name: str, perform: Perform) -> Any:
        if name in CONDITIONAL | {"note", "list_put", "list_drop"}:
            raise StoreUnavailable("too few nodes")
        return perform()

    use(tables, minority)
    assert driver.authenticate("u1", "right")["id"] == "u1"
    ShadowUsers().set_last_active_at("u1")
    assert driver.get_user_by_name("u1", "d")["id"] == "u1"
    with pytest.raises(StoreUnavailable):
        driver.update_user("u1", {"name": "other"})


def test_a_day_without_activity_counts_from_the_last_note(tables: MemoryTables, conf: Any) -> None:
    conf.set_override("disable_user_account_days_inactive", 3, group="security_compliance")
    driver = Identity()
    user(driver)
    later = timeutils.utcnow() + datetime.timedelta(days=2)
    timeutils.set_time_override(later)
    try:
        ShadowUsers().set_last_active_at("u1")
        timeutils.set_time_override(later + datetime.timedelta(days=2))
        assert driver.get_user("u1")["enabled"]
        timeutils.set_time_override(later + datetime.timedelta(days=3))
        assert not driver.get_user("u1")["enabled"]
    finally:
        timeutils.clear_time_override()


def test_two_changes_of_one_user_at_once_are_both_made(tables: MemoryTables) -> None:
    driver = Identity()
    user(driver)

    def meanwhile() -> None:
        use(tables)
        driver.update_user("u1", {"email": "a@b"})

    use(tables, interrupted("write", meanwhile))
    driver.change_password("u1", "chosen")
    use(tables)
    assert driver.get_user("u1")["email"] == "a@b"
    driver.authenticate("u1", "chosen")


@pytest.mark.parametrize("end", ["user", "group"])
def test_a_membership_one_of_whose_ends_goes_meanwhile_is_taken_back(tables: MemoryTables, end: str) -> None:
    driver = Identity()
    user(driver)
    group(driver)

    def meanwhile() -> None:
        use(tables)
        driver.delete_user("u1") if end == "user" else driver.delete_group("g1")

    use(tables, interrupted("write", meanwhile))
    with pytest.raises(exception.NotFound):
        driver.add_user_to_group("u1", "g1")
    use(tables)
    assert not tables.read("membership", "u1").alive


@pytest.mark.parametrize("end", ["user", "group"])
def test_when_an_end_is_gone_no_membership_is_left_wherever_its_deletion_broke_off(
    conf: Any, end: str
) -> None:
    for number in range(30):
        tables = MemoryTables()
        use(tables)
        driver = Identity()
        user(driver)
        group(driver)
        driver.add_user_to_group("u1", "g1")
        use(tables, dying_after(number))
        try:
            driver.delete_user("u1") if end == "user" else driver.delete_group("g1")
        except Crashed:
            pass
        if not tables.read(end, "u1" if end == "user" else "g1").alive:
            assert not tables.read("membership", "u1").alive, number
    use(MemoryTables())


def test_a_user_of_an_identity_provider_is_found_by_what_it_calls_him(tables: MemoryTables) -> None:
    records = base.source()
    side = {"idp_id": "i", "protocol_id": "p", "unique_id": "x@y", "display_name": "X"}
    records.change(
        USER, "f1", lambda _: {"domain_id": "d", "extra": {}, "_enabled": True, "federated": [side]}
    )
    shadow = ShadowUsers()
    assert shadow.get_federated_user("i", "p", "x@y")["id"] == "f1"
    shadow.update_federated_user_display_name("i", "p", "x@y", "Y")
    assert shadow.get_user("f1")["name"] == "Y"
    with pytest.raises(exception.Conflict):
        shadow.create_federated_object({"user_id": "f1", **side})
    shadow.create_federated_object({"user_id": "f1", **side, "idp_id": "j"})
    found = shadow.get_federated_objects("f1")
    assert [each["idp_id"] for each in found] == ["i", "j"]
    shadow.delete_federated_object("f1")
    with pytest.raises(exception.UserNotFound):
        shadow.get_federated_user("j", "p", "x@y")
