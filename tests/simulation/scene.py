"""Words in which the scenarios of docs/explanation/protocol.md are told."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keystone_viaduct.clock import ManualClock
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from keystone_viaduct.sync.model import Conflict, Document, Page, Purged, Record, Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.sync.site import Site
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.site.site import hub_wins
from keystone_viaduct.sync.statement import Statement, terms_to_text
from keystone_viaduct.testing.memory import Data, MemoryStore, empty, signer_of
from keystone_viaduct.testing.simulation import checks
from keystone_viaduct.testing.simulation.cloud import Cloud, Ledger
from keystone_viaduct.testing.simulation.crashing import CrashingStore
from keystone_viaduct.testing.simulation.fleet import Fleet, Node, introduce, settle
from keystone_viaduct.testing.simulation.memory import MemoryDatabase


class Scene:
    """Sites in memory; the first is the hub. Every edit is one acknowledged request."""

    def __init__(self, *names: str, policy: str = "hub") -> None:
        self.clock = ManualClock()
        nodes: dict[str, Node] = {}
        for name in names:
            store = MemoryDatabase(empty(name, names[0], incarnation=f"{name}-1"))
            process = CrashingStore(store)
            site = Site(process, self.clock, hub_wins if policy == "hub" else lambda kind, scope: policy)
            nodes[name] = Node(name, store, self.clock, site, process)
        for node in nodes.values():
            for other in names:
                if other != node.name:
                    introduce(node, nodes[other])
        ledger, chance = Ledger(), random.Random(1)
        self.fleet = Fleet(chance, nodes, names[0], ledger, Cloud(chance, ledger))
        self.put(names[0], "domain", "default", name="default", enabled=True)
        self.put(names[0], "role", "member", name="member", domain_id=None)
        self.sync()

    def signed(self, by: str, **terms: Any) -> Statement:
        """What a site signs: the hub's newest statement but for what is given; itself the hub unless said."""
        newest = self.store(self.fleet.hub).data.state.statement
        assert newest is not None
        told = replace(newest.terms, **{"by": by, "hub": by, **terms})
        text = terms_to_text(told)
        return Statement(text, signer_of(by).sign(text), told)

    def store(self, site: str) -> MemoryStore:
        """The store of a site."""
        store = self.fleet.nodes[site].store
        assert isinstance(store, MemoryStore)
        return store

    def site(self, site: str) -> Site:
        """The site itself."""
        return self.fleet.nodes[site].site

    def put(self, site: str, kind: str, key: str, /, **fields: Any) -> Ref:
        """Create or change a record at a site; ``__`` in a name stands for a dot."""
        self.clock.advance(1_000_000)
        ref = Ref(kind, key)
        old = self.store(site).data.rows.get(ref)
        new: Document = dict(old or ({"id": key} if REGISTRY[kind].key == ("id",) else {}))
        new.update({name.replace("__", "."): value for name, value in fields.items()})
        self.store(site).edit([Write(ref, old, new)], self.clock.now())
        self.fleet.ledger.wrote(0, site, ref, old, new, {})
        return ref

    def delete(self, site: str, ref: Ref) -> None:
        """Delete a record at a site (only it: managers delete what belongs to it first)."""
        self.clock.advance(1_000_000)
        old = self.store(site).data.rows[ref]
        self.store(site).edit([Write(ref, old, None)], self.clock.now())
        self.fleet.ledger.wrote(0, site, ref, old, None, {})

    def user(self, site: str, key: str, name: str, **fields: Any) -> Ref:
        """A user with a password."""
        given = {"local__name": name, "local__domain_id": "default", "domain_id": "default", "enabled": True}
        return self.put(site, "user", key, **{**given, "passwords": [{"hash": f"hash of {key}"}], **fields})

    def project(self, site: str, key: str, name: str, **fields: Any) -> Ref:
        """A project of the default domain."""
        given = {"name": name, "domain_id": "default", "parent_id": "default", "enabled": True}
        return self.put(site, "project", key, **{**given, **fields})

    def directory(self, *sites: str, people: Iterable[str], groups: Iterable[str] = ()) -> None:
        """At these sites the default domain has a driver that knows these, whose ids are not mapped."""
        known = [*(Ref("user", key) for key in people), *(Ref("group", key) for key in groups)]
        self.fleet.directory |= frozenset(known)
        for name in self.fleet.nodes:
            self.store(name).directory |= frozenset(known)
            if name in sites:
                self.store(name).drivers = ExternalDrivers({"default": "ldap"}, "default")

    def shadow(self, site: str, key: str) -> Ref:
        """The row that Keystone makes of an external user at the first log-in."""
        return self.put(site, "user", key, domain_id="default", enabled=True, nonlocal__name=key)

    def credential(self, site: str, key: str, user: str) -> Ref:
        """Something that a user owns."""
        return self.put(site, "credential", key, user_id=user, type="totp", blob=f"seed of {key}")

    def lost_at_the_hub(self) -> Ref:
        """A hub put back to before an edit of the south's; the west, which had it, tells of it: it waits."""
        backup = self.store("hub").data.copy()
        ref = self.user("south", "u", "ada", extra__email="south")
        self.sync()
        self.put("west", "user", "u", extra__phone="west")
        self.store("hub").data = backup
        self.talk("west")
        assert [entry.reason for entry in self.store("hub").data.pending.values()] == ["unproven"]
        return ref

    def grant(self, site: str, user: str, project: str, role: str = "member") -> Ref:
        """A role for a user on a project."""
        key = REGISTRY["assignment"].make_key("UserProject", user, project, role, False)
        return self.put(
            site,
            "assignment",
            key,
            type="UserProject",
            actor_id=user,
            target_id=project,
            role_id=role,
            inherited=False,
        )

    def read(self, source: str, target: str, limit: int = 50) -> Page:
        """A page as the agent would read it now."""
        after = self.site(target).standing(source).checkpoint
        return self.site(source).read(target, after, limit)

    def send(self, source: str, target: str, limit: int = 50) -> None:
        """One direction, until its head."""
        replicator = Replicator(self.site(source), self.site(target), limit)
        while replicator.step() is Progress.MORE:
            pass

    def purge(self, site: str, keep: Retention) -> Purged:
        """Drop what a site keeps for a time only."""
        before = dict(self.store(site).data.records)
        purged = self.site(site).clean(keep)
        self.fleet.buried |= self.fleet.note_purged(site, before)
        return purged

    def put_back(self, site: str, data: Data) -> None:
        """Restore a backup; what only the lost database knew must have been read by somebody."""
        self.fleet.restorations += 1
        self.fleet.forked |= {self.store(site).data.state.origin, data.state.origin}
        self.store(site).data = data.copy()

    def talk(self, spoke: str) -> None:
        """One link, both ways, until nothing moves on it; what waits for another site goes on waiting."""
        link = self.fleet.link(spoke)
        for _ in range(40):
            link.step(link.up)
            link.step(link.down)

    def sync(self) -> None:
        """Everything, until nothing moves."""
        assert settle(self.fleet), "the fleet does not come to rest"

    def sync_some(self) -> None:
        """A few rounds; something may go on waiting for a person."""
        settle(self.fleet, rounds=5)

    def equal(self) -> None:
        """All sites are equal and every edit is accounted for."""
        self.sync()
        checks.at_rest(self.fleet)

    def row(self, site: str, ref: Ref) -> Document | None:
        """What a site's tables hold."""
        return self.store(site).data.rows.get(ref)

    def record(self, site: str, ref: Ref) -> Record:
        """What a site knows of a record."""
        return self.store(site).data.records[ref]

    @property
    def conflicts(self) -> list[Conflict]:
        """What the hub has listed."""
        return self.store(self.fleet.hub).data.conflicts
