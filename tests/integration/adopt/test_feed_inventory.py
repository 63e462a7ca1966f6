"""The hub's inventory from its feed is the one from its database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keystone_viaduct.cli.main import main
from keystone_viaduct.clock import SystemClock
from keystone_viaduct.documents.codec import Codecs
from keystone_viaduct.documents.schema import reflect
from keystone_viaduct.errors import StoreBusy
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.adopt import FeedInventory, feed, make_plan
from keystone_viaduct.sync.adopt.feed import PAUSE
from keystone_viaduct.sync.adopt.veil import Veil
from keystone_viaduct.sync.api.changes import encode
from keystone_viaduct.sync.model import Checkpoint, Page, Peer
from keystone_viaduct.sync.sealing import KeyRing
from keystone_viaduct.sync.site import Site as SyncSite
from keystone_viaduct.sync.store import SqlStore
from keystone_viaduct.sync.wire.carried import carry
from tests.integration.adopt.conftest import Site, make_site
from tests.support.databases import DatabaseScope

pytestmark = pytest.mark.keystone


class Near:
    """A site as the HTTP client shows it: pages as bytes, sealed for the registered reader."""

    def __init__(self, name: str, store: SqlStore) -> None:
        self.name = name
        self.site = SyncSite(store, SystemClock())
        self.peers: dict[str, Peer] = {}
        self.pages = 0
        self.held = 0

    def register(self, peer: Peer) -> None:
        """Keep the peer's key."""
        self.peers[peer.site] = peer

    def read(self, reader: str, after: Checkpoint | None, limit: int) -> Page:
        """A small page."""
        self.pages += 1
        page = self.site.read(reader, after, min(limit, 20))
        if self.held and after is not None:  # another transaction has the feed, and this shows what it has
            self.held -= 1
            page = replace(page, changes=(), conflicts=(), upto=after, at_head=False)
        return carry(encode(page, self.peers[reader].public_key), None)


def test_the_feed_gives_what_the_database_holds_secrets_included(
    database_scope: DatabaseScope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub: Site = make_site("east", database_scope.keystone("sqlite"), tmp_path / "east")
    hub.fill("spoke")
    config = hub.home.config
    config.write_text(f"{config.read_text()}\n[viaduct]\nkey_repository = {hub.home.folder}/viaduct-keys\n")
    assert main(["init", "--config-file", str(config), "--site", "east", "--hub", "east"]) == 0
    ring = KeyRing.load(hub.home.folder / "viaduct-keys")
    near = Near("east", SqlStore(hub.engine, ring, Codecs(reflect(hub.engine), hub.cipher)))
    waits: list[float] = []
    near.held = 3
    inventory = FeedInventory(near, "west", pause=waits.append)
    assert near.held == 0 and waits == [PAUSE] * 3
    assert near.pages > 6 and inventory.site == "east"
    there = hub.inventory
    for kind in REGISTRY:
        assert inventory.documents(kind) == there.documents(kind), kind
    assert inventory.documents("credential")
    veil = Veil.new(kept=True)
    spooled = FeedInventory(near, "west", veil=veil)
    for kind, declared in REGISTRY.items():
        mine = {key: veil.over(declared, found) for key, found in inventory.documents(kind).items()}
        assert spooled.documents(kind) == mine, kind
    assert not [match for match in make_plan(there, spooled).matches if match.differing]
    plan = make_plan(there, inventory)
    assert plan.settled and not plan.only_here and not plan.only_there
    assert not [match for match in plan.matches if match.differing]
    near.held, waits = 10_000, []
    monkeypatch.setattr(feed, "HELD", 5 * PAUSE)
    with pytest.raises(StoreBusy, match="east has more to show"):
        FeedInventory(near, "west", pause=waits.append)
    assert waits == [PAUSE] * 5
