"""Makes a failing run short: fewer sites and fewer steps that still break the same invariant."""

from __future__ import annotations

from collections.abc import Callable

from keystone_viaduct.testing.simulation.fleet import names
from keystone_viaduct.testing.simulation.plan import Step
from keystone_viaduct.testing.simulation.run import Outcome

Replay = Callable[[int, list[Step]], Outcome]


class Shrinker:
    """Tries at most ``tries`` runs; ``replay(sites, plan)`` plays one."""

    def __init__(
        self, replay: Replay, found: Outcome, sites: int, plan: list[Step], tries: int = 600
    ) -> None:
        self._replay = replay
        self._left = tries
        self.outcome = found
        self.sites = sites
        self.plan = [step for step in plan if step.number <= found.last]

    def shrink(self) -> None:
        """Leave ``sites``, ``plan`` and ``outcome`` as small as was found."""
        before = -1
        while before != len(self.plan) and self._left > 0:
            before = len(self.plan)
            self._fewer_sites()
            self._fewer_steps()

    def _fewer_sites(self) -> None:
        while self.sites > 2:
            present = names(self.sites - 1)
            if not self._try(self.sites - 1, [step for step in self.plan if step.site in present]):
                return

    def _fewer_steps(self) -> None:
        size = max(1, len(self.plan) // 2)
        while self._left > 0:
            start = 0
            while start < len(self.plan) and self._left > 0:
                if not self._try(self.sites, self.plan[:start] + self.plan[start + size :]):
                    start += size
            if size == 1:
                return
            size = size // 2

    def _try(self, sites: int, plan: list[Step]) -> bool:
        self._left -= 1
        outcome = self._replay(sites, plan)
        if outcome.broken != self.outcome.broken:
            return False
        self.sites, self.plan, self.outcome = sites, plan, outcome
        return True
