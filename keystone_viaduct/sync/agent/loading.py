"""First load: all that the hub has, into spokes that have nothing yet, in large pages and with progress.

Each page's checkpoint is stored with the page, so a load that was interrupted goes on where it was.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.agent.agent import SIDE_BY_SIDE, Agent, Failure
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.link.replicator import Progress


@dataclass(frozen=True)
class Position:
    """How far one direction is: ``done`` of ``total`` feed positions, ``changes`` carried."""

    lane: str
    done: int
    total: int
    changes: int


Told = Callable[[Position], None]


def first_load(agent: Agent, told: Told, announced: Callable[[], None] = lambda: None) -> list[Failure]:
    """Carry every feed to its head, the spokes' first, many sites side by side; what could not be carried.

    ``announced`` is called when it is known whose access would change at sites that join, before anything is
    carried.

    Raises LeaseHeld while another agent works.
    """
    agent.lease.start()
    failures: list[Failure] = []
    try:
        agent.lease.renew()
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            refused = [found for found in pool.map(_meet, agent.lanes[0::2]) if found is not None]
        announced()
        for direction in (agent.lanes[0::2], agent.lanes[1::2]):
            with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                outcomes = pool.map(lambda lane: _load(lane, told), direction)
            failures += [found for found in outcomes if found is not None]
        failures += _check_logins(agent) if not refused else []
    finally:
        agent.lease.stop()
    return failures


def _meet(lane: Lane) -> ViaductError | None:
    """Let a spoke in, or hear why not; its lanes say so again."""
    try:
        lane.contact.make()
    except ViaductError as error:
        return error
    return None


def _check_logins(agent: Agent) -> list[Failure]:
    """Whether the agent can still log in where somebody's access has changed."""
    failures: list[Failure] = []
    sites = {site.name: site for joining in agent.joinings.values() for site in (joining.hub, joining.spoke)}
    for name, site in sites.items():
        try:
            site.log_in_again()
        except ViaductError as error:
            failures.append(Failure(name, error))
    return failures


def _load(lane: Lane, told: Told) -> Failure | None:
    try:
        lane.contact.make()
        total = _head(lane)
        while True:
            progress = lane.step_patiently()
            done = lane.state.position
            total = max(total, done)
            told(Position(lane.name, done, total, lane.replicator.totals.changes))
            if progress is not Progress.MORE:
                return None
    except ViaductError as error:
        return Failure(lane.name, error)


def _head(lane: Lane) -> int:
    source = lane.replicator.source
    capabilities = getattr(source, "capabilities", None)
    return capabilities().head.seq if capabilities is not None else 0
