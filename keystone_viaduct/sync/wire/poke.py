"""A poke: the hint that a site has news, signed, perhaps with the first small page of them as its body.

It is sent as ``POST <poke_url>`` with the headers below. It only ever makes the agent look sooner; the page
is applied on exactly its checkpoint or not at all, so a lost, late, repeated or forged one does no harm.
"""

from __future__ import annotations

import hashlib
import hmac

SITE = "X-Viaduct-Site"
HEAD = "X-Viaduct-Head"
SIGNATURE = "X-Viaduct-Signature"


def sign(key: str, site: str, head: int, data: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over site, head and body; ``key`` is the fleet's key of pokes."""
    text = f"{site}\n{head}\n".encode() + data
    return hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()


def is_genuine(key: str, site: str, head: int, data: bytes, signature: str) -> bool:
    """Whether the signature is that of :func:`sign`."""
    return bool(key) and hmac.compare_digest(sign(key, site, head, data).encode(), signature.encode())
