"""What runs have met, and whether each thing was met often enough to have been tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, lgamma, log

#: Counters of the last line, in its order; each family of events may count further things.
SUMMED = ("steps", "acknowledged", "conflicts", "crashes", "restores", "promotions", "purges")
#: What went wrong, by the word of the last line.
WRONGS = ("lost", "resurrected", "diverged", "escalated")
#: Invariant -> the word under which its failure is counted; any other means that sites diverged.
WRONG_OF = {"edit_accounted": "lost", "delete_accounted": "resurrected", "no_escalation": "escalated"}

#: What is less likely than this (four standard deviations, one side) is not put down to chance.
UNLIKELY = 3e-5


class Counts(Counter[str]):
    """How often each thing has happened."""

    def line(self, runs: int) -> str:
        """The last line of a simulation."""
        seen = [f"runs={runs}", *(f"{name}={self[name]}" for name in SUMMED)]
        return " ".join([*seen, *(f"{name}={self[name]}" for name in WRONGS)])

    def others(self) -> str:
        """What the last line leaves out."""
        left = sorted(set(self) - set(SUMMED) - set(WRONGS))
        return " ".join(f"{name}={self[name]}" for name in left)

    def short_of(self, shares: Mapping[str, float], runs: int) -> list[str]:
        """What happened less often than chance lets its share, a number for each run, happen.

        A share of 0.01 makes one in 100 runs likely and none quite possible, which says nothing; in 5,000
        runs it makes 50, and fewer than 24 say that the thing is hardly tried any more.
        """
        return [
            f"{name}: {self[name]} in {runs} runs, {share * runs:.0f} expected"
            for name, share in shares.items()
            if self[name] < share * runs and chance_of(self[name], share * runs) < UNLIKELY
        ]


def chance_of(most: int, mean: float) -> float:
    """That something rare, expected ``mean`` times, happens so often at most (Poisson)."""
    return sum(exp(count * log(mean) - mean - lgamma(count + 1)) for count in range(most + 1))


def wrong(invariant: str) -> str:
    """The word for a broken invariant."""
    return WRONG_OF.get(invariant, "diverged")
