"""A few fault schedules on a fleet of real processes; `make test-faults` runs many."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.run import FLEETS, summary
from tests.faults.schedule import Campaign
from tests.faults.verdict import Held, Judge, Listed
from tests.faults.workload import Ledger
from tests.faults.world import open_world
from tests.support.databases import DatabaseScope

REF = ("user", "u1")
TRIPLE = ("u1", "p1", "r1")


@pytest.mark.keystone
@pytest.mark.postgresql
@pytest.mark.mariadb
def test_what_was_acknowledged_survives_a_few_schedules(
    tmp_path: Path, database_scope: DatabaseScope
) -> None:
    with open_world(tmp_path, FLEETS[0], database_scope) as world:
        campaign = Campaign(world, 1)
        for number in range(3):
            verdict = campaign.run(number)
            assert verdict.good, (campaign.told, verdict)
        print(summary(campaign.counts + Counter(acknowledged=campaign.ledger.acknowledged)))
        assert campaign.ledger.acknowledged > 20
        assert sum(campaign.counts.values()) >= 5


def ledger(**parts: object) -> Ledger:
    """A ledger of one user that was made at west."""
    found = Ledger(created={REF: "west"})
    for name, value in parts.items():
        setattr(found, name, value)
    return found


USER = Held({REF: {"id": "u1", "mark1": "west"}, ("project", "p1"): {}}, frozenset())


@pytest.mark.parametrize(
    ("noted", "held", "broken"),
    [
        (ledger(), USER, None),
        (ledger(), Held({}, frozenset()), "lost"),
        (ledger(deleted={REF: "east"}), Held({}, frozenset()), None),
        (ledger(deleted={REF: "east"}), USER, "resurrected"),
        (ledger(marks={REF: {"mark1": "west"}}), USER, None),
        (ledger(marks={REF: {"mark2": "west"}}), USER, "lost"),
        (ledger(granted={TRIPLE: "west"}), USER, "lost"),
        (ledger(granted={TRIPLE: "west"}), Held(USER.records, frozenset([TRIPLE])), None),
        (
            ledger(granted={TRIPLE: "west"}, withdrawn={TRIPLE}),
            Held(USER.records, frozenset([TRIPLE])),
            "resurrected",
        ),
    ],
)
def test_the_judge_sees_what_is_broken_unless_it_is_listed(
    noted: Ledger, held: Held, broken: str | None
) -> None:
    verdict = Judge(noted, held, Listed()).judge()
    assert [name for name in ("lost", "resurrected") if getattr(verdict, name)] == (
        [broken] if broken else []
    )
    rows = [
        {"kind": "user", "key": "u1", "fields": ["extra.mark2"], "lost": {}},
        {"kind": "assignment", "key": "UserProject/u1/p1/r1/0", "fields": [], "lost": {}},
    ]
    assert Judge(noted, held, Listed(rows)).judge().good


def test_a_conflict_about_another_attribute_excuses_no_loss() -> None:
    noted = ledger(marks={REF: {"mark2": "west"}})
    other = {"kind": "user", "key": "u1", "fields": ["extra.mark3"], "lost": {"extra.mark4": "east"}}
    assert Judge(noted, USER, Listed([other])).judge().lost == ["mark2 of ('user', 'u1') set at west"]
    assert Judge(noted, USER, Listed([{**other, "lost": {"extra.mark2": "west"}}])).judge().good
