"""Lets a site into the fleet: compares it with the hub first, and stops where somebody's access would change.

Nothing has been carried then; what was done is bookkeeping (the two know each other). What an operator has
chosen, at the command line, in viaduct.yaml or when the site was adopted, is given to the hub, which goes by
it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from keystone_viaduct.errors import AccessUndecided
from keystone_viaduct.sync.adopt import (
    Access,
    Choices,
    FeedInventory,
    Plan,
    Settled,
    make_plan,
    undecided,
)
from keystone_viaduct.sync.adopt.access import HUB, LOGIN, NAME, ROLES, SITE
from keystone_viaduct.sync.adopt.veil import Veil
from keystone_viaduct.sync.agent.topology import Topology
from keystone_viaduct.sync.client import HttpSite
from keystone_viaduct.sync.model import Ref, origin_of, site_of
from keystone_viaduct.sync.wire.resources import Capabilities

#: Seconds for which a site that nobody has chosen for is not compared again.
AGAIN = 600.0
CHOOSE = (
    "`viaduct agent --first-load` shows whose; then choose: --access, --choose or --choices there, `access:` "
    "in viaduct.yaml, or `viaduct adopt` at the site"
)

Choosing = Callable[[str, Mapping[Ref, str]], Choices]
"""An operator's choices for a site, over what was chosen for it before."""


def chosen_before(site: str, stored: Mapping[Ref, str]) -> Choices:
    """What was chosen when the site was adopted, or at the hub."""
    return Choices((), None, {(ref.kind, ref.key): choice for ref, choice in stored.items()})


def choosing_of(topology: Topology) -> Choosing:
    """What viaduct.yaml says of each site, and else what was chosen before."""

    def choose(site: str, stored: Mapping[Ref, str]) -> Choices:
        before = {(ref.kind, ref.key): choice for ref, choice in stored.items()}
        return Choices.parse(topology.sites[site].access, stored=before)

    return choose


@dataclass
class Joining:
    """Of one spoke. ``choose(stored)`` gives the operator's choices over what was chosen before.

    ``plan`` and ``settled`` are there once the two were compared. ``strict``: what is chosen for single
    accounts has to be among those whose access changes.
    """

    hub: HttpSite
    spoke: HttpSite
    choose: Callable[[Mapping[Ref, str]], Choices]
    strict: bool = False
    admitted: bool = False
    plan: Plan | None = None
    settled: Settled | None = None
    _refused: AccessUndecided | None = None
    _at: float = 0.0
    _stored: Mapping[Ref, str] = field(default_factory=dict)

    def admit(self, hub: Capabilities, spoke: Capabilities, introduce: Callable[[], None]) -> None:
        """Return if the spoke may be linked. ``introduce`` makes the two known to each other (again).

        Raises AccessUndecided, ConfigError, SiteUnavailable.
        """
        if not self._has_joined(hub, spoke):
            self._join(introduce)
        self.admitted = True

    def _join(self, introduce: Callable[[], None]) -> None:
        stored = {**self.spoke.choices(self.spoke.name), **self.hub.choices(self.spoke.name)}
        if self._refused is not None and stored == self._stored and time.monotonic() - self._at < AGAIN:
            raise self._refused
        try:
            self.plan = self._compare()
        finally:
            introduce()
        self.settled = self.choose(stored).settle(self.plan.access, strict=self.strict)
        self._refused = self._objection(self.settled)
        if self._refused is not None:
            self._at, self._stored = time.monotonic(), stored
            raise self._refused
        self.hub.choose(self.spoke.name, {Ref(*record): c for record, c in self.settled.records.items()})

    def _has_joined(self, hub: Capabilities, spoke: Capabilities) -> bool:
        """Whether the two have exchanged anything in the spoke's present life, or begun to."""
        at_hub = self.hub.standing(self.spoke.name)
        if at_hub.checkpoint is not None:
            return True
        if origin_of(spoke.site, spoke.incarnation) in at_hub.knowledge.entries:
            return True
        at_spoke = self.spoke.standing(self.hub.name)
        return at_spoke.checkpoint is not None or any(
            site_of(origin) == hub.site for origin in at_spoke.knowledge.entries
        )

    def _compare(self) -> Plan:
        accounts = (self.spoke.account(), self.hub.account())
        agents = {account.id for account in accounts if account is not None}
        veil = Veil.new(kept=True)
        there = FeedInventory(self.hub, self.spoke.name, veil=veil)
        here = FeedInventory(self.spoke, self.hub.name, veil=veil)
        return make_plan(here, there, made=_nothing, agents=agents)

    def _objection(self, settled: Settled) -> AccessUndecided | None:
        if settled.open_:
            return undecided(self.spoke.name, settled, CHOOSE)
        for item, choice in settled.chosen.items():
            loser = self._locked_out(item, choice) if item.agent and item not in settled.single else None
            if loser is not None:
                return self._lock_out(loser, item.addresses[0], choice)
        return None

    def _lock_out(self, loser: str, address: str, choice: str) -> AccessUndecided:
        return AccessUndecided(
            f"joining {self.spoke.name} would lock the agent out of {loser}: {address} is its "
            f"account there, and will not be what it logs in with now",
            hint="give the agent an account of its own at each site, or one password at both; or say "
            f"--choose {address}={choice}, and correct clouds.yaml once they are joined",
            site=self.spoke.name,
            undecided=[address],
        )

    def _locked_out(self, item: Access, choice: str) -> str | None:
        """The site at which the agent could not log in any more as it does now."""
        if item.sort not in (LOGIN, NAME, ROLES) or choice not in (HUB, SITE):
            return None
        winner, loser = (self.hub, self.spoke) if choice == HUB else (self.spoke, self.hub)
        account = loser.account()
        if account is None or account.id != item.key:
            return None
        if item.sort == ROLES:
            lost = any(kind == "system_assignment" for kind, _ in item.records)
            return loser.name if lost else None
        return None if item.sort == LOGIN and winner.lets_in(loser) else loser.name


def _nothing(outside: bool) -> bool:
    """No id is changed on the way: what is called the same under two ids stays two."""
    return False
