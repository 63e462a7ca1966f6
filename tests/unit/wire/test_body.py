"""Bodies: strict, compressed, bounded."""

from __future__ import annotations

import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from keystone_viaduct.errors import BadRequest, TooLarge
from keystone_viaduct.sync.wire import body, limits
from tests.unit.wire.strategies import JSON


@given(JSON, st.sampled_from([None, "zstd", "gzip"]))
def test_a_body_comes_out_as_it_went_in(value: object, encoding: str | None) -> None:
    data, used = body.compress(body.dumps(value), encoding)
    assert body.loads(body.decompress(data, used)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
        b"1" * 5000,
    ],
)
def test_what_is_not_strict_json_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        body.loads(data)
    assert caught.value.hint


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert body.loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@pytest.mark.parametrize("encoding", ["zstd", "gzip", None])
def test_a_bomb_is_refused_before_it_is_opened_in_full(encoding: str | None) -> None:
    data, used = body.compress(b"0" * 5_000_000, encoding)
    with pytest.raises(TooLarge) as caught:
        body.decompress(data, used, 1_000_000)
    assert caught.value.fields["most"] == 1_000_000


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
def test_a_body_that_is_not_compressed_as_it_says_is_bad_input(encoding: str) -> None:
    with pytest.raises(BadRequest, match=encoding):
        body.decompress(b"plain text", encoding)


def test_half_a_body_is_bad_input() -> None:
    whole = zstandard.ZstdCompressor().compress(b"x" * 100_000)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    zipped = packer.compress(bytes(range(256)) * 100) + packer.flush()
    with pytest.raises(BadRequest):
        body.loads(body.decompress(whole[:-4], "zstd"))
    with pytest.raises(BadRequest, match="ends in the middle"):
        body.decompress(zipped[:-20], "gzip")


def test_an_unknown_encoding_is_bad_input() -> None:
    with pytest.raises(BadRequest, match="brotli"):
        body.decompress(b"", "brotli")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, None),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0", "gzip"),
        ("br", None),
        ("GZIP", "gzip"),
    ],
)
def test_the_best_encoding_that_the_caller_accepts_is_chosen(accept: str | None, chosen: str | None) -> None:
    assert body.choose_encoding(accept) == chosen


@pytest.mark.parametrize("encoding", ["zstd", "gzip"])
@pytest.mark.parametrize("value", [b"[],", b'{"a":0},', b'"a",', b"0,"])
def test_few_bytes_that_open_to_very_many_are_refused_and_no_more_than_that_is_opened(
    encoding: str, value: bytes
) -> None:
    bomb, _ = body.compress(value * (limits.BODY_OPEN // len(value)), encoding)
    assert len(bomb) < limits.BODY_OPEN // limits.EXPANSION // 2
    with pytest.raises(TooLarge) as caught:
        body.decompress(bomb, encoding)
    assert caught.value.fields["most"] == limits.EXPANDED


@pytest.mark.parametrize("value", [b"[],", b'{"a":0},', b'"a",', b"0,"])
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(
    value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "_decode", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(TooLarge, match="values"):
        body.loads(b"[" + value * (limits.NODES + 1) + b"0]")


def test_marks_within_texts_are_no_values() -> None:
    text = ',:[{\\"' * (limits.NODES // 4)
    assert body.loads(body.dumps([text, "\\", text])) == [text, "\\", text]
