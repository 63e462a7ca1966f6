"""`viaduct retries`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keystone_viaduct import counting
from keystone_viaduct.cli.main import main
from keystone_viaduct.drivers import counters


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose counters folder holds the counts of one process."""
    folder = tmp_path / "counts"
    counting.keep_in(folder)
    counters.retried("keystone.identity", "update_user", "conflict")
    counters.ended(counters.RECOVERED, 0.5)
    counting.keep_in(None)
    path = tmp_path / "keystone.conf"
    path.write_text(f"[database]\nconnection = sqlite://\n[viaduct]\ncounters_folder = {folder}\n")
    return path


def test_a_table_for_people(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retries", "--config-file", str(config)]) == 0
    out = capsys.readouterr().out
    assert "update_user" in out
    assert "1 recovered, 0 had been done already, 0 given up; 0.5 s spent on it" in " ".join(out.split())


def test_json_and_prometheus_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retries", "--json", "--config-file", str(config)]) == 0
    assert json.loads(capsys.readouterr().out)["outcomes"]["recovered"] == 1
    assert main(["retries", "--prometheus", "--folder", str(config.parent / "counts")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'viaduct_driver_retried_calls_total{outcome="recovered"} 1.0' in lines


def test_without_a_folder_it_says_what_to_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "keystone.conf"
    config.write_text("[database]\nconnection = sqlite://\n")
    assert main(["retries", "--config-file", str(config)]) == 2
    assert "counters_folder" in capsys.readouterr().err
