"""A run of upstream's tests that is broken off goes on where it stopped, by test id."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from tests.upstream import kept, processes, suites
from tests.upstream.kept import Kept
from tests.upstream.outcomes import Outcome

MODULE = "unit/policy/backends/test_sql.py"
RUN = processes.Run("sqlite", "one", processes=1)


def wrote(folder: Kept, *names: str, half: str = "") -> None:
    """What a process wrote before it was killed."""
    place = folder.place() / "report.jsonl"
    lines = (json.dumps({"id": name, "outcome": "passed", "reason": ""}) + "\n" for name in names)
    place.write_text("".join(lines) + half)


def test_what_ended_is_known_and_half_a_line_is_not(tmp_path: Path) -> None:
    folder = Kept(tmp_path / "state")
    assert folder.begin("sqlite", "all") == 0
    wrote(folder, "a.py::T::one", half='{"id": "a.py::T::two", "outc')
    wrote(folder, "b.py::T::one")
    folder.end(["c.py"])
    again = Kept(tmp_path / "state")
    assert again.begin("sqlite", "all") == 2
    assert kept.names(again.outcomes().values(), ["a.py"]) == ["a.py::T::one"]
    assert again.ended() == {"c.py"}


def test_another_run_and_other_sources_begin_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Kept(tmp_path / "state")
    for what in ("drivers", "v3"):
        assert folder.begin(what) == 0
        wrote(folder, "a.py::T::one")
        assert folder.begin(what) == 1
    (tmp_path / "keystone_viaduct").mkdir()
    (tmp_path / "keystone_viaduct" / "changed.py").write_text("1")
    monkeypatch.setattr(kept, "REPOSITORY", tmp_path)
    assert folder.begin("v3") == 0


def test_a_run_that_was_broken_off_runs_only_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process of a portion dies once, and is followed by a run that is told what it had done."""
    monkeypatch.setitem(suites.SUITES, "one", (MODULE,))
    given: list[list[str]] = []
    every = [f"{MODULE}::T::{number}" for number in range(4)]

    def run_pytest(_plugin: str, options: dict[str, str], tests: list[str], place: Path) -> object:
        assert tests == [MODULE]
        assert all(Path(options[name]).is_absolute() for name in ("done", "report", "tally"))
        done = json.loads(Path(options["done"]).read_text())
        given.append(done)
        left = [name for name in every if name not in done]
        died = len(given) == 1
        with Path(options["report"]).open("w") as report:
            for name in left[:2] if died else left:
                report.write(json.dumps({"id": name, "outcome": "passed", "reason": ""}) + "\n")
        if not died:
            Path(options["tally"]).write_text('{"calls": 7}')
        return subprocess.CompletedProcess([], -9 if died else 0, "", "killed")

    monkeypatch.setattr(processes, "run_pytest", run_pytest)
    monkeypatch.chdir(tmp_path)  # the command names a folder below the one where it is given
    run = dataclasses.replace(RUN, state=Path("state"))
    broken = processes.execute(run)
    assert Outcome(MODULE, "failed", "status -9\nkilled") in broken.outcomes
    ended = processes.execute(run)
    assert given == [[], every[:2]]
    assert sorted(one.name for one in ended.outcomes) == every
    assert ended.tally["calls"] == 7
    assert not (tmp_path / "state").exists(), "a run that came to its end leaves nothing"


@pytest.mark.parametrize("status", [1, 5])
def test_a_process_that_ended_before_its_session_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A plug-in that can't be imported ends with the status of failed tests, and none of them."""
    monkeypatch.setitem(suites.SUITES, "one", (MODULE,))
    done = subprocess.CompletedProcess([], status, "", "ImportError")
    monkeypatch.setattr(processes, "run_pytest", lambda *_: done)
    run = dataclasses.replace(RUN, state=tmp_path / "state")
    assert processes.execute(run).outcomes == [Outcome(MODULE, "failed", f"status {status}\nImportError")]
    assert Kept(tmp_path / "state").ended() == set()
