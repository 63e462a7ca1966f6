"""The unit file and the example configuration are such as systemd and the agent take; a page shows them."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from keystone_viaduct.cli._commands import build
from keystone_viaduct.errors import ConfigError
from keystone_viaduct.sync.agent.topology import read_topology

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "deploy/systemd/viaduct-agent.service"
EXAMPLES = ROOT / "deploy/examples"
PAGE = ROOT / "docs/how-to/run-the-agent.md"


def unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser["Service"]


@pytest.mark.parametrize("name", ["ExecStartPre", "ExecStart"])
def test_the_commands_of_the_unit_are_taken(name: str) -> None:
    program, command, *words = shlex.split(unit()[name])
    assert Path(program).name == "viaduct" and command == "agent"
    group = build()
    assert isinstance(group, click.Group)
    found = group.get_command(click.Context(group), command)
    assert found is not None
    found.make_context(command, words)  # raises for an option that there is not


def test_a_wrong_configuration_is_not_started_again_and_again() -> None:
    assert unit()["RestartPreventExitStatus"] == str(ConfigError.exit_code)


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze (Debian's package systemd has it)")
    file = tmp_path / UNIT.name
    file.write_text(UNIT.read_text().replace("/opt/viaduct/bin/viaduct", "/bin/true"))
    done = subprocess.run(
        [program, "verify", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_example_is_a_fleet_whose_clouds_are_in_the_file_beside_it() -> None:
    topology = read_topology(EXAMPLES / "viaduct.yaml")
    assert (topology.hub, list(topology.spokes)) == ("east", ["west", "south"])
    clouds = yaml.safe_load((EXAMPLES / "clouds.yaml").read_text())["clouds"]
    assert list(clouds) == list(topology.sites)
    for cloud in clouds.values():
        assert cloud["auth"]["auth_url"].startswith("https://") and cloud["auth"]["system_scope"] == "all"
    passwords = [cloud["auth"]["password"] for cloud in clouds.values()]
    assert len(set(passwords)) == len(passwords), "an account of its own at each site"


def test_the_page_shows_the_example_as_it_is() -> None:
    lines = (EXAMPLES / "viaduct.yaml").read_text().splitlines()
    shown = "\n".join(f"    {line}" if line else "" for line in lines)
    assert shown in PAGE.read_text()
