"""Joins the demo's sites by the product itself: adopt, init, the agent beside the hub, pokes.

What an operator would type is run here as the same commands, each in its site's environment.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

from keystone_viaduct.demo.control import RoadControl
from keystone_viaduct.demo.handbook import AGENT, write_clouds, write_topology
from keystone_viaduct.demo.keystones import Keystone, Keystones
from keystone_viaduct.demo.leash import Leashed, Port, tail
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.wan import Link
from keystone_viaduct.errors import ServerFailed, ViaductError
from keystone_viaduct.sync.client import HttpSite, Transport, cloud_login

VIADUCT = "keystone_viaduct.cli.main"
AGENT_DEADLINE = 60.0
LOAD_DEADLINE = KEYS_DEADLINE = 60.0
#: Seconds: a demo's Keystone reads its few keys much quicker.
KEY_SETTLE_TIME = "0.1"
_PACE = 0.05


class Fleet:
    """The sites of a demo as one fleet; implements :class:`keystone_viaduct.demo.fabric.Fabric`."""

    #: The ``agent`` section of its ``viaduct.yaml``.
    agent_settings: ClassVar[Mapping[str, object]] = AGENT

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._port = Port()
        self._dashboard = Port()
        self._control: RoadControl | None = None
        self._agent: Leashed | None = None
        self._sites: dict[str, HttpSite] = {}
        self._hub = ""

    @property
    def agent_url(self) -> str:
        """Where the agent listens, at the hub's end."""
        return f"http://127.0.0.1:{self._port.number}"

    @property
    def dashboard_url(self) -> str:
        """Where the agent shows the fleet to browsers."""
        return f"http://127.0.0.1:{self._dashboard.number}/"

    def equip(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Tell each site where its keys are to be and where its pokes go: a spoke's over its road."""
        for name, site in keystones.sites.items():
            port = self._port.number if name == hub else roads[name].also_to(hub, self._port.number)
            options = {
                "key_repository": str(site.layout.folder / "viaduct-keys"),
                "poke_url": f"http://127.0.0.1:{port}/poke",
                "key_settle_time": KEY_SETTLE_TIME,
            }
            site.spec = replace(site.spec, options={**site.spec.options, "viaduct": options})

    def join(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        """Adopt the spokes, prepare all sites, start the agent, wait for the first load."""
        self._hub = hub
        spokes = [site for name, site in keystones.sites.items() if name != hub]
        with ThreadPoolExecutor(len(keystones.sites)) as pool:
            for told in pool.map(lambda site: adopt(site, keystones[hub]), spokes):
                self._narrator.say(told)
            for told in pool.map(lambda site: initialise(site, hub), keystones.sites.values()):
                self._narrator.say(told)
        clouds = write_clouds(keystones.folder / "clouds.yaml", keystones.sites.values())
        for name in keystones.sites:
            login = cloud_login(name, name=name, files=[str(clouds)])
            self._sites[name] = HttpSite(name, Transport(name, login))
        self._start_agent(keystones, hub, roads)
        begun = time.monotonic()
        if not self.settle(LOAD_DEADLINE):
            raise self._failed("did not finish the first load", seconds=LOAD_DEADLINE)
        carried = sum(lane["changes"] for lane in self._status()["links"])
        self._narrator.say(f"First load: {carried} changes carried in {time.monotonic() - begun:.1f} s.")
        if not self._wait(self._shares_keys, KEYS_DEADLINE):
            raise self._failed("did not carry the Fernet keys", seconds=KEYS_DEADLINE)
        self._narrator.say(f"Every site has the same Fernet keys after {time.monotonic() - begun:.1f} s.")

    def settle(self, deadline: float) -> bool:
        """Wait until no site has anything for another; False when ``deadline`` seconds pass first."""
        return self._wait(self._at_rest, deadline)

    def _wait(self, done: Callable[[], bool], deadline: float) -> bool:
        until = time.monotonic() + deadline
        pause = threading.Event()  # never set: waiting on it leaves the sites their processor
        while not done():
            if time.monotonic() >= until or self._agent is None or self._agent.poll() is not None:
                return False
            pause.wait(_PACE)
        return True

    def explain(self, kind: str, key: str) -> list[str]:
        """What the hub's list of conflicts says about this record, the latest first."""
        found = self._sites[self._hub].conflicts()
        return [entry["explanation"] for entry in found if (entry["kind"], entry["key"]) == (kind, key)]

    def stop(self) -> None:
        """End the agent and the sessions. May be called twice."""
        if self._agent is not None:
            self._agent.stop()
            self._agent = None
        for site in self._sites.values():
            site.close()
        self._sites.clear()
        if self._control is not None:
            self._control.stop()
            self._control = None
        self._port.release()
        self._dashboard.release()

    def _start_agent(self, keystones: Keystones, hub: str, roads: Mapping[str, Link]) -> None:
        folder = keystones.folder / "agent"
        folder.mkdir(mode=0o700)
        away = {name: road.url_to(name) for name, road in roads.items()}
        clouds = write_clouds(folder / "clouds.yaml", keystones.sites.values(), away)
        self._control = RoadControl(roads)
        listen = f"127.0.0.1:{self._dashboard.number}"
        dashboard = {"listen": listen, "roads": str(self._control.path)}
        port, settings = self._port.number, {"dashboard": dashboard, **self.agent_settings}
        write_topology(folder / "viaduct.yaml", hub, list(keystones.sites), clouds, port, settings)
        self._log = folder / "agent.log"
        self._agent = Leashed(
            [
                str(keystones[hub].spec.python),
                *("-m", "keystone_viaduct.demo.leashed", VIADUCT),
                *("agent", "--config", "viaduct.yaml"),
            ],
            env=keystones[hub].environment,
            log=self._log,
            cwd=folder,
        )

    def _status(self) -> Any:
        with urllib.request.urlopen(f"{self.agent_url}/status", timeout=5) as answer:
            return json.load(answer)

    def _at_rest(self) -> bool:
        try:
            links = self._status()["links"]
            if any(lane["error"] or lane["pending"] or lane["loading"] for lane in links):
                return False
            before = self._heads()
            quiet = all(self._quiet(lane["source"], lane["target"]) for lane in links)
            return quiet and self._heads() == before
        except (ViaductError, urllib.error.URLError, OSError):
            return False  # cut off, or not up yet

    def _shares_keys(self) -> bool:
        """Whether every site has been seen to hold the same keys, of which it was asked at the hub."""
        try:
            found = self._sites[self._hub].keys.held_keys().repositories.values()
        except ViaductError:
            return False
        return all(keys.fleet is not None and not keys.fleet.missing for keys in found)

    def _heads(self) -> list[int]:
        return [site.capabilities().head.seq for site in self._sites.values()]

    def _quiet(self, source: str, target: str) -> bool:
        """Whether the source, having numbered everything, has nothing that the target has not applied."""
        standing = self._sites[target].standing(source)
        if standing.checkpoint is None:
            return False
        page = self._sites[source].read(standing.origin, standing.checkpoint, 1)
        return page.at_head and not page.changes

    def _failed(self, what: str, **fields: object) -> ServerFailed:
        return ServerFailed(
            f"the agent {what}; its log ends:\n{tail(self._log)}", hint=f"see {self._log}", **fields
        )


def adopt(site: Keystone, hub: Keystone) -> str:
    """``viaduct adopt``: give a spoke's records the hub's ids; what was done, for a reader."""
    ids = site.layout.folder / "ids.json"
    site.run(
        VIADUCT,
        *("adopt", site.name, "--apply", "--rekey", "--ids", str(ids), "--access", "both,hub"),
        *("--hub", hub.name, "--hub-config", str(hub.layout.config)),
    )
    moved = json.loads(ids.read_text())["ids"]
    count = sum(len(found) for found in moved.values())
    return f"{site.name} adopted: {count} ids of {', '.join(sorted(moved))} are now {hub.name}'s."


def initialise(site: Keystone, hub: str) -> str:
    """``viaduct init``: our tables, keys and triggers; what was done, for a reader."""
    found = json.loads(site.run(VIADUCT, "init", "--site", site.name, "--hub", hub, "--json"))
    triggers = found["triggers"].get("created", 0)
    marked = sum(found["marked"].values())
    return f"{site.name} prepared: {triggers} triggers, {marked} records to be numbered."
