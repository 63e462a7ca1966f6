"""The site's signatures behind :class:`keystone_viaduct.sync.ports.Signing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keystone_viaduct.sync.sealing import verifies
from keystone_viaduct.sync.store.base import Part


class SigningPart(Part):
    """With the site's key ring."""

    def signing_keys(self) -> Sequence[str]:
        """The public keys that this site signs with, the present one first."""
        return self.ring.signer.keys

    def sign(self, text: str) -> Mapping[str, str]:
        """Its signatures of a text, by public key."""
        return self.ring.signer.sign(text)

    def verifies(self, key: str, text: str, signature: str) -> bool:
        """Whether the holder of that public key has signed the text."""
        return verifies(key, text, signature)
