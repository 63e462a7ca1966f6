"""Errors as answers."""

from __future__ import annotations

import flask
import pytest

from keystone_viaduct.errors import BadRequest, Refused, StoreBusy, TooFast, ViaductError
from keystone_viaduct.sync.api.gate import fault, number


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (TooFast("no", hint="wait", wait=1.2), 429, {"Retry-After": "2"}),
        (TooFast("no", hint="wait", wait=0.001), 429, {"Retry-After": "1"}),
        (TooFast("no", hint="wait", wait=3.0), 429, {"Retry-After": "3"}),
        (StoreBusy("no", hint="wait"), 503, {"Retry-After": "5"}),
        (Refused("no", hint="don't"), 403, {}),
    ],
)
def test_an_error_that_passes_says_when_to_come_again(
    error: ViaductError, status: int, headers: dict[str, str]
) -> None:
    reply = fault(error)
    assert (reply.status, reply.headers) == (status, headers)
    assert reply.content["error"]["viaduct"]["hint"] == error.hint


@pytest.mark.parametrize(
    "text", ["0" * 20 + "1" * 20, "9" * 40, "1" * 5000, "0", "-1", "1e3", "²", " 7", "1001"]
)
def test_a_number_in_a_query_that_is_none_is_named(text: str) -> None:
    with (
        flask.Flask("x").test_request_context("/", query_string={"limit": text}),
        pytest.raises(BadRequest, match="limit"),
    ):
        number("limit", 100, 1000)


def test_a_number_in_a_query_is_taken_up_to_its_bound() -> None:
    with flask.Flask("x").test_request_context("/", query_string={"limit": "1000"}):
        assert number("limit", 100, 1000) == 1000
