"""The collector rests while pages are in the making, and only then."""

from __future__ import annotations

import gc

import pytest

from keystone_viaduct.sync.api.collector import paused


def test_it_works_again_when_the_last_page_is_done() -> None:
    with paused():
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_works_again_after_an_error() -> None:
    with pytest.raises(ValueError, match="no page"), paused():
        raise ValueError("no page")
    assert gc.isenabled()


def test_it_stays_off_where_somebody_has_switched_it_off() -> None:
    gc.disable()
    try:
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
