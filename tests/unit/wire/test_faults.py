"""An error is the same error at the other end."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from keystone_viaduct.errors import FenceMismatch, LeaseHeld, SiteUnavailable, TooFast, ViaductError
from keystone_viaduct.sync.model import Change, Dot, Ref, Version
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.faults import by_code, error_from_json, error_to_json, first_records


@pytest.mark.parametrize("kind", [found for _, found in sorted(by_code().items())])
def test_every_error_arrives_with_its_class_hint_and_fields(kind: type[ViaductError]) -> None:
    sent = kind("something happened", hint="do this", number=7, where="here")
    answer = body.loads(body.dumps(error_to_json(sent)))
    arrived = error_from_json("west", sent.status, answer)
    assert type(arrived) is by_code()[kind.code]
    assert arrived.message == "west: something happened"
    assert arrived.hint == "do this"
    assert arrived.fields == {"number": 7, "where": "here", "site": "west"}


def test_every_status_is_one_of_http() -> None:
    for kind in by_code().values():
        assert HTTPStatus(kind.status) >= 400


@pytest.mark.parametrize("answer", [None, "<html>", {}, {"error": "no"}, {"error": {"viaduct": []}}])
def test_the_page_of_a_proxy_means_that_the_site_is_unavailable(answer: object) -> None:
    error = error_from_json("west", 502, answer)
    assert isinstance(error, SiteUnavailable)
    assert error.hint
    assert error.fields["answer"] == 502


def test_a_keystone_without_the_api_gets_a_hint_that_says_so() -> None:
    error = error_from_json("west", 404, {"error": {"code": 404, "message": "not found"}})
    assert "keystone_viaduct.wsgi" in error.hint


def test_fields_that_the_engine_decides_by_survive() -> None:
    sent = FenceMismatch("no", hint="h", forked=True, both=False)
    arrived = error_from_json("west", 409, error_to_json(sent))
    assert arrived.fields["forked"] is True
    assert arrived.fields["both"] is False


def test_a_held_lease_is_a_conflict() -> None:
    assert error_to_json(LeaseHeld("x"))["error"]["code"] == 409


@pytest.mark.parametrize(
    ("told", "header", "wait"),
    [
        (2.5, "3", 2.5),
        (None, "7", 7.0),
        (None, "Fri, 31 Dec 1999 23:59:59 GMT", 1.0),
        (None, None, 1.0),
        (-1, None, 1.0),
        (float("nan"), "4", 4.0),
        (10**30, None, 1.0),
        (True, None, 1.0),
        ("5", None, 1.0),
        ([5], None, 1.0),
    ],
)
def test_how_long_to_wait_is_a_sensible_number_whatever_is_told(
    told: object, header: str | None, wait: float
) -> None:
    answer = error_to_json(TooFast("no", hint="h"))
    answer["error"]["viaduct"]["wait"] = told
    error = error_from_json("west", 429, answer, header)
    assert isinstance(error, TooFast)
    assert error.wait == wait


@pytest.mark.parametrize("answer", [None, {"error": {"code": 429, "message": "slow down"}}])
def test_a_proxy_that_asks_to_wait_is_understood(answer: object) -> None:
    error = error_from_json("west", 429, answer, "30")
    assert isinstance(error, TooFast)
    assert (error.wait, error.fields["site"]) == (30.0, "west")
    assert error.hint


def test_what_another_site_says_begins_no_line_in_a_log_and_does_nothing_on_a_terminal() -> None:
    said = "no\nERROR viaduct: all is lost\x1b[2J\u202e\r\n"
    body = {
        "error": {"message": said, "viaduct": {"code": "sync.fence", "hint": said, "ref": said, "x": [said]}}
    }
    found = error_from_json("west", 409, body)
    for text in (str(found), found.hint, str(found.fields["ref"])):
        assert not set(text) & set("\n\r\x1b\u202e")
        assert "all is lost" in text
    assert "x" not in found.fields


def test_the_records_that_a_log_names_are_few_and_begin_no_line_there() -> None:
    keys = ["x\n2026-11-30 CRITICAL root forged", *(f"u{number}" for number in range(5000))]
    changes = [Change(Ref("user", key), 1, Version(), Dot("", 0), {}, {}) for key in keys]
    named = first_records(changes)
    assert named == "user/x\\n2026-11-30 CRITICAL root forged, user/u0, user/u1"
    assert first_records(()) == ""
