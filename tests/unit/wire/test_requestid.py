"""The id under which one change is logged at all sites."""

from __future__ import annotations

import pytest

from keystone_viaduct.sync.wire import poke, requestid


def test_a_new_one_is_of_the_form_that_keystone_takes() -> None:
    found = requestid.made()
    assert requestid.checked(found) == found


@pytest.mark.parametrize(
    "text", ["", "req-", "req-1\nERROR forged", "x" * 5000, "REQ-DD4C1ECB-7F5D-4B0D-9778-5803A432D284"]
)
def test_what_is_none_is_dropped(text: str) -> None:
    assert requestid.checked(text) == ""


def test_it_holds_for_a_block_and_no_longer() -> None:
    first, second = requestid.made(), requestid.made()
    with requestid.under(first):
        with requestid.under(second):
            assert requestid.current() == second
        assert requestid.current() == first
    assert requestid.current() == ""


def test_a_poke_carries_it_and_is_no_less_genuine() -> None:
    told = poke.Poke("west", 7, signature="s", request_id=requestid.made())
    assert told.headers()[requestid.HEADER] == told.request_id
    assert requestid.HEADER not in poke.Poke("west", 7, signature="s").headers()
