"""What a run has found out so far, in a folder: one that was broken off goes on by test id where it stopped.

Outcomes of other sources than those that are here now say nothing about these: the folder is begun anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.upstream.outcomes import Outcome

REPOSITORY = Path(__file__).resolve().parents[2]
_SOURCES = (
    "keystone_viaduct/**/*.py",
    "keystone_viaduct/**/*.cql",
    "tests/upstream/**/*.*",
    "tests/support/*.py",
)


class Kept:
    """The folder of one run; several processes write there, each to a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()  # processes write there that work elsewhere

    def begin(self, *what: object) -> int:
        """Make the folder one of ``what`` with the sources that are here; how many tests it knows already."""
        mine = identity(*what)
        place = self.folder / "identity"
        if not place.exists() or place.read_text() != mine:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            place.write_text(mine)
        return len(self.outcomes())

    def place(self) -> Path:
        """A folder for one process: ``report.jsonl`` and ``tally.json`` in it are read by the next run."""
        return Path(tempfile.mkdtemp(prefix="part-", dir=self.folder))

    def outcomes(self) -> dict[str, Outcome]:
        """By test id."""
        return {one.name: one for path in self.folder.glob("part-*/report.jsonl") for one in read(path)}

    def tally(self) -> Counter[str]:
        """What processes counted that came to their ends."""
        counted: Counter[str] = Counter()
        for path in self.folder.glob("part-*/tally.json"):
            counted.update(json.loads(path.read_text()))
        return counted

    def end(self, modules: Sequence[str]) -> None:
        """Note that all tests of these are through: they need not be imported again."""
        with (self.folder / "ended").open("a") as ended:
            ended.writelines(f"{name}\n" for name in modules)

    def ended(self) -> set[str]:
        """Modules of which all tests are through."""
        place = self.folder / "ended"
        return set(place.read_text().splitlines()) if place.exists() else set()

    def forget(self) -> None:
        """Remove all of it: the run is complete."""
        shutil.rmtree(self.folder)


def identity(*what: object) -> str:
    """Names a run and the sources that it tests."""
    digest = hashlib.sha256(repr(what).encode())
    for path in sorted(path for pattern in _SOURCES for path in REPOSITORY.glob(pattern)):
        if path.suffix != ".pyc":
            digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def read(path: Path) -> list[Outcome]:
    """What a plug-in wrote down; the last line may be half a one, of a process that was killed."""
    return [Outcome(line["id"], line["outcome"], line["reason"]) for line in _lines(path)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def names(outcomes: Iterable[Outcome], modules: Sequence[str]) -> list[str]:
    """The ids of those that are of these modules."""
    return sorted(one.name for one in outcomes if one.name.partition("::")[0] in modules)
