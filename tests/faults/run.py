"""``python -m tests.faults.run --schedules N --seed S``: fault schedules on fleets of real processes.

Half of the schedules run on a fleet whose hub is on SQLite (and can be restored from a backup), half on one
whose hub is on PostgreSQL. The last line sums up; exit status 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.faults.schedule import Campaign
from tests.faults.verdict import Verdict
from tests.faults.world import open_world
from tests.support.databases import Databases
from tests.support.servers import Servers, new_run_folder

FLEETS = (
    {"east": "sqlite", "west": "postgresql", "south": "mariadb"},
    {"east": "postgresql", "west": "sqlite", "south": "mariadb"},
)
COUNTED = ("kills", "cuts", "restores", "jumps", "full", "doubles")
WRONGS = ("lost", "resurrected", "diverged")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them all, telling each; stops at the first broken promise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep logs and databases of a fleet that failed there")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # all is taken down
    begun, servers = time.monotonic(), Servers(new_run_folder(), os.getpid())
    total: Counter[str] = Counter()
    half = options.schedules - options.schedules // 2
    try:
        for fleet, numbers in zip(FLEETS, (range(half), range(half, options.schedules)), strict=True):
            if numbers and not play(fleet, numbers, options.seed, servers, total, options.keep):
                break
    finally:
        servers.stop_all()
    print(f"{time.monotonic() - begun:.0f} s")
    print(summary(total))
    return 1 if any(total[name] for name in WRONGS) else 0


def play(
    fleet: dict[str, str],
    numbers: Iterable[int],
    seed: int,
    servers: Servers,
    total: Counter[str],
    keep: Path | None = None,
) -> bool:
    """These schedules on one fleet; False when a promise was broken, with the story told."""
    with (
        Databases(servers).scope() as databases,
        tempfile.TemporaryDirectory(prefix="viaduct-faults-") as folder,
        open_world(Path(folder), fleet, databases) as world,
    ):
        campaign = Campaign(world, seed)
        for number in numbers:
            begun = time.monotonic()
            verdict = campaign.run(number)
            print(
                f"{campaign.told[0]}: {_line(campaign, verdict)} in {time.monotonic() - begun:.1f} s",
                flush=True,
            )
            total["schedules"] += 1
            if not verdict.good:
                _tell(campaign, verdict)
                if keep is not None:
                    shutil.copytree(folder, keep, dirs_exist_ok=True)
                for name in WRONGS:
                    total[name] += len(getattr(verdict, name))
                break
        total.update(campaign.counts)
        total["acknowledged"] += campaign.ledger.acknowledged
        return verdict.good


def _line(campaign: Campaign, verdict: Verdict) -> str:
    wrong = " ".join(f"{name}={len(getattr(verdict, name))}" for name in WRONGS)
    ledger = campaign.ledger
    return (
        f"acknowledged={ledger.acknowledged} unanswered={ledger.unanswered} refused={ledger.refused} {wrong}"
    )


def _tell(campaign: Campaign, verdict: Verdict) -> None:
    for line in campaign.told:
        print(f"  {line}")
    for name in WRONGS:
        for text in getattr(verdict, name)[:10]:
            print(f"  {name}: {text}")


def summary(total: Counter[str]) -> str:
    """The last line."""
    names = ("schedules", "acknowledged", *COUNTED, *WRONGS)
    return " ".join(f"{name}={total[name]}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
