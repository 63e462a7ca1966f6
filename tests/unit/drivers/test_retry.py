"""A method that failed for a passing reason is run again, as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from keystone import exception
from oslo_context import context
from oslo_db import exception as db_exception

from keystone_viaduct.drivers import counters, methods, outage
from keystone_viaduct.drivers.calls import Call
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.drivers.retry import Retrier
from tests.unit.drivers.fakes import ManualTime, Passing, Scripted, fakes_registered, run


@pytest.fixture(autouse=True)
def _fakes() -> Iterator[None]:
    with fakes_registered():
        yield


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.FINAL}, key=str))
def test_it_runs_again_until_it_succeeds(fault: Fault) -> None:
    driver = Scripted(update_user=[Passing(fault), Passing(fault), {"id": "u"}])
    assert run(driver, "update_user", "u", {}) == {"id": "u"}
    assert len(driver.calls) == 3


def test_what_was_repeated_by_whoever_raises_it_is_given_up_on_at_once() -> None:
    driver = Scripted(update_user=[Passing(Fault.FINAL), {"id": "u"}])
    with outage.noting() as noted, pytest.raises(Passing):
        run(driver, "update_user", "u", {})
    assert len(driver.calls) == 1
    assert noted.given_up


def test_other_errors_are_raised_at_once() -> None:
    driver = Scripted(get_user=[exception.UserNotFound(user_id="u")])
    with pytest.raises(exception.UserNotFound):
        run(driver, "get_user", "u")
    assert len(driver.calls) == 1


def test_at_the_deadline_the_last_error_is_raised() -> None:
    time = ManualTime()
    last = Passing()
    driver = Scripted(get_user=[Passing(), Passing(), last])
    with pytest.raises(Passing) as raised:
        Retrier(time.backoff(4.0, 4.0, 10.0)).run(Call(driver, methods.IDENTITY, "get_user", ("u",)))
    assert raised.value is last
    assert time.slept == [4.0, 4.0]


def test_each_attempt_sees_the_arguments_of_the_first() -> None:
    seen: list[dict[str, Any]] = []

    def create(_role_id: str, role: dict[str, Any]) -> dict[str, Any]:
        seen.append({"options": dict(role.pop("options"))})
        if len(seen) < 3:
            raise Passing
        return role

    driver = Scripted(create_role=[create, create, create])
    role = {"name": "r", "options": {"immutable": True}}
    run(driver, "create_role", "1", role, namespace=methods.ROLE)
    assert seen == [{"options": {"immutable": True}}] * 3
    assert role == {"name": "r"}


def test_a_duplicate_is_retried_where_the_method_looks_before_it_inserts() -> None:
    driver = Scripted(add_user_to_group=[db_exception.DBDuplicateEntry(), None])
    assert run(driver, "add_user_to_group", "u", "g") is None
    driver = Scripted(create_group=[db_exception.DBDuplicateEntry()])
    with pytest.raises(db_exception.DBDuplicateEntry):
        run(driver, "create_group", "g", {})


def test_it_counts_and_logs_with_the_id_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    before = counters.known().retries.get((methods.IDENTITY, "update_group", "conflict"), 0)
    recovered = counters.known().outcomes.get("recovered", 0)
    request = context.RequestContext(request_id="req-1234", overwrite=True)
    with caplog.at_level(logging.WARNING):
        run(Scripted(update_group=[Passing(), None]), "update_group", "g", {})
    assert request.request_id == "req-1234"
    assert "keystone.identity.update_group: attempt 1 failed (conflict: Passing)" in caplog.text
    assert "[req-1234]" in caplog.text
    assert counters.known().retries[methods.IDENTITY, "update_group", "conflict"] == before + 1
    assert counters.known().outcomes["recovered"] == recovered + 1


def test_giving_up_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    exhausted = counters.known().outcomes.get("exhausted", 0)
    driver = Scripted(get_user=[Passing()])
    with pytest.raises(Passing):
        Retrier(ManualTime().backoff(1.0, 1.0, 0.5)).run(Call(driver, methods.IDENTITY, "get_user", ("u",)))
    assert "giving up" in caplog.text
    assert counters.known().outcomes["exhausted"] == exhausted + 1
