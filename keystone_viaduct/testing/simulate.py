"""``python -m keystone_viaduct.testing.simulate --runs N --seed S``: the deterministic fleet simulation."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from keystone_viaduct.sync.site.nonce import seeded
from keystone_viaduct.testing.simulation import checks, fleet
from keystone_viaduct.testing.simulation.fleet import Counts, Fleet


class Failure(AssertionError):
    """One run broke a promise; ``story`` tells what happened, the seed repeats it."""

    def __init__(self, seed: int, story: list[str], cause: Exception) -> None:
        super().__init__(f"seed {seed}: {cause}\n" + "\n".join(story[-400:]))
        self.seed = seed
        self.story = story


def run(seed: int, *, sites: int = 4, steps: int = 150, restores: bool = False) -> Counts:
    """One run; raises Failure with its story."""
    chance = random.Random(seed)
    with seeded(random.Random(chance.random())):
        made = fleet.make(chance, sites)
        made.restoring = restores
        try:
            _play(made, steps)
        except Exception as error:
            raise Failure(seed, made.story, error) from error
    return made.counts


def _play(made: Fleet, steps: int) -> None:
    watch = checks.Watch()
    for _ in range(steps):
        watch.look(made, fleet.step(made))
    if not fleet.settle(made):
        raise checks.Broken("bounded_rounds", "the fleet does not come to rest")
    checks.at_rest(made)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run many seeds; the last line sums them up. Exit status 1 at the first broken promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--restores", action="store_true", help="put backups back, too")
    options = parser.parse_args(arguments)
    total = Counts()
    for number in range(options.runs):
        try:
            total.add(
                run(
                    options.seed + number, sites=options.sites, steps=options.steps, restores=options.restores
                )
            )
        except Failure as failure:
            print(failure)
            return 1
    seen = " ".join(f"{name}={value}" for name, value in vars(total).items())
    print(f"runs={options.runs} {seen} lost=0 resurrected=0 diverged=0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
