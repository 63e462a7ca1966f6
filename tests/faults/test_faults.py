"""A few fault schedules on a fleet of real processes; `make test-faults` runs many."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.disks import Disk, NoDisk
from tests.faults.run import COUNTED, FLEETS, summary
from tests.faults.schedule import Campaign
from tests.faults.verdict import Held, Judge, Listed
from tests.faults.workload import Ledger
from tests.faults.world import open_world
from tests.support.databases import DatabaseScope

REF = ("user", "u1")
TRIPLE = ("u1", "p1", "r1")
#: A seed whose first two schedules have each sort of fault, where there are disks and clocks to hurt.
ALL_SORTS = 39


@pytest.mark.keystone
@pytest.mark.postgresql
@pytest.mark.mariadb
def test_what_was_acknowledged_survives_each_sort_of_fault(
    tmp_path: Path, database_scope: DatabaseScope
) -> None:
    with open_world(tmp_path, FLEETS[0], database_scope) as world:
        campaign = Campaign(world, ALL_SORTS)
        for number in range(2):
            verdict = campaign.run(number)
            assert verdict.good, (campaign.told, verdict)
        print(summary(campaign.counts + Counter(acknowledged=campaign.ledger.acknowledged)))
        assert campaign.ledger.acknowledged > 20
        assert sum(campaign.counts.values()) >= 5
        if world.can_jump and world.disks:
            assert all(campaign.counts[sort] for sort in COUNTED)


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


def test_what_a_site_has_set_goes_with_its_deletion_and_stays_gone_where_that_is_listed_as_undone() -> None:
    noted = ledger(marks={REF: {"mark2": "west", "mark3": "east"}})
    noted.deletes(REF, "west")
    noted.marks[REF]["mark1"] = "west"  # (after a deletion that was refused, say: it is there)
    undone = {"kind": "user", "key": "u1", "fields": ["@deleted"], "lost": {}}
    assert Judge(noted, USER, Listed([undone])).judge().lost == ["mark3 of ('user', 'u1') set at east"]
    assert Judge(noted, USER, Listed()).judge().lost == [
        "mark2 of ('user', 'u1') set at west",
        "mark3 of ('user', 'u1') set at east",
    ]


MOUNTS = """
import os, sys
from pathlib import Path
from tests.faults.disks import Disk
disk = Disk(Path(sys.argv[1]))
print(disk.keeper, flush=True)
sys.stdin.read()
"""


def small_disk(place: Path) -> Disk:
    place.mkdir()
    try:
        return Disk(place)
    except NoDisk:
        pytest.skip("this account may not mount file systems")


def test_a_disk_is_full_when_filled_and_gone_when_removed(tmp_path: Path) -> None:
    disk = small_disk(tmp_path / "disk")
    try:
        disk.fill()
        with pytest.raises(OSError) as refused:
            (disk.place / "file").write_bytes(bytes(4096))
        assert refused.value.errno == errno.ENOSPC
        disk.free()
        (disk.place / "file").write_bytes(bytes(4096))
    finally:
        disk.remove()
    assert not os.path.ismount(disk.place) and not list(disk.place.iterdir())


def test_a_disk_is_unmounted_when_its_owner_is_killed(tmp_path: Path) -> None:
    small_disk(tmp_path / "probe").remove()
    place = tmp_path / "disk"
    place.mkdir()
    owner = subprocess.Popen(
        [sys.executable, "-c", MOUNTS, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdin is not None and owner.stdout is not None
    keeper = os.pidfd_open(int(owner.stdout.readline()))
    assert os.path.ismount(place)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    ended, _, _ = select.select([keeper], [], [], 30)
    os.close(keeper)
    owner.stdin.close()
    owner.stdout.close()
    assert ended and not os.path.ismount(place)
