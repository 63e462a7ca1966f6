"""What Keystone 003 computed in Python: a credential is encrypted, and the key that did it is named."""

from __future__ import annotations

import hashlib

from cryptography.fernet import Fernet

from keystone_viaduct.upgrade.expression import Row, Scalar

_KEY = b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
KEY_HASH = hashlib.sha1(_KEY, usedforsecurity=False).hexdigest()


def encrypt(values: Row) -> dict[str, Scalar]:
    """New of old; no two are the same."""
    return {"encrypted_blob": sealed(str(values["blob"])), "key_hash": KEY_HASH}


def sealed(text: str) -> str:
    """As new code stores it."""
    return Fernet(_KEY).encrypt(text.encode()).decode()


def decrypt(values: Row) -> dict[str, Scalar]:
    """Old of new."""
    text = values["encrypted_blob"]
    return {"blob": None if text is None else Fernet(_KEY).decrypt(str(text).encode()).decode()}
