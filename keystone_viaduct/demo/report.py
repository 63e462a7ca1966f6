"""What the demo tells: on the terminal while it plays, and as JSON at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from keystone_viaduct.demo.comparer import Comparison
from keystone_viaduct.demo.scenario.step import Outcome


@dataclass
class Report:
    """Everything that the demo's exit status rests on."""

    sites: Sequence[Mapping[str, Any]]
    rtt_ms: float
    steps: list[Outcome] = field(default_factory=list)
    comparison: Comparison | None = None
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Every step held, all sites are equal, and nothing was left out of the comparison."""
        compared = self.comparison
        return (
            compared is not None
            and compared.equal
            and not compared.empty
            and not compared.unused
            and bool(self.steps)
            and all(step.held for step in self.steps)
        )

    def as_json(self) -> dict[str, Any]:
        """The report for programs: see the demo's page for its fields."""
        compared = self.comparison or Comparison(())
        return {
            "sites": list(self.sites),
            "rtt_ms": self.rtt_ms,
            "seconds": round(self.seconds, 1),
            "good": self.good,
            "steps": [
                {
                    "title": step.title,
                    "site": step.site,
                    "lag_ms": dict(step.lag_ms),
                    "held": step.held,
                    "remark": step.remark,
                    "error": step.error,
                }
                for step in self.steps
            ],
            "equal": self.comparison is not None and compared.equal,
            "records": compared.records,
            "differences": [str(difference) for difference in compared.differences],
            "kinds_without_records": compared.empty,
            "columns_with_defaults_only": [f"{table}.{column}" for table, column in compared.unused],
        }

    def write(self, path: Path) -> None:
        """Write the JSON report."""
        path.write_text(json.dumps(self.as_json(), indent=2, default=str) + "\n")


class Narrator:
    """Tells the demo on a terminal, a line per step."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """A line of prose."""
        self.console.print(text)

    def step(self, outcome: Outcome) -> None:
        """How a step went: where, what, and after how many milliseconds the others had it."""
        mark = "[green]ok[/]" if outcome.held else "[red]NO[/]"
        line = f"{mark} [bold cyan]{outcome.site:>6}[/]  {outcome.title}"
        lags = [
            f"{site} {lag:.0f} ms" if lag is not None else f"[red]{site} never[/]"
            for site, lag in outcome.lag_ms.items()
        ]
        if lags:
            line += f"  [dim]->[/] {', '.join(lags)}"
        if outcome.remark:
            line += f"  [dim]({outcome.remark})[/]"
        self.console.print(line)
        if outcome.error:
            self.console.print(outcome.error, style="red", markup=False)

    def verdict(self, report: Report) -> None:
        """The table of records and the conclusion."""
        compared = report.comparison
        if compared is None:
            return
        table = Table("kind", "records", title="compared field by field", title_justify="left")
        for kind, count in compared.records.items():
            table.add_row(kind, str(count))
        self.console.print(table)
        for line in compared.lines():
            self.console.print(line, markup=False, style="red")
        lags = [lag for step in report.steps for lag in step.lag_ms.values() if lag is not None]
        if lags:
            self.say(
                f"Seen elsewhere after {median(lags):.0f} ms (median), round trip {report.rtt_ms:.0f} ms."
            )
        total = sum(compared.records.values())
        equal = "[green]equal[/]" if compared.equal else "[red]not equal[/]"
        verdict = "[green]every step held[/]" if all(step.held for step in report.steps) else "[red]failed[/]"
        self.say(
            f"{total} records of {len(compared.records)} kinds: {equal}; {verdict}; {report.seconds:.0f} s."
        )
