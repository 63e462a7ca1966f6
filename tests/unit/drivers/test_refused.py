"""A database that serves nobody: calls end soon, and the client is told to come again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import around, methods, outage
from keystone_viaduct.drivers.calls import Call
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.drivers.retry import Retrier
from tests.unit.drivers.fakes import ManualTime, Passing, Scripted, fakes_registered

REFUSED = Passing(Fault.REFUSED)
Answer = tuple[str, dict[str, str], bytes]


@pytest.fixture(autouse=True)
def _fakes() -> Iterator[None]:
    with fakes_registered():
        yield
    outage.served()


def get_user(driver: Scripted, time: ManualTime) -> Any:
    return Retrier(time.backoff(1.0, 2.0, 60.0)).run(Call(driver, methods.IDENTITY, "get_user", ("u",)))


def test_the_first_call_waits_for_the_shorter_deadline() -> None:
    time = ManualTime()
    driver = Scripted(get_user=[REFUSED] * 10)
    with pytest.raises(Passing):
        get_user(driver, time)
    assert time.now <= 6.0
    assert len(driver.calls) > 2


def test_the_calls_after_it_do_not_wait_until_one_succeeds() -> None:
    time = ManualTime()
    with pytest.raises(Passing):
        get_user(Scripted(get_user=[REFUSED] * 10), time)
    waited = time.now
    with pytest.raises(Passing):
        get_user(Scripted(get_user=[REFUSED]), time)
    assert time.now == waited
    get_user(Scripted(get_user=[{"id": "u"}]), time)
    assert get_user(Scripted(get_user=[REFUSED, {"id": "u"}]), time) == {"id": "u"}
    assert time.now > waited


def test_a_conflict_is_still_repeated_for_the_whole_deadline() -> None:
    time = ManualTime()
    assert get_user(Scripted(get_user=[Passing()] * 20 + [None]), time) is None
    assert time.now > 6.0


def serve(application: Any, settings: DriverSettings | None = None, method: str = "GET") -> Answer:
    environ = {"REQUEST_METHOD": method, "openstack.request_id": "req-1"}
    started: list[Any] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
        started[:] = [status, dict(headers)]
        return written.append

    body = b"".join(around(application, settings or DriverSettings())(environ, start_response))
    return started[0], started[1], b"".join(written) + body


def answering(status: str, *, given_up: bool) -> Any:
    """An application that gives this answer, after a driver call was given up on or not."""

    def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if given_up:
            outage.give_up()
        start_response(status, [("X-Own", "1")])
        return [b"own"]

    return application


@pytest.mark.parametrize("status", ["500 Internal Server Error", "403 Forbidden", "409 Conflict"])
def test_an_error_that_the_database_caused_is_answered_503(status: str) -> None:
    answer, headers, body = serve(answering(status, given_up=True), DriverSettings(retry_after=7))
    assert answer == "503 Service Unavailable"
    assert headers["Retry-After"] == "7"
    assert headers["x-openstack-request-id"] == "req-1"
    error = json.loads(body)["error"]
    assert error["code"] == 503
    assert error["title"] == "Service Unavailable"
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    ("status", "given_up"), [("500 Internal Server Error", False), ("200 OK", True), ("404 Not Found", False)]
)
def test_every_other_answer_is_keystones_own(status: str, given_up: bool) -> None:
    assert serve(answering(status, given_up=given_up)) == (status, {"X-Own": "1"}, b"own")


def test_without_retry_an_error_stays_keystones() -> None:
    settings = DriverSettings(retry=False)
    assert serve(answering("500 Internal Server Error", given_up=True), settings)[0][:3] == "500"


def test_answers_that_begin_late_or_are_written_pass_through() -> None:
    def late(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"late"

    def writing(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert serve(late) == ("200 OK", {}, b"late")
    assert serve(writing) == ("200 OK", {}, b"one two three")


def test_one_request_does_not_answer_for_another() -> None:
    assert serve(answering("500 Internal Server Error", given_up=True))[0][:3] == "503"
    assert serve(answering("404 Not Found", given_up=False))[0] == "404 Not Found"


@pytest.mark.parametrize("given_up", [True, False])
def test_an_exception_that_keystone_lets_pass_is_answered_503_only_if_the_database_caused_it(
    given_up: bool,
) -> None:
    def failing(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        if given_up:
            outage.give_up()
        raise ZeroDivisionError

    if given_up:
        assert serve(failing)[0] == "503 Service Unavailable"
    else:
        with pytest.raises(ZeroDivisionError):
            serve(failing)


def test_the_answer_to_head_has_no_body() -> None:
    answer, headers, body = serve(answering("500 Internal Server Error", given_up=True), method="HEAD")
    assert answer == "503 Service Unavailable"
    assert headers["Retry-After"]
    assert body == b""
