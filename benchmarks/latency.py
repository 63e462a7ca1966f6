"""How long a change at one site takes to be seen by a client's GET at the next, over a slow road.

One command: ``python benchmarks/latency.py``. Two real Keystones (each a database and a bootstrap of its
own), joined as the demo joins them: adopted, initialised, the agent beside the hub, pokes, and between them a
road of ``--rtt`` milliseconds round trip (80). Then a client changes a user at one site, and as soon as it
has the answer another one looks at the other site, again and again, until it sees the change. ``--samples``
times (50) in each direction, hub and spoke by turns. Exits 1 when a median is above ``--most`` (250).
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
# without this folder: its file requests.py would hide the library
sys.path[:] = [str(ROOT)] + [place for place in sys.path if Path(place).resolve() != ROOT / "benchmarks"]

from keystone_viaduct.demo.fleet import Fleet  # noqa: E402
from keystone_viaduct.demo.keystones import Keystones, SiteSpec  # noqa: E402
from keystone_viaduct.demo.report import Narrator  # noqa: E402
from keystone_viaduct.demo.scenario.place import Place  # noqa: E402
from keystone_viaduct.demo.wan import End, Wan  # noqa: E402
from tests.support.databases import Databases  # noqa: E402
from tests.support.servers import Servers, new_run_folder  # noqa: E402

HUB, SPOKE = "east", "west"
DEADLINE = 30.0
#: Seconds between two looks, beside what a look takes itself.
PACE = 0.005


@contextmanager
def joined(rtt: float, url: dict[str, str | None]) -> Iterator[dict[str, Place]]:
    """Both sites, up and joined."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="viaduct-latency-")))
        keystones = Keystones(folder, [SiteSpec(name, url[name]) for name in (HUB, SPOKE)])
        wan = stack.enter_context(Wan(rtt))
        ends = {name: End(name, "127.0.0.1", site.port.number) for name, site in keystones.sites.items()}
        roads = {SPOKE: wan.link(ends[HUB], ends[SPOKE])}
        fleet = Fleet(Narrator(Console(file=io.StringIO())))
        fleet.equip(keystones, HUB, roads)
        stack.enter_context(keystones)
        stack.callback(fleet.stop)
        fleet.join(keystones, HUB, roads)
        yield {name: Place(site) for name, site in keystones.sites.items()}


def lag(here: Place, there: Place, user: str, text: str) -> float:
    """Milliseconds from the answer to the change until a GET there shows it."""
    pause = Event()  # never set: waiting on it leaves the sites their processor
    here.admin.patch(f"/users/{user}", user={"description": text})
    done = time.perf_counter()
    while time.perf_counter() < done + DEADLINE:
        if there.admin.get(f"/users/{user}")["user"].get("description") == text:
            return (time.perf_counter() - done) * 1000
        pause.wait(PACE)
    raise SystemExit(f"a change at {here.name} was not seen at {there.name} within {DEADLINE:g} s")


def measure(places: dict[str, Place], samples: int) -> dict[tuple[str, str], list[float]]:
    """The lags of each direction, and of a GET alone."""
    hub, spoke = places[HUB], places[SPOKE]
    user = hub.admin.post("/users", user={"name": "watched", "domain_id": "default"})["id"]
    lags: dict[tuple[str, str], list[float]] = {(HUB, SPOKE): [], (SPOKE, HUB): []}
    lag_until_there(spoke, user)
    for number in range(-3, samples):  # the first few fill caches and open connections
        for here, there in ((hub, spoke), (spoke, hub)):
            found = lag(here, there, user, f"{here.name} {number}")
            if number >= 0:
                lags[here.name, there.name].append(found)
    return lags


def lag_until_there(place: Place, user: str) -> None:
    """Wait for the user itself."""
    from keystoneauth1.exceptions import NotFound

    for _ in range(int(DEADLINE / 0.05)):
        try:
            place.admin.get(f"/users/{user}")
            return
        except NotFound:
            time.sleep(0.05)
    raise SystemExit("the first record never came")


def look(place: Place) -> float:
    """Median milliseconds of the GET itself."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        place.admin.get(f"/users/{place.admin.user_id}")
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rtt", type=float, default=80.0, help="milliseconds")
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--most", type=float, default=250.0, help="milliseconds that a median may have")
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "mariadb", "mysql"), default="sqlite")
    arguments = parser.parse_args()
    servers = Servers(new_run_folder(), os.getpid())
    try:
        with Databases(servers).scope() as scope:
            urls = {name: scope.keystone(arguments.engine) for name in (HUB, SPOKE)}
            sqlite = arguments.engine == "sqlite"
            with joined(arguments.rtt, dict.fromkeys(urls) if sqlite else dict(urls)) as places:
                lags = measure(places, arguments.samples)
                print(
                    f"{arguments.engine}, round trip {arguments.rtt:g} ms, {arguments.samples} samples a way"
                )
                print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
                for place in places.values():
                    print(f"a GET alone at {place.name}: {look(place):.0f} ms")
    finally:
        servers.stop_all()
    for (here, there), found in lags.items():
        ordered = sorted(found)
        p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)]
        print(f"{here} -> {there}: median {statistics.median(found):.0f} ms, p95 {p95:.0f} ms", end=", ")
        print(f"from {ordered[0]:.0f} to {ordered[-1]:.0f} ms")
    return int(any(statistics.median(found) > arguments.most for found in lags.values()))


if __name__ == "__main__":
    sys.exit(main())
