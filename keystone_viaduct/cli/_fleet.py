"""Opens sites of a fleet over their API, for commands that an operator runs from anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keystone_viaduct.sync.client import HttpSite


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--config``: the file that names the sites and how to reach them."""
    parser.add_argument(
        "--config", type=Path, default=Path("viaduct.yaml"), metavar="FILE", help="the fleet (viaduct.yaml)"
    )


def open_site(args: argparse.Namespace, name: str | None = None) -> HttpSite:
    """That site, or the hub. Raises ConfigError, UnknownSite."""
    from keystone_viaduct.sync.agent.agent import open_site as open_one
    from keystone_viaduct.sync.agent.topology import read_topology

    topology = read_topology(args.config)
    return open_one(topology, name or topology.hub)
