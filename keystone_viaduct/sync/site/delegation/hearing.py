"""Asks a court, and reads what it wants to see: all of it at once, as far as that can be known before."""

from __future__ import annotations

from collections.abc import Sequence

from keystone_viaduct.sync.charter import Delegation
from keystone_viaduct.sync.site.applying import Applying
from keystone_viaduct.sync.site.delegation.act import Act, Problem
from keystone_viaduct.sync.site.delegation.court import Court
from keystone_viaduct.sync.site.delegation.pageworld import PageWorld
from keystone_viaduct.sync.site.delegation.rules import RULES
from keystone_viaduct.sync.site.delegation.world import Unread, named_by


class Hearing:
    """Of what one site has done, over the hub's tables and the set of an apply."""

    def __init__(self, run: Applying, delegation: Delegation) -> None:
        self._world = PageWorld(run)
        self._court = Court(delegation, self._world, RULES)

    def problem(self, act: Act) -> Problem | None:
        """What stands against it; what the rule looks at is read as it is asked for, some of it at once."""
        while True:
            try:
                return self._court.problem(act)
            except Unread:
                self._world.read()

    def read_ahead(self, acts: Sequence[Act]) -> None:
        """Read what the rules will ask, for all acts at once: as many reads as one rule needs for one."""
        for act in acts:
            self._world.want([act.ref, *(r for content in act.contents for r in named_by(act.ref, content))])
        while acts:
            self._world.read()
            acts = [act for act in acts if not self._is_known(act)]

    def _is_known(self, act: Act) -> bool:
        """Whether all has been read that its rule looks at; what has not is asked for."""
        try:
            self._court.problem(act)
        except Unread:
            return False
        return True
