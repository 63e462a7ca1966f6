"""The demo: three real Keystones, roads between them, synchronisation, the story, the judge."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from keystone_viaduct.demo.comparer import Comparison, Source, compare
from keystone_viaduct.demo.fabric import Fabric
from keystone_viaduct.demo.handbook import cheat_sheet, write_clouds
from keystone_viaduct.demo.keystones import Keystones, SiteSpec
from keystone_viaduct.demo.report import Narrator, Report
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.step import Stage, Step, play
from keystone_viaduct.demo.scenario.story import story
from keystone_viaduct.demo.scenario.world import World
from keystone_viaduct.demo.wan import End, Link, Wan
from keystone_viaduct.errors import ConfigError

HUB, SPOKES = "east", ("west", "south")
SETTLE_DEADLINE = 60.0
#: A cache as in production, but within the one worker: what replication forgets to drop there, shows.
OPTIONS = {
    "cache": {
        "enabled": "true",
        "backend": "dogpile.cache.memory",
        "proxies": "oslo_cache.testing.CacheIsolatingProxy",
    }
}


@dataclass(frozen=True)
class Demo:
    """What is running: to be driven by the story, or by a visitor."""

    folder: Path
    keystones: Keystones
    roads: Mapping[str, Link]
    fabric: Fabric
    narrator: Narrator
    report: Report

    def play(self, steps: Sequence[Step]) -> None:
        """Play the steps at real sites and tell how they go."""
        places = {name: Place(site) for name, site in self.keystones.sites.items()}
        stage = Stage(HUB, places, self.roads, self.fabric, World("all"))
        try:
            for step in steps:
                outcome = play(stage, step)
                self.report.steps.append(outcome)
                self.narrator.step(outcome)
        finally:
            for place in places.values():
                place.close()

    def judge(self) -> Comparison:
        """Wait until all is quiet, then compare the databases."""
        if not self.fabric.settle(SETTLE_DEADLINE):
            self.narrator.say("[yellow]the sites are still busy; comparing all the same[/]")
        return compare([*map(Source.of, self.keystones.sites.values())])


def run_demo(
    *,
    fabric: Fabric,
    once: bool = False,
    json_path: Path | None = None,
    rtt_ms: float = 80.0,
    folder: Path | None = None,
    narrator: Narrator | None = None,
) -> int:
    """Play the demo; returns the exit status: 0 only if every step held and all sites are equal.

    ``once``: exit afterwards instead of staying up. ``folder``: where the sites live (must be empty; by
    default a temporary one, removed at the end). Ctrl-C and SIGTERM end it in order.
    """
    narrator = narrator or Narrator()
    begun = time.monotonic()
    try:
        with _terminable(), _workplace(folder) as home, _running(home, fabric, rtt_ms, narrator) as demo:
            demo.play(story(HUB, *SPOKES))
            demo.report.comparison = demo.judge()
            demo.report.seconds = time.monotonic() - begun
            narrator.verdict(demo.report)
            if json_path is not None:
                demo.report.write(json_path)
            if not once:
                with suppress(KeyboardInterrupt):
                    _stay_up(demo)
            return 0 if demo.report.good else 1
    except KeyboardInterrupt:
        narrator.say("Interrupted: everything was stopped.")
        return 130


@contextmanager
def _running(folder: Path, fabric: Fabric, rtt_ms: float, narrator: Narrator) -> Iterator[Demo]:
    """Sites, roads and synchronisation, up on entry and gone on exit, whatever happens."""
    with ExitStack() as stack:
        keystones = Keystones(folder, [SiteSpec(name, options=OPTIONS) for name in (HUB, *SPOKES)])
        wan = stack.enter_context(Wan(rtt_ms))
        ends = {name: End(name, "127.0.0.1", site.port.number) for name, site in keystones.sites.items()}
        roads = {name: wan.link(ends[HUB], ends[name]) for name in SPOKES}
        fabric.equip(keystones, HUB, roads)
        narrator.chapter("Three regions, each with a Keystone of its own")
        narrator.say(f"Setting up {', '.join(keystones.sites)}: a database, keys and a bootstrap each ...")
        begun = time.monotonic()
        stack.enter_context(keystones)
        narrator.say(f"{len(keystones.sites)} Keystones answer after {time.monotonic() - begun:.1f} s.")
        stack.callback(fabric.stop)
        fabric.join(keystones, HUB, roads)
        narrator.say(f"They are one now, over roads of {rtt_ms:.0f} ms round trip.")
        sites = [
            {"name": name, "url": site.url, "keystone": site.release}
            for name, site in keystones.sites.items()
        ]
        yield Demo(folder, keystones, roads, fabric, narrator, Report(sites, rtt_ms))


def _stay_up(demo: Demo) -> None:
    """Serve until the visitor has had enough."""
    write_clouds(demo.folder / "clouds.yaml", demo.keystones.sites.values())
    demo.narrator.chapter("Now you")
    dashboard = demo.fabric.dashboard_url
    demo.narrator.say(cheat_sheet(demo.folder, HUB, SPOKES, demo.fabric.agent_url, dashboard))
    _show(dashboard)
    for line in sys.stdin:
        match line.split():
            case ["quit" | "exit"]:
                return
            case ["cut" | "heal" as verb, site] if site in demo.roads:
                road = demo.roads[site]
                if verb == "cut":
                    road.cut()
                else:
                    road.heal()
                demo.narrator.say(f"the road to {site} is {'cut' if road.is_cut else 'open'}")
            case ["compare"]:
                found = demo.judge()
                demo.narrator.say("all sites are equal" if found.equal else "\n".join(found.lines()))
            case []:
                continue
            case _:
                demo.narrator.say("cut SITE, heal SITE, compare, quit")
    signal.pause()  # no terminal: serve until a signal comes


def _show(url: str) -> None:
    """Open it in the visitor's browser, where there is a screen; never a browser of the terminal."""
    has_screen = sys.platform == "darwin" or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
    if url and has_screen and sys.stdout.isatty():
        webbrowser.open(url)


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="viaduct-demo-") as made:
            yield Path(made)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty", hint="name a new folder for the demo", folder=str(folder))
    yield folder


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind like Ctrl-C, so that everything is stopped in order."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
