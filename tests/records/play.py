"""A hub and a spoke of different engines, records at random at both, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.errors import SiteUnavailable, ViaductError
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.link.replicator import Progress, Replicator
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined, spec
from tests.records.acts import Deed, Order, carry_out, plan
from tests.records.judge import Verdict, judge, waiting
from tests.records.maker import Maker
from tests.records.office import UNIQUE, Office
from tests.records.pool import Address, Made, Pool
from tests.records.requests import Ground
from tests.records.rows import Shell

__all__ = ["Verdict", "fleet", "judge", "last_words", "play", "rest", "waiting"]

#: Of all records so many are written by SQL; of all so many more are made while others are changed.
BY_SQL, MORE = 0.5, 0.1
#: Names that both sites give to a record of their own, for each unique kind.
SHARED = 2
#: Steps of one direction within which it has to come to rest.
STEPS = 500
#: Times in a row that a site may leave a step unanswered before the link is one that has stopped.
TRIES = 3

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def fleet(folder: Path, urls: Sequence[str]) -> Iterator[Pair]:
    """Two real Keystones on these databases, joined: the first is the hub."""
    hub, spoke = (spec(name, folder, url=url) for name, url in zip((HUB, SPOKE), urls, strict=True))
    with joined(folder, hub, spoke) as pair:
        yield pair


def play(pair: Pair, seed: int, records: int) -> Verdict:
    """Make records at both sites, carry them; change, move and delete them at both, carry that, and judge."""
    ground = prepare(pair.hub, seed)
    verdict = Verdict(0)
    rest(pair, verdict)
    first = round(records * (1 - MORE))
    with ExitStack() as stack:
        sites = [_Site(place, stack, ground) for place in (pair.hub, pair.spoke)]
        names = [(kind, f"{kind} of both {number}") for kind in UNIQUE for number in range(SHARED)]
        _both(sites, lambda site: site.make_named(names))
        _both(sites, lambda site: site.make(Maker(f"{seed}/{site.name}"), -(-first // 2)))
        rest(pair, verdict)
        made = [one for site in sites for one in site.made]
        for site in sites:
            site.pool.add(one for one in made if one.site != site.name)
        plans = plan(Maker(f"{seed}/plan"), made)
        halves = [(site, orders, records - first) for site, orders in zip(sites, plans, strict=True)]
        deeds = _both(halves, lambda half: half[0].act(Maker(f"{seed}/{half[0].name}/acts"), *half[1:]))
        rest(pair, verdict)
        made = [one for site in sites for one in site.made]
        again = [one for site in sites for one in site.again]
    mend(pair, verdict)
    verdict.records = len(made)
    done = [deed for part in deeds for deed in part]
    verdict.deeds = dict(Counter(deed.order.sort for deed in done))
    judge(pair, [*made, *again], verdict, done)
    return verdict


def _both(items: Sequence[Item], task: Callable[[Item], Result]) -> list[Result]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(task, items))


class _Site:
    """One site, by its API and by SQL."""

    def __init__(self, place: Place, stack: ExitStack, ground: Ground) -> None:
        self.name = place.name
        self.made: list[Made] = []
        #: Made once more under an address that this site had used, perhaps after it was deleted.
        self.again: list[Made] = []
        self._addresses: set[Address] = set()
        self.pool = Pool()
        self._ground = ground
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

    def make_named(self, names: Sequence[tuple[str, str]]) -> None:
        """Records whose names the other site gives, too. They are not asked for at the end: two become one,
        or one gets another name.
        """
        for kind, name in names:
            assert self._office.named(kind, name) is not None, (kind, name)

    def make(self, maker: Maker, count: int) -> None:
        """So many records that were taken."""
        wanted = len(self.made) + count
        for _ in range(count * 20):
            one = self._make(maker)
            if one is None:
                continue
            if one.address in self._addresses:
                self.again.append(one)
                continue
            self._addresses.add(one.address)
            self.made.append(one)
            self.pool.add([one])
            if len(self.made) == wanted:
                return
        raise AssertionError(f"{self.name} takes next to nothing")

    def act(self, maker: Maker, orders: Sequence[Order], more: int) -> list[Deed]:
        """Do what was planned, and make ``more`` records of both sites meanwhile; what was taken."""
        middle = len(orders) // 2
        deeds = carry_out(self.name, self._office, self._shell, orders[:middle], maker, self.pool)
        self.make(maker, more // 2)
        return deeds + carry_out(self.name, self._office, self._shell, orders[middle:], maker, self.pool)

    def _make(self, maker: Maker) -> Made | None:
        if maker.chance(BY_SQL):
            return self._shell.make(maker, self._ground, self.pool)
        return self._office.make(maker, self._ground, self.pool)


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
    for _ in range(8):
        moved = [_carry(pair, way, verdict) for way in (pair.link.up, pair.link.down)]
        if not any(moved):
            return
    verdict.stopped.append("the two sites never come to rest")


def mend(pair: Pair, verdict: Verdict) -> None:
    """What looks for what was missed, and for what needs something that is gone: sweep, comparison."""
    try:
        while pair.ends[HUB].sweep(500).kind:
            pass
        rest(pair, verdict)
        found = Comparison(pair.ends[HUB], pair.ends[SPOKE])
        found.find()
    except ViaductError as error:
        verdict.stopped.append(f"sweep and comparison: {error} {last_words(pair.hub)}")
        return
    named = {address for place in (pair.hub, pair.spoke) for address in waiting(place)}
    verdict.stopped += [
        f"the comparison found what no page carried: {one}" for one in found.missed if one.ref not in named
    ]
    rest(pair, verdict)


def _carry(pair: Pair, way: Replicator, verdict: Verdict) -> int:
    before, silent = way.totals.changes, 0
    for _ in range(STEPS):
        try:
            if pair.link.step(way) is not Progress.MORE:
                return way.totals.changes - before
            silent = 0
        except ViaductError as error:
            silent += 1
            if isinstance(error, SiteUnavailable) and silent < TRIES:
                continue  # as an agent does: a busy machine takes its time, too
            said = [last_words(place) for place in (pair.hub, pair.spoke) if place.name in str(error)]
            verdict.stopped.append(f"{way.source.name} to {way.target.name}: {error} {' '.join(said)}")
            return 0
    verdict.stopped.append(f"{way.source.name} to {way.target.name} does not come to rest")
    return 0


def last_words(place: Place) -> str:
    """The last line of a traceback in a site's log."""
    lines = place.keystone.layout.log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if "Error" in line or "Exception" in line), "")[:1000]
