"""One trouble for each alert, made at an agent over sites in memory, and mended again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from keystone_viaduct.sync.agent.agent import Agent
from keystone_viaduct.sync.agent.keys import KeyKeeper
from keystone_viaduct.sync.agent.post import find_hub
from keystone_viaduct.sync.link.keys import KeyCarrier
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.ports import Write
from keystone_viaduct.testing.memory import MemoryTransaction
from tests.unit.agent.fleet import FakeSite, domain, fleet
from tests.unit.agent.test_slowed import Patience
from tests.unit.keyset.test_carrier import OURS, Place

NAMES = [f"d{number:02}" for number in range(70)]
LATER = 4 * 3600.0
Patch = pytest.MonkeyPatch


@dataclass
class Trouble:
    """``breaks`` and ``mends`` act on what ``agent`` watches; what it tells is asked after each."""

    agent: Agent
    breaks: Callable[[], None]
    mends: Callable[[], None]
    #: The labels of each alert that fires, beside those of its rule, and the value that it tells.
    alerts: Sequence[dict[str, str]] = field(default_factory=lambda: [{}])
    value: int = 0


def loaded() -> tuple[Agent, FakeSite, FakeSite]:
    """A hub and ``west``, with all domains everywhere, looked at, and an agent that may work."""
    agent, hub, spokes = fleet("west", upkeep=3600.0)
    agent.upkeep.pause = 0.0
    for name in NAMES:
        hub.edit(*domain(name))
    assert agent.once() == []
    agent.lease.once()
    agent.upkeep.round()
    return agent, hub, spokes["west"]


def attempt(agent: Agent) -> None:
    """Each direction tries once."""
    for lane in agent.lanes:
        lane.attempt()


def no_agent_works(_: Patch) -> Trouble:
    """The hub gives no lease any more, until after the one that the agent has."""
    agent, hub, _west = loaded()
    now = [agent.lease._monotonic()]
    agent.lease._monotonic = lambda: now[0]

    def breaks() -> None:
        hub.down = True
        now[0] += 600
        agent.lease.once()

    def mends() -> None:
        hub.down = False
        agent.lease.once()

    return Trouble(agent, breaks, mends)


def link_down(_: Patch) -> Trouble:
    """West does not answer. (The other direction asks the hub alone as long as that has nothing new.)"""
    agent, _hub, west = loaded()

    def down(is_down: bool) -> None:
        west.down = is_down
        attempt(agent)

    return Trouble(agent, lambda: down(True), lambda: down(False), [{"source": "west", "target": "hub"}])


def site_late(_: Patch) -> Trouble:
    """West is away, and the hub has said that it has news."""
    agent, hub, west = loaded()
    lane = next(lane for lane in agent.lanes if lane.target == "west")

    def breaks() -> None:
        west.down = True
        hub.edit(*domain("late"))
        lane.wake(hub.capabilities().head.seq)
        lane.attempt()

    def mends() -> None:
        west.down = False
        lane.attempt()
        lane.attempt()

    return Trouble(agent, breaks, mends, [{"source": "hub", "target": "west"}])


def quarantine(monkeypatch: Patch) -> Trouble:
    """West's store fails with one record in a way that nobody has foreseen."""
    agent, hub, west = loaded()
    odd = domain("odd")
    written, fails = MemoryTransaction.write_documents, [False]

    def failing(tx: MemoryTransaction, writes: Sequence[Write]) -> Any:
        if fails[0] and any(write.ref == odd[0] for write in writes):
            raise RuntimeError("nobody has foreseen this")
        return written(tx, writes)

    monkeypatch.setattr(MemoryTransaction, "write_documents", failing)

    def breaks() -> None:
        hub.edit(*odd)
        fails[0] = True
        attempt(agent)
        agent.upkeep.round()

    def mends() -> None:
        fails[0] = False
        west.site.retry()
        agent.upkeep.round()

    return Trouble(agent, breaks, mends, [{"site": "west", "state": "quarantined"}], 1)


def pending_stays(_: Patch) -> Trouble:
    """West's tables can't hold a name."""
    agent, hub, west = loaded()

    def breaks() -> None:
        west.store.unstorable = frozenset({"odd"})
        hub.edit(Ref("domain", "d"), {"id": "d", "name": "odd", "enabled": True})
        attempt(agent)
        agent.upkeep.round()

    def mends() -> None:
        west.store.unstorable = frozenset()
        west.site.retry()
        agent.upkeep.round()

    return Trouble(agent, breaks, mends, [{"site": "west", "state": "carried"}], 1)


def deletions_held(_: Patch) -> Trouble:
    """Rows are gone that no trigger saw; then somebody puts them back."""
    agent, _hub, west = loaded()
    before = dict(west.store.data.rows)

    def breaks() -> None:
        for name in NAMES[:60]:
            del west.store.data.rows[Ref("domain", name)]
        agent.upkeep.round()

    def mends() -> None:
        west.store.data.rows = dict(before)
        agent.upkeep.round()

    return Trouble(agent, breaks, mends, [{"site": "west"}], 60)


def sites_differ(_: Patch) -> Trouble:
    """West's tables and bookkeeping are those of long ago."""
    agent, _hub, west = loaded()
    rows, records = dict(west.store.data.rows), dict(west.store.data.records)

    def breaks() -> None:
        west.store.data.rows, west.store.data.records = {}, {}
        agent.upkeep.round()

    def mends() -> None:
        west.store.data.rows, west.store.data.records = rows, records
        agent.upkeep.round()

    return Trouble(agent, breaks, mends, [{"check": "differences", "site": "west"}])


def hub_disagrees(_: Patch) -> Trouble:
    """Another site was promoted than the one of viaduct.yaml."""
    agent, hub, west = loaded()
    sites = {"hub": hub, "west": west}
    trouble = Trouble(agent, lambda: None, lambda: None, [{"check": "hub"}])

    def follow(configured: str) -> None:
        post = find_hub(sites, configured)
        others = {name: site for name, site in sites.items() if name != post.hub}
        trouble.agent = Agent(sites[post.hub], others, agent.settings, post=post)

    def breaks() -> None:
        west.site.promote()
        follow("hub")

    trouble.breaks, trouble.mends = breaks, lambda: follow("west")
    return trouble


def keys_missing(_: Patch) -> Trouble:
    """West's key repository can't be written."""
    agent, _hub, _west = loaded()
    west = Place("west", OURS)
    keeper = agent.keys = KeyKeeper(KeyCarrier(Place("hub", OURS), {"west": west}), 1.0, agent.gate)
    keeper.round()

    def meets(fault: Exception | None) -> None:
        west.fault = fault
        keeper.round()

    # where the keys are missing is said by the finding, not by a label: the hub was asked
    alerts = [{"check": "rotation", "site": "hub"}]
    return Trouble(agent, lambda: meets(PermissionError("permission denied")), lambda: meets(None), alerts)


def upkeep_overdue(monkeypatch: Patch) -> Trouble:
    """Nobody has looked for hours."""
    agent, _hub, _west = loaded()
    now = time.time

    def breaks() -> None:
        monkeypatch.setattr(time, "time", lambda: now() + LATER)

    def mends() -> None:
        monkeypatch.setattr(time, "time", now)

    sites = [{"check": "upkeep", "site": name} for name in ("hub", "west")]
    return Trouble(agent, breaks, mends, sites)


def asked_to_wait(_: Patch) -> Trouble:
    """The hub asks to wait, again and again."""
    agent, hub, west = loaded()
    lane = next(lane for lane in agent.lanes if lane.target == "hub")
    lane._stopping = Patience()

    def breaks() -> None:
        west.edit(*domain("eager"))
        hub.busy = [1.0] * 600
        while hub.busy:
            lane.attempt()

    return Trouble(agent, breaks, lambda: attempt(agent), [{"source": "west", "target": "hub"}])


TROUBLES: dict[str, Callable[[Patch], Trouble]] = {
    "ViaductNoAgentWorks": no_agent_works,
    "ViaductLinkDown": link_down,
    "ViaductSiteLate": site_late,
    "ViaductQuarantine": quarantine,
    "ViaductPendingStays": pending_stays,
    "ViaductDeletionsHeld": deletions_held,
    "ViaductSitesDiffer": sites_differ,
    "ViaductHubDisagrees": hub_disagrees,
    "ViaductKeysMissing": keys_missing,
    "ViaductUpkeepOverdue": upkeep_overdue,
    "ViaductAskedToWait": asked_to_wait,
}
