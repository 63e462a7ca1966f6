"""The answers of the registry of checks, the worst first."""

from __future__ import annotations

from typing import NamedTuple

from keystone_viaduct.dashboard.state import Fleet
from keystone_viaduct.dashboard.view.health import BAD, GOOD, IDLE, WARN
from keystone_viaduct.health.catalogue import CATALOGUE
from keystone_viaduct.health.checks import examine
from keystone_viaduct.health.finding import Finding, Verdict, worst

TONES = {Verdict.OK: GOOD, Verdict.UNKNOWN: IDLE, Verdict.WARNING: WARN, Verdict.PROBLEM: BAD}
#: Findings of one check that are shown.
MOST = 20


class Answered(NamedTuple):
    """A check with what it found: the ``findings`` that are not well first; ``more`` are not shown."""

    name: str
    question: str
    verdict: str
    tone: str
    findings: tuple[tuple[Finding, str], ...]
    more: int


def answered(fleet: Fleet) -> list[Answered]:
    """All checks of a fleet that this agent can make."""
    found: dict[str, list[Finding]] = {}
    for finding in examine(fleet.view):
        found.setdefault(finding.check, []).append(finding)
    rows = [_row(name, findings) for name, findings in found.items()]
    order = list(TONES.values())[::-1]
    return sorted(rows, key=lambda row: order.index(row.tone))


def _row(name: str, findings: list[Finding]) -> Answered:
    verdict = worst(findings)
    shown = sorted(findings, key=lambda finding: -finding.verdict.rank)[:MOST]
    question = CATALOGUE[name].question if name in CATALOGUE else ""
    told = tuple((finding, TONES[finding.verdict]) for finding in shown)
    return Answered(name, question, str(verdict), TONES[verdict], told, len(findings) - len(shown))
