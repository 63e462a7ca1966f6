"""What the API's calls about Fernet keys do at this site. Knows nothing of HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from keystone_viaduct.errors import BadRequest, NotThere, Refused
from keystone_viaduct.sync.api.service import Service, at_hub, joined, peek, registered, trusted
from keystone_viaduct.sync.keyset.advance import Step, Verdict, advance, blocking
from keystone_viaduct.sync.keyset.model import (
    Keyset,
    fingerprint,
    from_slots,
    keyset_from_json,
    keyset_to_json,
    taken_over,
    with_imported,
)
from keystone_viaduct.sync.keyset.repository import KeyRepository
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.sealing import seal
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.sync.statement import Statement, statement_to_json
from keystone_viaduct.sync.store import SqlTransaction
from keystone_viaduct.sync.wire.statement import statement_or_none


@dataclass(frozen=True)
class KeySettings:
    """Repositories by name; ``lifetime`` of a token and ``interval`` of rotations in microseconds."""

    repositories: Mapping[str, KeyRepository] = field(default_factory=dict)
    lifetime: int = 3_600_000_000
    interval: int = 0


class KeysService:
    """One site's key repositories, and at the hub the keys of the fleet."""

    def __init__(self, service: Service, settings: KeySettings) -> None:
        self._service = service
        self._settings = settings

    def status(self) -> dict[str, Any]:
        """Each repository as fingerprints; at the hub also what the fleet shall hold, and who lacks it."""
        state = self._service.store.read(peek)
        found: dict[str, Any] = {}
        for name, repository in self._settings.repositories.items():
            held = repository.state()
            found[name] = {
                "digest": held.digest,
                "staged": held.staged,
                "primary": held.primary,
                "others": sorted(held.others),
            }
            if state.is_hub:
                found[name]["fleet"] = self._told(name)
        return {"site": state.site, "hub": state.hub, "repositories": found}

    def fleet(self) -> dict[str, Any]:
        """At the hub: of each repository what the fleet shall hold, and who lacks it; nothing elsewhere."""
        if not self._service.store.read(peek).is_hub:
            return {}
        return {name: self._told(name) for name in self._settings.repositories}

    def _told(self, name: str) -> dict[str, Any]:
        """Nothing is written for it, but where no key is staged: one is made, and has to stay the same."""
        store = self._service.store
        kept = store.read(lambda tx: tx.keyset(name))
        is_own = kept is not None and not kept.heard
        if is_own or 0 in self._repository(name).slots():
            return store.read(partial(self._fleet, name, keep=False))
        return store.run(partial(self._fleet, name))

    def _fleet(self, name: str, tx: SqlTransaction, *, keep: bool = True) -> dict[str, Any]:
        keyset = self._keyset(tx, name, keep=keep)
        confirmed = tx.confirmations(name)
        sites = trusted(tx, tx.known_state())
        return {
            "generation": keyset.generation,
            "digest": keyset.state.digest,
            "staged": keyset.state.staged,
            "primary": keyset.state.primary,
            "others": {fingerprint(other.key): other.since for other in keyset.others},
            "wanted": keyset.wanted,
            "promoted_at": keyset.promoted_at,
            "confirmed": {
                site: confirmed[site].at
                for site in sites
                if site in confirmed and confirmed[site].digest == keyset.state.digest
            },
            "sites": sites,
            "limited": sorted(tx.peers().keys() - set(sites)),
            "missing": list(blocking(keyset, sites, confirmed)),
        }

    def sealed(self, name: str, reader: str) -> bytes:
        """At the hub the keys of the fleet, elsewhere this site's own, for a registered peer.

        Raises Refused for a peer that may not change everything: who has the keys can make any token.
        """
        repository = self._repository(name)

        def work(tx: SqlTransaction) -> bytes:
            state, peer = joined(tx.state()), registered(tx, reader)
            if state.is_hub and reader not in trusted(tx, state):
                raise Refused(
                    f"{reader} has a limited delegation, and with the keys it could make any token",
                    hint="its tokens are valid at itself only; see docs/how-to/rotate-keys.md",
                )
            if not state.is_hub and reader != state.hub:
                raise Refused(f"{state.site} gives its keys to the hub only", hint=f"that is {state.hub}")
            keyset = self._keyset(tx, name) if state.is_hub else from_slots(repository.slots())
            body = {"repository": name, **keyset_to_json(keyset)}
            state = restate(cast(Transaction, tx), state, keys={name: keyset.whole})
            if state.is_hub and state.statement is not None:
                body["statement"] = statement_to_json(state.statement)
            return seal(peer.public_key, json.dumps(body).encode())

        return self._service.run(work)

    def take(self, name: str, sealed: bytes) -> float:
        """Go a step towards the hub's keys; the seconds to wait before the next step, 0.0 when done.

        Raises NotSigned where they are not those that the hub has signed last.
        """
        repository = self._repository(name)
        keyset, told = self._opened(name, sealed)
        self._service.hear_of_keys(name, keyset.whole, told)
        self._remember(name, replace(keyset, heard=True))
        return repository.converge(keyset, time.time())

    def _remember(self, name: str, heard: Keyset) -> None:
        """What the hub says of its keys, should this site be the next hub; mostly that is known."""

        def work(tx: SqlTransaction) -> None:
            if not tx.state().is_hub:  # it may have been promoted meanwhile
                tx.save_keyset(name, heard)

        if self._service.store.read(lambda tx: tx.keyset(name)) != heard:
            self._service.run(work)

    def take_in(self, name: str, site: str, sealed: bytes) -> None:
        """At the hub: keep the keys that a site uses, or used before it joined, so that its tokens are valid.

        A key that the fleet has pruned comes back only if the site makes tokens with it.
        """
        theirs, _ = self._opened(name, sealed)

        def work(tx: SqlTransaction) -> None:
            state = at_hub(tx)
            if site not in trusted(tx, state):
                raise Refused(f"{site} may not give keys to the fleet", hint="its delegation is limited")
            keyset = self._keyset(tx, name, lock=True)
            first = site not in tx.confirmations(name)
            used = theirs.keys if first else (theirs.primary,)
            widened = with_imported(keyset, [key for key in used if not (first and key == theirs.staged)])
            if widened is not keyset:
                tx.save_keyset(name, widened)

        self._service.run(work)

    def want(self, name: str) -> None:
        """At the hub: have the keys rotated as soon as every site has the present ones."""

        def work(tx: SqlTransaction) -> None:
            at_hub(tx)
            keyset = self._keyset(tx, name, lock=True)
            tx.save_keyset(name, replace(keyset, wanted=True))

        self._service.run(work)

    def confirm(self, name: str, site: str, digest: str) -> None:
        """At the hub: a site was seen to hold just that."""

        def work(tx: SqlTransaction) -> None:
            at_hub(tx)
            registered(tx, site)
            self._keyset(tx, name)
            tx.save_confirmation(name, site, digest, self._service.clock.now())

        self._service.run(work)

    def advance(self, name: str) -> tuple[Verdict, float]:
        """At the hub: bring its own repository along, then go a step further if every site is ready.

        Returns what was done, and the seconds after which there is more to do (0.0: nothing now).
        """
        repository = self._repository(name)
        keyset = self._service.run(lambda tx: self._keyset(tx, name))
        wait = repository.converge(keyset, time.time())

        def work(tx: SqlTransaction) -> Verdict:
            state = at_hub(tx)
            now = self._service.clock.now()
            present = self._keyset(tx, name, lock=True)
            held = repository.state().digest
            tx.save_confirmation(name, state.site, held, now)
            verdict = advance(
                present,
                trusted(tx, state),
                tx.confirmations(name),
                now=now,
                lifetime=self._settings.lifetime,
                interval=self._settings.interval,
            )
            if verdict.keyset != present:
                tx.save_keyset(name, verdict.keyset)
            return verdict

        verdict = self._service.run(work)
        return verdict, wait or (0.0 if verdict.step in (Step.NOTHING, Step.WAITING) else 0.1)

    def _keyset(self, tx: SqlTransaction, name: str, *, lock: bool = False, keep: bool = True) -> Keyset:
        repository = self._repository(name)
        found = tx.keyset(name, lock=lock)
        if found is None or found.heard:
            repository.state()  # says what is missing
            found = taken_over(repository.slots(), found)
            if keep:
                tx.save_keyset(name, found)
        return found

    def _repository(self, name: str) -> KeyRepository:
        found = self._settings.repositories.get(name)
        if found is None:
            known = ", ".join(sorted(self._settings.repositories)) or "none"
            raise NotThere(f"this site has no key repository {name[:40]!r}", hint=f"it has: {known}")
        return found

    def _opened(self, name: str, sealed: bytes) -> tuple[Keyset, Statement | None]:
        body = json.loads(self._service.ring.open_sealed(sealed))
        if not isinstance(body, dict) or body.get("repository") != name:
            raise BadRequest(f"these are not keys of {name}", hint="let the hub seal its own")
        return keyset_from_json(body), statement_or_none(body.get("statement"), "statement")
