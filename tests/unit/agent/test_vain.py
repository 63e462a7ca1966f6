"""A direction that never gets on, though no call to it fails, backs off and is shown as failing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch
from keystone_viaduct.sync.agent.lane import VAIN, Lane
from keystone_viaduct.sync.agent.metrics import metrics
from keystone_viaduct.sync.model import ApplyResult, Page
from tests.unit.agent.fleet import FakeSite, domain, fleet

LONGEST = 8.0


def fences(spoke: FakeSite) -> None:
    """It answers each question for a page with a fence, and each comparison truthfully."""

    def read(*_: Any, **__: Any) -> Page:
        spoke.calls.append("read")
        raise FenceMismatch("begin anew", hint="again")

    spoke.read = read  # type: ignore[method-assign]


def mismatches(spoke: FakeSite) -> None:
    """It says of each page that its checkpoint is another one."""

    def apply(page: Page) -> ApplyResult:
        spoke.calls.append("apply")
        raise CheckpointMismatch("not there", hint="again")

    spoke.apply = apply  # type: ignore[method-assign]


def stands_still(spoke: FakeSite) -> None:
    """It says that it has applied each page, and that it is where it was."""
    honest = spoke.apply

    def apply(page: Page) -> ApplyResult:
        result = honest(page)
        return replace(result, checkpoint=result.checkpoint._replace(seq=0))

    spoke.apply = apply  # type: ignore[method-assign]


@pytest.mark.parametrize(("lie", "direction"), [(fences, 0), (mismatches, 1), (stands_still, 1)])
def test_a_site_that_never_lets_a_direction_get_on_is_left_alone_for_longer_and_longer(
    lie: Callable[[FakeSite], None], direction: int
) -> None:
    agent, hub, spokes = fleet("west", longest_backoff=LONGEST, page_limit=1, first_load_limit=1)
    for site in (hub, spokes["west"]):
        for number in range(3):
            site.edit(*domain(f"of-{site.name}-{number}"))
    lane = agent.lanes[direction]
    lie(spokes["west"])
    waits = attempt_until(lane, 12)
    assert waits[-1] >= LONGEST / 2, "the wait grows"
    assert (lane.state.failures, lane.state.code) == (12, "sync.fence")
    assert "again and again" in lane.state.error
    calls = len(hub.calls)
    attempt_until(lane, 8)
    assert len(hub.calls) - calls <= 8 * 40, "and few calls are made between two waits"


def attempt_until(lane: Lane, waits: int) -> list[float]:
    """Attempts until there were so many waits that nothing cuts short."""
    found: list[float] = []
    for _ in range(2000):
        if len(found) >= waits:
            return found
        rest = lane.attempt()
        assert rest.deaf or rest.wait == 0.0
        found += [rest.wait] if rest.deaf else []
    raise AssertionError(f"{len(found)} waits")


def test_a_few_backups_put_back_in_a_row_are_no_failure() -> None:
    agent, hub, spokes = fleet("west")
    up = agent.lanes[0]
    for number in range(VAIN):
        spokes["west"].edit(*domain(f"d{number}"))
        up.link.restarts += 1  # as a comparison that the other direction has begun
        for _ in range(20):
            up.attempt()
    assert (up.state.failures, up.state.error) == (0, "")
    assert hub.has(domain(f"d{VAIN - 1}")[0])


def test_a_link_that_begins_anew_is_told_in_the_log_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    agent, _, spokes = fleet("west")
    up, west = agent.lanes[0], spokes["west"]
    for number in range(20):
        west.edit(*domain(f"d{number}"))
        up.attempt()
    assert not caplog.records
    honest = west.read

    def once(*arguments: Any, **rest: Any) -> Page:
        west.read = honest  # type: ignore[method-assign]
        raise FenceMismatch("begin anew", hint="again")

    west.read = once  # type: ignore[method-assign]
    for _ in range(20):
        up.attempt()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "west-hub" in caplog.text and "a backup was put back" in caplog.text
    assert 'viaduct_link_restarts_total{source="west",target="hub"} 1.0' in metrics(agent).decode()
