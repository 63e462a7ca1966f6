"""What the API's calls do at this site; each is one transaction. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from keystone_viaduct import __version__
from keystone_viaduct.clock import Clock
from keystone_viaduct.errors import BadRequest, KeyChanged, NotInitialised, NotThere, Refused, UnknownSite
from keystone_viaduct.sync.api import admission
from keystone_viaduct.sync.api.isolation import Contact
from keystone_viaduct.sync.api.watched import Watched
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.model import (
    DELETIONS,
    ApplyResult,
    Checkpoint,
    Conflict,
    Fence,
    Held,
    Page,
    Peer,
    Purged,
    Ref,
    Retired,
    SiteState,
    Standing,
    SweepState,
    Waiting,
    origin_of,
    site_of,
)
from keystone_viaduct.sync.ports import Store, Transaction, Write
from keystone_viaduct.sync.powers import check_administration
from keystone_viaduct.sync.sealing import KeyRing, is_public_key, key_fingerprint, seal
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.guard import GUARD, Guard
from keystone_viaduct.sync.site.looking import look
from keystone_viaduct.sync.site.promote import obstacle
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.statement import keys_heard, restate
from keystone_viaduct.sync.statement import Statement
from keystone_viaduct.sync.store import SqlStore, SqlTransaction
from keystone_viaduct.sync.waiting import name_of, waiting
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.charter import checked_charter
from keystone_viaduct.sync.wire.office import Office, Order
from keystone_viaduct.sync.wire.resources import Capabilities

T = TypeVar("T")
LEASE = "agent"
#: All of the newest row: SQLite gives a number out again once the rows above it are gone.
_NEWEST_REVOCATION = sa.text("SELECT * FROM revocation_event ORDER BY id DESC LIMIT 1")
MICROSECONDS = 1_000_000
#: Characters of a conflict's id that may stand for all of it.
PREFIX = 4

Written = Callable[[Sequence[Write], str], None]


def _nothing(_writes: Sequence[Write]) -> None:
    """There are no caches."""


@dataclass(frozen=True)
class Surroundings:
    """What the service is told of the process that it runs in.

    ``policies``: kind -> conflict policy. ``written(writes, source)`` is called after a commit that changed
    Keystone's tables, ``found(edits)`` after one that has numbered edits of this site.
    ``limited_changes_per_second``: of each spoke with a limited delegation; 0: no bound.
    """

    release: str
    policies: Mapping[str, str]
    written: Written
    found: Callable[[Sequence[Write]], None] = _nothing
    guard: Guard = GUARD
    limited_changes_per_second: int = admission.RATE


class Service:
    """One site, as its API shows it. Safe to share between threads."""

    def __init__(self, store: SqlStore, clock: Clock, around: Surroundings) -> None:
        self.store = store
        self.clock = clock
        self.around = around
        self._counters = admission.Counters(around.limited_changes_per_second)

    @property
    def ring(self) -> KeyRing:
        """The site's keys."""
        return self.store.ring

    def capabilities(self) -> Capabilities:
        """What this site is; nothing is numbered for it."""
        state, drivers = self.store.read(lambda tx: (peek(tx), tx.external_drivers()))
        codecs = self.store.codecs
        return Capabilities.of(
            state,
            public_key=self.ring.public_key,
            signing_key=self.ring.signer.keys[0],
            product=__version__,
            release=self.around.release,
            kinds={kind: codecs.fields(kind) for kind in codecs.kinds},
            drivers=drivers,
        )

    def poke_key(self) -> str:
        """The key of this site's own pokes, in hexadecimal: the agent gets it, and nobody else."""
        return self.ring.derived("poke").hex()

    def read(
        self,
        reader: str,
        after: Checkpoint | None,
        limit: int,
        fence: Fence | None = None,
        most: int | None = None,
        signed: str = "",
        register: str = "",
    ) -> tuple[Page, Peer]:
        """A page of the feed for a peer (its name or origin), of about ``most`` bytes; ``signed``: the
        statement that it has with its charter, ``register``: the sites that it knows. Raises UnknownSite,
        FenceMismatch.
        """
        found: list[Peer] = []

        def check(tx: SqlTransaction) -> None:
            joined(tx.peek_state())
            found[:] = [registered(tx, site_of(reader))]

        watched = Watched(self.store, check)
        site = Site(watched, self.clock, guard=self.around.guard)
        page = site.read(reader, after, limit, fence, signed=signed, register=register, most=most)
        if watched.numbered:
            self.around.found(watched.numbered)
        return page, found[0]

    def apply(self, page: Page) -> ApplyResult:
        """Apply a peer's page. Raises UnknownSite, FenceMismatch, CheckpointMismatch, Refused, TooFast."""
        admitted = admission.Admission(self._counters, page)

        def check(tx: SqlTransaction) -> None:
            state = _check_source(tx, page)
            admitted.check(
                state,
                self.clock.now(),
                lambda: tx.waiting_volume(page.source),
                lambda most: tx.count_listed(page.source, most),
            )

        watched = Watched(self.store, check)
        result = Site(watched, self.clock, self._policy_for).apply(page)
        admitted.settle(result.reverted, len(result.conflicts))
        if watched.numbered:
            self.around.found(watched.numbered)
        if watched.writes:
            self.around.written(watched.writes, page.source)
        return result

    def put_aside(self, found: Mapping[Ref, str]) -> None:
        """Leave records out of pages that can't be sent, and name them."""
        Site(self.store, self.clock).put_aside(found)

    def retry(self) -> int:
        """Try again what this site could not write, number, read or send; how many records."""
        return self._swept(lambda site: site.retry())

    def take_part(self, page: Page) -> ApplyResult:
        """Keep a part of a record that is larger than a page. Raises what :meth:`apply` raises."""

        def check(tx: SqlTransaction) -> None:
            _check_source(tx, page)

        return Site(Watched(self.store, check), self.clock, self._policy_for).take_part(page)

    def parts(self, source: str) -> tuple[str, list[bytes]]:
        """Of which record from there parts are here, and these."""
        return self.store.read(lambda tx: (tx.parts_had(source)[0], tx.parts(source)))

    def forget(self, source: str) -> None:
        """Have the whole feed of ``source`` read again and compared. Raises UnknownSite."""

        def check(tx: SqlTransaction) -> None:
            registered(tx, source)

        Site(Watched(self.store, check), self.clock).forget(source)

    def charter(self) -> Charter:
        """The charter that this site goes by; nothing is locked for it."""
        return self.store.read(peek).charter

    def write_charter(self, value: object, *, dry_run: bool = False) -> Charter:
        """At the hub: replace the charter of the edition that ``value`` names; ``dry_run``: only say what it
        would be. Raises BadRequest, Refused.
        """
        charter = checked_charter(value, "charter", strict=True)

        def check(tx: SqlTransaction) -> None:
            if tx.known_state().is_hub:
                check_administration(cast(Transaction, tx), charter)

        watched = Watched(self.store, check, trial=dry_run)
        return Site(watched, self.clock).write_charter(charter, charter.edition)

    def compared(self, other: str) -> Site:
        """This site, to be compared with a peer. Its calls raise UnknownSite."""

        def check(tx: SqlTransaction) -> None:
            joined(tx.peek_state())
            registered(tx, other)

        return Site(Watched(self.store, check), self.clock)

    def clean(self, keep: Retention) -> Purged:
        """Drop what is kept for a time only."""
        return Site(Watched(self.store, _check_joined), self.clock).clean(keep)

    def sweep(self, limit: int) -> SweepState:
        """Compare the next rows with their records; what is deleted as dangling leaves the caches, too."""
        return self._swept(lambda site: site.sweep(limit))

    def decide_held(self, kinds: frozenset[str] | None, *, confirm: bool) -> int:
        """Confirm or discard what waits for a person; how many records."""
        return self._swept(lambda site: site.confirm(kinds) if confirm else site.discard(kinds))

    def _swept(self, work: Callable[[Site], T]) -> T:
        watched = Watched(self.store, _check_joined)
        result = work(Site(watched, self.clock, guard=self.around.guard))
        if watched.writes:
            self.around.written(watched.writes, "")
        return result

    def swept(self) -> tuple[SweepState, dict[str, int], list[Held]]:
        """How far the sweep is, how many records of each kind wait for a person, and the first of them."""
        return self.store.read(lambda tx: (tx.sweep_state(), tx.count_held(), _deletions(tx)))

    def waiting(self) -> list[Waiting]:
        """What waits here, and why."""
        return self.store.read(lambda tx: waiting(cast(Transaction, tx)))

    def _policy_for(self, kind: str, scope: str | None) -> str:
        return self.around.policies.get(kind, "hub")

    def standing(self, source: str, fence: Fence | None) -> Standing:
        """How far this site has come with the feed of ``source``. Raises UnknownSite, FenceMismatch."""

        def check(tx: SqlTransaction) -> None:
            if source != joined(tx.peek_state()).site:
                registered(tx, source)

        return Site(Watched(self.store, check), self.clock).standing(source, fence)

    def office(self) -> Office:
        """Who is the hub, and whether this site could be. Raises NotInitialised."""

        def work(tx: SqlTransaction) -> Office:
            state = joined(tx.peek_state())
            others = sorted(tx.peers().values(), key=lambda peer: peer.site) if state.is_hub else []
            checkpoint = tx.checkpoint(state.former if state.is_hub else state.hub)
            return Office(
                state.site,
                state.hub,
                state.term,
                state.former,
                obstacle(state),
                tx.waiting_count(state.former if state.is_hub else state.hub),
                checkpoint.seq if checkpoint is not None else 0,
                tuple(peer.site for peer in others if peer.met >= state.term),
                tuple(peer.site for peer in others if peer.met < state.term),
            )

        return self.store.read(work)

    def promote(self, beyond: int) -> Office:
        """Make this site the hub of a term later than ``beyond``. Raises Refused.

        The Fernet keys that it knew as a hub of an earlier term may have been rotated away since.
        """
        watched = Watched(self.store, lambda tx: tx.doubt_keysets())
        state = Site(watched, self.clock, self._policy_for).promote(beyond)
        if watched.writes:
            self.around.written(watched.writes, state.site)
        return self.office()

    def resign(self, successor: str) -> Office:
        """At the hub: hand over to another site. Raises Refused."""
        Site(self.store, self.clock, self._policy_for).resign(successor)
        return self.office()

    def follow(self, order: Order) -> None:
        """Follow a hub of a later term. Raises OldTerm, Refused, UnknownSite."""

        def check(tx: SqlTransaction) -> None:
            joined(tx.peek_state())
            registered(tx, order.hub)

        Site(Watched(self.store, check), self.clock).follow(order.term, order.hub, order.fence, order.lineage)

    def peers(self) -> list[Peer]:
        """The registered peers."""
        return self.store.read(lambda tx: [peer for _, peer in sorted(tx.peers().items())])

    def key_proofs(self, reader: str) -> list[bytes]:
        """That this site's public key is its own, for a peer that knows an older one. Raises UnknownSite."""
        site, peer = self.store.read(lambda tx: (peek(tx).site, registered(tx, reader)))
        return self.ring.proofs(peer.public_key, site)

    def register(self, peer: Peer, proofs: Sequence[bytes] = (), *, confirmed: bool = False) -> Peer:
        """Register a peer or what has changed of it; how far it has come is kept while it lives the same
        life. Once anything has come from it another public key has to be proven with the known one, or
        ``confirmed`` by a person.
        Raises BadRequest, KeyChanged, Refused.
        """
        if not is_public_key(peer.public_key):
            raise BadRequest(
                "public_key is the key of nobody",
                hint=f"`viaduct confirm-key {peer.site}` registers the key that the site itself shows",
                where="public_key",
            )

        def work(tx: Transaction) -> Peer:
            state = tx.state()
            if peer.site == state.site:
                raise Refused(f"{peer.site} is this site itself", hint="register the other sites here")
            if origin_of(peer.site, peer.incarnation) in state.charter.retired:
                raise Refused(
                    f"{peer.site} was retired",
                    hint="take it out of viaduct.yaml; a new Keystone may have its name",
                )
            known = tx.peers().get(peer.site)
            # who joins is compared first, under a key of the comparison's own
            if known is not None and known.seen is not None and not confirmed:
                self._check_key(known, peer, proofs)
            same_life = known is not None and known.incarnation == peer.incarnation
            found = peer
            if known is not None:
                acknowledged = known.acknowledged if same_life else 0
                found = replace(
                    known,
                    signing_key=peer.signing_key or ("" if confirmed else known.signing_key),
                    public_key=peer.public_key,
                    incarnation=peer.incarnation,
                    capabilities=peer.capabilities,
                    acknowledged=acknowledged,
                )
            if found != known:
                tx.save_peer(found)
            restate(tx, state)
            return found

        # an agent tells it again and again: what is no news waits for no writer
        return look(cast(Store, self.store), work)

    def hear_of_keys(self, name: str, digest: str, told: Statement | None) -> None:
        """At a spoke: take note of what the hub has signed of a set of keys of tokens. Raises NotSigned where
        that is not this one, Refused at the hub.
        """

        def work(tx: Transaction) -> None:
            state = joined(tx.state())
            if state.is_hub:
                raise Refused(f"{state.site} is the hub", hint="it holds the keys of the fleet itself")
            keys_heard(tx, state, name, digest, told)

        look(cast(Store, self.store), work)  # the agent brings the same ones again and again

    def _check_key(self, known: Peer, peer: Peer, proofs: Sequence[bytes]) -> None:
        """Secrets are sealed for that key, or signatures checked with it: whoever could replace it would read
        them, or speak as the hub. A site that did not sign may begin to.
        """
        signing = peer.signing_key if known.signing_key not in ("", peer.signing_key) else ""
        if known.public_key == peer.public_key and not signing:
            return
        if not self.ring.is_proven(known.public_key, peer.site, peer.public_key, proofs, signing):
            raise KeyChanged(
                f"{peer.site} shows another public key ({key_fingerprint(peer.public_key)}) than is known of "
                f"it ({key_fingerprint(known.public_key)}), and no proof that it is its own",
                hint=f"ask who runs it; if it is its key, `viaduct confirm-key {peer.site}`",
                site=peer.site,
            )

    def retire(self, site: str, *, force: bool, dry_run: bool = False) -> tuple[Retired, Sequence[Write]]:
        """At the hub: forget a site that is gone for good; what that writes. ``dry_run``: only say what it
        would. Raises NotThere, Refused.
        """

        def work(tx: SqlTransaction) -> None:
            _check_joined(tx)
            tx.forget_confirmations(site)
            tx.save_choices(site, {})

        watched = Watched(self.store, work, trial=dry_run)
        found = Site(watched, self.clock, self._policy_for).retire(site, force=force)
        if watched.writes and not dry_run:
            self.around.written(watched.writes, site)
        return found, watched.writes

    def take_lease(self, holder: str, seconds: float) -> tuple[int, str]:
        """Take or renew the agents' lease: when it ends (microseconds), and the key of pokes. Raises
        LeaseHeld.
        """

        def work(tx: SqlTransaction) -> tuple[int, str]:
            state = tx.state()
            if not state.is_hub:
                raise Refused(
                    f"{state.site} is not the hub",
                    hint=f"the agent's lease is held at {state.hub}",
                    hub=state.hub,
                )
            now = self.clock.now()
            lease = tx.acquire_lease(LEASE, holder, now=now, until=now + int(seconds * MICROSECONDS))
            return lease.until, poke_key(state.fleet_secret)

        return self.store.run(work)

    def release_lease(self, holder: str) -> None:
        """Give the lease back; nothing happens if another holds it."""
        self.store.run(lambda tx: tx.release_lease(LEASE, holder))

    def lease(self) -> tuple[str, int]:
        """Who holds the agents' lease, and until when (microseconds); '' and 0 for nobody."""

        def work(tx: SqlTransaction) -> tuple[str, int]:
            found = tx.peek_lease(LEASE)
            lasts = found is not None and found.lasts(self.clock.now())
            return (found.holder, found.until) if found is not None and lasts else ("", 0)

        return self.store.read(work)

    def conflicts(self, limit: int, *, marker: str = "", **wanted: Any) -> list[Conflict]:
        """The latest first, after the one whose id is ``marker``. Raises NotThere."""

        def work(tx: SqlTransaction) -> list[Conflict]:
            after = tx.conflict(marker) if marker else None
            if marker and after is None:
                raise no_conflict(marker)
            return tx.conflicts(limit, marker=after, **wanted)

        return self.store.read(work)

    def names(self, refs: Iterable[Ref]) -> dict[Ref, str]:
        """What these records are called, those that are there and have a name."""
        wanted = sorted(set(refs))
        found = self.store.read(lambda tx: tx.documents(wanted))
        return {ref: name for ref, document in found.items() if (name := name_of(ref, document))}

    def conflict(self, identifier: str) -> Conflict:
        """One conflict, by its id or how that begins. Raises NotThere, Refused."""

        def work(tx: SqlTransaction) -> Conflict | None:
            return tx.conflict(whole_id(tx, identifier))

        found = self.store.read(work)
        if found is not None:
            return found
        raise no_conflict(identifier)

    def sealed_secret(self, reader: str) -> bytes:
        """The fleet's secret for a registered peer. Raises UnknownSite."""

        def work(tx: SqlTransaction) -> bytes:
            return seal(registered(tx, reader).public_key, joined(tx.peek_state()).fleet_secret)

        return self.store.read(work)

    def take_secret(self, sealed: bytes, source: str, term: int) -> None:
        """Take the fleet's secret from the hub. Raises Refused when this site numbers under another one."""
        secret = self.ring.open_sealed(sealed)
        if not 16 <= len(secret) <= 64:
            raise Refused("that is no fleet secret", hint="let the hub seal its own")

        def work(tx: SqlTransaction) -> None:
            state = tx.state()
            if source != state.hub or term < state.term:
                raise Refused(
                    f"{source} is not this site's hub", hint=f"the hub is {state.hub}", hub=state.hub
                )
            if hmac.compare_digest(state.fleet_secret, secret):
                return
            if state.fleet_secret or state.head:
                raise Refused(
                    f"{state.site} belongs to another fleet",
                    hint="a site joins a fleet once, before its feed is read: `viaduct init` it anew",
                )
            tx.save_state(replace(state, fleet_secret=secret, term=term))

        self.store.run(work)

    def newest_revocation(self) -> object:
        """The newest revocation event, to be compared with an earlier one; None when there is none."""

        def work(tx: SqlTransaction) -> object:
            row = tx.connection.execute(_NEWEST_REVOCATION).first()
            return None if row is None else tuple(str(value) for value in row)

        return self.store.read(work)

    def contact(self) -> Contact:
        """When this site last had all that the hub had. Raises NotInitialised."""
        state = self.store.read(peek)
        return Contact(state.is_hub, state.caught_up)

    def run(self, work: Callable[[SqlTransaction], T]) -> T:
        """Anything else in one transaction."""
        return self.store.run(work)


def no_conflict(identifier: str) -> NotThere:
    return NotThere(f"no conflict {identifier}", hint="`viaduct conflicts list` shows them")


def whole_id(tx: SqlTransaction, identifier: str) -> str:
    """The id of the one conflict that is called so, or whose id begins so. Raises Refused: several do."""
    found = tx.conflict_ids_like(identifier, 3) if len(identifier) >= PREFIX else []
    if len(found) > 1 and identifier not in found:
        raise Refused(
            f"several conflicts begin with {identifier}: {', '.join(found)}", hint="give more of the id"
        )
    return found[0] if found and identifier not in found else identifier


def _deletions(tx: SqlTransaction) -> list[Held]:
    return tx.held(limits.HELD, None, DELETIONS)


def peek(tx: SqlTransaction) -> SiteState:
    """The site's state, not locked. Raises NotInitialised."""
    state = tx.peek_state()
    if state is None:
        raise NotInitialised("this database belongs to no site yet", hint="run `viaduct init`")
    return state


def joined(state: SiteState | None) -> SiteState:
    """The state of a site that is in a fleet. Raises NotInitialised."""
    if state is None:
        raise NotInitialised("this database belongs to no site yet", hint="run `viaduct init`")
    if not state.fleet_secret:
        raise NotInitialised(
            f"{state.site} has not joined its fleet yet",
            hint="start the agent at the hub: it hands over the secret",
        )
    return state


def _check_joined(tx: SqlTransaction) -> None:
    joined(tx.peek_state())


def registered(tx: SqlTransaction, site: str) -> Peer:
    found = tx.peers().get(site)
    if found is None:
        raise UnknownSite(
            f"no site {site[:64]} is registered here",
            hint="the agent registers the sites of viaduct.yaml; is the name the same there?",
            unknown=site[:64],
        )
    return found


def at_hub(tx: SqlTransaction) -> SiteState:
    """The state of a site that is the hub. Raises Refused."""
    state = joined(tx.known_state())
    if not state.is_hub:
        raise Refused(f"{state.site} is not the hub", hint=f"ask {state.hub}", hub=state.hub)
    return state


def trusted(tx: SqlTransaction, state: SiteState) -> list[str]:
    """The hub and each registered site that may change everything."""
    others = [site for site in tx.peers() if state.charter.delegation_of(site).is_full]
    return sorted([state.site, *others])


def _check_source(tx: SqlTransaction, page: Page) -> SiteState:
    state = joined(tx.peek_state())
    if page.source == state.site:
        raise Refused(f"{state.site} gets a page of its own feed", hint="look at the names in viaduct.yaml")
    registered(tx, page.source)
    return state


def poke_key(fleet_secret: bytes) -> str:
    """The key by which any site of the fleet may wake the agent, in hexadecimal; all derive the same one."""
    return hmac.new(fleet_secret, b"viaduct poke", hashlib.sha256).hexdigest() if fleet_secret else ""
