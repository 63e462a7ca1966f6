"""First contact with a spoke: who are you, do we speak one language, here are the keys of the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from keystone_viaduct.errors import (
    ConfigError,
    KeyChanged,
    OldTerm,
    SiteUnavailable,
    UnsupportedVersion,
    ViaductError,
)
from keystone_viaduct.sync.model import Peer
from keystone_viaduct.sync.ports import SitePort
from keystone_viaduct.sync.wire import limits
from keystone_viaduct.sync.wire.resources import Capabilities

LOG = logging.getLogger(__name__)
#: Seconds after which sites are asked again who they are: their keys may have been renewed.
AGAIN = 600.0
#: Seconds after which they are asked again for the key of their pokes, where one does not fit.
DOUBTED = 60.0


class RemoteSite(SitePort, Protocol):
    """What the agent needs of a site beyond replication."""

    def capabilities(self) -> Capabilities:
        """What it says of itself."""

    def register(self, peer: Peer, proofs: Sequence[bytes] = ()) -> None:
        """Tell it of another site. Raises KeyChanged."""

    def key_proofs(self, reader: str) -> list[bytes]:
        """That its public key is its own, for one that knows an older one."""

    def poke_key(self) -> str:
        """The key of its own pokes; '' if it has none."""

    def sealed_secret(self, receiver: str) -> bytes:
        """The fleet's secret, sealed for a registered peer."""

    def hand_over(self, sealed: bytes, *, source: str, term: int) -> None:
        """Give it the fleet's secret."""


Admit = Callable[[Capabilities, Capabilities, Callable[[], None]], None]
"""Raises where a spoke is not to be linked yet; told what hub and spoke say of themselves."""


class Contact:
    """Makes the two ends of a link known to each other, once, and again when asked to."""

    def __init__(self, hub: RemoteSite, spoke: RemoteSite, admit: Admit | None = None) -> None:
        self._hub = hub
        self._spoke = spoke
        self._admit = admit
        self._lock = threading.Lock()
        self._made = False
        self._made_at = 0.0
        self._poke_keys: dict[str, str] = {}
        self._doubted: set[str] = set()
        self._asked_at = 0.0

    def poke_key(self, site: str) -> str:
        """The key of that end's own pokes; '' as long as it is not known here."""
        return self._poke_keys.get(site, "")

    def doubt_poke_key(self, site: str) -> None:
        """A poke does not fit that end's key: it may have been renewed. Whoever forges some has it asked for
        now and then, no more.
        """
        if time.monotonic() - max(self._made_at, self._asked_at) >= DOUBTED:
            self._doubted.add(site)

    def renew(self) -> None:
        """Introduce them anew before the next step: one of them has changed its keys or its incarnation."""
        self._made = False

    def make(self) -> None:
        """Introduce them, if not done yet.

        Raises ConfigError, OldTerm, UnsupportedVersion, SiteUnavailable, AccessUndecided.
        """
        with self._lock:
            if self._made and time.monotonic() - self._made_at < AGAIN and not self._has_new_poke_key():
                return
            hub, spoke = self._hub.capabilities(), self._spoke.capabilities()
            check(self._hub.name, hub, hub)
            check(self._spoke.name, spoke, hub)
            if (doubt := doubt_of_ids(hub, spoke)) and not self._made_at:
                LOG.warning("%s", doubt)
            self._introduce(hub, spoke)
            if not spoke.has_secret:
                sealed = self._hub.sealed_secret(spoke.site)
                self._spoke.hand_over(sealed, source=hub.site, term=hub.term)
                LOG.info("%s has joined the fleet of %s", spoke.site, hub.site)
            if self._admit is not None:
                self._admit(hub, spoke, lambda: self._introduce(hub, spoke))
            self._poke_keys = {site.name: _poke_key(site) for site in (self._hub, self._spoke)}
            self._doubted.clear()
            self._made, self._made_at = True, time.monotonic()

    def _has_new_poke_key(self) -> bool:
        """Whether one whose key is doubted has another now: then the rest of its keys are new, too."""
        doubted = [site for site in (self._hub, self._spoke) if site.name in self._doubted]
        if doubted:
            self._asked_at = time.monotonic()
            self._doubted.clear()
        return any(_poke_key(site) != self.poke_key(site.name) for site in doubted)

    def _introduce(self, hub: Capabilities, spoke: Capabilities) -> None:
        _register(self._hub, self._spoke, peer_of(spoke))
        _register(self._spoke, self._hub, peer_of(hub))


def _register(at: RemoteSite, of: RemoteSite, peer: Peer) -> None:
    """Tell one site of the other, whose keys may have been renewed: only it can show that they are its."""
    try:
        at.register(peer)
    except KeyChanged:
        at.register(peer, of.key_proofs(at.name))


def _poke_key(site: RemoteSite) -> str:
    """A site that does not give its key away can still wake the agent."""
    try:
        return site.poke_key()
    except SiteUnavailable:
        raise
    except ViaductError as error:
        LOG.warning("the pokes of %s bring no pages: %s", site.name, error)
        return ""


def check(name: str, found: Capabilities, hub: Capabilities) -> None:
    """Refuse a site that is not the one meant, has a later hub, or speaks another major version.

    One that has not heard of the hub yet is told when the two of them are linked.
    """
    if found.site != name:
        raise ConfigError(
            f"the cloud of site {name} is {found.site}",
            hint="correct the names in viaduct.yaml or the URLs in clouds.yaml",
            site=name,
        )
    if found.hub != hub.site and (not found.has_secret or found.term == hub.term == 1):
        raise ConfigError(
            f"{name} takes {found.hub} for the hub, the agent works at {hub.site}",
            hint="set `hub:` in viaduct.yaml, or `viaduct init` the site with --hub",
            site=name,
        )
    if found.hub != hub.site and (name == hub.site or (found.term, found.hub) > (hub.term, hub.site)):
        raise OldTerm(
            f"{name} takes {found.hub} for the hub, since term {found.term}",
            hint=f"let the agent work at {found.hub}",
            term=found.term,
            hub=found.hub,
        )
    majors = {version.partition(".")[0] for version in found.versions}
    if str(limits.MAJOR) not in majors:
        raise UnsupportedVersion(
            f"{name} speaks version {', '.join(found.versions)} of the protocol, this agent {limits.VERSION}",
            hint="upgrade the older end",
            site=name,
        )


def doubt_of_ids(hub: Capabilities, spoke: Capabilities) -> str:
    """Two domains whose drivers have unmapped ids: one id is then two people; '' if there are no two."""
    ours, theirs = hub.drivers.unmapped, spoke.drivers.unmapped
    if not ours or not theirs or ours == theirs:
        return ""
    return (
        f"{hub.site} has users without id mapping in domain {ours}, {spoke.site} in {theirs}: where their "
        "ids are equal, one's grants are the other's; set [identity_mapping] backward_compatible_ids = false "
        "at one of them"
    )


def peer_of(found: Capabilities) -> Peer:
    """A site as it is registered at others."""
    kinds = {kind: tuple(sorted(fields)) for kind, fields in found.kinds.items()}
    return Peer(
        found.site,
        found.public_key,
        found.incarnation,
        capabilities=kinds,
        signing_key=found.signing_key,
    )
