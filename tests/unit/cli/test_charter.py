"""What `viaduct charter set` makes of its file before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from keystone_viaduct.cli.main import main


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("edition: [1, 4]\ncoverages: {}\nedition: [1, 5]\n", 3, "edition"),
        ("delegations:\n  west: {}\n  south: {}\n  west:\n    roles: []\n", 4, "delegations.west"),
        ("policies:\n  - policy: latest\n    kinds: [user]\n    policy: hub\n", 4, "policies.0.policy"),
    ],
)
def test_a_name_that_stands_twice_is_refused_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, place: str
) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text(text)
    assert main(["charter", "set", str(file), "--config", str(tmp_path / "no-fleet.yaml")]) == 2
    told = capsys.readouterr().err
    assert f"charter.yaml, line {line}: {place} is there twice" in told and "keep one of them" in told


def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "charter.yaml"
    file.write_text("edition: [1\n")
    assert main(["charter", "set", str(file), "--config", str(tmp_path / "no-fleet.yaml")]) == 2
    assert "charter.yaml, line 2" in capsys.readouterr().err
