"""Digests of field values: equal values give equal digests at every site of a fleet, whatever the engine.

They are keyed with the fleet's secret, for a digest of a short secret must not be open to guessing.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
_CONSTANTS = {None: b"null", True: b"true", False: b"false"}

SIZE = 16
"""Bytes of a digest; it is written as twice as many hexadecimal digits."""


def canonical(value: Any) -> bytes:
    """The one text of a JSON value: keys sorted, no blanks, ASCII. Raises ValueError for NaN, infinities."""
    if isinstance(value, str):
        return encode_basestring_ascii(value).encode("ascii")
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    return _encode(value).encode("ascii")


def field_digest(secret: bytes, kind: str, field: str, value: Any) -> str:
    """Keyed BLAKE2b (RFC 7693) of one field's value, bound to the kind and the field.

    ``secret`` is the fleet's, at most 64 bytes.
    """
    state = _begun(secret, kind, field).copy()
    state.update(canonical(value))
    return state.hexdigest()


@lru_cache(maxsize=4096)
def _begun(secret: bytes, kind: str, field: str) -> hashlib.blake2b:
    """The digest of what all values of a field have in common. Not to be updated: copy it."""
    name = field.encode("utf-8", "surrogatepass")  # a key of ``extra`` may be any JSON string
    text = b"%b\0%d\0%b\0" % (kind.encode(), len(field), name)
    return hashlib.blake2b(text, digest_size=SIZE, key=secret)
