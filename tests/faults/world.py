"""A fleet of real processes that can be hurt: Keystones on three engines, roads, agents, clocks, disks."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.keystones import Keystone, Keystones, SiteSpec
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.wan import End, Link, Wan
from tests.faults.body import Body
from tests.faults.disks import Disk, NoDisk
from tests.support.databases import DatabaseScope

CLOCK = Path(__file__).with_name("clock.c")


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
        self.disks: dict[str, Disk] = {}
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
        place = self.folder / f"{name}-disk"
        place.mkdir()
        try:
            self.disks[name] = Disk(place)
        except NoDisk:
            pass  # the database lies on ours, which is not filled
        else:
            stack.callback(self.disks[name].remove)
        return SiteSpec(name, f"sqlite:///{place}/keystone.db", options=options, environment=environment)

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

    def put_back(self, name: str, backup: Path) -> None:
        """Replace the database of a site that is down by its backup."""
        file = self.database_file(name)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{file}{suffix}").unlink(missing_ok=True)
        shutil.copy(backup, file)

    def open_roads(self, name: str) -> None:
        """Mend the roads that lead to a site: a spoke's own, all of them for the hub."""
        for spoke, road in self.roads.items():
            if name in (spoke, self.hub):
                road.heal()

    def calm(self) -> None:
        """Everything works again: clocks, disks, roads, Keystones, one agent."""
        if self.can_jump:
            for name in self.engines:
                self.jump(name, 0)
        for disk in self.disks.values():
            disk.free()
        for road in self.roads.values():
            road.heal()
        for name, site in self.keystones.sites.items():
            if site.pid is None:
                self.start(name)
        if self.body.is_doubled:
            self.body.kill_agents()
        self.body.start_agent(self.keystones)

    def compare(self) -> Comparison:
        """All sites, field by field, read by SQL of the judge's own."""
        return compare([*map(Source.of, self.keystones.sites.values())])


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
