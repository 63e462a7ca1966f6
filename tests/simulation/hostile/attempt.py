"""One attempt of a hostile spoke, its twin, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from keystone_viaduct.sync.charter import Delegation
from tests.simulation.hostile.stage import LIMITED, Check, Stage, staged

Deed = Callable[[Stage], Check]
"""Does something at west; gives how to see whether it came about at the hub."""


@dataclass(frozen=True)
class Attempt:
    """``deed`` must fail under ``delegation``; ``twin`` must not, under ``allowing`` (else the same).

    ``way``: by which of ``delegation.ways`` it goes, and against nothing else but that list.
    """

    name: str
    deed: Deed
    twin: Deed
    delegation: Delegation = LIMITED
    allowing: Delegation | None = None
    way: str = ""

    def run(self) -> Outcome:
        """Both, each in a fleet of its own."""
        refused = _played(self.deed, self.delegation)
        allowed = _played(self.twin, self.allowing or self.delegation)
        return Outcome(self.name, refused.came_about, refused.why, allowed.came_about, allowed.why)


class Outcome(NamedTuple):
    """Whether the attempt and its twin came about at the hub, and what the hub listed."""

    name: str
    accepted: bool
    why: str
    twin: bool
    twin_why: str


class _Played(NamedTuple):
    came_about: bool
    why: str


def _played(deed: Deed, delegation: Delegation) -> _Played:
    with staged(delegation) as stage:
        check = deed(stage)
        stage.carry()
        listed = [conflict.explanation for conflict in stage.conflicts if conflict.sort == "refused"]
        waits = sorted({entry.reason for entry in stage.store("hub").data.pending.values()})
        return _Played(check(), "; ".join(listed) or ", ".join(f"waits: {reason}" for reason in waits))
