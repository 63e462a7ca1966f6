"""What only Python can compute: a text is sealed, never twice to the same, and opened again."""

from __future__ import annotations

import hashlib
import random

from keystone_viaduct.upgrade.expression import Row, Scalar

KEY_HASH = hashlib.sha256(b"key").hexdigest()[:16]


def seal(values: Row) -> dict[str, Scalar]:
    """New of old."""
    return {"sealed": sealed(str(values["secret"]), random.randrange(16**8)), "key_hash": KEY_HASH}


def sealed(text: str, nonce: int) -> str:
    """With this nonce."""
    return f"{nonce:08x}{text.encode()[::-1].hex()}"


def unseal(values: Row) -> dict[str, Scalar]:
    """Old of new."""
    text = values["sealed"]
    return {"secret": None if text is None else bytes.fromhex(str(text)[8:])[::-1].decode()}
