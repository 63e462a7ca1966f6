"""The pages of a site that may not do everything take a fifth of the hub's time, not all of it."""

from __future__ import annotations

from typing import Any

import pytest

from keystone_viaduct.sync.agent.lane import SHARE, UNNOTICED, Lane
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import ApplyResult, Page
from tests.unit.agent.fleet import domain, fleet


class Fleet:
    """West brings an edit to a hub that takes ``seconds`` for each page."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float, *, limited: bool) -> None:
        self.agent, self.hub, spokes = fleet("west", longest_backoff=60.0)
        self.west = spokes["west"]
        self.up, self.down = self.agent.lanes
        self.shares: list[float] = []
        for lane in (self.up, self.down):
            while lane.step() is not Progress.IDLE:
                pass
        if limited:
            delegation = Delegation(domains=frozenset({"acme"}), roles=frozenset())
            self.hub.site.write_charter(
                Charter(delegations={"west": delegation}), self.hub.site.charter().edition
            )
            self.down.step()
        now = [0.0]
        monkeypatch.setattr("keystone_viaduct.sync.link.replicator.time.monotonic", lambda: now[0])
        honest = self.hub.apply

        def slow(page: Page) -> ApplyResult:
            now[0] += seconds
            return honest(page)

        self.hub.apply = slow  # type: ignore[method-assign]

    def waits(self, lane: Lane) -> list[Any]:
        """What no news cuts short, after one more step."""
        rest = lane.attempt()
        assert not rest.deaf
        self.shares += [rest.least] if rest.least else []
        return self.shares


def test_after_a_page_of_a_limited_site_the_hub_has_four_times_as_long_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Fleet(monkeypatch, 0.6, limited=True)
    made.west.edit(*domain("acme"))
    assert made.waits(made.up) == [pytest.approx(0.6 * (SHARE - 1))]
    made.up.replicator.confirm = False
    assert len(made.waits(made.up)) == 1, "there was no page"


@pytest.mark.parametrize(("seconds", "limited"), [(0.6, False), (UNNOTICED / 2, True)])
def test_nobody_else_waits_and_nobody_for_what_is_quick(
    monkeypatch: pytest.MonkeyPatch, seconds: float, limited: bool
) -> None:
    made = Fleet(monkeypatch, seconds, limited=limited)
    made.west.edit(*domain("acme"))
    assert made.waits(made.up) == []


def test_that_is_never_longer_than_the_longest_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Fleet(monkeypatch, 1000.0, limited=True)
    made.west.edit(*domain("acme"))
    assert made.waits(made.up) == [60.0]


def test_what_goes_to_a_limited_site_is_not_slowed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Fleet(monkeypatch, 0.6, limited=True)
    made.hub.edit(*domain("other"))
    assert made.waits(made.down) == [] and made.west.has(domain("other")[0])
