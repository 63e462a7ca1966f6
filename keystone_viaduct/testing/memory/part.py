"""What the parts of a transaction in memory share, and signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.sealing import Signer, verifies
from keystone_viaduct.testing.memory.data import Data, Fold


class Part:
    """What all parts of a transaction over a copy of the data share."""

    def __init__(
        self,
        data: Data,
        known: Mapping[str, frozenset[str]],
        unstorable: frozenset[str] = frozenset(),
        fold: Fold | None = None,
        drivers: ExternalDrivers | None = None,
        directory: frozenset[Ref] = frozenset(),
        signer: Signer | None = None,
    ) -> None:
        self.data = data
        self._signer = signer
        self._drivers = drivers or ExternalDrivers()
        self._directory = directory
        self._unstorable = unstorable
        self._fold = fold
        self._known = known
        self._new_marks: list[int] = []

    def signing_keys(self) -> Sequence[str]:
        """Of the store's signer."""
        return self._signer.keys if self._signer is not None else ()

    def sign(self, text: str) -> Mapping[str, str]:
        """By the store's signer."""
        return self._signer.sign(text) if self._signer is not None else {}

    def verifies(self, key: str, text: str, signature: str) -> bool:
        """As everywhere."""
        return verifies(key, text, signature)
