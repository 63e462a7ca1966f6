"""Which site is the hub: the sites tell, whatever viaduct.yaml says (rule 15 of the protocol)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from keystone_viaduct.errors import ConfigError, ViaductError
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.sealing import verifies
from keystone_viaduct.sync.statement import Statement, is_self_signed, walk
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
    hub, when none of them can be believed. ``statement`` is the newest that was believed.
    """

    hub: str
    configured: str
    term: int = 0
    taken: bool = True
    doubted: str = ""
    statement: Statement | None = field(default=None, compare=False)

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
    sites: Mapping[str, Witness],
    configured: str,
    known: Charter | None = None,
    present: str = "",
    statement: Statement | None = None,
) -> Post:
    """The hub of the latest term that any site knows of; the configured one if none answers.

    Where the hub signs, its statements count, whoever shows them: from ``statement`` (the newest that was
    known before), or else from what the configured hub shows itself, each has to be signed by a site that
    was full under the one before. What a site says without one counts only where it does not sign.

    A site that the charter limits in coverage or delegation is not believed, or it could lead the agent
    astray. The charter is that which the ``present`` hub (the configured one) shows now, if it answers, and
    else ``known``: what was last heard of it. Without either nobody is believed. Raises ConfigError when the
    hub is none of ``sites``.
    """
    told = _ask(sites)
    signed = _signed(told, statement, configured)
    if signed is not None:
        claims: list[tuple[int, str]] | None = [signed.terms.office, *_unsigned(signed, told, known)]
    else:
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
    return Post(hub, configured, term, hub not in told or told[hub].hub == hub, statement=signed)


def _signed(told: Mapping[str, Capabilities], known: Statement | None, configured: str) -> Statement | None:
    """The newest statement that may be believed; None as long as the hub is not known to sign."""

    def pinned(site: str) -> str:
        return told[site].signing_key if site in told else ""

    if known is None and configured in told:
        shown = told[configured].lineage[-1:]
        known = next((one for one in shown if is_self_signed(one, verifies)), None)
    if known is None:
        return None
    shown_by_all = [one for found in told.values() for one in found.lineage if one.text != known.text]
    return [known, *walk(known, shown_by_all, verifies, pinned)][-1]


def _unsigned(
    signed: Statement, told: Mapping[str, Capabilities], charter: Charter | None
) -> list[tuple[int, str]]:
    """The terms and hubs of which full sites speak, as far as that hub is known not to sign."""
    sites = signed.terms.sites
    return [
        (found.term, found.hub)
        for name, found in told.items()
        if found.has_secret
        and name in sites
        and sites.get(found.hub) == ""
        and (charter is None or (charter.is_full(name) and charter.is_full(found.hub)))
    ]


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
        (term, hub) for name, (term, hub) in claims.items() if charter.is_full(name) and charter.is_full(hub)
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
