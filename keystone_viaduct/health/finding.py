"""What a check says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is. ``unknown``: the check could not look, because a site did not answer."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"

    @property
    def rank(self) -> int:
        """0 for the best; also the value of ``viaduct_check`` in the metrics."""
        return list(Verdict).index(self)


SIGNS = {Verdict.OK: "✓", Verdict.UNKNOWN: "?", Verdict.WARNING: "!", Verdict.PROBLEM: "✗"}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: about the fleet, a ``site``, or the link from there to ``target``."""

    check: str
    verdict: Verdict
    message: str
    hint: str = ""
    site: str = ""
    target: str = ""

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        return f"{self.site} → {self.target}" if self.target else self.site

    def as_dict(self) -> dict[str, str]:
        """For programs; what it is about only where that is said."""
        body = {"check": self.check, "status": str(self.verdict), "message": self.message, "hint": self.hint}
        about = {"site": self.site, "target": self.target}
        return body | {name: value for name, value in about.items() if value}

    def row(self) -> list[str]:
        """For people."""
        return [SIGNS[self.verdict], self.check, self.message, self.hint]


def worst(found: Iterable[Finding]) -> Verdict:
    """The verdict on all of them together."""
    return max((finding.verdict for finding in found), key=lambda verdict: verdict.rank, default=Verdict.OK)
