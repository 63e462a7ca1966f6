"""Opens sites of a fleet over their API, for commands that an operator runs from anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from keystone_viaduct.cli._options import Arguments
from keystone_viaduct.errors import SiteUnavailable

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite


def open_hub(args: Arguments) -> HttpSite:
    """The hub: the one of viaduct.yaml, if that still is and answers; else whom the sites take for it.

    Raises ConfigError.
    """
    from keystone_viaduct.sync.agent.memory import Memory
    from keystone_viaduct.sync.agent.post import find_hub
    from keystone_viaduct.sync.agent.topology import read_topology

    topology = read_topology(args.config)
    named = open_site(args, topology.hub)
    try:
        if named.capabilities().hub == named.name:
            return named
    except SiteUnavailable:
        pass  # another one may have been promoted for that very reason
    known = Memory(topology.agent.memory).load(topology.hub)
    charter = known.charter if known is not None else None
    found = find_hub(open_sites(args), topology.hub, charter)
    if found.warning:
        print(found.warning, file=sys.stderr)
    return open_site(args, found.hub)


def open_sites(args: Arguments) -> dict[str, HttpSite]:
    """All of them, by name; none is asked yet. Raises ConfigError."""
    from keystone_viaduct.sync.agent.agent import open_sites as open_all
    from keystone_viaduct.sync.agent.topology import read_topology

    return open_all(read_topology(args.config))


def open_site(args: Arguments, name: str | None = None) -> HttpSite:
    """That site, or the one that viaduct.yaml takes for the hub. Raises ConfigError, UnknownSite."""
    from keystone_viaduct.sync.agent.agent import open_site as open_one
    from keystone_viaduct.sync.agent.topology import read_topology

    topology = read_topology(args.config)
    return open_one(topology, name or topology.hub)
