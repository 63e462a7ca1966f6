"""What became of upstream's tests, and how two runs of them differ."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ERROR = re.compile(r"(?:E\s+)?(?:\w+\.)*([A-Z]\w*[a-z]\w*)(?::|$)")
"""As pytest or testtools end a traceback, but not the ``DETAIL:`` of a database's message."""


@dataclass(frozen=True)
class Outcome:
    """What became of one test: ``passed``, ``skipped`` or ``failed``, and why; ``apart``: it was not run, for
    what it tests is not there.
    """

    name: str
    outcome: str
    reason: str

    @property
    def brief(self) -> str:
        """The reason in one line."""
        lines = self.reason.splitlines()
        errors = [line for line in lines if _ERROR.match(line)] or lines
        return " ".join(errors[-1].split())[:300] if errors else ""

    @property
    def error(self) -> str:
        """Class of the error that a failure ended with, without its module; "" if it is none."""
        found = [match[1] for match in map(_ERROR.match, self.reason.splitlines()) if match]
        return found[-1] if found and self.outcome == "failed" else ""


def count(outcomes: Iterable[Outcome], outcome: str) -> int:
    """How many tests came out so."""
    return sum(one.outcome == outcome for one in outcomes)


def summary(outcomes: Iterable[Outcome]) -> str:
    """The three figures, and how many were not run, if any."""
    listed = list(outcomes)
    names = ["passed", "skipped", "failed"] + ["apart"] * bool(count(listed, "apart"))
    return " ".join(f"{name}={count(listed, name)}" for name in names)


def differing(stock: Iterable[Outcome], ours: Iterable[Outcome]) -> list[str]:
    """One line per test that did not come out the same in both: another outcome, or another error."""
    sides = [{one.name: one for one in side} for side in (stock, ours)]
    found = []
    for name in sorted(sides[0].keys() | sides[1].keys()):
        one, other = (side.get(name) for side in sides)
        if one is None or other is None or (one.outcome, one.error) != (other.outcome, other.error):
            found.append(f"{name}: stock {_told(one)}; ours {_told(other)}")
    return found


def _told(outcome: Outcome | None) -> str:
    return "was not run" if outcome is None else f"{outcome.outcome} {outcome.brief}".rstrip()
