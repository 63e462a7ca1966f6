"""However the demo is ended, nothing of it runs on."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.quickstarts import NESTED

pytestmark = pytest.mark.keystone

SCRIPT = """
import pathlib, sys
from rich.console import Console
from keystone_viaduct.demo import run
from keystone_viaduct.demo.fleet import Fleet
from keystone_viaduct.demo.report import Narrator
from keystone_viaduct.demo.scenario.step import Step

class NoFabric:
    agent_url = ""
    dashboard_url = ""
    def equip(self, keystones, hub, roads): pass
    def join(self, keystones, hub, roads): pass
    def settle(self, deadline): return True
    def explain(self, kind, key): return []
    def stop(self): print("fabric stopped", flush=True)

run.SPOKES = ("west",)
run.story = lambda hub, *spokes: [Step("one", hub, lambda stage, place: place.admin.user_id)]
folder = pathlib.Path(sys.argv[1])
once = sys.argv[2] == "once"
narrator = Narrator(Console(width=200))
fabric = Fleet(narrator) if sys.argv[2] == "joined" else NoFabric()
files = {"json_path": folder / "demo.json", "folder": folder / "sites"}
sys.exit(run.run_demo(fabric=fabric, once=once, narrator=narrator, **files))
"""


@pytest.fixture
def demo(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "ignore", "-c", SCRIPT, str(tmp_path), request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, NESTED: "1"},
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"ended without {text!r}:\n{seen}")


def numbers_in(folder: Path) -> list[int]:
    """Pids of the processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink().is_relative_to(folder):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def watched_in(folder: Path) -> list[int]:
    """A descriptor for each of them, which can be read once it has ended."""
    found = []
    for number in numbers_in(folder):
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(number))
    return found


def all_end(watched: list[int]) -> bool:
    """Whether all of these end before long."""
    ended = [bool(select.select([descriptor], [], [], 30)[0]) for descriptor in watched]
    for descriptor in watched:
        os.close(descriptor)
    return all(ended)


def processes_in(folder: Path) -> list[Path]:
    """The folders in which they work."""
    return [Path(f"/proc/{number}/cwd").readlink() for number in numbers_in(folder)]


@pytest.mark.parametrize("demo", ["joined"], indirect=True)
def test_ctrl_c_while_it_stays_up_ends_everything(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    read_until(demo, "Ctrl-C")
    running = processes_in(tmp_path)
    assert len(running) == 5, "two servers of a master and a worker, and the agent"
    assert sum((place / "viaduct.yaml").exists() for place in running) == 1
    assert demo.stdin is not None
    demo.stdin.write("compare\ncut west\n")
    demo.stdin.flush()
    assert "all sites are equal" in read_until(demo, "the road to west is cut")
    os.kill(demo.pid, signal.SIGINT)
    demo.wait(30)
    assert processes_in(tmp_path) == []
    assert "clouds" in (tmp_path / "sites" / "clouds.yaml").read_text()


@pytest.mark.parametrize("demo", ["stay"], indirect=True)
def test_a_demo_that_is_killed_outright_takes_everything_along(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    read_until(demo, "Ctrl-C")
    watched = watched_in(tmp_path)
    assert len(watched) == 4
    demo.kill()
    assert all_end(watched), "a process outlived the demo"


@pytest.mark.parametrize("demo", ["stay"], indirect=True)
def test_ctrl_c_while_it_sets_up_ends_everything(demo: subprocess.Popen[str], tmp_path: Path) -> None:
    read_until(demo, "Setting up")
    os.kill(demo.pid, signal.SIGINT)
    read_until(demo, "Interrupted")
    assert demo.wait(30) == 130
    assert all_end(watched_in(tmp_path)), "one that was begun as the demo was interrupted sees only its end"
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("demo", ["once"], indirect=True)
def test_once_writes_a_report_and_fails_when_the_sites_differ(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    read_until(demo, "fabric stopped")
    assert demo.wait(30) == 1
    report = json.loads((tmp_path / "demo.json").read_text())
    assert report["equal"] is False
    assert [site["name"] for site in report["sites"]] == ["east", "west"]
    assert report["steps"][0]["held"]
    assert report["records"]["role"] == 10
    assert processes_in(tmp_path) == []
