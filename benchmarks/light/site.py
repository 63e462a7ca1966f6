"""One light site: what the service of a real one does for the calls that an agent makes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from keystone_viaduct.clock import SystemClock
from keystone_viaduct.errors import LeaseHeld, UnknownSite
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api.changes import encode
from keystone_viaduct.sync.api.service import poke_key
from keystone_viaduct.sync.charter import charter_to_json
from keystone_viaduct.sync.keyset.model import State
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import Document, Peer, Ref, site_of
from keystone_viaduct.sync.ports import SitePort, Transaction, Write
from keystone_viaduct.sync.sealing import KEY_BYTES, KeyRing, PageOpener, seal
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.statement import restate
from keystone_viaduct.sync.waiting import waiting
from keystone_viaduct.sync.wire import comparing, limits, upkeep, values
from keystone_viaduct.sync.wire.page import page_from_json, result_to_json
from keystone_viaduct.sync.wire.resources import (
    Capabilities,
    capabilities_document,
    peer_from_json,
    peer_to_json,
    standing_to_json,
)
from keystone_viaduct.sync.wire.statement import known_from_text
from keystone_viaduct.testing.memory import Data, MemoryStore, empty

HUB = "hub"
SECRET = b"fleet secret of a benchmark"
KINDS = {name: frozenset(kind.declared) for name, kind in REGISTRY.items()}
#: Kept by every site: fingerprints of no real key.
KEYS = State("0" * 16, "1" * 16, frozenset({"2" * 16}))
REPOSITORY = "fernet"


def ring_of(name: str) -> KeyRing:
    """The keys of a site, the same in each process."""
    seeds = [
        hashlib.sha256(f"{use} of {name}".encode()).digest()[:KEY_BYTES] for use in ("exchange", "storage")
    ]
    return KeyRing({1: seeds[0]}, {1: seeds[1]})


class LightSite:
    """``arrived`` is when each record came with a page, by this machine's monotonic clock."""

    def __init__(self, name: str, data: Data | None = None) -> None:
        self.name = name
        self.ring = ring_of(name)
        self.store = MemoryStore(data or empty(name, HUB, incarnation="a1", secret=SECRET))
        self.store.signer = self.ring.signer
        self.clock = SystemClock()
        self.site = Site(self.store, self.clock)
        self.arrived: dict[str, float] = {}
        self._holder, self._until = "", 0.0

    @property
    def is_hub(self) -> bool:
        """Whether it decides."""
        return self.name == HUB

    def peer(self) -> Peer:
        """As it is registered elsewhere."""
        keys = self.ring.signer.keys
        return Peer(self.name, self.ring.public_key, self.store.data.state.incarnation, signing_key=keys[0])

    def acquaint(self, *others: LightSite) -> None:
        """Register others here."""

        def work(tx: Transaction) -> None:
            for other in others:
                tx.save_peer(other.peer())
            restate(tx, tx.state())

        self.store.run(work)

    def edit(self, ref: Ref, document: Document | None) -> None:
        """What an application does here."""
        self.store.edit([Write(ref, self.store.data.rows.get(ref), document)], self.clock.now())

    def capabilities(self, query: Mapping[str, str]) -> Any:
        """What it says of itself."""
        found = Capabilities.of(
            self.store.data.state,
            public_key=self.ring.public_key,
            signing_key=self.ring.signer.keys[0],
            product="light",
            release="light",
            kinds=KINDS,
        )
        return capabilities_document(found, _known(query))

    def read(self, query: Mapping[str, str]) -> bytes:
        """A page, sealed for who reads."""
        reader = query["reader"]
        peer = self.store.data.peers.get(site_of(reader))
        if peer is None:
            raise UnknownSite(f"no site {reader} is registered here", hint="register it", unknown=reader)
        after = values.checkpoint_from_text(query["after"], "after") if query.get("after") else None
        had, most = {name: query.get(name, "") for name in ("signed", "register")}, int(query["bytes"])
        page = self.site.read(reader, after, int(query["limit"]), _fence(query), **had, most=most)
        return encode(page, peer.public_key)

    def apply(self, value: Any) -> Any:
        """What became of a page."""
        page = page_from_json(value, lambda header: PageOpener(self.ring, header).open)
        result = self.site.apply(page)
        now = time.monotonic()
        for change in page.changes:
            self.arrived.setdefault(str(change.ref), now)
        return result_to_json(result)

    def standing(self, source: str, query: Mapping[str, str]) -> Any:
        """How far it has come."""
        found = self.site.standing(source, _fence(query))
        return {"site": source, **standing_to_json(found, _known(query))}

    def register(self, name: str, value: Any) -> Any:
        """Take a peer. What its release can't store is nothing, so its capabilities are left out."""
        peer = replace(peer_from_json(name, value), capabilities={})

        def work(tx: Transaction) -> None:
            known = tx.peers().get(name)
            found = peer
            if known is not None:
                found = replace(known, public_key=peer.public_key, signing_key=peer.signing_key)
            if found != known:
                tx.save_peer(found)
                restate(tx, tx.state())

        self.store.run(work)
        return peer_to_json(peer)

    def sealed_secret(self, reader: str) -> Any:
        """The fleet's secret."""
        sealed = seal(self.store.data.peers[reader].public_key, self.store.data.state.fleet_secret)
        return {"reader": reader, "sealed": values.key_to_json(sealed)}

    def poke_keys(self) -> tuple[str, str]:
        """Of the fleet and its own."""
        return poke_key(self.store.data.state.fleet_secret), self.ring.derived("poke").hex()

    def take_lease(self, holder: str, ttl: float) -> Any:
        """One agent at a time."""
        now = time.time()
        if self._holder not in ("", holder) and now < self._until:
            raise LeaseHeld(f"{self._holder} holds the lease", hint="it runs out by itself")
        self._holder, self._until = holder, now + ttl
        return {"holder": holder, "until": int(self._until * 1e6), "poke_key": self.poke_keys()[0]}

    def release_lease(self, holder: str) -> None:
        """Given back."""
        if self._holder == holder:
            self._holder = ""

    def keys(self) -> Any:
        """One repository, the same at each site; the hub says who has confirmed it: all have."""
        found: dict[str, Any] = {
            "digest": KEYS.digest,
            "staged": KEYS.staged,
            "primary": KEYS.primary,
            "others": sorted(KEYS.others),
        }
        if self.is_hub:
            sites = sorted(self.store.data.peers)
            found["fleet"] = {
                **found,
                "others": dict.fromkeys(KEYS.others),
                "generation": 1,
                "wanted": False,
                "promoted_at": 0,
                "confirmed": dict.fromkeys(sites, 1),
                "sites": sites,
                "missing": [],
            }
        return {"site": self.name, "hub": HUB, "repositories": {REPOSITORY: found}}

    def charter(self) -> Any:
        """The one that it goes by."""
        return charter_to_json(self.site.charter())

    def summary(self, value: Any) -> Any:
        """Tallies to compare."""
        asked = comparing.question_from_json(value)
        return comparing.summary_to_json(
            self.site.summary(asked.reader, asked.within, asked.fence, asked.kinds)
        )

    def listing(self, value: Any) -> Any:
        """Records to compare."""
        asked = comparing.question_from_json(value)
        return comparing.listing_to_json(self.site.listing(asked.reader, asked.within or ()))

    def show(self, value: Any) -> Any:
        """Records to the end of the feed."""
        return {"head": values.checkpoint_to_json(self.site.show(*comparing.shown_from_json(value)))}

    def resume(self, source: str, value: Any) -> None:
        """After a comparison."""
        self.site.resume(source, comparing.places_from_json(value))

    def purge(self, value: Any) -> Any:
        """What is due."""
        times = upkeep.times_from_json(value)
        kept = times.tombstones, times.lost, times.away, times.before
        return upkeep.purged_to_json(
            self.site.clean(Retention(*kept, after=times.after or 0, conflicts=times.conflicts))
        )

    def sweep(self, limit: int) -> Any:
        """The next rows."""
        return upkeep.sweep_to_json(self.site.sweep(limit))

    def swept(self) -> Any:
        """How far that is."""
        return upkeep.report_to_json(self.store.data.sweep, {}, ())

    def waiting(self) -> Any:
        """What waits."""
        found = self.store.look(lambda tx: waiting(cast(Transaction, tx)))
        return upkeep.waiting_to_json(found, limit=limits.WAITING)


def _fence(query: Mapping[str, str]) -> Any:
    return values.fence_from_text(query["fence"], "fence") if query.get("fence") else None


def _known(query: Mapping[str, str]) -> frozenset[str]:
    return known_from_text(query.get("known", ""), "known")


def user(number: int) -> tuple[Ref, Document]:
    """A user of the domain that all have."""
    key = f"{number:032x}"
    document: Document = {
        "id": key,
        "domain_id": "default",
        "enabled": True,
        "local.name": f"user-{number}",
        "passwords": [
            {
                "created_at_int": 1_700_000_000_000_000,
                "expires_at_int": None,
                "password_hash": f"$2b$12${number:053d}",
                "self_service": False,
            }
        ],
    }
    return Ref("user", key), document


def make_hub(spokes: list[LightSite], users: int) -> LightSite:
    """A hub with so many users that knows all of these."""
    hub = LightSite(HUB)
    hub.edit(Ref("domain", "default"), {"id": "default", "name": "Default", "enabled": True})
    for number in range(users):
        hub.edit(*user(number))
    hub.acquaint(*spokes)
    return hub


def join(hub: LightSite, spoke: LightSite) -> None:
    """Both have all that the other has, as after a first load."""
    spoke.acquaint(hub)
    link = Link(cast(SitePort, hub.site), cast(SitePort, spoke.site), limits.PAGE_CHANGES)
    for replicator in (link.up, link.down, link.up, link.down):
        while link.step(replicator) is Progress.MORE:
            pass
