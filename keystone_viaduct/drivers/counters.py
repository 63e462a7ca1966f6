"""What is counted around Keystone's drivers: calls that were run again, and reads that the memo of a request
has answered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keystone_viaduct import counting
from keystone_viaduct.counting import EXHAUSTED, RECOVERED, RESOLVED

__all__ = ["EXHAUSTED", "OF_RETRIES", "RECOVERED", "RESOLVED", "Counts", "collect", "ended", "known"]
__all__ += ["remembered", "retried"]

#: What tells of calls that were run again.
OF_RETRIES = (counting.RETRIES, counting.RETRIED_CALLS, counting.RETRY_SECONDS)


@dataclass
class Counts:
    """``retries`` by driver namespace, method and fault; ``outcomes`` of the calls that were run again.

    ``seconds``: how long these calls took in all beyond their first attempt.
    """

    retries: Counter[counting.Key] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @classmethod
    def of(cls, found: counting.Counts) -> Counts:
        """Those of all that was counted."""
        outcomes = Counter(
            {outcome: number for (outcome,), number in counting.RETRIED_CALLS.of(found).items()}
        )
        seconds = sum(value for _, value in counting.RETRY_SECONDS.samples(found))
        return cls(counting.RETRIES.of(found), outcomes, seconds)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        retries = [
            {"driver": driver, "method": method, "fault": fault, "count": count}
            for (driver, method, fault), count in sorted(self.retries.items())
        ]
        return {"retries": retries, "outcomes": dict(self.outcomes), "seconds": round(self.seconds, 6)}


def retried(namespace: str, method: str, fault: str) -> None:
    """A call is run again because of ``fault``."""
    counting.RETRIES.add(namespace, method, fault)


def ended(outcome: str, seconds: float = 0.0) -> None:
    """A call ended so, that many seconds after its first attempt had failed."""
    counting.RETRIED_CALLS.add(outcome)
    counting.RETRY_SECONDS.add(number=round(seconds / counting.RETRY_SECONDS.unit))


def remembered(hits: int, misses: int) -> None:
    """A request has ended whose memo answered so many reads, and so many not."""
    counting.MEMO.add(counting.HIT, number=hits)
    counting.MEMO.add(counting.MISS, number=misses)


def known() -> Counts:
    """Of all processes that keep theirs in the folder, else of this one."""
    return Counts.of(counting.counts())


def collect(folder: Path) -> Counts:
    """The sum of all processes that keep theirs in ``folder``."""
    return Counts.of(counting.collect(folder))
