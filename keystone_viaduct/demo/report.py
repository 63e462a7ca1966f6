"""What the demo tells: on the terminal while it plays, and as JSON at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
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

    @property
    def ways(self) -> dict[tuple[str, str], list[float]]:
        """Milliseconds that changes took, by where they were made and where they were seen."""
        found: dict[tuple[str, str], list[float]] = {}
        for step in self.steps:
            for site, lag in step.lag_ms.items():
                if lag is not None and step.timed:
                    found.setdefault((step.site, site), []).append(lag)
        return dict(sorted(found.items()))

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
                    "chapter": step.chapter,
                    "site": step.site,
                    "lag_ms": dict(step.lag_ms),
                    "held": step.held,
                    "remark": step.remark,
                    "error": step.error,
                }
                for step in self.steps
            ],
            "median_lag_ms": {f"{a}-{b}": median(lags) for (a, b), lags in self.ways.items()},
            "equal": self.comparison is not None and compared.equal,
            "records": compared.records,
            "differences": [str(difference) for difference in compared.differences],
            "carried": [str(difference) for difference in compared.carried],
            "kinds_without_records": compared.empty,
            "columns_with_defaults_only": [f"{table}.{column}" for table, column in compared.unused],
        }

    def write(self, path: Path) -> None:
        """Write the JSON report."""
        path.write_text(json.dumps(self.as_json(), indent=2, default=str) + "\n")


class Narrator:
    """Tells the demo on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._chapter = ""

    @property
    def width(self) -> int:
        """Columns that are written on; longer lines are hard to read."""
        return min(self.console.width, 118)

    def say(self, text: str) -> None:
        """A line of prose."""
        self.console.print(text, soft_wrap=True)

    def chapter(self, title: str) -> None:
        """A heading."""
        self._chapter = title
        self.console.print()
        self.console.print(Rule(f"[bold]{title}[/]", align="left", style="dim"), width=self.width)

    def step(self, outcome: Outcome) -> None:
        """How a step went: where, what, and after how many milliseconds the others had it."""
        if outcome.chapter and outcome.chapter != self._chapter:
            self.chapter(outcome.chapter)
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=1)
        line.add_column(width=6)
        line.add_column(ratio=1)
        line.add_column(justify="right", width=29)
        mark = "[green]✓[/]" if outcome.held else "[red]✗[/]"
        what = escape(outcome.title)
        if outcome.remark:
            what += f"\n[dim]{escape(outcome.remark)}[/]"
        line.add_row(mark, f"[bold cyan]{outcome.site}[/]", what, _lags(outcome))
        self.console.print(line, width=self.width)
        if outcome.error:
            self.console.print(f"         {outcome.error}", style="red", markup=False)

    def verdict(self, report: Report) -> None:
        """The table of records and the conclusion."""
        compared = report.comparison
        if compared is None:
            return
        self.chapter("The judge, who reads the databases by SQL of his own")
        cells = [f"{kind} [bold]{count or '[red]0[/]'}[/]" for kind, count in compared.records.items()]
        self.console.print(Columns(cells, equal=True, column_first=True, width=26), width=self.width)
        for line in compared.lines():
            self.console.print(line, markup=False, style="red")
        total = sum(compared.records.values())
        equal = "[green]equal in every field[/]" if compared.equal else "[red]not equal[/]"
        held = sum(step.held for step in report.steps)
        colour = "green" if held == len(report.steps) else "red"
        self.say(f"{total} records of {len(compared.records)} kinds: {equal} at {len(compared.sites)} sites.")
        self.say(f"[{colour}]{held} of {len(report.steps)} steps held[/], in {report.seconds:.0f} s.")
        self._ways(report)

    def _ways(self, report: Report) -> None:
        table = Table("change made at", "seen at", "median", "slowest", "of", box=box.SIMPLE_HEAD)
        for (source, target), lags in report.ways.items():
            table.add_row(source, target, f"{median(lags):.0f} ms", f"{max(lags):.0f} ms", str(len(lags)))
        self.console.print(table)
        self.say(
            f"[dim]Roads of {report.rtt_ms:.0f} ms round trip; between two spokes it is two roads. All of it "
            f"ran on this one machine ({os.cpu_count()} processors), looking included.[/]"
        )


def _lags(outcome: Outcome) -> str:
    parts = [
        f"{site} [red]never[/]" if lag is None else f"{site} {lag:.0f} ms" if outcome.timed else site
        for site, lag in outcome.lag_ms.items()
    ]
    return f"[dim]→[/] {', '.join(parts)}" if parts else ""
