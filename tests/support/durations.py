"""Which files of a run took the longest, told at its end: what keeps a suite within its time has to be seen.

The seconds are those of all workers together, set-up and tear-down included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

#: Files that are told of, and from how many seconds on.
MOST, LEAST = 40, 5.0


def lines(reports: Iterable[object]) -> Iterator[str]:
    """One line for each of the longest files, the longest first; the first line has the sum of all."""
    seconds: dict[str, float] = defaultdict(float)
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    longest = sorted(seconds.items(), key=lambda item: -item[1])
    if not longest or longest[0][1] < LEAST:
        return
    yield f"{sum(seconds.values()):.0f} s in {len(seconds)} files, of all workers together; the longest:"
    for name, took in longest[:MOST]:
        if took >= LEAST:
            yield f"{took:7.1f} {name}"
