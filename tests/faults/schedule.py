"""One schedule: clients at work while processes are killed, roads cut, clocks set, disks filled, backups put
back; then calm, and a verdict.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD
from keystone_viaduct.demo.wan import Cut
from tests.faults.verdict import Judge, Listed, Verdict, held_by
from tests.faults.workload import Client, Ledger
from tests.faults.world import World

#: Seconds that clients work between two faults, and that a fleet may take to come to rest.
PACE = (0.3, 1.5)
REST = 120.0


@dataclass
class Campaign:
    """Many schedules on one fleet, which goes on where the last one ended."""

    world: World
    seed: int
    ledger: Ledger = field(default_factory=Ledger)
    counts: Counter[str] = field(default_factory=Counter)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    told: list[str] = field(default_factory=list)
    _clients: dict[str, Client] = field(default_factory=dict)

    def run(self, number: int) -> Verdict:
        """One schedule of its own seed, to its verdict."""
        chance = random.Random(f"{self.seed}-{number}")
        self.told = [f"schedule {number} of seed {self.seed}"]
        self._clients = {
            name: Client(name, site.url, self.ledger, random.Random(chance.random()), self.numbers)
            for name, site in self.world.keystones.sites.items()
        }
        for client in self._clients.values():
            client.start()
        try:
            for _ in range(chance.randrange(3, 6)):
                self._work(chance)
                self._fault(chance)
            self._work(chance)
        except NotAtRest as broken:
            return Verdict(diverged=broken.unrest)
        finally:
            for client in self._clients.values():
                client.end()
            for client in self._clients.values():
                client.join(60)
        return self._verdict()

    def _work(self, chance: random.Random) -> None:
        threading.Event().wait(chance.uniform(*PACE))  # the clients are at work meanwhile

    def _fault(self, chance: random.Random) -> None:
        faults: list[Callable[[random.Random], str]] = [
            self._kill_keystone,
            self._kill_agent,
            self._double_agent,
            self._cut,
            self._cut,
        ]
        if self.world.can_jump:
            faults.append(self._jump)
        if self.world.disks:
            faults.append(self._fill)
        if self.world.embedded:
            faults.append(self._restore)
        begun, at = time.monotonic(), time.strftime("%H:%M:%S")
        told = chance.choice(faults)(chance)
        self.told.append(f"{at} {told} ({time.monotonic() - begun:.1f} s)")

    def _kill_keystone(self, chance: random.Random) -> str:
        name = chance.choice(list(self.world.engines))
        self.world.kill(name)
        self.counts["kills"] += 1
        self._work(chance)
        self.world.start(name)
        return f"the Keystone of {name} was killed"

    def _kill_agent(self, chance: random.Random) -> str:
        body, keystones = self.world.body, self.world.keystones
        self.counts["kills"] += 1
        if body.is_doubled and chance.random() < 0.5:
            body.fail_over(keystones)
            return "one of two agents was killed"
        body.kill_agents()
        self._work(chance)
        body.start_agent(keystones)
        return "all agents were killed"

    def _double_agent(self, _: random.Random) -> str:
        if self.world.body.is_doubled:
            return "two agents run already"
        self.world.body.double_agent(self.world.keystones)
        self.counts["doubles"] += 1
        return "a second agent stands by"

    def _cut(self, chance: random.Random) -> str:
        name = chance.choice(list(self.world.roads))
        road = self.world.roads[name]
        if road.is_cut:
            road.heal()
            return f"the road to {name} was healed"
        how = chance.choice(list(Cut))
        road.cut(how)
        self.counts["cuts"] += 1
        return f"the road to {name} was cut ({how.value})"

    def _jump(self, chance: random.Random) -> str:
        name, seconds = chance.choice(list(self.world.engines)), chance.choice((-900, -60, 60, 900))
        self.world.jump(name, seconds)
        self.counts["jumps"] += 1
        return f"the clock of {name} goes wrong by {seconds} s"

    def _fill(self, chance: random.Random) -> str:
        name = chance.choice(list(self.world.disks))
        self.world.disks[name].fill()
        self.counts["full"] += 1
        self._work(chance)
        self.world.disks[name].free()
        return f"the disk of {name} was full"

    def _restore(self, chance: random.Random) -> str:
        """A backup, some work, then the backup is put back.

        Before that everything of the site has to have reached its neighbours: what was nowhere else is gone
        with a disk, and no protocol brings it back. So all clients rest until it has, and the roads that it
        needs are mended, but nothing else; while the site is down, the others' clients work again.
        """
        name = chance.choice(self.world.embedded)
        backup = self.world.backup(name)
        self._work(chance)
        for client in self._clients.values():
            client.pause()
        self.world.open_roads(name)
        if not self._until(lambda: self.world.body.drained(name)):
            raise NotAtRest(f"{name} could not be drained", self.world.body.unrest())
        self._note_conflicts()
        self.world.kill(name)
        self.counts["restores"] += 1
        for site, client in self._clients.items():
            if site != name:
                client.go_on()
        self.world.put_back(name, backup)
        self.world.start(name)
        self._clients[name].go_on()
        return f"{name} was put back to its backup"

    def _until(self, done: Callable[[], bool]) -> bool:
        end, pause = time.monotonic() + REST, threading.Event()
        while not done():
            if time.monotonic() > end:
                return False
            pause.wait(0.1)
        return True

    def _verdict(self) -> Verdict:
        self.world.calm()
        if not self.world.body.settle(REST):
            return Verdict(diverged=["the fleet does not come to rest", *self.world.body.unrest()])
        self._note_conflicts()
        hub = self.world.keystones[self.world.hub]
        held = held_by(hub.url, _token(hub.url))
        verdict = Judge(self.ledger, held, Listed(self.listed.values())).judge()
        verdict.diverged += [str(difference) for difference in self.world.compare().differences]
        for name, site in self.world.keystones.sites.items():
            served = held_by(site.url, _token(site.url))
            if served.records.keys() != held.records.keys() or served.grants != held.grants:
                verdict.diverged.append(f"{name} serves something else than it holds (a cache?)")
        return verdict

    def _note_conflicts(self) -> None:
        """What is listed now was there to be read, whatever is restored later."""
        for conflict in self.world.body.conflicts():
            name = str(conflict["id"])
            if name not in self.listed:
                self.listed[name] = self.world.body.conflict(name)


class NotAtRest(Exception):
    """What was under way did not arrive in time, though nothing hinders it; ``unrest`` says what."""

    def __init__(self, what: str, unrest: Iterable[str]) -> None:
        self.unrest = [what, *unrest]
        super().__init__(what)


def _token(url: str) -> str:
    user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"system": {"all": True}}}}
    answer = httpx.post(f"{url}/auth/tokens", json=body, timeout=60, trust_env=False)
    return str(answer.raise_for_status().headers["X-Subject-Token"])
