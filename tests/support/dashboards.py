"""A dashboard over a fleet that is only told of: for its pages, in a browser and without one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from keystone_viaduct.dashboard.access import Person, Sessions
from keystone_viaduct.dashboard.keystone import Credentials, Door, NeedsCode, People
from keystone_viaduct.dashboard.serve import Server
from keystone_viaduct.dashboard.state import Fleet, KeySet, Link, Listed, Metrics, Site, Told
from keystone_viaduct.dashboard.surveys import Surveys
from keystone_viaduct.dashboard.view.journeys import Seen
from keystone_viaduct.dashboard.view.survey import Answer
from keystone_viaduct.dashboard.web.services import Services
from keystone_viaduct.errors import LoginRefused, NotThere, Refused
from keystone_viaduct.health.view import AgentView, FleetView, LinkView, SiteView
from keystone_viaduct.sync.agent.dashboard import DashboardSettings
from keystone_viaduct.sync.agent.travel import Way
from keystone_viaduct.sync.model import Ref, Waiting

#: What somebody might call himself who means no good.
HOSTILE = "<script>window.broken=1</script>\"'><img src=x onerror=window.broken=1>{{7*7}}\u202egnp.exe\u0000"
REGIONS = ("ams", "bom", "fra", "gru", "iad", "jnb", "lhr", "nrt", "sin", "syd")


def small(now: float, hub: str = "east", spokes: tuple[str, ...] = ("west", "south")) -> Fleet:
    """A hub and two spokes, all well."""
    sites = {name: site(name, now, hub) for name in (hub, *spokes)}
    links = tuple(link for name in spokes for link in both(name, now, hub))
    return Fleet(
        now,
        hub,
        sites,
        links,
        viewed(now, hub, sites, links),
        configured=hub,
        term=1,
        holder="agent-1:42:abcd",
        working=True,
        conflicts_told=Told(now),
        keys=(KeySet("tokens", 3, (hub, *spokes), (), False, now - 86400, "0" * 16),),
        keys_told=Told(now),
    )


def viewed(
    now: float,
    hub: str,
    sites: Mapping[str, Site],
    links: tuple[Link, ...],
    records: Mapping[str, tuple[Waiting, ...]] | None = None,
) -> FleetView:
    """The same for the registry of checks; ``records`` wait at a site."""
    return FleetView(
        now,
        hub,
        hub,
        1,
        {
            name: SiteView(
                name,
                name == hub,
                reached=not one.error,
                error=one.error,
                hub=hub,
                term=1,
                joined=True,
                release=one.release,
                product=one.product,
                versions=("1.0",),
                waiting=one.waiting,
                records=(records or {}).get(name, ()),
                conflicts=0 if name == hub else None,
                looked_at=now - 60,
            )
            for name, one in sites.items()
        },
        tuple(
            LinkView(
                one.source, one.target, one.behind, 0.0, one.error, one.code, one.failures, one.pending,
                succeeded_at=one.succeeded_at,
            )
            for one in links
        ),
        (),
        AgentView("agent-1:42:abcd", True, upkeep=3600.0),
    )  # fmt: skip


def site(name: str, now: float, hub: str, **told: Any) -> Site:
    """One that was heard a second ago."""
    metrics = Metrics(4, 4, 0, 1200, 4000)
    plain = Site(name, now - 1, "", "30.0.0", "0.1.0", hub, 1, 4711, waiting_at=now - 20, metrics=metrics)
    return replace(plain, **told)


def both(name: str, now: float, hub: str, **told: Any) -> tuple[Link, Link]:
    """Both directions of a link that works."""
    known: dict[str, Any] = {
        "succeeded_at": now - 1,
        "position": 4711,
        "head": 4711,
        "changes": 200,
        "half": 0.083,
        "most": 0.21,
        "measured": 120,
        **told,
    }
    return Link(name, hub, **known), Link(hub, name, **{**known, "half": 0.091 if known["half"] else None})


def large(now: float, number: int = 1000, seed: int = 1) -> Fleet:
    """So many sites, of which some are in any trouble that there is."""
    draw = random.Random(seed)
    base = small(now, "ams-001", ())
    sites, links = dict(base.sites), list(base.links)
    for count in range(1, number):
        name = f"{REGIONS[count % len(REGIONS)]}-{count:03d}"
        release = draw.choice(("27.0.0", "29.0.0", "30.0.0", "30.0.0"))
        holds = draw.choice(("", "", "", "2 domains"))
        known: dict[str, Any] = {"release": release, "holds": holds}
        lanes: dict[str, Any] = {"half": draw.uniform(0.02, 0.3), "most": draw.uniform(0.3, 2.0)}
        lot = draw.random()
        if lot < 0.015:
            lanes |= {
                "error": f"{name} does not answer: timed out",
                "code": "site.unavailable",
                "succeeded_at": now - draw.uniform(20, 9000),
                "behind": draw.randrange(500),
            }
            known |= {"seen_at": lanes["succeeded_at"], "error": f"{name} does not answer"}
        elif lot < 0.03:
            known |= {"waiting": {"quarantined": draw.randrange(1, 5)}}
        elif lot < 0.05:
            lanes |= {"loading": True, "position": draw.randrange(4711)}
        elif lot < 0.09:
            lanes |= {"behind": draw.randrange(1, 40)}
        sites[name] = site(name, now, "ams-001", **known)
        links += both(name, now, "ams-001", **lanes)
    return replace(base, sites=sites, links=tuple(links), view=viewed(now, base.hub, sites, tuple(links)))


def conflict(now: float, number: int = 1, **told: Any) -> Listed:
    """An open one about a user."""
    plain = Listed(
        f"{number:032x}",
        "user",
        "5f3c" * 8,
        "field",
        "policy hub",
        "email: the hub is definitive; west changed the same concurrently",
        ("email", "extra.phone"),
        "west",
        now - 300,
        True,
        "",
        "anna",
    )
    return replace(plain, **told)


def arrivals(now: float, number: int = 60, name: str = "anna") -> list[Seen]:
    """Edits made at west that came to east, and from there to south, the latest first."""
    draw, found = random.Random(7), []
    for count in range(number):
        made, first = now - 4 * count - 2, draw.lognormvariate(-2.6, 0.5)
        second = first + draw.lognormvariate(-2.5, 0.5)
        key = f"{count % 9:04x}" * 8
        told = ("user", key, f"{name}{count % 9}", "west", 900 - count)
        found.append(Seen(made + second, "east", "south", *told, second, False))
        found.append(Seen(made + first, "west", "east", *told, first, count == 3))
    return found


@dataclass
class Pretended:
    """Stands for agent and watch. ``fleet`` may be replaced at any time."""

    known: Fleet
    passed: list[Seen] = field(default_factory=list)
    number: int = 0
    refreshed: list[str] = field(default_factory=list)

    def fleet(self) -> Fleet:
        """Now."""
        return self.known

    def stamp(self) -> tuple[object, ...]:
        """Its number."""
        return (self.number,)

    def seen(self) -> list[Seen]:
        """All of them."""
        return self.passed

    def points(self, way: Way) -> list[tuple[float, float]]:
        """Of the arrivals."""
        return [(one.at, one.lag) for one in reversed(self.passed) if (one.source, one.target) == way]

    def looking(self) -> None:
        """Nobody is asked."""

    def refresh(self, *names: str) -> None:
        """Noted."""
        self.refreshed += names

    def show(self, fleet: Fleet) -> None:
        """Let open pages see that."""
        self.known = fleet
        self.number += 1


class PretendedDoor(Door):
    """``admin`` and ``reader`` get in with the password ``secret``, ``careful`` with a code besides."""

    def __init__(self) -> None:
        self.asked: list[Credentials] = []

    def enter(self, given: Credentials) -> Person:
        """As Keystone would."""
        self.asked.append(given)
        until = time.time() + 3600
        if given.application:
            return Person("a1", "wall", "Default", "token-wall", until, False, ("member",))
        if given.receipt != "receipt" and given.password != "secret":
            raise LoginRefused("the Keystone of east does not let you in", hint="look at the password")
        if given.user == "careful" and given.code != "123456":
            raise NeedsCode("receipt", ("totp",))
        roles = ("admin",) if given.user in ("admin", "careful") else ("reader",)
        return Person(f"id-{given.user}", given.user, "Default", f"token-{given.user}", until, True, roles)

    def leave(self, person: Person) -> None:
        """Nobody is told."""


class PretendedSite:
    """The hub, as a person sees it."""

    def __init__(self, people: PretendedPeople, person: Person) -> None:
        self._people = people
        self._person = person

    def conflict(self, identifier: str) -> dict[str, Any]:
        """With what was lost."""
        if identifier not in self._people.details:
            raise NotThere(f"no conflict {identifier}")
        return self._people.details[identifier]

    def record(self, ref: Ref) -> dict[str, Any]:
        """At the hub."""
        found = self._people.records.get(("east", ref))
        if found is None:
            raise NotThere(f"there is no {ref}")
        return found

    def resolve(self, identifier: str, action: str, name: str = "") -> dict[str, Any]:
        """Refused without the role, as the hub does."""
        if not self._person.may_act:
            raise Refused("You are not authorized to perform the requested action: sync:resolve_conflict.")
        self._people.resolved.append((identifier, action, name))
        found = self._people.details[identifier]
        at = ("east", Ref(str(found["kind"]), str(found["key"])))
        if action == "restore" and at in self._people.records:
            before = self._people.records[at]
            lost = {field: found["lost"].get(field) for field in found["fields"]}
            document = {**before["document"], **lost}
            told = {name: value for name, value in document.items() if value is not None}
            self._people.records[at] = {**before, "document": told, "digest": "d2"}
        self._people.details[identifier] |= {
            "open": False,
            "resolution": "kept" if action == "keep" else "restored",
        }
        return self._people.details[identifier]


class PretendedPeople(People):
    """``records`` by site and address; ``details`` of conflicts by id."""

    def __init__(self, names: tuple[str, ...] = ("east", "west", "south")) -> None:
        self.names = names
        self.records: dict[tuple[str, Ref], dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.resolved: list[tuple[str, str, str]] = []

    @property
    def sites(self) -> tuple[str, ...]:
        """All."""
        return self.names

    @contextmanager
    def hub(self, person: Person) -> Iterator[Any]:
        """As that person."""
        yield PretendedSite(self, person)

    def named(self, person: Person, kind: str, name: str) -> list[tuple[str, str]]:
        """Those at the hub."""
        return [
            (ref.key, "default")
            for (site_, ref), record in self.records.items()
            if site_ == "east" and ref.kind == kind and record["document"].get("name") == name
        ]

    def ask_all(self, person: Person, ref: Ref, told: Callable[[Answer], None]) -> None:
        """Each answers at once."""
        for name in self.names:
            told(Answer(name, self.records.get((name, ref))))


def record(document: Mapping[str, Any], digest: str = "d1", **told: Any) -> dict[str, Any]:
    """As the API gives one."""
    stamps = dict.fromkeys(document, 1790000000000000) | {"@deleted": 1_790_000_000_000_000}
    return {
        "document": dict(document),
        "deleted": False,
        "digest": digest,
        "secret": [],
        "stamps": stamps,
        **told,
    }


def services(
    seeing: Pretended, people: PretendedPeople | None = None, settings: DashboardSettings | None = None
) -> Services:
    """What the application needs, over what is only told."""
    known = people or PretendedPeople()
    chosen = settings or DashboardSettings(listen=("127.0.0.1", 0))
    door = PretendedDoor()
    return Services(
        chosen, seeing, seeing, door, known, Surveys(known.ask_all, time.time), Sessions(time.time), time.time
    )


@contextmanager
def serving(made: Services) -> Iterator[str]:
    """Served; where it is, without a slash at the end."""
    server = Server(made)
    server.start()
    try:
        yield server.url.rstrip("/")
    finally:
        server.stop()
