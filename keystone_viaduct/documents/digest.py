"""Digests of field values: equal values give equal digests at every site of a fleet, whatever the engine.

They are keyed with the fleet's secret, for a digest of a short secret must not be open to guessing.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
_CONSTANTS = {None: b"null", True: b"true", False: b"false"}

SIZE = 16
"""Bytes of a digest; it is written as twice as many hexadecimal digits."""


def canonical(value: Any) -> bytes:
    """The one text of a JSON value: keys sorted, no blanks, ASCII. Raises ValueError for NaN, infinities."""
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    return _encode(value).encode("ascii")


def field_digest(secret: bytes, kind: str, field: str, value: Any) -> str:
    """Keyed BLAKE2b (RFC 7693) of one field's value, bound to the kind and the field.

    ``secret`` is the fleet's, at most 64 bytes.
    """
    text = b"%b\0%d\0%b\0%b" % (kind.encode(), len(field), _name(field), canonical(value))
    return hashlib.blake2b(text, digest_size=SIZE, key=secret).hexdigest()


def _name(field: str) -> bytes:
    return field.encode("utf-8", "surrogatepass")  # a key of ``extra`` may be any JSON string
