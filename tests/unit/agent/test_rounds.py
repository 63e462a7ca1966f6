"""Jobs at many sites: who never ends his own holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from keystone_viaduct.sync.agent import keys
from keystone_viaduct.sync.agent.keys import KeyKeeper
from keystone_viaduct.sync.agent.rounds import Rounds
from keystone_viaduct.sync.link.keys import KeyCarrier
from keystone_viaduct.sync.model import Purged
from keystone_viaduct.sync.ports import KeyPort
from tests.unit.agent.fleet import PATIENCE
from tests.unit.agent.test_upkeep import loaded
from tests.unit.keyset.test_carrier import OURS, Place


class Held:
    """A job that ends when it is let; the others of its round are waited for meanwhile."""

    def __init__(self) -> None:
        self.begun = 0
        self.release = threading.Event()

    def __call__(self) -> str:
        self.begun += 1
        assert self.release.wait(PATIENCE)
        return "late"


def test_who_is_late_is_left_behind_and_not_begun_again_until_he_has_ended() -> None:
    rounds, held = Rounds("test", 2), Held()
    jobs: dict[str, Callable[[], str]] = {"west": held, "south": lambda: "soon"}
    while not (found := rounds.play(jobs, 0.05)):
        pass
    assert found == {"south": "soon"} and rounds.late == ["west"]
    assert rounds.play({"west": held}, None) == {} and held.begun == 1
    held.release.set()
    assert rounds.stop(PATIENCE) and rounds.late == []


def test_late_ones_take_no_place_of_the_next_rounds() -> None:
    rounds, held = Rounds("test", 2), [Held(), Held(), Held()]
    for number, job in enumerate(held):
        while not job.begun:
            rounds.play({f"late{number}": job}, 0.01)
    assert rounds.play({"south": lambda: "soon"}) == {"south": "soon"}
    for job in held:
        job.release.set()
    assert rounds.stop(PATIENCE)
    assert rounds.play({"south": lambda: "soon"}) == {}


def test_a_spoke_that_never_ends_its_upkeep_keeps_neither_hub_nor_spokes_waiting() -> None:
    agent, hub, sites = loaded("west", "south", upkeep=0.1)
    sites["west"].blocked = threading.Event()
    while not sites["west"].calls.count("sweep") or not agent.upkeep.sites["south"].finished_at:
        agent.upkeep.round()
    swept = hub.calls.count("sweep")
    agent.upkeep.round()
    assert hub.calls.count("sweep") > swept
    assert sites["west"].calls.count("sweep") == 1
    assert "not waited for" in agent.upkeep.sites["west"].error
    sites["west"].blocked.set()
    assert agent.upkeep.stop(PATIENCE)


def test_a_spoke_that_has_always_more_to_purge_is_left_alone_after_a_while() -> None:
    agent, _, sites = loaded("west", upkeep=0.1)
    sites["west"].purge = lambda times: Purged(next=1)  # type: ignore[method-assign]
    agent.upkeep.round()
    assert agent.upkeep._purge(sites["west"], agent.upkeep.sites["west"], None) == 0


def test_a_spoke_that_never_answers_about_keys_keeps_no_other_from_getting_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "PATIENCE", 0.05)
    carrier = KeyCarrier(Place("hub", OURS), {})
    keeper, held = KeyKeeper(carrier, 1.0, threading.Event()), Held()
    served: list[str] = []

    def serve(site: KeyPort) -> float:
        if site.name == "west":
            held()
        served.append(site.name)
        return 0.1

    while not served:
        assert list(carrier.spread(serve, [Place(name, OURS) for name in ("west", "south")])) in ([], [0.1])
    assert served == ["south"] and "west" in carrier.failures
    held.release.set()
    keeper.stop(PATIENCE)


@pytest.mark.parametrize(("sites", "told", "rest"), [(300, 0.0, 10.0), (900, 0.0, 30.0), (900, 0.1, 0.1)])
def test_where_many_sites_have_all_keys_they_are_asked_less_often(
    sites: int, told: float, rest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = KeyCarrier(Place("hub", OURS), {name: Place(name, OURS) for name in map(str, range(sites))})
    monkeypatch.setattr(carrier, "round", lambda: told)
    assert KeyKeeper(carrier, 10.0, threading.Event()).round() == rest
