"""The lists of tests that are expected to be skipped: ``expected/<release of Keystone>/<list>.yaml``.

A list is a mapping of test id to the reason. There are no wildcards, and of all tests of an engine no more
than ``SHARE`` may be on them. ``<list>-apart.yaml`` names the tests, and classes of tests, of what an
engine has not got: the SQL drivers' own models, sessions and queries. They are not run, and counted
apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from tests.upstream.engines import Engine
from tests.upstream.outcomes import Outcome, count

FOLDER = Path(__file__).resolve().parent / "expected"
SHARE = 0.02


class Contradiction(Exception):
    """A list names a test twice."""


def expected(engine: Engine, release: int) -> dict[str, str]:
    """Test id to reason: upstream's own skips, and what is not possible on the engine."""
    return _listed(engine.lists, release)


def not_of(engine: Engine, release: int) -> dict[str, str]:
    """Test or class to reason: what is not run on the engine, for it tests what is not there."""
    return _listed(tuple(f"{name}-apart" for name in engine.lists), release)


def apart(name: str, listed: Mapping[str, str]) -> str | None:
    """Why a test is not of this engine; None where it is."""
    return listed.get(name, listed.get(name.rpartition("::")[0]))


def _listed(names: Collection[str], release: int) -> dict[str, str]:
    skips: dict[str, str] = {}
    for name in names:
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


def unexpected(
    outcomes: Iterable[Outcome],
    skips: Mapping[str, str],
    modules: Collection[str],
    not_run: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
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
    met |= {one.name.rpartition("::")[0] for one in listed if one.outcome == "apart"}
    lines += [
        f"LISTED, BUT THERE IS NO SUCH TEST {name}"
        for name in (*skips, *not_run)
        if name.partition("::")[0] in modules and name not in met
    ]
    return sorted(lines)


def too_many(outcomes: Collection[Outcome]) -> list[str]:
    """A line when more tests were skipped than may be, of the outcomes of all suites."""
    skipped, run = count(outcomes, "skipped"), len(outcomes) - count(outcomes, "apart")
    if skipped <= SHARE * run:
        return []
    return [f"TOO MANY SKIPS {skipped} of {run}; {SHARE:.0%} are allowed"]
