"""A fleet of real processes that can be hurt: Keystones on three engines, roads, agents, clocks, disks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.fleet import VIADUCT, Fleet
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.leash import Leashed
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.wan import End, Link, Wan
from keystone_viaduct.errors import ViaductError
from tests.support.databases import DatabaseScope

CLOCK = Path(__file__).with_name("clock.c")
#: Bytes of the file system that an embedded database lives on, so that it can be filled.
DISK = 96 * 1024 * 1024


class Body(Fleet):
    """The demo's fleet, whose agents can be killed, doubled and started again."""

    second: Leashed | None = None

    def kill_agents(self) -> None:
        """All agents, without a chance to clean up."""
        for agent in (self._agent, self.second):
            if agent is not None:
                agent.kill()
        self._agent = self.second = None

    def start_agent(self, keystones: Keystones) -> None:
        """One more agent: the first, or one that stands by."""
        folder = keystones.folder / "agent"
        config = "viaduct.yaml" if self._agent is None else "second.yaml"
        if self._agent is not None:
            text = (folder / "viaduct.yaml").read_text().replace(f":{self._port.number}", ":0")
            (folder / config).write_text(text)
        agent = Leashed(
            [
                str(keystones[self._hub].spec.python),
                *("-m", "keystone_viaduct.demo.leashed", VIADUCT, "agent", "--config", config),
            ],
            env=keystones[self._hub].environment,
            log=self._log,
            cwd=folder,
        )
        if self._agent is None:
            self._agent = agent
        else:
            self.second = agent

    def drained(self, site: str) -> bool:
        """Whether everything of a site's feed is applied at its neighbours."""
        spokes = [name for name in self._sites if name != self._hub]
        targets = spokes if site == self._hub else [self._hub]
        try:
            return all(self._quiet(site, target) for target in targets)
        except ViaductError:
            return False

    def hub_conflicts(self) -> list[dict[str, object]]:
        """What is listed at the hub now."""
        site = self._sites[self._hub]
        return [site.conflict(str(entry["id"])) for entry in site.conflicts(1000)]

    def stop(self) -> None:
        """Both agents."""
        if self.second is not None:
            self.second.kill()
            self.second = None
        super().stop()


class World:
    """One fleet and what can be done to it."""

    def __init__(
        self, folder: Path, engines: dict[str, str], databases: DatabaseScope, stack: ExitStack
    ) -> None:
        self.folder = folder
        self.engines = engines
        self.hub = next(iter(engines))
        self._clock = wrong_clock(folder)
        self.can_jump = self._clock is not None
        self.disks: dict[str, Path] = {}
        specs = [self._spec(name, engine, databases, stack) for name, engine in engines.items()]
        self.keystones = Keystones(folder, specs)
        self.body = Body(Narrator(Console(file=(folder / "told.txt").open("a"))))
        wan = stack.enter_context(Wan(10.0))
        ends = {n: End(n, "127.0.0.1", site.port.number) for n, site in self.keystones.sites.items()}
        self.roads: dict[str, Link] = {
            name: wan.link(ends[self.hub], ends[name]) for name in engines if name != self.hub
        }
        self.body.equip(self.keystones, self.hub, self.roads)
        stack.enter_context(self.keystones)
        stack.callback(self.body.stop)
        self.body.join(self.keystones, self.hub, self.roads)

    def _spec(self, name: str, engine: str, databases: DatabaseScope, stack: ExitStack) -> SiteSpec:
        environment: dict[str, str] = {}
        if self.can_jump:
            place = self.folder / f"{name}.clock"
            place.write_bytes(bytes(8))
            environment = {"LD_PRELOAD": str(self._clock), "VIADUCT_CLOCK": str(place)}
        options = {"identity": {"password_hash_rounds": "4"}}
        if engine != "sqlite":
            return SiteSpec(name, databases.empty(engine), options=options, environment=environment)
        url = None
        disk = self._mount(name, stack)
        if disk is not None:
            self.disks[name] = disk
            url = f"sqlite:///{disk / 'keystone.db'}"
        return SiteSpec(name, url, options=options, environment=environment)

    def _mount(self, name: str, stack: ExitStack) -> Path | None:
        """A small file system of its own, where that is allowed."""
        place = self.folder / f"{name}-disk"
        place.mkdir()
        if os.geteuid() != 0:
            return None
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "viaduct-test", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        stack.callback(lambda: subprocess.run(["umount", "-l", str(place)], check=False))
        return place

    @property
    def embedded(self) -> list[str]:
        """Sites whose database is a file."""
        return [name for name, engine in self.engines.items() if engine == "sqlite"]

    def database_file(self, name: str) -> Path:
        """An embedded site's database."""
        return Path(self.keystones[name].database_url.removeprefix("sqlite:///"))

    def kill(self, name: str) -> None:
        """All processes of a Keystone at once."""
        self.keystones[name].kill()

    def start(self, name: str) -> None:
        """Up again, and answering."""
        site: Keystone = self.keystones[name]
        site.layout.pid.unlink(missing_ok=True)
        site.start()
        site.wait_ready()

    def jump(self, name: str, seconds: int) -> None:
        """Set a site's clock that far from the true time."""
        with (self.folder / f"{name}.clock").open("r+b") as file:
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))

    def fill_disk(self, name: str) -> None:
        """Not a byte is left."""
        with (self.disks[name] / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                return

    def free_disk(self, name: str) -> None:
        """Room again."""
        (self.disks[name] / "filler").unlink(missing_ok=True)

    def backup(self, name: str) -> Path:
        """A consistent copy of an embedded database, taken while it is in use."""
        target = self.folder / f"{name}.backup"
        target.unlink(missing_ok=True)
        source, copy = sqlite3.connect(self.database_file(name)), sqlite3.connect(target)
        with source, copy:
            source.backup(copy)
        source.close()
        copy.close()
        return target

    def restore(self, name: str, backup: Path) -> None:
        """The site comes up with the database of the backup."""
        self.kill(name)
        file = self.database_file(name)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        shutil.copy(backup, file)
        self.start(name)

    def calm(self) -> None:
        """Everything works again: clocks, disks, roads, Keystones, one agent."""
        for name in self.engines:
            if self.can_jump:
                self.jump(name, 0)
        for name in self.disks:
            self.free_disk(name)
        for road in self.roads.values():
            road.heal()
        for name, site in self.keystones.sites.items():
            if site.pid is None:
                self.start(name)
        if self.body.second is not None:
            self.body.kill_agents()
        if self.body._agent is None:
            self.body.start_agent(self.keystones)

    def compare(self) -> Comparison:
        """All sites, field by field, read by SQL of the judge's own."""
        sites = self.keystones.sites.values()
        return compare([Source(s.name, s.database_url, s.layout.credential_keys) for s in sites])


def wrong_clock(folder: Path) -> Path | None:
    """The library that sets one program's clock; None where there is no C compiler."""
    library = folder / "clock.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK), "-ldl"]
    if shutil.which("gcc") is None:
        return None
    subprocess.run(command, check=True)
    return library


@contextmanager
def open_world(folder: Path, engines: dict[str, str], databases: DatabaseScope) -> Iterator[World]:
    """The first engine's site is the hub. Everything that it started is gone at the end."""
    with ExitStack() as stack:
        yield World(folder, engines, databases, stack)
