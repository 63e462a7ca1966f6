"""``viaduct_keyset``: the Fernet keys that the fleet shall hold, and at the hub who has confirmed them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from keystone_viaduct.sync.keyset.advance import Confirmation
from keystone_viaduct.sync.keyset.model import Keyset, keyset_from_json, keyset_to_json
from keystone_viaduct.sync.keyset.public import JWS, PublicKey, public_from_json, public_to_json
from keystone_viaduct.sync.store import queries as q
from keystone_viaduct.sync.store.base import Part


class KeysetsPart(Part):
    """Keys are closed with the site's storage key."""

    def keyset(self, repository: str, *, lock: bool = False) -> Keyset | None:
        """At the hub what every site shall hold, elsewhere what the hub has told last; None before that."""
        query = q.LOCK_KEYSET if lock else q.GET_KEYSET
        row = self.connection.execute(query, {"p_repository": repository}).first()
        if row is None:
            return None
        plain = self.ring.decrypt(bytes(row.keys), f"keyset/{repository}")
        return keyset_from_json(json.loads(plain))

    def save_keyset(self, repository: str, keyset: Keyset) -> None:
        """Insert or replace."""
        self._save(repository, keyset.generation, json.dumps(keyset_to_json(keyset)))

    def _save(self, repository: str, generation: int, text: str) -> None:
        values = {"generation": generation, "keys": self.ring.encrypt(text.encode(), f"keyset/{repository}")}
        done = self.connection.execute(q.UPDATE_KEYSET.values(**values), {"p_repository": repository})
        if not done.rowcount:
            self.connection.execute(q.INSERT_KEYSET, {"repository": repository, **values})

    def public_keys(self, *, lock: bool = False) -> tuple[PublicKey, ...] | None:
        """The public keys of JWS tokens that the fleet has; None before the hub has looked at any."""
        row = self.connection.execute(q.LOCK_KEYSET if lock else q.GET_KEYSET, {"p_repository": JWS}).first()
        if row is None:
            return None
        return public_from_json(json.loads(self.ring.decrypt(bytes(row.keys), f"keyset/{JWS}")))

    def save_public_keys(self, keys: Iterable[PublicKey]) -> None:
        """Replace them."""
        self._save(JWS, 0, json.dumps(public_to_json(keys)))

    def doubt_keysets(self) -> None:
        """A site that becomes the hub begins with the keys that it holds: of what it knew as the hub of an
        earlier term only the times are left.
        """
        self.connection.execute(q.FORGET_CONFIRMATIONS)
        self.connection.execute(q.FORGET_KEYSET, {"p_repository": JWS})
        for repository in self.connection.execute(q.KEYSETS).scalars().all():
            known = self.keyset(repository, lock=True)
            if known is not None and not known.heard:
                self.save_keyset(repository, replace(known, heard=True))

    def forget_confirmations(self, site: str) -> None:
        """What one site was last seen to hold."""
        self.connection.execute(q.FORGET_CONFIRMATIONS_OF, {"p_site": site})

    def confirmations(self, repository: str) -> dict[str, Confirmation]:
        """What each site was last seen to hold."""
        rows = self.connection.execute(q.CONFIRMATIONS, {"p_repository": repository})
        return {row.site: Confirmation(row.digest, row.at) for row in rows}

    def save_confirmation(self, repository: str, site: str, digest: str, at: int) -> None:
        """A site was seen to hold just that."""
        self.connection.execute(q.DELETE_CONFIRMATION, {"p_repository": repository, "p_site": site})
        row = {"repository": repository, "site": site, "digest": digest, "at": at}
        self.connection.execute(q.INSERT_CONFIRMATION, row)
