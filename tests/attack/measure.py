"""What others feel meanwhile: the lag of an edit, the time of a request, memory, the processor's time."""

from __future__ import annotations

import json
import math
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from sqlalchemy.engine import make_url

from tests.attack.fleet import HONEST, HUB, PASSWORD, World

#: Seconds between two edits, and between two requests of a sort.
EDITING, ASKING = 0.5, 0.3
#: Edits that are told with the time of day.
SLOWEST = 12
_TICK = os.sysconf("SC_CLK_TCK")
_TRIGGER = """
CREATE FUNCTION tell_probe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('probe', NEW.extra); RETURN NULL; END $$;
CREATE TRIGGER tell_probe AFTER UPDATE ON "user" FOR EACH ROW WHEN (NEW.id = '{probe}')
EXECUTE FUNCTION tell_probe();
"""


@dataclass
class Measured:
    """One run. Seconds; ``slowest``: the longest lags, with the time of day of the edit; ``memory``: the
    largest resident size in MiB, by who; ``processor``: seconds of all processes of the fleet and of those
    beside it, second by second.
    """

    seconds: float = 0.0
    lags: list[float] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    unseen: int = 0
    requests: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    first_memory: dict[str, float] = field(default_factory=dict)
    processor: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)

    def save(self, file: Path) -> None:
        """As JSON."""
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(file)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank; not a number where there are no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


class Lag(threading.Thread):
    """From the commit of an edit at the hub to its commit at the honest spoke: both databases tell."""

    def __init__(self, world: World, stopping: threading.Event) -> None:
        super().__init__(name="lag", daemon=True)
        self._stopping = stopping
        self._began: dict[str, float] = {}
        self._slowest: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        self.lags: list[float] = []
        self._listening = {name: self._listen(world, name) for name in (HUB, HONEST)}

    def _listen(self, world: World, name: str) -> Any:
        parsed = make_url(world.keystones[name].database_url)
        connection = psycopg2.connect(
            dbname=parsed.database, user=parsed.username, **{n: str(v) for n, v in parsed.query.items()}
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_TRIGGER.format(probe=world.ground.ids["probe"]))
            cursor.execute("LISTEN probe")
        return connection

    @property
    def unseen(self) -> int:
        """Edits at the hub that the spoke has not got (or got together with a later one)."""
        return len(self._began)

    def run(self) -> None:
        """Until it is told to stop; the hub's own news first."""
        while not self._stopping.is_set():
            ready, _, _ = select.select([*self._listening.values()], [], [], 0.5)
            for name in (HUB, HONEST):
                if self._listening[name] in ready:
                    self._hear(name)

    def _hear(self, name: str) -> None:
        now, connection = time.monotonic(), self._listening[name]
        connection.poll()
        while connection.notifies:
            mark = json.loads(connection.notifies.pop(0).payload).get("description", "")
            if name == HUB:
                self._began[mark] = now
            elif mark in self._began:
                self._arrived(mark, now)

    def _arrived(self, mark: str, now: float) -> None:
        """What came before it has come with it."""
        began = self._began[mark]
        for older in [m for m, at in self._began.items() if at <= began]:
            lag = now - self._began.pop(older)
            self.lags.append(lag)
            at = datetime.fromtimestamp(time.time() - lag).isoformat(" ", "milliseconds")
            self._slowest = sorted([*self._slowest, (lag, at)])[-SLOWEST:]

    @property
    def slowest(self) -> list[tuple[float, str]]:
        """The longest ones, and when these edits were made, as logs have it: what was there just then?"""
        return self._slowest[::-1]

    def close(self) -> None:
        """The connections."""
        for connection in self._listening.values():
            connection.close()


class Repeated(threading.Thread):
    """Does something again and again, and notes how long it took."""

    def __init__(
        self, name: str, pause: float, deed: Callable[[int], httpx.Response], stopping: threading.Event
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._pause, self._deed, self._stopping = pause, deed, stopping
        self.took: list[float] = []
        self.failed = 0

    def run(self) -> None:
        """Until it is told to stop. A request that fails counts with the time that it took."""
        number = 0
        while not self._stopping.wait(self._pause):
            number += 1
            began = time.monotonic()
            try:
                good = self._deed(number).is_success
            except httpx.HTTPError:
                good = False
            self.took.append(time.monotonic() - began)
            self.failed += not good


def deeds(world: World) -> dict[str, tuple[float, Callable[[int], httpx.Response]]]:
    """The edits, and what users of the hub do."""
    hub, ids = world.hub, world.ground.ids
    user = {"name": "probe", "domain": {"id": "default"}, "password": PASSWORD}
    scope = {"project": {"id": ids["web"]}}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    subject = {"X-Subject-Token": world.token("probe", PASSWORD, scope)}
    # a new connection each time, as from many clients: whichever worker is free takes it
    close = {"Connection": "close"}
    anybody = httpx.Client(base_url=world.keystones[HUB].url, headers=close, timeout=60, trust_env=False)
    subject |= close
    return {
        "edit": (
            EDITING,
            lambda n: hub.patch(f"/users/{ids['probe']}", json={"user": {"description": f"edit {n}"}}),
        ),
        "log-in": (ASKING, lambda n: anybody.post("/auth/tokens", json=login)),
        "validate": (ASKING, lambda n: hub.get("/auth/tokens", headers=subject)),
    }


def children(pid: int) -> list[int]:
    """A process and all below it that are there now."""
    found = [pid]
    for one in found:
        try:
            for tasks in Path(f"/proc/{one}/task").glob("*/children"):
                found += [int(child) for child in tasks.read_text().split()]
        except OSError:  # it, or one of its threads, has just ended
            continue
    return found


def processor_of(pids: Iterable[int]) -> float:
    """Seconds that these have used themselves (utime and stime of proc(5))."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def resident(pid: int) -> float:
    """MiB; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Sampler(threading.Thread):
    """Memory and the processor's time, once a second. ``roots``: the processes whose trees count."""

    def __init__(
        self,
        world: World,
        roots: Callable[[], Iterable[int]],
        stopping: threading.Event,
        each: Callable[[float], None],
    ) -> None:
        super().__init__(name="sampler", daemon=True)
        self._world, self._roots, self._stopping, self._each = world, roots, stopping, each
        self._workers = {f"hub worker {n}": pid for n, pid in enumerate(world.workers(HUB), 1)}
        self._kept = {"agent": world.company.agent_pid, **self._workers}
        self._before: dict[int, float] = {}
        self._used = 0.0
        self.memory: dict[str, float] = {}
        self.first: dict[str, float] = {}
        self.processor: list[float] = []
        self.load: list[float] = []

    @property
    def replaced(self) -> bool:
        """Whether one of the hub's workers was lost."""
        return set(self._world.workers(HUB)) != set(self._workers.values())

    def run(self) -> None:
        """Until it is told to stop."""
        self._look()
        self.first = dict(self.memory)
        while not self._stopping.wait(1.0):
            self._look()
            self._each(self._used)

    def _look(self) -> None:
        for name, pid in self._kept.items():  # the agent has a process that reads large bodies for it
            found = sum(resident(one) for one in {pid, *children(pid)})
            self.memory[name] = max(self.memory.get(name, 0.0), found)
        now = {pid: processor_of([pid]) for root in self._roots() for pid in children(root)}
        if self._before:
            # a process that is new has come into being since; what one had used that has ended counts no more
            self._used += sum(max(0.0, used - self._before.get(pid, 0.0)) for pid, used in now.items())
            self.processor.append(self._used)
        self._before = now
        self.load.append(os.getloadavg()[0])
