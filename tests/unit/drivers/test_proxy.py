"""A wrapped driver is the driver, but for what its methods do to the database."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from keystone.common import manager
from keystone.common.driver_hints import Hints

from keystone_viaduct import drivers
from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import memo, methods, scope
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.drivers.proxy import DriverProxy
from keystone_viaduct.drivers.scope import Scope
from tests.unit.drivers.fakes import QUICK, Passing, fakes_registered


@pytest.fixture(autouse=True)
def _fakes() -> Iterator[None]:
    with fakes_registered():
        yield


class Driver:
    """A driver of users that counts its calls."""

    is_sql = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.users = {"u": {"id": "u", "name": "n"}}
        self.failures: list[Exception] = []

    def get_user(self, user_id: str) -> dict[str, str]:
        self.asked.append("get_user")
        if self.failures:
            raise self.failures.pop(0)
        return self.users[user_id]

    def list_users(self, hints: Hints) -> list[dict[str, str]]:
        self.asked.append("list_users")
        hints.filters.clear()
        return list(self.users.values())

    def update_user(self, user_id: str, user: dict[str, str]) -> None:
        self.asked.append("update_user")
        if self.failures:
            raise self.failures.pop(0)
        self.users[user_id] = user

    def generates_uuids(self) -> bool:
        self.asked.append("generates_uuids")
        return True

    def authenticate(self, user_id: str, password: str) -> None:
        self.asked.append("authenticate")


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def wrapped(driver: Driver) -> Any:
    return drivers.wrap(driver, methods.IDENTITY, QUICK)


def test_it_passes_for_the_driver(driver: Any, wrapped: Any) -> None:
    assert isinstance(wrapped, Driver)
    assert wrapped.is_sql is True
    assert wrapped.asked is driver.asked
    assert drivers.unwrap(wrapped) is driver
    assert "get_user" in dir(wrapped)
    with pytest.raises(AttributeError):
        operator.attrgetter("no_such_method")(wrapped)
    assert not hasattr(wrapped, "default_role_driver")


def test_what_is_set_on_it_is_set_on_the_driver(driver: Driver, wrapped: Any) -> None:
    wrapped.conf = 1
    assert driver.conf == 1  # type: ignore[attr-defined]
    del wrapped.conf
    assert not hasattr(driver, "conf")


def test_methods_can_be_replaced_on_it_and_on_the_driver(driver: Driver, wrapped: Any) -> None:
    assert wrapped.get_user("u")["name"] == "n"
    for target in (wrapped, driver):
        with mock.patch.object(target, "get_user", return_value={"name": "mocked"}):
            assert wrapped.get_user("u")["name"] == "mocked"
        assert wrapped.get_user("u")["name"] == "n"


def test_a_repeated_read_of_a_request_reaches_the_driver_once(driver: Driver, wrapped: Any) -> None:
    with memo.request():
        first = wrapped.get_user("u")
        first["name"] = "changed by the caller"
        driver.users["u"] = {"id": "u", "name": "n"}
        assert wrapped.get_user("u") == {"id": "u", "name": "n"}
    assert driver.asked == ["get_user"]
    wrapped.get_user("u")
    assert driver.asked == ["get_user", "get_user"]


def test_a_write_makes_the_request_ask_again(driver: Driver, wrapped: Any) -> None:
    with memo.request():
        wrapped.get_user("u")
        wrapped.update_user("u", {"id": "u", "name": "new"})
        assert wrapped.get_user("u")["name"] == "new"


def test_asking_for_what_the_driver_can_do_and_authenticating_forget_nothing(
    driver: Driver, wrapped: Any
) -> None:
    with memo.request():
        wrapped.get_user("u")
        assert wrapped.generates_uuids()
        wrapped.authenticate("u", "p")
        wrapped.get_user("u")
    assert driver.asked == ["get_user", "generates_uuids", "authenticate"]


def test_lists_are_remembered_with_what_became_of_their_hints(driver: Driver, wrapped: Any) -> None:
    with memo.request():
        for _ in range(2):
            hints = Hints()
            hints.add_filter("name", "n")
            assert [user["id"] for user in wrapped.list_users(hints)] == ["u"]
            assert hints.filters == []
    assert driver.asked == ["list_users"]


def test_two_drivers_of_one_namespace_do_not_answer_for_each_other() -> None:
    one, other = Driver(), Driver()
    other.users["u"] = {"id": "u", "name": "other"}
    with memo.request():
        names = [drivers.wrap(each, methods.IDENTITY, QUICK).get_user("u")["name"] for each in (one, other)]
    assert names == ["n", "other"]


def test_in_an_outer_transaction_nothing_is_retried_or_remembered(
    driver: Driver, wrapped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope, "current", lambda: Scope.WRITER)
    driver.failures = [Passing()]
    with pytest.raises(Passing):
        wrapped.update_user("u", {})
    with memo.request():
        wrapped.get_user("u")
        wrapped.get_user("u")
    assert driver.asked == ["update_user", "get_user", "get_user"]


def test_reads_are_retried_too(driver: Driver, wrapped: Any) -> None:
    driver.failures = [Passing(Fault.LOST)]
    assert wrapped.get_user("u")["id"] == "u"


def test_without_retry_and_memo_the_driver_is_left_alone(driver: Driver) -> None:
    assert drivers.wrap(driver, methods.IDENTITY, DriverSettings(retry=False, request_memo=False)) is driver
    assert drivers.wrap(driver, "keystone.token.provider", QUICK) is driver


def test_retry_can_be_switched_off_alone(driver: Driver) -> None:
    wrapped = drivers.wrap(driver, methods.IDENTITY, DriverSettings(retry=False))
    driver.failures = [Passing()]
    with pytest.raises(Passing):
        wrapped.get_user("u")


def test_the_middleware_gives_each_request_a_memo_unless_it_is_switched_off() -> None:
    seen: list[bool] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(memo.current() is not None)
        return []

    for settings in (QUICK, DriverSettings(request_memo=False)):
        drivers.RequestMemo(application, settings)({}, lambda *_: None)
    assert seen == [True, False]


def test_keystones_drivers_are_loaded_wrapped_after_installing() -> None:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([])
    original = manager.load_driver
    drivers.install(conf)
    drivers.install(conf)
    try:
        loaded = manager.load_driver(methods.POLICY, "sql")
        provider = manager.load_driver("keystone.identity.id_generator", "sha256")
    finally:
        drivers.uninstall()
    assert manager.load_driver is original
    assert type(loaded) is DriverProxy
    assert type(provider) is not DriverProxy
