"""Errors as answers."""

from __future__ import annotations

import pytest

from keystone_viaduct.errors import Refused, StoreBusy, TooFast, ViaductError
from keystone_viaduct.sync.api.gate import fault


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
