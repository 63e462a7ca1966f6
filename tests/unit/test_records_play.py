"""When a link of ``make test-records`` counts as one that has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from keystone_viaduct.errors import BadRequest, SiteUnavailable, ViaductError
from keystone_viaduct.sync.link.replicator import Progress
from tests.records.judge import Verdict
from tests.records.play import TRIES, _carry

SILENT = SiteUnavailable("no answer", hint="wait")
REFUSED = BadRequest("what is that", hint="none")


def carried(*outcomes: ViaductError | Progress) -> tuple[int, list[str]]:
    """What a direction has moved whose steps come out so, and why it has stopped."""
    way: Any = SimpleNamespace(
        source=SimpleNamespace(name="east"),
        target=SimpleNamespace(name="west"),
        totals=SimpleNamespace(changes=0),
    )
    told: Iterator[ViaductError | Progress] = iter(outcomes)

    def step(_: Any) -> Progress:
        found = next(told)
        if isinstance(found, ViaductError):
            raise found
        way.totals.changes += 1
        return found

    place = SimpleNamespace(name="nobody")
    pair: Any = SimpleNamespace(link=SimpleNamespace(step=step), hub=place, spoke=place)
    verdict = Verdict(0)
    return _carry(pair, way, verdict), verdict.stopped


def test_who_does_not_answer_is_asked_again_and_each_answer_counts() -> None:
    silent = [SILENT] * (TRIES - 1)
    assert carried(*silent, Progress.MORE, *silent, Progress.MOVED) == (2, [])


@pytest.mark.parametrize("outcomes", [[SILENT] * TRIES, [Progress.MORE, REFUSED]])
def test_who_never_answers_or_refuses_has_stopped(outcomes: list[ViaductError | Progress]) -> None:
    moved, stopped = carried(*outcomes)
    assert moved == 0 and len(stopped) == 1 and str(outcomes[-1]) in stopped[0]
