"""The demo's fleet as the faults need it: agents to be killed and doubled, and questions to its sites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from keystone_viaduct.demo.fleet import VIADUCT, Fleet
from keystone_viaduct.demo.keystones import Keystones
from keystone_viaduct.demo.leash import Leashed
from keystone_viaduct.errors import ViaductError

#: An agent that was killed holds the lease until it runs out: the shortest, as nothing moves meanwhile.
LEASE = 3


class Body(Fleet):
    """The demo's fleet, whose agents can be killed, doubled and started again."""

    agent_settings = {**Fleet.agent_settings, "lease": LEASE}
    _second: Leashed | None = None

    @property
    def is_doubled(self) -> bool:
        """Whether two agents run."""
        return self._second is not None

    def kill_agents(self) -> None:
        """All agents, without a chance to clean up."""
        for agent in (self._agent, self._second):
            if agent is not None:
                agent.kill()
        self._agent = self._second = None

    def start_agent(self, keystones: Keystones) -> None:
        """The agent, if none runs."""
        if self._agent is None:
            self._agent = self._agent_of(keystones, "viaduct.yaml")

    def double_agent(self, keystones: Keystones) -> None:
        """A second one, which listens elsewhere and stands by. (It may get the lease when both begin.)"""
        folder = keystones.folder / "agent"
        topology = yaml.safe_load((folder / "viaduct.yaml").read_text())
        topology["agent"]["listen"] = "127.0.0.1:0"
        (folder / "second.yaml").write_text(yaml.safe_dump(topology))
        self._second = self._agent_of(keystones, "second.yaml")

    def fail_over(self, keystones: Keystones) -> None:
        """Kill the first of two agents and start another in its place: the three contend for the lease."""
        if self._agent is not None:
            self._agent.kill()
        self._agent = self._agent_of(keystones, "viaduct.yaml")

    def _agent_of(self, keystones: Keystones, config: str) -> Leashed:
        hub = keystones[self._hub]
        module = "keystone_viaduct.demo.leashed"
        command = [str(hub.spec.python), "-m", module, VIADUCT, "agent", "--config", config]
        return Leashed(command, env=hub.environment, log=self._log, cwd=keystones.folder / "agent")

    def drained(self, site: str) -> bool:
        """Whether everything of a site's feed is applied at its neighbours."""
        try:
            return all(self._quiet(site, target) for target in self._neighbours(site))
        except ViaductError:
            return False

    def _neighbours(self, site: str) -> list[str]:
        return [name for name in self._sites if name != self._hub] if site == self._hub else [self._hub]

    def unrest(self) -> Iterator[str]:
        """What keeps the fleet from rest, for a reader: what the agent says, and what was not carried."""
        try:
            for lane in self._status()["links"]:
                told = {name: lane[name] for name in ("error", "pending", "loading", "failures", "position")}
                yield f"{lane['source']} to {lane['target']}: {json.dumps(told)}"
        except OSError as error:
            yield f"the agent does not answer: {error}"
        for source in self._sites:
            for target in self._neighbours(source):
                yield f"{source} to {target}: {self._left(source, target)}"

    def _left(self, source: str, target: str) -> str:
        try:
            standing = self._sites[target].standing(source)
            page = self._sites[source].read(standing.origin, standing.checkpoint, 5)
        except ViaductError as error:
            return str(error)
        return f"{standing}; {[change.ref for change in page.changes]}"

    def conflicts(self) -> list[dict[str, Any]]:
        """What is listed at the hub now, the latest first: more than a schedule can add."""
        return self._sites[self._hub].conflicts(1000)

    def conflict(self, identifier: str) -> dict[str, Any]:
        """One of them with what was lost."""
        return self._sites[self._hub].conflict(identifier)

    def stop(self) -> None:
        """All agents."""
        if self._second is not None:
            self._second.kill()
            self._second = None
        super().stop()
