"""The demo on the real product: one command, three Keystones, and a judge who has nothing to complain of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.quickstarts import NESTED

pytestmark = pytest.mark.keystone
ROOT = Path(__file__).parents[3]
LANGUAGE = {name: text for name, text in os.environ.items() if name.startswith(("LANG", "LC_"))}
DEADLINE = 400.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["demo", "--once", "--json", str(folder / "demo.json"), "--folder", str(folder / "sites")]
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "keystone_viaduct.cli.main", *command],
        cwd=ROOT,
        env={"COLUMNS": "110", "PATH": "/usr/bin:/bin", NESTED: "1", **LANGUAGE},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture(scope="module")
def report(played: subprocess.CompletedProcess[str], folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return loaded


def test_every_step_holds_and_the_exit_status_says_so(
    played: subprocess.CompletedProcess[str], report: dict[str, Any]
) -> None:
    assert [step for step in report["steps"] if not step["held"]] == []
    assert played.returncode == 0, played.stdout + played.stderr
    assert len(report["steps"]) > 30


def test_all_sites_are_equal_with_records_of_every_kind_and_nothing_unused(report: dict[str, Any]) -> None:
    assert report["differences"] == []
    assert report["equal"] is True
    assert len(report["records"]) == 34
    assert report["carried"] == []
    assert report["kinds_without_records"] == []
    assert report["columns_with_defaults_only"] == []


def test_the_report_has_the_lag_per_step_and_site(report: dict[str, Any]) -> None:
    first = report["steps"][0]
    assert set(first["lag_ms"]) == {"west", "south"}
    assert report["rtt_ms"] == 80.0
    assert {way for way in report["median_lag_ms"] if way.startswith("east")} == {"east-south", "east-west"}
    assert all(lag >= 40.0 for lag in first["lag_ms"].values()), "no change outruns half a round trip"


def test_only_what_was_changed_on_both_sides_is_listed_as_decided(report: dict[str, Any]) -> None:
    (decided,) = (step for step in report["steps"] if step["title"].startswith("The two descriptions"))
    assert decided["remark"] == "extra.description: the hub is definitive; west changed the same concurrently"


def test_what_is_told_names_each_chapter_and_ends_with_the_verdict(
    played: subprocess.CompletedProcess[str],
) -> None:
    for words in (
        "Three regions, each with a Keystone of its own",
        "One set of identities",
        "West is cut off",
        "Healed",
        "equal in every field at 3 sites",
    ):
        assert words in played.stdout
    assert "✗" not in played.stdout


def test_nothing_of_it_runs_on(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    left = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink().is_relative_to(folder):
                    left.append((entry / "cmdline").read_text())
            except OSError:
                continue
    assert left == []
