"""Bodies as bytes: strict JSON, compressed by zstd or gzip, never larger than allowed."""

from __future__ import annotations

import gc
import json
import math
import re
import threading
import zlib
from typing import Any, NoReturn

import zstandard

from keystone_viaduct.errors import BadRequest, TooLarge
from keystone_viaduct.sync.wire import checks, limits

#: What this release can open, best first.
ENCODINGS = ("zstd", "gzip")
#: Bytes that opening zstd may remember; RFC 8878 asks for no more, and we send less.
WINDOW = 2**23
#: Smaller bodies are not worth compressing.
COMPRESS_FROM = 1024

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_escape = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8. Half of a surrogate pair, which that can't carry, is escaped."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return _escape(value).encode()


def loads(data: bytes) -> Any:
    """Strict JSON: no NaN, no lone surrogates, no depth that breaks a reader, no more values than a body may
    have. Raises BadRequest, TooLarge.
    """
    _check_values(data)
    try:
        text = data.decode()
        with _uncollected:
            value = _decode(text)
        if "\\ud" in text or "\\uD" in text:
            _encode(value).encode()  # an escaped half of a surrogate pair can't be encoded
    except UnicodeError as error:
        raise BadRequest("the body is not UTF-8 text", hint="send JSON in UTF-8") from error
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply", hint="no document needs that") from error
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}"[:200], hint="send a JSON object") from error
    return value


def _check_values(data: bytes) -> None:
    """Before anything is parsed: a value takes some sixty bytes of memory, and two in the body."""
    if has_too_many_values(data):
        raise TooLarge(
            f"the body has more than {limits.NODES} values", hint="send smaller pages", most=limits.NODES
        )


def has_too_many_values(data: bytes) -> bool:
    """Whether JSON has more values than a body may have. Nothing is parsed for it."""
    return _marks(data) > limits.NODES and _marks(_TEXT.sub(b"", data)) > limits.NODES


def expands_too_much(packed: int, opened: int) -> bool:
    """Whether so many bytes may not come of so few."""
    return opened > max(limits.EXPANDED, packed * limits.EXPANSION)


def _marks(data: bytes) -> int:
    return sum(data.count(mark) for mark in (b",", b":", b"[", b"{"))


_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text[:40])


class _Uncollected:
    """While something is parsed nobody looks for cycles: new lists and dicts have none, and with a
    million of them that takes eight times as long as the parsing, and no other thread gets on meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_on = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._was_on = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._was_on:
                gc.enable()


_uncollected = _Uncollected()
_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_float).decode


def choose_encoding(accept: str | None) -> str | None:
    """The best of the encodings that an Accept-Encoding header names; None for none."""
    offered = {}
    for part in (accept or "").lower().split(","):
        name, _, weight = part.strip().partition(";")
        offered[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in ENCODINGS if offered.get(name)), None)


def compress(data: bytes, encoding: str | None) -> tuple[bytes, str | None]:
    """The bytes to send and the encoding that they have then (None when left as they are)."""
    if encoding is None or len(data) < COMPRESS_FROM:
        return data, None
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=3).compress(data), encoding
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush(), encoding


def decompress(data: bytes, encoding: str | None, most: int = limits.BODY_OPEN) -> bytes:
    """The opposite of :func:`compress`; raises TooLarge beyond ``most`` bytes, or where few bytes open to
    very many, without ever holding more.
    """
    most = min(most, max(limits.EXPANDED, len(data) * limits.EXPANSION))
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        opened = data[: most + 1]
    elif name == "zstd":
        opened = _open_zstd(data, most)
    elif name in ("gzip", "x-gzip"):
        opened = _open_gzip(data, most)
    else:
        raise checks.bad("Content-Encoding", f"{name[:40]} is not known", f"use {' or '.join(ENCODINGS)}")
    if len(opened) > most:
        raise too_large(most)
    return opened


def too_large(most: int) -> TooLarge:
    """The error for a body of more than ``most`` bytes."""
    return TooLarge(f"the body is larger than {most} bytes", hint="send smaller pages", most=most)


def _garbled(name: str, error: Exception) -> BadRequest:
    return BadRequest(f"the body is not {name}: {error}"[:200], hint="compress it as its header says")


def _open_zstd(data: bytes, most: int) -> bytes:
    try:
        with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(data) as reader:
            opened = reader.read(most + 1)
    except zstandard.ZstdError as error:
        raise _garbled("zstd", error) from error
    return opened


def _open_gzip(data: bytes, most: int) -> bytes:
    unpacker = zlib.decompressobj(31)
    try:
        opened = unpacker.decompress(data, most + 1)
    except zlib.error as error:
        raise _garbled("gzip", error) from error
    if not unpacker.eof and len(opened) <= most:
        raise BadRequest("the body ends in the middle", hint="send it again")
    return opened
