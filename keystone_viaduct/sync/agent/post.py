"""Which site is the hub: the sites tell, whatever viaduct.yaml says (rule 15 of the protocol)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from keystone_viaduct.errors import ConfigError, ViaductError
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.wire.resources import Capabilities

LOG = logging.getLogger(__name__)
#: Seconds that one site may hold up the search for the hub.
PATIENCE = 20.0


class Witness(Protocol):
    """A site, as far as it can be asked for the hub."""

    def capabilities(self) -> Capabilities:
        """What it says of itself."""

    def charter(self) -> Charter:
        """The charter that it goes by."""


@dataclass(frozen=True, slots=True)
class Post:
    """The hub that an agent works at; ``configured`` is the one of viaduct.yaml.

    ``term`` is 0 as long as no site has told. ``taken`` says whether the hub itself says that it is: one that
    was only appointed, or put back to before its promotion, does not. ``doubted`` is whom others take for the
    hub, when none of them can be believed.
    """

    hub: str
    configured: str
    term: int = 0
    taken: bool = True
    doubted: str = ""

    @property
    def warning(self) -> str:
        """What an operator should know; '' for nothing."""
        if self.doubted:
            return (
                f"{self.hub} does not answer, and {self.doubted} is said to be the hub; nobody is believed "
                f"as long as the hub has not said whom it limits: if that is true, set `hub: {self.doubted}`"
            )
        if not self.taken:
            return (
                f"{self.hub} is to be the hub in term {self.term}, but does not say that it is: "
                f"`viaduct promote {self.hub}`"
            )
        if self.hub != self.configured:
            return (
                f"viaduct.yaml is outdated: {self.hub} is the hub since term {self.term}, "
                f"not {self.configured}; set `hub: {self.hub}`"
            )
        return ""


def find_hub(
    sites: Mapping[str, Witness], configured: str, known: Charter | None = None, present: str = ""
) -> Post:
    """The hub of the latest term that any site knows of; the configured one if none answers.

    A site that the charter limits in coverage or delegation is not believed, or it could lead the agent
    astray. The charter is that which the ``present`` hub (the configured one) shows now, if it answers, and
    else ``known``: what was last heard of it. Without either nobody is believed. Raises ConfigError when the
    hub is none of ``sites``.
    """
    told = _ask(sites)
    claims = _believed(sites, told, configured, known, present or configured)
    if claims is None:
        others = {found.hub for found in told.values() if found.has_secret} - {configured}
        return Post(configured, configured, doubted=max(others, default=""))
    if not claims:
        return Post(configured, configured)
    term, hub = max(claims)
    if hub not in sites:
        raise ConfigError(
            f"{hub} is the hub since term {term}, and is not in viaduct.yaml", hint="add it under `sites:`"
        )
    return Post(hub, configured, term, hub not in told or told[hub].hub == hub)


def _ask(sites: Mapping[str, Witness]) -> dict[str, Capabilities]:
    """What those say that answer, all asked at once; one that is not who it should be is left out."""

    def ask(name: str) -> Capabilities | None:
        try:
            return sites[name].capabilities()
        except ViaductError as error:
            LOG.debug("%s was not asked for the hub: %s", name, error)
            return None
        except Exception:
            LOG.exception("%s was not asked for the hub", name)
            return None

    pool = ThreadPoolExecutor(max(1, min(len(sites), 32)), "office")
    try:
        asked = {pool.submit(ask, name): name for name in sites}
        answered, late = wait(asked, PATIENCE)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who is late ends by the deadline of his call
    for one in late:
        LOG.warning("%s was not asked for the hub: it takes more than %g s", asked[one], PATIENCE)
    found = {asked[one]: one.result() for one in answered}
    return {name: told for name in sites if (told := found.get(name)) is not None and told.site == name}


def _believed(
    sites: Mapping[str, Witness],
    told: Mapping[str, Capabilities],
    configured: str,
    known: Charter | None,
    present: str,
) -> list[tuple[int, str]] | None:
    """The terms and hubs that those say who may; None where nobody knows whose word counts.

    No charter is needed while all that answer are of one opinion, which is the configured hub's own, too.
    Else it is asked for after the opinions: a site that was limited meanwhile is not believed any more.
    """
    claims = {name: (found.term, found.hub) for name, found in told.items() if found.has_secret}
    if configured in claims and claims[configured][1] == configured and len(set(claims.values())) == 1:
        return list(claims.values())
    if present in told:
        shown = charter_of(sites, present)
        if shown is None:
            return None
        known = latest(known, shown)
    if known is None:
        return None
    charter = known
    return [
        (term, hub)
        for name, (term, hub) in claims.items()
        if _may_lead(charter, name) and _may_lead(charter, hub)
    ]


def latest(*charters: Charter | None) -> Charter | None:
    """The one of the latest edition."""
    found = [charter for charter in charters if charter is not None]
    return max(found, key=lambda charter: charter.edition, default=None)


def charter_of(sites: Mapping[str, Witness], name: str) -> Charter | None:
    """The charter that a site shows; None where it does not."""
    try:
        return sites[name].charter()
    except ViaductError as error:
        LOG.debug("%s was not asked for the charter: %s", name, error)
    except Exception:
        LOG.exception("%s was not asked for the charter", name)
    return None


def _may_lead(charter: Charter, site: str) -> bool:
    return charter.coverage_of(site).is_full and charter.delegation_of(site).is_full
