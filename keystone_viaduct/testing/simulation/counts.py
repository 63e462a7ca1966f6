"""What runs have met, and whether each thing was met often enough to have been tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import sqrt

#: Counters of the last line, in its order; each family of events may count further things.
SUMMED = ("steps", "acknowledged", "conflicts", "crashes", "restores", "promotions", "purges")
#: What went wrong, by the word of the last line.
WRONGS = ("lost", "resurrected", "diverged", "escalated")
#: Invariant -> the word under which its failure is counted; any other means that sites diverged.
WRONG_OF = {"edit_accounted": "lost", "delete_accounted": "resurrected", "no_escalation": "escalated"}

#: How many standard deviations of a rare thing's number (the root of its mean) are put down to chance.
DEVIATIONS = 4.0


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
        runs it makes 50, and fewer than 22 say that the thing is hardly tried any more.
        """
        return [
            f"{name}: {self[name]} in {runs} runs, {share * runs:.0f} expected"
            for name, share in shares.items()
            if self[name] < share * runs - DEVIATIONS * sqrt(share * runs)
        ]


def wrong(invariant: str) -> str:
    """The word for a broken invariant."""
    return WRONG_OF.get(invariant, "diverged")
