"""Positions and fences as they stand in URLs; pokes."""

from __future__ import annotations

import pytest
from hypothesis import given

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.model import Checkpoint, Fence
from keystone_viaduct.sync.wire import poke, values
from tests.unit.wire.strategies import CHECKPOINTS, FENCES

KEY = "ab" * 32


@given(CHECKPOINTS)
def test_a_checkpoint_comes_out_of_a_url_as_it_went_in(checkpoint: Checkpoint) -> None:
    assert values.checkpoint_from_text(values.checkpoint_to_text(checkpoint), "after") == checkpoint


@given(FENCES)
def test_a_fence_comes_out_of_a_url_as_it_went_in(fence: Fence) -> None:
    assert values.fence_from_text(values.fence_to_text(fence), "fence") == fence


@pytest.mark.parametrize(
    "text", ["", "a", "a:b", "a:-1:c", "a:1", "a:1:c:d", "a:١:c", "a b:1:c", "a:99999999999999999999:c"]
)
def test_a_malformed_position_is_bad_input(text: str) -> None:
    with pytest.raises(BadRequest, match="after"):
        values.checkpoint_from_text(text, "after")


def test_a_poke_is_genuine_only_as_it_was_signed() -> None:
    signature = poke.sign(KEY, "west", 7, b"page")
    assert poke.is_genuine(KEY, "west", 7, b"page", signature)
    assert not poke.is_genuine(KEY, "south", 7, b"page", signature)
    assert not poke.is_genuine(KEY, "west", 8, b"page", signature)
    assert not poke.is_genuine(KEY, "west", 7, b"", signature)
    assert not poke.is_genuine("cd" * 32, "west", 7, b"page", signature)
    assert not poke.is_genuine("", "west", 7, b"page", signature)
    assert not poke.is_genuine(KEY, "west", 7, b"page", "ünïcode")
