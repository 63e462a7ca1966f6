"""Rounds of a run, and the file that keeps what was found in those that were played."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.records.judge import Verdict


@dataclass(frozen=True)
class Round:
    """One fleet: the engines of hub and spoke, the seed, and how many records."""

    engines: tuple[str, ...]
    seed: int
    records: int

    def __str__(self) -> str:
        return f"{' and '.join(self.engines)}, seed {self.seed}"


class Kept:
    """One line of JSON for each round; without a file nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        whole = _whole_lines(path) if path is not None and path.exists() else []
        self._known = {json.dumps(one["round"]): one["found"] for one in map(json.loads, whole)}

    def found(self, one: Round) -> Verdict | None:
        """What was found in that round, if it was played."""
        said = self._known.get(json.dumps(asdict(one)))
        if said is None:
            return None
        named = {(kind, key): reason for kind, key, reason in said["named"]}
        return Verdict(**{**said, "named": named})

    def keep(self, one: Round, verdict: Verdict) -> None:
        """Write it down."""
        if self._path is None:
            return
        named = [[kind, key, reason] for (kind, key), reason in verdict.named.items()]
        told = {**vars(verdict), "named": named}
        line = json.dumps({"round": asdict(one), "found": told})
        with self._path.open("a") as file:
            file.write(line + "\n")


def _whole_lines(path: Path) -> list[str]:
    """Those that end; half a one, of a run that was killed as it wrote, is taken off."""
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        path.write_text("".join(lines[:-1]))
    return [line for line in lines if line.endswith("\n")]
