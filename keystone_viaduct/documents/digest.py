"""Keyed digests of single fields: equal for equal values at every site, useless without the fleet's secret."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode

SIZE = 16


def canonical(value: Any) -> bytes:
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8."""
    return _encode(value).encode("utf-8", "surrogatepass")


def field_digest(secret: bytes, kind: str, field: str, value: Any) -> str:
    """Digest of one field's plain value: BLAKE2b (RFC 7693) keyed with the fleet secret, 16 bytes, hex."""
    state = hashlib.blake2b(f"{kind}\0{field}\0".encode(), key=secret, digest_size=SIZE)
    state.update(canonical(value))
    return state.hexdigest()
