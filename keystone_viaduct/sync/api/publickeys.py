"""What the API's calls about public keys of JWS tokens do at this site. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from keystone_viaduct.errors import NotThere
from keystone_viaduct.sync.api.service import Service, at_hub, peek, registered, trusted
from keystone_viaduct.sync.keyset.jws import JwsRepository
from keystone_viaduct.sync.keyset.public import (
    JWS,
    PublicKey,
    by_fingerprint,
    digest_of,
    gathered,
    pruned,
    whole_digest,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.sync.statement import Statement, statement_to_json
from keystone_viaduct.sync.store import SqlTransaction

_NEVER = "-"


class PublicKeysService:
    """One site's folder of public keys, and at the hub the keys of the fleet.

    ``repository`` is None where Keystone issues no JWS tokens; ``lifetime`` of a token in microseconds.
    """

    def __init__(self, service: Service, repository: JwsRepository | None, lifetime: int) -> None:
        self._service = service
        self._repository = repository
        self._lifetime = lifetime

    def status(self) -> dict[str, Any] | None:
        """What the site has; at the hub also what the fleet has, and who lacks it."""
        if self._repository is None:
            return None
        held = self._repository.held()
        body: dict[str, Any] = {"own": dict(held.own), "held": sorted(held.held)}
        if self._service.store.read(peek).is_hub:
            body["fleet"] = self._service.store.read(self._fleet) or self._service.run(self._signed_fleet)
        return body

    def _signed_fleet(self, tx: SqlTransaction) -> dict[str, Any]:
        """What the fleet has, signed anew."""
        digest = whole_digest(key.pem for key in tx.public_keys() or ())
        restate(cast(Transaction, tx), tx.state(), keys={JWS: digest})
        return self._fleet(tx, anyway=True) or {}

    def _fleet(self, tx: SqlTransaction, *, anyway: bool = False) -> dict[str, Any] | None:
        """None where it is to be signed first."""
        keys, state = tx.public_keys() or (), tx.known_state()
        found = by_fingerprint(key.pem for key in keys)
        digest, confirmed = digest_of(found), tx.confirmations(JWS)
        told = state.statement
        signed = told.terms.keys.get(JWS, (0, ""))[1] if told is not None else ""
        if not anyway and signed != whole_digest(found.values()):
            return None
        owners: dict[str, dict[str, int | None]] = {}
        for print_, pem in found.items():
            owners[print_] = {key.site: key.since for key in keys if key.pem == pem}
        sites = sorted([state.site, *tx.peers()])
        return {
            "keys": found,
            "owners": owners,
            "sites": sites,
            "trusted": trusted(tx, state),
            "confirmed": {
                site: confirmed[site].at
                for site in sites
                if site in confirmed and confirmed[site].digest == digest
            },
            **({"statement": statement_to_json(told)} if told is not None else {}),
        }

    def collect(self, site: str, own: Mapping[str, str], held: Collection[str]) -> None:
        """At the hub: a site was seen to have these keys as its own, and to hold those.

        Those of a site that may not change everything are not kept: who signs can make any token.
        """
        self._needed()

        def work(tx: SqlTransaction) -> None:
            state = at_hub(tx)
            registered(tx, site)
            keys = self._known(tx)
            if site in trusted(tx, state):
                keys = self._gather(tx, keys, site, list(own.values()))
            self._confirm(tx, keys, site, own, held)

        self._service.run(work)

    def advance(self) -> None:
        """At the hub: take in its own keys, drop what nobody needs, and bring its own folder along."""
        repository = self._needed()
        held = repository.held()

        def work(tx: SqlTransaction) -> list[str]:
            state, now = at_hub(tx), self._service.clock.now()
            keys = self._gather(tx, self._known(tx), state.site, list(held.own.values()))
            kept = pruned(
                keys, trusted(tx, state), [state.site, *tx.peers()], now=now, lifetime=self._lifetime
            )
            if kept != keys:
                tx.save_public_keys(kept)
            self._confirm(tx, kept, state.site, held.own, held.held)
            return [key.pem for key in kept]

        repository.take(self._service.run(work))

    def take(self, keys: Collection[str], told: Statement | None = None) -> None:
        """At a spoke: have these beside its own. Raises NotSigned where they are not those that the hub has
        signed last.
        """
        repository = self._needed()
        self._service.hear_of_keys(JWS, whole_digest(keys), told)
        repository.take(keys)

    def _known(self, tx: SqlTransaction) -> tuple[PublicKey, ...]:
        """Those of the fleet. A site that has become the hub begins with what it was given; whose a key is it
        hears from the sites, and until then no token that was signed with it may be refused.
        """
        found = tx.public_keys(lock=True)
        if found is not None:
            return found
        now = self._service.clock.now()
        return tuple(PublicKey(pem, "", now) for pem in self._needed().given())

    def _gather(
        self, tx: SqlTransaction, keys: tuple[PublicKey, ...], site: str, own: list[str]
    ) -> tuple[PublicKey, ...]:
        found = gathered(keys, site, own, self._service.clock.now())
        if found != keys:
            tx.save_public_keys(found)
        return found

    def _confirm(
        self,
        tx: SqlTransaction,
        keys: Collection[PublicKey],
        site: str,
        own: Mapping[str, str],
        held: Collection[str],
    ) -> None:
        wanted = set(by_fingerprint(key.pem for key in keys))
        complete = wanted <= set(held) <= wanted | set(own)
        digest = digest_of(wanted) if complete else _NEVER
        tx.save_confirmation(JWS, site, digest, self._service.clock.now())

    def _needed(self) -> JwsRepository:
        if self._repository is None:
            raise NotThere("this site issues no JWS tokens", hint="set `[token] provider = jws`")
        return self._repository
