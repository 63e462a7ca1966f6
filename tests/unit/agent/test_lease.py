"""The lease: an agent that can't renew stops before another may begin."""

from __future__ import annotations

import threading

import pytest

from keystone_viaduct.errors import LeaseHeld, SiteUnavailable
from keystone_viaduct.sync.agent.lease import LeaseKeeper
from tests.unit.agent.fleet import KEY, FakeSite


class Watch:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def hub() -> FakeSite:
    return FakeSite("hub")


def holds(found: LeaseKeeper) -> bool:
    """Whether it holds the lease now."""
    return found.holding


def keeper(hub: FakeSite, watch: Watch, holder: str = "one") -> LeaseKeeper:
    """A keeper of a lease of 30 seconds."""
    return LeaseKeeper(hub, holder, 30.0, threading.Event(), watch)


def test_it_works_while_it_can_renew(hub: FakeSite, watch: Watch) -> None:
    mine = keeper(hub, watch)
    mine.once()
    assert holds(mine) and mine.poke_key == KEY


def test_it_stands_by_before_the_lease_runs_out_at_the_hub(hub: FakeSite, watch: Watch) -> None:
    mine = keeper(hub, watch)
    mine.once()
    hub.down = True
    watch.now += 10
    mine.once()
    assert holds(mine)
    watch.now += 10
    mine.once()
    assert not holds(mine)
    assert "does not answer" in mine.error


def test_it_stands_by_at_once_when_another_has_it(hub: FakeSite, watch: Watch) -> None:
    mine, other = keeper(hub, watch), keeper(hub, watch, "two")
    mine.once()
    hub.held_by = ""
    other.once()
    with pytest.raises(LeaseHeld):
        mine.renew()
    assert holds(other) and not holds(mine)


def test_an_unreachable_hub_does_not_keep_it_from_ending(hub: FakeSite, watch: Watch) -> None:
    mine = keeper(hub, watch)
    mine.once()
    hub.down = True
    mine.stop()
    assert not holds(mine)
    with pytest.raises(SiteUnavailable):
        mine.renew()


def test_whatever_a_library_raises_the_lease_is_tried_again_and_meanwhile_not_worked_on(
    hub: FakeSite, watch: Watch
) -> None:
    mine = keeper(hub, watch)
    mine.once()
    hub.fault = OSError("no CA bundle")
    watch.now += 25
    mine.once()
    assert not holds(mine) and "no CA bundle" in mine.error
    hub.fault = None
    mine.once()
    assert holds(mine) and not mine.error


def test_the_thread_outlives_whatever_a_library_raises(hub: FakeSite) -> None:
    gate = threading.Event()
    mine = LeaseKeeper(hub, "one", 0.03, gate)
    doubted = threading.Event()
    mine.doubt = doubted.set
    hub.fault = OSError("no CA bundle")
    mine.start()
    assert doubted.wait(10)
    hub.fault = None
    assert gate.wait(10)
    mine.stop()
    assert not gate.is_set()
