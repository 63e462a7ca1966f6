"""``python -m keystone_viaduct.testing.simulate --runs N --seed S``: the deterministic fleet simulation."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from keystone_viaduct.testing.simulation.counts import Counts, wrong
from keystone_viaduct.testing.simulation.events import BY_HAND, FURTHER, chosen, shares_of
from keystone_viaduct.testing.simulation.fleet import MakeDatabase, in_memory, names
from keystone_viaduct.testing.simulation.plan import Step, draw, parse_numbers, show_numbers
from keystone_viaduct.testing.simulation.run import Outcome, play
from keystone_viaduct.testing.simulation.shrink import Shrinker

PROGRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Setting:
    """What all runs of a simulation have in common.

    Of a plan for ``sites`` sites and ``steps`` steps only the first ``only_sites`` and the steps ``keep`` are
    played, where these are given.
    """

    sites: int = 4
    steps: int = 150
    store: str = "memory"
    without: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    keep: frozenset[int] | None = None
    only_sites: int | None = None

    @property
    def present(self) -> int:
        """How many sites are there."""
        return self.only_sites or self.sites

    def plan(self, seed: int) -> list[Step]:
        """What happens in the run of this seed."""
        drawn = draw(seed, self.sites, self.steps, chosen(self.without, self.also))
        there = names(self.present)
        kept = [step for step in drawn if step.site in there]
        return kept if self.keep is None else [step for step in kept if step.number in self.keep]

    @property
    def database(self) -> MakeDatabase:
        """How a site's database is made."""
        if self.store == "sqlite":
            from keystone_viaduct.testing.simulation.sqlite import SqliteDatabase

            return SqliteDatabase
        return in_memory


class Failure(AssertionError):
    """One run broke a promise; the message tells the shortened story and how to repeat it."""


def run(seed: int, setting: Setting = Setting()) -> Counts:
    """One run; raises Failure with its story."""
    outcome = play(seed, setting.present, setting.plan(seed), setting.database)
    if outcome.broken:
        raise Failure(explain(seed, setting, outcome))
    return outcome.counts


def explain(seed: int, setting: Setting, outcome: Outcome, *, tries: int = 600) -> str:
    """The shortest story that was found for a failure, and the command that repeats it."""
    small = Shrinker(
        lambda sites, plan: play(seed, sites, plan, setting.database),
        outcome,
        setting.present,
        setting.plan(seed),
        tries,
    )
    small.shrink()
    options = [f"--seed {seed} --sites {setting.sites} --steps {setting.steps} --only-sites {small.sites}"]
    options += [f"--store {setting.store}"] * (setting.store != "memory")
    options += [f"--without {name}" for name in sorted(setting.without)]
    options += [f"--also {name}" for name in sorted(setting.also)]
    options += [f"--keep {show_numbers([step.number for step in small.plan])}"]
    return "\n".join(
        [
            f"seed {seed}: {outcome.message}",
            f"shortened to {len(small.plan)} steps with {small.sites} sites: {small.outcome.message}",
            *small.outcome.story,
            f"repeat: python -m keystone_viaduct.testing.simulate --runs 1 {' '.join(options)}",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run many seeds; the last line sums them up.

    Exit status 1 after a broken promise or when something was met less often than its share.
    """
    options = _parser().parse_args(arguments)
    logging.getLogger("keystone_viaduct").setLevel(logging.ERROR)  # what hostile spokes do is in the story
    setting = Setting(
        options.sites,
        options.steps,
        store=options.store,
        without=frozenset(options.without) | frozenset(["restore"] * options.no_restores),
        also=frozenset(options.also) | (BY_HAND if options.by_hand else frozenset()),
        keep=options.keep,
        only_sites=options.only_sites,
    )
    total, failed = _run_all(setting, options.seed, options.runs, options.jobs)
    if failed is not None and not options.no_shrink:
        print(explain(failed[0], setting, failed[1]))
    missed = [] if options.keep else total.short_of(shares(setting), options.runs)
    for text in missed:
        print(f"met too seldom: {text}")
    print(total.others())
    print(total.line(options.runs))
    return 1 if failed is not None or missed else 0


def shares(setting: Setting) -> dict[str, float]:
    """How often each counter must have moved in a run, on average."""
    return shares_of(chosen(setting.without, setting.also), setting.steps)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory", help="sites' databases")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--no-restores", action="store_true", help="put no backup back")
    parser.add_argument("--without", action="append", default=[], metavar="EVENT", help="leave an event out")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        choices=[event.name for event in FURTHER],
        help="an event that does not happen by itself",
    )
    parser.add_argument(
        "--by-hand", action="store_true", help="rows vanish and change where no trigger sees it"
    )
    parser.add_argument("--keep", type=parse_numbers, metavar="3,7-9", help="play only these steps")
    parser.add_argument("--only-sites", type=int, metavar="N", help="play only what the first N sites do")
    parser.add_argument("--no-shrink", action="store_true", help="do not shorten the first failure")
    return parser


def _run_all(setting: Setting, first: int, runs: int, jobs: int) -> tuple[Counts, tuple[int, Outcome] | None]:
    """All counts, and the first failure with its seed."""
    total, failed = Counts(), None
    began = shown = time.monotonic()
    for done, (seed, outcome) in enumerate(_outcomes(setting, range(first, first + runs), jobs), start=1):
        total.update(outcome.counts)
        if outcome.broken:
            total[wrong(outcome.broken)] += 1
            failed = failed or (seed, outcome)
            print(f"seed {seed}: {outcome.message}", flush=True)
        if time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            print(f"{done} of {runs} runs, {done / (shown - began):.1f} a second", file=sys.stderr)
    return total, failed


def _outcomes(setting: Setting, seeds: range, jobs: int) -> Iterator[tuple[int, Outcome]]:
    if jobs == 1:
        yield from (_one((setting, seed)) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_one, [(setting, seed) for seed in seeds], chunksize=8)


def _one(task: tuple[Setting, int]) -> tuple[int, Outcome]:
    setting, seed = task
    outcome = play(seed, setting.present, setting.plan(seed), setting.database)
    return seed, outcome if outcome.broken else outcome.brief()


if __name__ == "__main__":
    sys.exit(main())
