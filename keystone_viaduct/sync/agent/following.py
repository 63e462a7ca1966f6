"""Keeps the agent at the hub that counts, without a restart when another one is promoted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.agent.agent import Agent, make_agent, open_sites
from keystone_viaduct.sync.agent.joining import Choosing, choosing_of
from keystone_viaduct.sync.agent.memory import Known, Memory
from keystone_viaduct.sync.agent.post import Post, Witness, charter_of, find_hub, latest
from keystone_viaduct.sync.agent.topology import Topology
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.statement import Statement

LOG = logging.getLogger(__name__)
#: Seconds between two questions for the hub while nothing gives cause to ask.
LOOK = 60.0
#: Seconds between two questions at least.
LEAST = 1.0
#: Seconds that the steps of an agent to be replaced are waited for before that is said.
PATIENCE = 30.0


class Following:
    """``make(post)`` gives an agent for that hub, not started.

    The present one is stopped, all its steps ended and its lease given back, before the next one starts, so
    that this process never works at two hubs.
    """

    def __init__(
        self,
        sites: Mapping[str, Witness],
        configured: str,
        make: Callable[[Post], Agent],
        *,
        look: float = LOOK,
        least: float = LEAST,
        memory: Memory | None = None,
    ) -> None:
        self._sites = sites
        self._configured = configured
        self._make = make
        self._look = look
        self._least = least
        self._doubted = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._started = False
        self._said = ""
        self._memory = memory or Memory()
        known = self._memory.load(configured)
        self._charter: Charter | None = known.charter if known is not None else None
        self._statement: Statement | None = known.statement if known is not None else None
        before = Post(configured, configured)
        if known is not None and known.hub in sites:
            before = Post(known.hub, configured, known.term)
        self.agent = self._made(before)

    def settle(self) -> Agent:
        """Ask for the hub once; the agent for it, not started. Raises ConfigError."""
        self._take(self._find())
        return self.agent

    def start(self) -> None:
        """Find the hub, and work there from now on, wherever it goes."""
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 10.0) -> bool:
        """End; whether all that was under way ended within ``patience`` seconds."""
        self._stopping.set()
        self._doubted.set()
        if self._thread is not None:
            self._thread.join(patience)
        ended = self.agent.stop(patience)
        return ended and (self._thread is None or not self._thread.is_alive())

    def doubt(self) -> None:
        """Something speaks against the present hub: ask again soon."""
        self._doubted.set()

    def _made(self, post: Post) -> Agent:
        agent = self._make(post)
        agent.on_doubt(self.doubt)
        return agent

    def _find(self) -> Post:
        """What the sites say; the present hub if none of them answers, or if what they say is of before.

        The hub's charter says who may lead the agent elsewhere once the hub is away; so it is remembered, by
        the next agent too. The hub's feed may have shown a later one since.
        """
        present = self.agent.post
        self._charter = latest(self._charter, self.agent.charter)
        found = find_hub(self._sites, self._configured, self._charter, present.hub, self._statement)
        self._statement = found.statement or self._statement
        if found.doubted:
            return replace(present, doubted=found.doubted)
        if not found.term or found.term < present.term:
            return replace(present, doubted="")
        if found.taken:
            self._charter = latest(self._charter, charter_of(self._sites, found.hub))
        if self._charter is not None:
            self._memory.save(Known(self._configured, found.hub, found.term, self._charter, self._statement))
        return found

    def _take(self, found: Post) -> None:
        """Have the agent work at that hub."""
        if found.warning and found.warning != self._said:
            LOG.warning("%s", found.warning)
        self._said = found.warning
        if found.hub == self.agent.post.hub:
            self.agent.post = found
            return
        if self._started and not self._ended():
            return
        LOG.warning("%s is the hub: the agent works there from now on", found.hub)
        self.agent = self._made(found)
        if self._started:
            self.agent.start()

    def _ended(self) -> bool:
        """Stop the present agent; False when this one is to end, too."""
        while not self.agent.stop(PATIENCE):
            if self._stopping.is_set():
                return False
            LOG.warning("a step for %s has not ended yet: it is waited for", self.agent.hub.name)
        return not self._stopping.is_set()

    def _run(self) -> None:
        self._attempt()
        if self._stopping.is_set():
            return
        self.agent.start()
        self._started = True
        while not self._stopping.is_set():
            self._doubted.wait(self._look)
            self._doubted.clear()
            if self._stopping.is_set():
                return
            self._attempt()
            self._stopping.wait(self._least)

    def _attempt(self) -> None:
        try:
            self._take(self._find())
        except ViaductError as error:
            if str(error) != self._said:
                LOG.error("%s", error)
            self._said = str(error)
        except Exception:
            LOG.exception("an unexpected error while looking for the hub")


def follow_hub(topology: Topology, choosing: Choosing | None = None, *, strict: bool = False) -> Following:
    """The agent of a fleet, at whatever site is the hub; nothing is asked yet. Raises ConfigError.

    ``choosing``: an operator's choices, in place of viaduct.yaml's.
    """
    sites = open_sites(topology)
    choose = choosing or choosing_of(topology)
    return Following(
        sites,
        topology.hub,
        lambda post: make_agent(sites, post, topology.agent, choose, strict=strict),
        memory=Memory(topology.agent.memory),
    )
