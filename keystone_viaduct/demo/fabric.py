"""What the scenario asks of the synchronisation between its sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from keystone_viaduct.demo.keystones import Keystones
from keystone_viaduct.demo.wan import Link


class Fabric(Protocol):
    """Joins the sites of a demo; made by the composition root, faked by tests of the scenario."""

    @property
    def agent_url(self) -> str:
        """Where the agent tells its state; empty if there is none."""

    @property
    def dashboard_url(self) -> str:
        """Where the agent shows it to browsers; empty if there is none."""

    def equip(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Called before the sites are set up: may add to their options (``site.spec``)."""

    def join(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Adopt every spoke (``roads``: spoke -> its road to the hub) and keep all as one from now on."""

    def settle(self, deadline: float) -> bool:
        """Wait until nothing is under way between the sites; False when ``deadline`` seconds pass first."""

    def explain(self, kind: str, key: str) -> list[str]:
        """What was decided about this record, for a reader; empty when nothing had to be decided."""

    def stop(self) -> None:
        """End synchronisation; nothing of it runs on. May be called twice."""
