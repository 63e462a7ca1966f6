"""Digests of field values: equal values give equal digests at every site of a fleet, whatever the engine.

They are keyed with the fleet's secret, for a digest of a short secret must not be open to guessing.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from keystone_viaduct.kinds import raw

_CONSTANTS = {None: b"null", True: b"true", False: b"false"}

SIZE = 16
"""Bytes of a digest; it is written as twice as many hexadecimal digits."""


def canonical(value: Any) -> bytes:
    """The one text of a document's value: keys sorted, no blanks, ASCII."""
    if isinstance(value, str):
        return encode_basestring_ascii(value).encode("ascii")
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    return raw.canonical(value).encode("ascii")


def field_digest(secret: bytes, kind: str, field: str, value: Any) -> str:
    """Keyed BLAKE2b (RFC 7693) of one field's value, bound to the kind and the field.

    ``secret`` is the fleet's, at most 64 bytes.
    """
    begun = _begun if len(field) <= _SHORT else _begin
    state = begun(secret, kind, field).copy()
    state.update(canonical(value))
    return state.hexdigest()


def _begin(secret: bytes, kind: str, field: str) -> hashlib.blake2b:
    """The digest of what all values of a field have in common. Not to be updated: copy it."""
    name = field.encode("utf-8", "surrogatepass")  # a key of ``extra`` may be any JSON string
    text = b"%b\0%d\0%b\0" % (kind.encode(), len(field), name)
    return hashlib.blake2b(text, digest_size=SIZE, key=secret)


_begun = lru_cache(maxsize=4096)(_begin)
#: Characters of the names of fields that are remembered; a user may give others any name.
_SHORT = 255
