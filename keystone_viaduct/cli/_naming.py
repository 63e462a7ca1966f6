"""The names that ``viaduct init`` is given: known to the fleet's file, and open to correction for a while.

A hub that nobody has would keep a site waiting for ever. So a name is looked up where there is a
``viaduct.yaml``, and a wrong one can be corrected until the site has exchanged something with another.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.model import SiteState
from keystone_viaduct.sync.store import SqlTransaction
from keystone_viaduct.sync.store.first import check_site_name, first_state

USUAL = Path("viaduct.yaml")


def check_names(site: str, hub: str, file: Path | None) -> str:
    """What there is to say about the names; ``file``: the fleet's, None for the usual one if it is there.

    Raises ConfigError for what is no name, and for a name that the file does not have.
    """
    check_site_name(site)
    check_site_name(hub)
    if file is None and not USUAL.is_file():
        return "" if site == hub else f"hub {hub} is taken as given: name the fleet's file by --config"
    topology = read_topology(file or USUAL)
    for name, what in ((hub, "hub"), (site, "site")):
        if name not in topology.sites:
            raise _unknown(what, name, topology.sites, file or USUAL)
    if hub != topology.hub:
        return f"{file or USUAL} has {topology.hub} for the hub, not {hub}: right only where one was promoted"
    return ""


def _unknown(what: str, name: str, known: Collection[str], file: Path) -> ConfigError:
    near = difflib.get_close_matches(name, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}"
    return ConfigError(
        f"--{what} {name}: {file} has no such site",
        hint=f"{meant} Else add it there first; nothing was changed",
        name=name,
    )


def is_corrected(existing: SiteState | None, site: str, hub: str) -> bool:
    """Whether the names of a site that is prepared already are to change. Raises ConfigError: too late."""
    if existing is None or (existing.site, existing.hub) == (site, hub):
        return False
    if _has_exchanged(existing):
        raise _too_late(existing, site, hub)
    return True


def correct(tx: SqlTransaction, site: str, hub: str) -> None:
    """Give a site that has exchanged nothing its right names. Raises ConfigError: it has by now."""
    state = tx.state()
    if _has_exchanged(state) or tx.peers():
        raise _too_late(state, site, hub)
    tx.save_state(first_state(site, hub))


def _has_exchanged(state: SiteState) -> bool:
    """A spoke has the fleet's secret from its hub; nothing is numbered without one."""
    return state.head > 0 or state.term > 1 or (bool(state.fleet_secret) and not state.is_hub)


def _too_late(state: SiteState, site: str, hub: str) -> ConfigError:
    return ConfigError(
        f"this database is site {state.site} of hub {state.hub}, not {site} of {hub}",
        hint="it has exchanged with others under these names, and they stay: give the same ones, "
        "or look at [database] connection",
    )
