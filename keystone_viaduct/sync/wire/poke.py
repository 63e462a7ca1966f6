"""A poke: the hint that a site has news, perhaps with the first small page of them as its body.

It is sent as ``POST <poke_url>`` with the headers below, and may go over a road on which others read along.
Two keys speak for it. The *fleet's* key follows from the fleet's secret, which every site has, so whoever has
it may wake the agent, and no more. The *site's* own key is known to that site and, over its API, to the
agent: only what it proves is believed of the feed's head, and only what it closes may bring a page.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.secret import Aead

from keystone_viaduct.sync.wire import requestid

SITE = "X-Viaduct-Site"
HEAD = "X-Viaduct-Head"
SIGNATURE = "X-Viaduct-Signature"
PROOF = "X-Viaduct-Proof"
#: How the page was packed before it was closed; missing where there is none.
PACKED = "X-Viaduct-Packed"

KEY_BYTES = 32
_AS_IT_IS = "identity"


@dataclass(frozen=True, slots=True)
class Poke:
    """As it comes in. ``data``: a closed page or nothing; ``packed``: the encoding below the closing.

    ``request_id``: which request has written, for logs. No key speaks for it.
    """

    site: str
    head: int
    data: bytes = b""
    signature: str = ""
    proof: str = ""
    packed: str = ""
    request_id: str = ""

    def headers(self) -> dict[str, str]:
        """As they are sent."""
        found = {
            SITE: self.site,
            HEAD: str(self.head),
            SIGNATURE: self.signature,
            PROOF: self.proof,
            PACKED: self.packed,
            requestid.HEADER: self.request_id,
        }
        return {name: value for name, value in found.items() if value}

    def is_of_the_fleet(self, fleet_key: str) -> bool:
        """Whether some site of the fleet has sent it: enough to look sooner."""
        return is_genuine(fleet_key, self.site, self.head, self.data, self.signature)

    def is_the_sites(self, site_key: str) -> bool:
        """Whether that site itself has sent it."""
        return bool(site_key) and is_genuine(
            _derived(site_key, b"proof"), self.site, self.head, self.data, self.proof
        )

    def opened(self, site_key: str) -> tuple[bytes, str | None] | None:
        """The page as it was packed, and its encoding; None where there is none or the key does not fit."""
        if not self.data or not self.packed or not site_key:
            return None
        box = Aead(bytes.fromhex(_derived(site_key, b"page")))
        try:
            page = bytes(box.decrypt(self.data, _place(self.site, self.head, self.packed)))
        except (CryptoError, ValueError, TypeError):
            return None
        return page, None if self.packed == _AS_IT_IS else self.packed


def made(
    fleet_key: str, site_key: str, site: str, head: int, page: bytes = b"", encoding: str | None = None
) -> Poke:
    """A poke of a site; a page is closed so that only the agent can read it."""
    data, packed = b"", ""
    if page:
        packed = encoding or _AS_IT_IS
        box = Aead(bytes.fromhex(_derived(site_key, b"page")))
        data = bytes(box.encrypt(page, _place(site, head, packed)))
    proof = sign(_derived(site_key, b"proof"), site, head, data)
    return Poke(site, head, data, sign(fleet_key, site, head, data), proof, packed)


def sign(key: str, site: str, head: int, data: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over site, head and body."""
    text = f"{site}\n{head}\n".encode() + data
    return hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()


def is_genuine(key: str, site: str, head: int, data: bytes, signature: str) -> bool:
    """Whether the signature is that of :func:`sign`."""
    return bool(key) and hmac.compare_digest(sign(key, site, head, data).encode(), signature.encode())


def _derived(site_key: str, use: bytes) -> str:
    return hmac.new(bytes.fromhex(site_key), b"viaduct poke " + use, hashlib.sha256).hexdigest()


def _place(site: str, head: int, packed: str) -> bytes:
    return f"{site}\n{head}\n{packed}".encode()
