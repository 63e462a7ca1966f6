"""A hub and a spoke of different engines, records at random at both, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from keystone_viaduct.demo.comparer import Difference
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.kinds.value import join_key
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined, spec
from tests.records.maker import Maker
from tests.records.requests import Ground, Made, Office
from tests.records.rows import Shell

#: Of all records so many are written by SQL; of the others so many are changed at the other site.
BY_SQL, CHANGED = 0.3, 0.2
#: Steps of one direction within which it has to come to rest.
STEPS = 500

Address = tuple[str, str]


@dataclass
class Verdict:
    """What a run has found. ``named``: who waits, and why; the lists are empty where all is well."""

    records: int
    named: dict[Address, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether no link stopped, and every record arrived or is named."""
        return not (self.stopped or self.unnamed or self.lost)

    def line(self) -> str:
        """All of it in numbers."""
        counts = {"stopped": self.stopped, "unnamed": self.unnamed, "lost": self.lost}
        rest = " ".join(f"{name}={len(found)}" for name, found in counts.items())
        return f"records={self.records} quarantined={len(self.named)} {rest}"


@contextmanager
def fleet(folder: Path, urls: Sequence[str]) -> Iterator[Pair]:
    """Two real Keystones on these databases, joined: the first is the hub."""
    hub, spoke = (spec(name, folder, url=url) for name, url in zip((HUB, SPOKE), urls, strict=True))
    with joined(folder, hub, spoke) as pair:
        yield pair


def play(pair: Pair, seed: int, records: int) -> Verdict:
    """Make records at both sites, carry them, change some at the other site, carry that, and judge."""
    ground = prepare(pair.hub, seed)
    verdict = Verdict(0)
    rest(pair, verdict)
    with ExitStack() as stack:
        sites = [_Site(place, stack) for place in (pair.hub, pair.spoke)]
        made = _both(sites, lambda site: site.make(Maker(f"{seed}/{site.name}"), ground, records // 2))
        rest(pair, verdict)
        halves = list(zip(sites, reversed(made), strict=True))
        _both(halves, lambda half: half[0].change(Maker(f"{seed}/{half[0].name}/changes"), half[1]))
    rest(pair, verdict)
    everything = [one for part in made for one in part]
    verdict.records = len(everything)
    judge(pair, everything, verdict)
    return verdict


def _both(items: Sequence[Any], task: Callable[[Any], Any]) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(task, items))


class _Site:
    """One site, by its API and by SQL."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self.name = place.name
        keystone = place.keystone
        scoped = place.login(
            username="admin",
            user_domain_id="default",
            password=place.admin_password,
            project_name="admin",
            project_domain_id="default",
        )
        self._office = Office(
            place.name, keystone.url, {"system": place.admin.token, "project": scoped.token}
        )
        self._shell = Shell(place.name, keystone.database_url)
        stack.callback(self._office.close)
        stack.callback(self._shell.close)

    def make(self, maker: Maker, ground: Ground, count: int) -> list[Made]:
        """So many records that were taken."""
        found: list[Made] = []
        for _ in range(count * 20):
            maker_of = self._shell if maker.chance(BY_SQL) else self._office
            one = maker_of.make(maker, ground)
            if one is not None:
                found.append(one)
            if len(found) == count:
                return found
        raise AssertionError(f"{self.name} takes next to nothing")

    def change(self, maker: Maker, made: Sequence[Made]) -> int:
        """Change some of what the other site has made; how many."""
        return sum(self._office.change(maker, one) for one in made if maker.chance(CHANGED))


def prepare(place: Place, seed: int) -> Ground:
    """What all records refer to."""
    api, name = place.admin, f"ground-{seed}"
    project = api.post("/projects", project={"name": name, "domain_id": "default"})["id"]
    users = [
        api.post("/users", user={"name": f"{name}-{number}", "domain_id": "default"})["id"]
        for number in (1, 2)
    ]
    service = api.post("/services", service={"type": name})["id"]
    role = api.get("/roles?name=admin")["roles"][0]["id"]
    admin_project = api.get("/projects?name=admin")["projects"][0]["id"]
    return Ground(users[0], users[1], project, service, role, api.user_id, admin_project)


def rest(pair: Pair, verdict: Verdict) -> None:
    """Carry all in both directions until nothing moves; a link that raises has stopped."""
    for _ in range(6):
        moved = [_carry(pair, way, verdict) for way in (pair.link.up, pair.link.down)]
        if not any(moved):
            return


def _carry(pair: Pair, way: Replicator, verdict: Verdict) -> int:
    before = way.totals.changes
    try:
        for _ in range(STEPS):
            if pair.link.step(way) is not Progress.MORE:
                return way.totals.changes - before
    except ViaductError as error:
        said = [last_words(place) for place in (pair.hub, pair.spoke) if place.name in str(error)]
        verdict.stopped.append(f"{way.source.name} to {way.target.name}: {error} {' '.join(said)}")
        return 0
    verdict.stopped.append(f"{way.source.name} to {way.target.name} does not come to rest")
    return 0


def last_words(place: Place) -> str:
    """The last line of a traceback in a site's log."""
    lines = place.keystone.layout.log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if "Error" in line or "Exception" in line), "")[:1000]


def judge(pair: Pair, made: Sequence[Made], verdict: Verdict) -> None:
    """Compare the tables of both sites; what differs has to be named by one of them."""
    for place in (pair.hub, pair.spoke):
        verdict.named.update(waiting(pair, place))
    compared = pair.compare()
    apart = {_address(difference): difference for difference in compared.differences}
    verdict.unnamed = [
        str(found)[:400] for address, found in sorted(apart.items()) if address not in verdict.named
    ]
    there = {
        (place.name, *address) for place in (pair.hub, pair.spoke) for address in _addresses(place, made)
    }
    for one in made:
        address = one.kind, join_key((one.id,))
        if address not in verdict.named and not any((site, *address) in there for site in (HUB, SPOKE)):
            verdict.lost.append(f"{one.kind} {one.id!r}, made at {one.site}")


def _address(difference: Difference) -> Address:
    return difference.kind, join_key((difference.key,))


def waiting(pair: Pair, place: Place) -> dict[Address, str]:
    """The records that a site's own list names as waiting, each with its reason; since when is told, too."""
    _, found = pair.ends[place.name].waiting()
    return {(one.ref.kind, one.ref.key): one.reason for one in found if one.reason and one.since}


def _addresses(place: Place, made: Sequence[Made]) -> Iterator[Address]:
    """The records of these kinds that are in the site's tables."""
    engine = sa.create_engine(place.keystone.database_url)
    try:
        with engine.connect() as connection:
            for kind in sorted({one.kind for one in made}):
                table = sa.table("project" if kind == "domain" else kind, sa.column("id"))
                for (key,) in connection.execute(sa.select(table.c.id)):
                    yield kind, join_key((key,))
    finally:
        engine.dispose()
