"""How one agent carries many spokes: idle processor time, memory, how soon a change is everywhere, lag under
writes, and recovery after the agent's death.

``python benchmarks/scale.py --spokes 100``. The spokes speak the real API (``benchmarks/light``) in a few
processes on this machine, so they share its processors with the agent; the agent's own share is what is told
of it. ``--dead`` sites take a connection and never answer, ``--hostile`` ones give a byte a second.

A thousand, of which eleven are of no use, where nothing else uses the machine::

    python benchmarks/scale.py --spokes 989 --dead 10 --hostile 1 --processes 3 --patience 600 --json FILE

``FILE`` has all figures that were found, also where a run ends early; each is printed as soon as it is known.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from benchmarks.light.site import HUB, LightSite, join, make_hub  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
FIRST = 1_000_000


@dataclass
class Plan:
    """What is asked for."""

    spokes: int
    dead: int
    hostile: int
    processes: int
    users: int
    idle: float
    writes: float
    load: float
    lease: float
    patience: float

    def names(self) -> dict[str, list[str]]:
        """The sites by what they are."""
        return {
            "good": [f"spoke-{number:04d}" for number in range(self.spokes)],
            "dead": [f"dead-{number:02d}" for number in range(self.dead)],
            "slow": [f"hostile-{number:02d}" for number in range(self.hostile)],
        }


@dataclass
class Fleet:
    """Server processes and the ports that they listen on; the first has the hub."""

    folder: Path
    plan: Plan
    ports: list[int]
    places: dict[str, int]
    listen: list[int]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))

    def edit(self, first: int, count: int = 1) -> float:
        """Make users at the hub; when that was done, by the monotonic clock."""
        answer = self.client.post(f"{self._at(0)}/control/edit", params={"first": first, "count": count})
        return float(answer.raise_for_status().json()["at"])

    def arrived(self, first: int, last: int) -> list[list[float | None]]:
        """When these users came to each good spoke."""
        asked = {"first": first, "last": last}
        found: list[list[float | None]] = []
        for number in range(1, len(self.ports)):
            answer = self.client.get(f"{self._at(number)}/control/arrived", params=asked)
            found += answer.raise_for_status().json().values()
        return found

    def calls(self) -> list[int]:
        """Calls of the API so far: at the hub, and at all spokes together."""
        asked = [self._count(number)["calls"] for number in range(len(self.ports))]
        return [asked[0], sum(asked[1:])]

    def sent(self) -> int:
        """Bytes that the hub has sent so far, as they went over the wire."""
        return self._count(0)["sent"]

    def _count(self, number: int) -> dict[str, int]:
        found: dict[str, int] = self.client.get(f"{self._at(number)}/control/count").raise_for_status().json()
        return found

    def eventually(self, condition: Callable[[], bool], pause: float = 0.1) -> None:
        """Wait until it holds; SystemExit where that takes too long."""
        began = time.monotonic()
        while time.monotonic() - began < self.plan.patience:
            try:
                if condition():
                    return
            except httpx.HTTPError:
                pass
            time.sleep(pause)
        raise SystemExit(f"it takes longer than --patience {self.plan.patience:g}")

    def _at(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[number]}"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return found


def build(folder: Path, plan: Plan) -> Fleet:
    """Stores of sites that are all joined, spread over the processes; viaduct.yaml and clouds.yaml."""
    names = plan.names()
    everybody = [name for group in names.values() for name in group]
    sites = {name: LightSite(name) for name in everybody}
    hub = make_hub(list(sites.values()), plan.users)
    for name in names["good"]:
        join(hub, sites[name])
    ports = free_ports(plan.processes + 3)
    listen, ports = ports[:2], ports[2:]
    places = {name: 1 + number % plan.processes for number, name in enumerate(everybody)} | {HUB: 0}
    sites[HUB] = hub
    for number in range(len(ports)):
        here = {name: site.store.data for name, site in sites.items() if places[name] == number}
        told = {
            "sites": here,
            "slow": names["slow"],
            "dead": names["dead"],
            "agent": f"http://127.0.0.1:{listen[0]}/poke",
        }
        (folder / f"stores-{number}").write_bytes(pickle.dumps(told))
    fleet = Fleet(folder, plan, ports, places, listen)
    _configure(fleet)
    return fleet


def _configure(fleet: Fleet) -> None:
    clouds = {
        name: {
            "auth_type": "password",
            "auth": {
                "auth_url": f"http://127.0.0.1:{fleet.ports[number]}/s/{name}/v3",
                "username": "agent",
                "password": f"of {name}",
                "user_domain_id": "default",
                "system_scope": "all",
            },
        }
        for name, number in fleet.places.items()
    }
    (fleet.folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": clouds}))
    for number, port in enumerate(fleet.listen):
        agent = {"listen": f"127.0.0.1:{port}", "lease": fleet.plan.lease, "memory": False}
        told = {"hub": HUB, "clouds": "clouds.yaml", "sites": {n: n for n in clouds}, "agent": agent}
        (fleet.folder / f"viaduct-{number}.yaml").write_text(yaml.safe_dump(told))


@contextmanager
def serving(fleet: Fleet) -> Iterator[None]:
    """The sites at work."""
    try:
        for number, port in enumerate(fleet.ports):
            command = [
                sys.executable,
                "-m",
                "benchmarks.light.server",
                f"{fleet.folder}/stores-{number}",
                str(port),
            ]
            fleet.processes.append(subprocess.Popen(command, cwd=ROOT))
        fleet.eventually(lambda: len(fleet.calls()) == 2)
        yield
    finally:
        for process in fleet.processes:
            process.kill()
            process.wait()


class AgentProcess:
    """An agent, and what the system says that it uses."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.began = time.monotonic()
        self.port = fleet.listen[number]
        self.log = fleet.folder / f"agent-{number}.log"
        command = [sys.executable, "-m", "keystone_viaduct.cli.main", "agent"]
        command += ["--config", str(fleet.folder / f"viaduct-{number}.yaml")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def cpu(self) -> float:
        """Seconds of processor time so far, those of the process that reads for it included."""
        used = 0
        for pid in self._processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used / TICKS

    def memory(self) -> dict[str, float]:
        """MiB now and at most, and threads."""
        told: list[dict[str, str]] = []
        for pid in self._processes():
            text = Path(f"/proc/{pid}/status").read_text()
            told.append(dict(line.split(":", 1) for line in text.splitlines() if ":" in line))
        return {
            "now_mib": round(sum(int(one["VmRSS"].split()[0]) for one in told) / 1024, 1),
            "most_mib": round(sum(int(one["VmHWM"].split()[0]) for one in told) / 1024, 1),
            "threads": int(told[0]["Threads"]),
        }

    def _processes(self) -> list[int]:
        """The agent, and what it has started."""
        found = [self.process.pid]
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(file.read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has just ended
                continue
            if parent == self.process.pid:
                found.append(int(file.parent.name))
        return found

    def status(self) -> dict[str, Any] | None:
        """What it says; None while it says nothing."""
        try:
            found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/status", timeout=30.0).json()
            return found
        except httpx.HTTPError:
            return None

    def at_rest(self, good: set[str]) -> bool:
        """Whether each direction of a good spoke works."""
        return self.count_at_rest(good) == 2 * len(good)

    def count_at_rest(self, good: set[str]) -> int:
        """How many directions of good spokes do."""
        status = self.status()
        if status is None or not status["working"]:
            return 0
        links = [link for link in status["links"] if {link["source"], link["target"]} - {HUB} <= good]
        return sum(bool(link["succeeded_at"]) and not link["error"] for link in links)

    def end(self) -> None:
        """As an operator ends it; at once if it does not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def one_change(fleet: Fleet, number: int) -> dict[str, float]:
    """A user is made at the hub: when he is at each spoke, and what the hub sends for it, to each."""
    before = fleet.sent()
    found = everywhere(fleet, number, number, fleet.edit(number))
    return {**found, "hub_kib_per_spoke": round((fleet.sent() - before) / 1024 / fleet.plan.spokes, 2)}


def everywhere(fleet: Fleet, first: int, last: int, at: float) -> dict[str, float]:
    """Seconds from ``at`` until the last of these users was at each spoke."""
    fleet.eventually(lambda: all(None not in times for times in fleet.arrived(first, last)), 0.25)
    took = sorted(
        max(time for time in times if time is not None) - at for times in fleet.arrived(first, last)
    )
    return spread(took)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, p99 and the largest, in seconds."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 3),
        "max": round(ordered[-1], 3),
    }


def measure_idle(fleet: Fleet, agent: AgentProcess) -> dict[str, Any]:
    """While nobody writes."""
    before, calls, sent, began = agent.cpu(), fleet.calls(), fleet.sent(), time.monotonic()
    time.sleep(fleet.plan.idle)
    took = time.monotonic() - began
    hub, spokes = (now - then for now, then in zip(fleet.calls(), calls, strict=True))
    return {
        "cores": round((agent.cpu() - before) / took, 3),
        "hub_calls_per_s": round(hub / took, 1),
        "spoke_calls_per_s": round(spokes / took, 1),
        "hub_kib_per_s": round((fleet.sent() - sent) / 1024 / took, 1),
        **agent.memory(),
    }


def measure_load(fleet: Fleet, agent: AgentProcess, first: int) -> dict[str, Any]:
    """While users are made at the hub, one at a time."""
    plan, before, began = fleet.plan, agent.cpu(), time.monotonic()
    written: list[float] = []
    for number in range(int(plan.load * plan.writes)):
        time.sleep(max(0.0, began + number / plan.writes - time.monotonic()))
        written.append(fleet.edit(first + number))
    wrote = time.monotonic() - began
    last = first + len(written) - 1
    fleet.eventually(lambda: all(None not in times for times in fleet.arrived(first, last)), 0.5)
    lags = [
        seen - at
        for times in fleet.arrived(first, last)
        for seen, at in zip(times, written, strict=True)
        if seen is not None
    ]
    return {
        "writes_per_s": round(len(written) / wrote, 1),
        "lag_s": spread(lags),
        "cores": round((agent.cpu() - before) / (time.monotonic() - began), 3),
        **agent.memory(),
    }


def measure(fleet: Fleet, found: dict[str, Any]) -> None:
    """All of it, into ``found``."""
    good = set(fleet.plan.names()["good"])
    agent = AgentProcess(fleet, 0)
    others: list[AgentProcess] = []
    try:
        try:
            fleet.eventually(lambda: agent.at_rest(good), 0.5)
        finally:
            say("directions at rest", agent.count_at_rest(good))
        found["start"] = {"seconds": round(time.monotonic() - agent.began, 1), "cpu_s": agent.cpu()}
        say("start", found["start"])
        time.sleep(5.0)
        found["idle"] = measure_idle(fleet, agent)
        say("idle", found["idle"])
        number = FIRST
        found["one change"] = []
        for _ in range(3):
            found["one change"].append(one_change(fleet, number))
            number += 1
            time.sleep(1.0)
        say("one change, s", found["one change"])
        found["under writes"] = measure_load(fleet, agent, number)
        say("under writes", found["under writes"])
        number += int(fleet.plan.load * fleet.plan.writes)
        others.append(AgentProcess(fleet, 1))
        fleet.eventually(lambda: (others[0].status() or {}).get("stands_by", False))
        agent.process.kill()
        died = time.monotonic()
        fleet.edit(number)
        found["after death"] = everywhere(fleet, number, number, died)
        say("after death, s", found["after death"])
    finally:
        for one in (agent, *others):
            one.end()


def say(name: str, value: Any) -> None:
    """As it comes."""
    print(f"{name}: {json.dumps(value)}", flush=True)


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spokes", type=int, default=10)
    parser.add_argument("--dead", type=int, default=0)
    parser.add_argument("--hostile", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="for the spokes; the hub has its own")
    parser.add_argument("--users", type=int, default=50, help="that all have at the beginning")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of watching while nobody writes")
    parser.add_argument("--writes", type=float, default=20.0, help="users made at the hub per second")
    parser.add_argument("--load", type=float, default=15.0, help="seconds of that")
    parser.add_argument("--lease", type=float, default=10.0)
    parser.add_argument("--patience", type=float, default=300.0, help="seconds that anything may take")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    told = vars(parser.parse_args())
    file = told.pop("json")
    plan = Plan(**told)
    found: dict[str, Any] = {"plan": told, "python": platform.python_version(), "cpus": os.cpu_count()}
    try:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            began = time.monotonic()
            fleet = build(Path(folder), plan)
            found["built_s"] = round(time.monotonic() - began, 1)
            say("built, s", found["built_s"])
            with serving(fleet):
                measure(fleet, found)
    finally:
        if file is not None:
            file.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
