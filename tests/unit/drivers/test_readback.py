"""After an ambiguous commit the method comes to the same end as if the answer had arrived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from keystone import exception

from keystone_viaduct.drivers import methods, readback
from keystone_viaduct.drivers.faults import Fault
from tests.unit.drivers.fakes import Passing, fakes_registered, run


@pytest.fixture(autouse=True)
def _fakes() -> Iterator[None]:
    with fakes_registered():
        yield


class Driver:
    """Commits the first call of a write and loses the answer; then behaves like a database."""

    def __init__(self, committed: bool = True) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.committed = committed
        self.lost = False

    def _write(self, done: bool) -> None:
        if not self.lost:
            self.lost = True
            raise Passing(Fault.AMBIGUOUS)
        assert done or not self.committed

    def create_user(self, user_id: str, user: dict[str, Any]) -> dict[str, Any]:
        if user_id in self.records:
            raise exception.Conflict(type="user", details="duplicate")
        if self.lost or self.committed:
            self.records[user_id] = user
        self._write(done=False)
        return user

    def create_region(self, region_ref: dict[str, Any]) -> dict[str, Any]:
        return self.create_user(region_ref["id"], region_ref)

    def get_user(self, user_id: str) -> dict[str, Any]:
        if user_id not in self.records:
            raise exception.UserNotFound(user_id=user_id)
        return self.records[user_id]

    get_region = get_user

    def delete_user(self, user_id: str) -> None:
        if user_id not in self.records:
            raise exception.UserNotFound(user_id=user_id)
        if self.lost or self.committed:
            del self.records[user_id]
        self._write(done=False)


@pytest.mark.parametrize("committed", [True, False])
def test_a_create_returns_its_record(committed: bool) -> None:
    driver = Driver(committed)
    user = {"id": "u", "name": "n"}
    assert run(driver, "create_user", "u", user) == user
    assert driver.records == {"u": user}


@pytest.mark.parametrize("committed", [True, False])
def test_a_delete_ends_well(committed: bool) -> None:
    driver = Driver(committed)
    driver.records["u"] = {"id": "u"}
    assert run(driver, "delete_user", "u") is None
    assert driver.records == {}


def test_a_conflict_without_an_ambiguous_commit_stays_one() -> None:
    driver = Driver()
    driver.lost = True
    driver.records["u"] = {"id": "u"}
    with pytest.raises(exception.Conflict):
        run(driver, "create_user", "u", {"id": "u"})


class Regions(Driver):
    """While the first commit was lost, someone else created a region of the same id."""

    def create_region(self, region_ref: dict[str, Any]) -> dict[str, Any]:
        if not self.lost:
            self.lost = True
            self.records["north"] = {"id": "north", "description": "theirs"}
            raise Passing(Fault.AMBIGUOUS)
        return self.create_user(region_ref["id"], region_ref)


def test_a_record_of_someone_else_under_a_chosen_id_stays_a_conflict() -> None:
    with pytest.raises(exception.Conflict):
        run(Regions(), "create_region", {"id": "north", "description": "ours"}, namespace=methods.CATALOG)


def test_a_record_under_a_chosen_id_that_says_what_was_to_be_written_is_ours() -> None:
    region = {"id": "north", "description": "theirs"}
    assert run(Regions(), "create_region", region, namespace=methods.CATALOG) == region


class Passwords:
    """A driver that refuses a password that is in the history."""

    def __init__(self) -> None:
        self.history = ["old"]

    def change_password(self, user_id: str, new_password: str) -> None:
        if new_password in self.history:
            raise exception.PasswordHistoryValidationError(unique_count=2)
        self.history.append(new_password)
        raise Passing(Fault.AMBIGUOUS)

    def authenticate(self, user_id: str, password: str) -> dict[str, str]:
        if password != self.history[-1]:
            raise AssertionError("Invalid user / password")
        return {"id": user_id}


def test_a_password_that_the_first_attempt_set_is_set() -> None:
    driver = Passwords()
    assert run(driver, "change_password", "u", "new") is None
    assert driver.history == ["old", "new"]


def test_a_password_of_the_history_is_refused() -> None:
    driver = Passwords()
    driver.history += ["new", "newer"]
    with pytest.raises(exception.PasswordHistoryValidationError):
        run(driver, "change_password", "u", "new")


class Uses:
    """A trust that can be used so often; the first use's answer is lost."""

    def __init__(self, left: int, committed: bool) -> None:
        self.left = left
        self.committed = committed
        self.lost = False

    def consume_use(self, trust_id: str) -> None:
        first, self.lost = not self.lost, True
        if not first or self.committed:
            self.left -= 1
        if first:
            raise Passing(Fault.AMBIGUOUS)

    def get_trust(self, trust_id: str, deleted: bool = False) -> dict[str, Any]:
        if self.left == 0:
            raise exception.TrustNotFound(trust_id=trust_id)
        return {"id": trust_id, "remaining_uses": self.left}


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("left", [1, 3])
def test_a_trust_is_used_once(left: int, committed: bool) -> None:
    driver = Uses(left, committed)
    assert run(driver, "consume_use", "t", namespace=methods.TRUST) is None
    assert driver.left == left - 1


def test_limits_are_read_back_one_by_one() -> None:
    records = {"1": {"id": "1"}, "2": {"id": "2"}}

    class Limits:
        lost = False

        def create_limits(self, limits: list[dict[str, Any]]) -> list[dict[str, Any]]:
            if self.lost:
                raise exception.Conflict(type="limit", details="duplicate")
            self.lost = True
            raise Passing(Fault.AMBIGUOUS)

        def get_limit(self, limit_id: str) -> dict[str, Any]:
            return records[limit_id]

    answer = run(Limits(), "create_limits", [{"id": "1"}, {"id": "2"}], namespace=methods.UNIFIED_LIMIT)
    assert answer == [{"id": "1"}, {"id": "2"}]


def test_every_method_of_the_tables_exists_in_keystones_drivers() -> None:
    from tests.unit.drivers.test_methods import driver_class

    tables = (*readback._CREATES.items(), *readback._CREATES_CHOSEN.items(), *readback._LINKS.items())
    for (namespace, create), getter in tables:
        assert hasattr(driver_class(namespace), create), create
        if getter is not None:
            assert hasattr(driver_class(namespace), getter[0]), getter
    for (namespace, create), (name, _parameter) in readback._BATCHES.items():
        assert hasattr(driver_class(namespace), create)
        assert hasattr(driver_class(namespace), name)


def test_parameters_of_the_tables_are_those_of_keystones_drivers() -> None:
    import inspect

    from tests.unit.drivers.test_methods import driver_class

    for (namespace, create), getter in (*readback._CREATES.items(), *readback._CREATES_CHOSEN.items()):
        parameters = inspect.signature(getattr(driver_class(namespace), create)).parameters
        for name in getter[1]:
            assert name.partition(".")[0] in parameters, (create, name)
