"""The lists of tests that are expected to be skipped: ``expected/<release of Keystone>/<list>.yaml``.

A list is a mapping of test id to the reason. There are no wildcards, and of all tests of an engine no more
than ``SHARE`` may be on them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import yaml

from tests.upstream.engines import Engine
from tests.upstream.outcomes import Outcome, count

FOLDER = Path(__file__).resolve().parent / "expected"
SHARE = 0.02


class Contradiction(Exception):
    """A list names a test twice."""


def expected(engine: Engine, release: int) -> dict[str, str]:
    """Test id to reason: upstream's own skips, and what is not possible on the engine."""
    skips: dict[str, str] = {}
    for name in engine.lists:
        path = FOLDER / str(release) / f"{name}.yaml"
        if path.exists():
            listed = read(path)
            twice = skips.keys() & listed.keys()
            if twice:
                raise Contradiction(f"{path.name} names again {', '.join(sorted(twice))}")
            skips |= listed
    return skips


def read(path: Path) -> dict[str, str]:
    """One list; raises :class:`Contradiction` where YAML would let the last of two equal keys win."""
    node = yaml.compose(path.read_text())
    names = [key.value for key, _ in node.value] if node else []
    if len(names) != len(set(names)):
        raise Contradiction(f"{path.name} names a test twice")
    return dict(yaml.safe_load(path.read_text()) or {})


def unexpected(outcomes: Iterable[Outcome], skips: dict[str, str], modules: Collection[str]) -> list[str]:
    """What is not as the lists say, one line per test; ``modules`` are those that were run."""
    listed = list(outcomes)
    lines = [f"FAILED {one.name}: {one.brief}" for one in listed if one.outcome == "failed"]
    lines += [
        f"UNEXPECTED SKIP {one.name}: {one.reason}"
        for one in listed
        if one.outcome == "skipped" and one.name not in skips
    ]
    lines += [
        f"UNEXPECTED PASS {one.name}" for one in listed if one.outcome == "passed" and one.name in skips
    ]
    met = {one.name for one in listed}
    lines += [
        f"LISTED, BUT THERE IS NO SUCH TEST {name}"
        for name in skips
        if name.partition("::")[0] in modules and name not in met
    ]
    return sorted(lines)


def too_many(outcomes: Collection[Outcome]) -> list[str]:
    """A line when more tests were skipped than may be, of the outcomes of all suites."""
    skipped = count(outcomes, "skipped")
    if skipped <= SHARE * len(outcomes):
        return []
    return [f"TOO MANY SKIPS {skipped} of {len(outcomes)}; {SHARE:.0%} are allowed"]
