"""Puts the agent together: sites, links, lanes, lease, listener."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from keystone_viaduct.errors import BadRequest, LeaseHeld, TooFast, UnknownSite, ViaductError
from keystone_viaduct.sync.agent.ahead import Ahead
from keystone_viaduct.sync.agent.contact import Contact, RemoteSite
from keystone_viaduct.sync.agent.ends import Ends
from keystone_viaduct.sync.agent.joining import Choosing, Joining, choosing_of, chosen_before
from keystone_viaduct.sync.agent.keys import KeyKeeper
from keystone_viaduct.sync.agent.lane import Lane
from keystone_viaduct.sync.agent.lease import LeaseKeeper, Leasing
from keystone_viaduct.sync.agent.pacing import Pacer
from keystone_viaduct.sync.agent.post import Post, latest
from keystone_viaduct.sync.agent.roads import check_road, doubts
from keystone_viaduct.sync.agent.topology import AgentSettings, SiteEntry, Topology
from keystone_viaduct.sync.agent.travel import Travel
from keystone_viaduct.sync.agent.upkeep import KeptSite, Upkeep
from keystone_viaduct.sync.agent.workers import Workers
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.client import Clouds, HttpSite, Transport, cloud_login
from keystone_viaduct.sync.client.login import PATIENCE, CloudLogin
from keystone_viaduct.sync.client.reading import read_page
from keystone_viaduct.sync.client.told import Told
from keystone_viaduct.sync.client.transport import Timeouts
from keystone_viaduct.sync.link.keys import KeyCarrier
from keystone_viaduct.sync.link.link import Link
from keystone_viaduct.sync.link.replicator import Portion, Progress, Replicator
from keystone_viaduct.sync.model import ApplyResult, Page
from keystone_viaduct.sync.rate import Rates
from keystone_viaduct.sync.wire import limits, requestid
from keystone_viaduct.sync.wire.carried import CarriedPage
from keystone_viaduct.sync.wire.poke import Poke

LOG = logging.getLogger(__name__)
#: Rounds of `once` after which a fleet that never comes to rest is reported.
ROUNDS = 1000
#: Seconds between two steps for which nothing speaks but pokes that any site of the fleet can have sent, and
#: such steps a second in all.
HINTED, HINTED_STEPS = 1.0, 50
#: Directions that `once` works on side by side.
SIDE_BY_SIDE = 32
#: Pokes of a site per second, and at once. One that is refused is sent again half a second later.
POKES, AT_ONCE = 50, 100


class SpokeSite(RemoteSite, KeptSite, Protocol):
    """A spoke as the agent needs it."""


class AgentSite(SpokeSite, Leasing, Protocol):
    """A site as the agent needs it."""


@dataclass(frozen=True)
class Failure:
    """What went wrong with one direction during ``once``."""

    lane: str
    error: ViaductError


class Agent:
    """Carries changes between the hub and its spokes until it is stopped."""

    def __init__(
        self,
        hub: AgentSite,
        spokes: Mapping[str, SpokeSite],
        settings: AgentSettings,
        keys: KeyCarrier | None = None,
        post: Post | None = None,
        joinings: Mapping[str, Joining] | None = None,
    ) -> None:
        self.hub = hub
        self.post = post or Post(hub.name, hub.name)
        self.settings = settings
        self.gate = threading.Event()
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = LeaseKeeper(hub, self.holder, settings.lease, self.gate)
        self.keys = KeyKeeper(keys, settings.poll, self.gate) if keys is not None else None
        self.lanes: list[Lane] = []
        self.joinings = dict(joinings or {})
        self.travel = Travel(began=time.time())
        self._pokes = Rates(POKES, AT_ONCE)
        self.workers, self._ahead, self._ends = Workers(self.gate), Ahead(), Ends()
        for name, spoke in spokes.items():
            link = Link(hub, spoke, settings.page_limit)
            joining = self.joinings.get(name)
            contact = Contact(hub, spoke, joining.admit if joining is not None else None)
            self.lanes += [self._lane(link, replicator, contact) for replicator in (link.up, link.down)]
        self._reading: dict[str, list[Lane]] = {}
        for lane in self.lanes:
            self._reading.setdefault(lane.source, []).append(lane)
        self.upkeep = Upkeep(hub, spokes, settings, self.gate, self._wake)

    def _lane(self, link: Link, replicator: Replicator, contact: Contact) -> Lane:
        settings = self.settings
        replicator.portion = Portion(settings.page_limit)
        pacer = Pacer(settings.poll, settings.first_backoff, settings.longest_backoff)
        confirm = settings.confirm if replicator is link.down else 0.0
        limit = settings.first_load_limit
        lane = Lane(link, replicator, contact, pacer, self.gate, self._moved, limit, confirm=confirm)
        lane.told, lane.hinted, lane.ahead = self.workers.tell, self._hinted, self._ahead
        lane.ends = self._ends
        replicator.counted = partial(self._arrived, lane)
        lane.is_limited = partial(self._is_limited, lane.source)
        return lane

    def _is_limited(self, site: str) -> bool:
        charter = self.charter
        return charter is not None and site in charter.limited

    def _arrived(self, lane: Lane, page: Page, result: ApplyResult) -> None:
        lane.count(page, result)
        if isinstance(page, CarriedPage):
            way = (lane.source, lane.target)
            self.travel.note(way, page.edits, result.conflicts, time.time(), loading=lane.state.loading)

    def reading(self, site: str) -> Sequence[Lane]:
        """The directions that read a site's feed."""
        return self._reading.get(site, ())

    @property
    def charter(self) -> Charter | None:
        """The latest that the hub has shown in its feed."""
        return latest(*(lane.replicator.charter for lane in self.reading(self.hub.name)))

    def on_doubt(self, doubt: Callable[[], None]) -> None:
        """Have ``doubt`` called when something speaks against this hub. Before the start."""
        self.lease.doubt = doubt
        for lane in self.lanes:
            lane.doubt = doubt

    def start(self) -> None:
        """Begin to work, or to stand by while another agent does."""
        self.lease.start()
        self.workers.start(self.lanes)
        if self.keys is not None:
            self.keys.start()
        self.upkeep.start()

    def stop(self, patience: float = 10.0) -> bool:
        """Finish the steps under way and give the lease back; whether all ended within ``patience`` s."""
        for lane in self.lanes:
            lane.stop()
        self.workers.stop()
        self.gate.set()  # lets threads that wait for it see that they are to end
        ended = [self.workers.join(patience)]
        if self.keys is not None:
            self.keys.stop(patience)
        ended.append(self.upkeep.stop(patience))
        self.lease.stop()
        return all(ended)

    def poked(self, told: Poke) -> bool:
        """A site has news; False when the poke is not genuine. Raises UnknownSite, BadRequest, TooFast.

        What every site of the fleet can sign wakes the agent and says nothing: no head, no page.
        """
        site = told.site
        lanes = self.reading(site)
        key = next((key for lane in lanes if (key := lane.contact.poke_key(site))), "")
        proven = told.is_the_sites(key)
        if not proven and not told.is_of_the_fleet(self.lease.poke_key):
            return False
        if not lanes:
            raise UnknownSite(f"{site[:64]} is not in viaduct.yaml", hint="add it there", unknown=site[:64])
        self._check_rate(site, proven)
        page = self._brought(told, key) if proven else None
        for lane in lanes:
            if not proven:
                lane.hint(told.request_id)
                lane.contact.doubt_poke_key(site)
            elif page is None:
                lane.wake(told.head, told.request_id)
            else:
                lane.bring(page, told.head, told.request_id)
        return True

    def _brought(self, told: Poke, key: str) -> CarriedPage | None:
        opened = told.opened(key)
        if opened is None:
            return None
        page = read_page(*opened, limits.POKE_OPEN)
        if page.source != told.site or page.source == self.hub.name:
            raise BadRequest("the page is not that of the site that pokes", hint="it is left alone")
        return page

    def _check_rate(self, site: str, proven: bool) -> None:
        """Only genuine pokes count, and those that another site may have sent not among a site's own, or a
        stranger could silence it.
        """
        wait = self._pokes.take(site if proven else f"{site} (unproven)", 1, time.monotonic_ns() // 1000)
        if wait:
            raise TooFast(f"{site} pokes more than {POKES} times a second", hint="wait a little", wait=wait)

    def once(self) -> list[Failure]:
        """Carry everything there is, then return; what could not be carried, by direction.

        The lease is renewed meanwhile, however long a direction takes. Raises LeaseHeld while another agent
        works.
        """
        self.lease.renew()
        self.lease.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                return self._rounds(pool)
        finally:
            self.lease.stop()

    def _rounds(self, pool: concurrent.futures.Executor) -> list[Failure]:
        failures: dict[str, Failure] = {}
        for _ in range(ROUNDS):
            busy = False
            for direction in (self.lanes[0::2], self.lanes[1::2]):  # all up, then all down
                able = [lane for lane in direction if lane.name not in failures]
                for lane, outcome in zip(able, pool.map(_drain, able), strict=True):
                    if isinstance(outcome, ViaductError):
                        failures[lane.name] = Failure(lane.name, outcome)
                    else:
                        busy = busy or outcome
            if not busy:
                break
        return list(failures.values())

    def _wake(self, site: str) -> None:
        """There is something to be read at a site."""
        for lane in self.reading(site):
            lane.wake()

    def _hinted(self, lane: Lane) -> None:
        """As often as once a second, or where many read that site, as they can all be served."""
        self.workers.hint(lane, max(HINTED, len(self.reading(lane.source)) / HINTED_STEPS))

    def _moved(self, lane: Lane, refused: bool) -> None:
        """Records have reached a site: who reads from there may look at once."""
        for other in self.reading(lane.target):
            if other.link is not lane.link or refused:
                other.wake(cause=requestid.current())


def _drain(lane: Lane) -> bool | ViaductError:
    """Step to the head of the source's feed while the lease is held; whether any record was carried."""
    before = lane.replicator.totals.changes
    try:
        while lane.gate.is_set():
            if lane.step_patiently() is not Progress.MORE:
                break
        else:
            return LeaseHeld("the lease was lost meanwhile", hint="run it again: it goes on where it was")
    except ViaductError as error:
        return error
    except Exception as error:
        LOG.exception("%s: an unexpected error", lane.name)
        return ViaductError(f"{type(error).__name__}: {error}", hint="the log has where it comes from")
    return lane.replicator.totals.changes > before


def open_agent(topology: Topology) -> Agent:
    """The agent of a fleet at the hub that viaduct.yaml names. Raises ConfigError."""
    sites = open_sites(topology)
    return make_agent(sites, Post(topology.hub, topology.hub), topology.agent, choosing_of(topology))


def make_agent(
    sites: Mapping[str, HttpSite],
    post: Post,
    settings: AgentSettings,
    choosing: Choosing = chosen_before,
    *,
    strict: bool = False,
) -> Agent:
    """An agent at that hub; all other sites are its spokes."""
    hub, spokes = sites[post.hub], {name: site for name, site in sites.items() if name != post.hub}
    joinings = {
        name: Joining(hub, site, partial(choosing, name), strict=strict) for name, site in spokes.items()
    }
    keys = KeyCarrier(
        hub.keys,
        {name: site.keys for name, site in spokes.items()},
        ready=lambda name: joinings[name].admitted,
    )
    return Agent(hub, spokes, settings, keys, post, joinings)


def open_sites(topology: Topology) -> dict[str, HttpSite]:
    """All of the fleet, by name; none is asked yet. Raises ConfigError."""
    clouds, told = _clouds(topology), Told()
    return {name: open_site(topology, name, clouds, told) for name in topology.sites}


def open_site(
    topology: Topology, name: str, clouds: Clouds | None = None, told: Told | None = None
) -> HttpSite:
    """One site of the fleet, logged in when first needed. Raises ConfigError, UnknownSite."""
    entry = topology.sites.get(name)
    if entry is None:
        known = ", ".join(topology.sites)
        raise UnknownSite(f"{name[:64]} is not in viaduct.yaml", hint=f"it has {known}", unknown=name[:64])
    times = Timeouts(topology.agent.connect_timeout, topology.agent.timeout, topology.agent.total_timeout)
    login = _login(topology, entry, clouds or _clouds(topology))
    check_road(name, login, plain_http=topology.agent.plain_http)
    return HttpSite(name, Transport(name, login, times), told)


def doubts_of(topology: Topology) -> list[str]:
    """What is dangerous about the ways to the sites. Raises ConfigError."""
    clouds = _clouds(topology)
    return list(doubts({name: _login(topology, entry, clouds) for name, entry in topology.sites.items()}))


def _clouds(topology: Topology) -> Clouds:
    return Clouds([str(topology.clouds)] if topology.clouds else None)


def _login(topology: Topology, entry: SiteEntry, clouds: Clouds) -> CloudLogin:
    patience = min(PATIENCE, topology.agent.timeout)
    return cloud_login(entry.cloud, name=entry.name, url=entry.url, clouds=clouds, patience=patience)
