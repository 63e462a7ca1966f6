"""What is asked of the sites in the background, and how seldom."""

from __future__ import annotations

from typing import Any

from keystone_viaduct.dashboard.watch import ALONE, LOOKING, WAITING, WATCHED, Watch
from keystone_viaduct.errors import NotThere, Refused, SiteUnavailable
from keystone_viaduct.sync.charter import Charter
from keystone_viaduct.sync.keyset.model import FleetKeys, HeldKeys, State
from keystone_viaduct.sync.keyset.public import SiteKeys
from keystone_viaduct.sync.model import Checkpoint, Fence, Ref, Standing, Version, Waiting
from keystone_viaduct.sync.wire.metrics import Metrics
from keystone_viaduct.sync.wire.metrics import Standing as Upgrading
from keystone_viaduct.sync.wire.resources import Capabilities


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """A site that counts what it is asked."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.away = False
        self.shy = False
        self.asked: list[str] = []

    def capabilities(self) -> Capabilities:
        self.asked.append("capabilities")
        if self.away:
            raise SiteUnavailable(f"{self.name} does not answer")
        head = Checkpoint("i", 7, "n")
        return Capabilities(
            self.name, "i", "east", 1, head, b"k" * 32, True, release="30.0.0", product="0.1.0"
        )

    def waiting(self) -> tuple[dict[str, int], list[Waiting]]:
        self.asked.append("waiting")
        return {"pending": 99}, [Waiting(Ref("user", f"u{n}"), "", "pending", "reference") for n in range(99)]

    def metrics(self) -> Metrics:
        if self.shy:
            raise NotThere("no such path")
        return Metrics(4, 3, 1, 10, 5, (Upgrading("wide", "expanded", "migrate"),))

    def standing(self, source: str, fence: Fence | None = None) -> Standing:
        self.asked.append(f"standing {source}")
        return Standing("east#i", Checkpoint("i", 5, "n"), None, Version(), 1, "east")

    def conflicts(self, limit: int = 100, *, open_only: bool = False) -> list[dict[str, Any]]:
        if self.shy:
            raise Refused("not for you")
        old = {"id": "a", "kind": "user", "key": "u1", "open": True, "at": 5_000_000, "fields": ["email"]}
        new = {**old, "id": "b", "open": False, "at": 7_000_000, "name": "berta"}
        return [old] if open_only else [new]

    def charter(self) -> Charter:
        return Charter()

    @property
    def keys(self) -> Asked:
        return self

    def held_keys(self) -> SiteKeys:
        fleet = FleetKeys(3, "d", frozenset(), ("east", "west"), {"east": 1}, False, 9_000_000, {})
        return SiteKeys({"tokens": HeldKeys(State("a", "b", frozenset()), fleet)})


def watch(*, carries: bool = True) -> tuple[Watch, dict[str, Asked], Clock]:
    clock = Clock()
    sites = {name: Asked(name, clock) for name in ("east", "west")}
    return Watch(sites, lambda: "east", lambda: carries, clock), sites, clock


def test_a_site_is_asked_what_it_is_and_what_waits_there_not_each_time() -> None:
    seen, sites, clock = watch()
    seen.ask("west")
    clock.now += WAITING - 1
    seen.ask("west")
    assert sites["west"].asked == ["capabilities", "waiting", "capabilities"]
    look = seen.looks()["west"]
    assert (look.at, look.told.release if look.told else "", look.waiting) == (
        clock.now,
        "30.0.0",
        {"pending": 99},
    )
    assert len(look.records) == 50, "the first of them only"


def test_metrics_are_told_where_the_site_has_them() -> None:
    seen, sites, clock = watch()
    seen.ask("west")
    found = seen.looks()["west"].metrics
    assert found is not None
    assert (found.retried, found.given_up, found.saved, found.asked) == (4, 1, 10, 15)
    assert found.upgrades == ("wide: expanded; next: migrate",)
    sites["west"].shy = True
    clock.now += WAITING
    seen.ask("west")
    assert seen.looks()["west"].metrics is None


def test_what_was_heard_stays_when_a_site_is_gone() -> None:
    seen, sites, clock = watch()
    seen.ask("west")
    sites["west"].away = True
    clock.now += 100
    seen.ask("west")
    look = seen.looks()["west"]
    assert (look.at, look.error, look.failures) == (1000.0, "west does not answer", 1)
    assert look.told is not None


def test_the_hub_tells_conflicts_and_keys_and_what_it_refuses_is_said_with_the_last_answer() -> None:
    seen, sites, clock = watch()
    seen.ask("east")
    facts = seen.facts()
    assert [(row.kind, row.at, row.open, row.name) for row in facts.conflicts] == [
        ("user", 7.0, False, "berta"),
        ("user", 5.0, True, ""),
    ], "an open one is there however many came after it"
    assert [(one.repository, one.generation, one.missing, one.promoted_at) for one in facts.keys] == [
        ("tokens", 3, ("west",), 9.0)
    ]
    sites["east"].shy = True
    clock.now += 50
    seen.ask("east")
    facts = seen.facts()
    assert (facts.conflicts_told.at, facts.conflicts_told.error) == (1000.0, "not for you")
    assert len(facts.conflicts) == 2


def test_an_agent_that_stands_by_asks_how_far_the_links_are() -> None:
    seen, sites, _ = watch(carries=False)
    seen.ask("west")
    assert (seen.looks()["west"].up, seen.looks()["west"].down) == (5, 5)
    assert "standing west" in sites["east"].asked
    working, others, _ = watch()
    working.ask("west")
    assert not any(what.startswith("standing") for site in others.values() for what in site.asked)


def test_sites_are_asked_more_often_while_somebody_looks_and_seldom_while_they_do_not_answer() -> None:
    seen, sites, clock = watch()
    assert seen._after("west") == ALONE
    seen.looking()
    assert seen._after("west") == WATCHED
    clock.now += LOOKING
    assert seen._after("west") == ALONE
    sites["west"].away = True
    for _ in range(12):
        seen.ask("west")
    assert seen._after("west") == 300.0


def test_an_unexpected_error_of_one_site_ends_nothing() -> None:
    seen, sites, _ = watch()
    sites["west"].capabilities = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    seen.ask("west")
    assert seen.looks()["west"].error == "division by zero"


def test_it_runs_until_it_is_stopped() -> None:
    seen, sites, _ = watch()
    seen.start()
    while not (sites["east"].asked and sites["west"].asked):
        seen._woken.wait(0.01)
    assert seen.stop()
