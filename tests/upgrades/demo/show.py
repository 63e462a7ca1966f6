"""What the demo tells while it plays, and the figures at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from tests.upgrades.demo.load import Tally

_WIDTH = 110


@dataclass
class Step:
    """One step of a round: what was to hold, and whether it did."""

    title: str
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)
    error: str = ""


@dataclass
class Round:
    """One upgrade from begin to end."""

    name: str
    tally: Tally = field(default_factory=Tally)
    steps: list[Step] = field(default_factory=list)
    deadlocks: int = 0


class Show:
    """A terminal, and all rounds."""

    def __init__(self, engine: str, console: Console | None = None) -> None:
        self.engine = engine
        self.rounds: list[Round] = []
        self._console = console or Console(highlight=False)

    def round(self, title: str) -> Round:
        """The next one begins."""
        self.rounds.append(Round(title))
        self._console.print()
        self._console.print(Rule(f"[bold]{self.engine}: {title}[/]", align="left", style="dim"), width=_WIDTH)
        return self.rounds[-1]

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step of the round at hand, under load; what it raises is told, and raised on."""
        current, step, begun = self.rounds[-1], Step(title), time.monotonic()
        current.steps.append(step)
        current.tally.begin(title)
        try:
            yield step
        except BaseException as error:
            step.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            step.seconds = time.monotonic() - begun
            self._tell(current, step)

    def _tell(self, current: Round, step: Step) -> None:
        counts = current.tally.phases[step.title]
        wrong = step.error or counts.failed or counts.lost
        mark = "[red]✗[/]" if wrong else "[green]✓[/]"
        release = ", ".join(f"{name} {number}" for name, number in counts.by_release.items() if number)
        said = f"{counts.requests} requests ({release or 'none'}), slowest {counts.slowest:.2f} s"
        if counts.failed or counts.lost:
            said += f", [red]{counts.failed} failed, {counts.lost} lost[/]"
        self._console.print(f"{mark} [bold]{step.title:32}[/] {said}, {step.seconds:.1f} s", soft_wrap=True)
        for remark in step.remarks:
            self._console.print(f"  [dim]{escape(remark)}[/]", soft_wrap=True)
        if step.error:
            self._console.print(f"  {step.error}", style="red", markup=False, soft_wrap=True)

    def total(self, what: str) -> int:
        """Of all rounds."""
        return sum(current.tally.total(what) for current in self.rounds)

    @property
    def good(self) -> bool:
        """Nothing failed, nothing is lost, every step held."""
        held = not any(step.error for current in self.rounds for step in current.steps)
        return held and not self.total("failed") and not self.total("lost")

    def verdict(self) -> str:
        """What went wrong, and the last line."""
        for current in self.rounds:
            for remark in current.tally.remarks:
                self._console.print(f"{current.name}: {remark}", style="red", markup=False, soft_wrap=True)
        figures = {what: self.total(what) for what in ("requests", "failed", "lost")}
        figures["deadlocks"] = sum(current.deadlocks for current in self.rounds)
        return " ".join(f"{name}={number}" for name, number in figures.items())

    def write(self, path: Path) -> None:
        """The figures as JSON."""
        path.write_text(json.dumps(self._as_json(), indent=2) + "\n")

    def _as_json(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "good": self.good,
            **{what: self.total(what) for what in ("requests", "failed", "lost")},
            "deadlocks": sum(current.deadlocks for current in self.rounds),
            "rounds": [
                {
                    "name": current.name,
                    "deadlocks": current.deadlocks,
                    "steps": [
                        {
                            "title": step.title,
                            "seconds": round(step.seconds, 1),
                            "error": step.error,
                            "remarks": step.remarks,
                            **vars(current.tally.phases[step.title]),
                        }
                        for step in current.steps
                    ],
                    "wrong": current.tally.remarks,
                }
                for current in self.rounds
            ],
        }
