"""The DevStack plug-in, played with stand-ins of the functions that DevStack gives it: what it does when."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from keystone_viaduct.sync.agent.topology import read_topology
from tests.unit.deploy.tools import ROOT, checked, tool

PLUGIN = ROOT / "devstack"
#: What of DevStack the plug-in relies on. Each call is written down; `iniset` and the services are kept.
STAND_INS = r"""
set -o errexit
say() { echo "$*" >>"$CALLS"; }
define_plugin() { :; }
enable_service() { ENABLED="$ENABLED,$1,"; }
is_service_enabled() { [[ "$ENABLED" == *",$1,"* ]]; }
echo_summary() { :; }
sudo() { "$@"; }
die() { shift; echo "$*" >&2; exit 1; }
pip_install() { say "pip_install $*"; }
iniset() { say "iniset $(basename "$1") $2 $3 $4"; }
restart_service() { say "restart_service $*"; }
wait_for_service() { say "wait_for_service $*"; [[ -z "${DEAF:-}" ]]; }
run_process() { ! is_service_enabled "$1" || say "run_process $*"; }
stop_process() { ! is_service_enabled "$1" || say "stop_process $*"; }
"""
VIADUCT = """#!/bin/bash
echo "viaduct $*" >>"$CALLS"
[[ "$*" != "agent-account ${FAIL:-none} "* ]] || exit 1
[[ "$1" != agent-account ]] || printf '%s\\n' "domain: viaduct-local-1" "password: s3" "user: viaduct-agent"
"""


class Stack:
    """A host on which DevStack runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "etc"
        self.calls = folder / "calls"
        program = folder / "bin/viaduct"
        program.parent.mkdir()
        program.write_text(VIADUCT)
        program.chmod(0o755)

    def run(self, *phases: str, **environment: str) -> tuple[int, list[str], str]:
        """Source settings and plug-in for each phase; exit code, calls, standard error."""
        self.calls.write_text("")
        source = "".join(f"source {PLUGIN}/plugin.sh {phase}\n" for phase in phases)
        done = subprocess.run(
            ["bash", "-c", f"{STAND_INS}source {PLUGIN}/settings\n{source}"],
            env={
                "PATH": "/usr/bin:/bin",
                "CALLS": str(self.calls),
                "REGION_NAME": "east",
                "HOST_IP": "192.0.2.1",
                "DEST": "/opt/stack",
                "STACK_USER": subprocess.check_output(["id", "-un"], text=True).strip(),
                "KEYSTONE_BIN_DIR": str(self.folder / "bin"),
                "KEYSTONE_CONF": "/etc/keystone/keystone.conf",
                "KEYSTONE_PUBLIC_UWSGI_CONF": "/etc/keystone/keystone-uwsgi-public.ini",
                "KEYSTONE_SERVICE_URI": "http://192.0.2.1/identity",
                "KEYSTONE_SERVICE_PROTOCOL": "http",
                "SERVICE_TIMEOUT": "60",
                "VIADUCT_CONF_DIR": str(self.conf),
                "VIADUCT_KEYS": str(self.folder / "keys"),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, self.calls.read_text().splitlines(), done.stderr


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


PHASES = ("stack pre-install", "stack install", "stack post-config", "stack extra", "stack test-config")


def test_a_site_is_configured_then_prepared_then_served_and_the_hub_runs_the_agent(stack: Stack) -> None:
    (stack.conf / "clouds.d").mkdir(parents=True)
    (stack.conf / "clouds.d/west.yaml").write_text(
        "  west:\n    auth: {auth_url: http://192.0.2.2/identity/v3}\n"
    )
    code, calls, said = stack.run(*PHASES, VIADUCT_SPOKES="west")
    assert (code, said) == (0, "")
    config = "--config-file /etc/keystone/keystone.conf"
    assert calls == [
        "pip_install -e /opt/stack/viaduct[dashboard,osc]",
        f"iniset keystone.conf viaduct key_repository {stack.folder}/keys",
        "iniset keystone.conf viaduct poke_url http://192.0.2.1:7788/poke",
        f"viaduct init {config} --site east --hub east",
        "iniset keystone-uwsgi-public.ini uwsgi module keystone_viaduct.wsgi:application",
        "restart_service devstack@keystone",
        "wait_for_service 60 http://192.0.2.1/identity/v3",
        f"viaduct agent-account create {config} --format yaml",
        f"run_process viaduct-agent {stack.folder}/bin/viaduct agent --config {stack.conf}/viaduct.yaml",
    ]
    topology = read_topology(stack.conf / "viaduct.yaml")
    assert (topology.hub, topology.spokes, topology.agent.plain_http) == ("east", ["west"], True)
    assert topology.agent.listen == ("192.0.2.1", 7788)
    clouds = yaml.safe_load((stack.conf / "clouds.yaml").read_text())["clouds"]
    assert set(clouds) == {"east", "west"}
    assert clouds["east"]["auth"] == {
        "auth_url": "http://192.0.2.1/identity/v3",
        "username": "viaduct-agent",
        "user_domain_id": "viaduct-local-1",
        "password": "s3",
        "system_scope": "all",
    }
    for name in ("clouds.yaml", "viaduct.yaml", "clouds.d/east.yaml"):
        assert (stack.conf / name).stat().st_mode & 0o777 == 0o600


def test_a_spoke_has_no_agent_and_leaves_its_account_for_the_hub(stack: Stack) -> None:
    code, calls, _ = stack.run(
        *PHASES, VIADUCT_SITE="west", VIADUCT_HUB="east", VIADUCT_AGENT_HOST="192.0.2.1"
    )
    assert code == 0 and not [call for call in calls if call.startswith("run_process")]
    assert "viaduct init --config-file /etc/keystone/keystone.conf --site west --hub east" in calls
    assert [path.name for path in (stack.conf / "clouds.d").iterdir()] == ["west.yaml"]


def test_an_account_that_is_there_already_is_renewed(stack: Stack) -> None:
    code, calls, _ = stack.run("stack install", "stack extra", FAIL="create")
    assert code == 0 and "renew" in calls[-1]
    assert "s3" in (stack.conf / "clouds.d/east.yaml").read_text()


def test_a_keystone_that_does_not_come_back_ends_the_run_with_what_it_was_to_serve(stack: Stack) -> None:
    code, _, said = stack.run("stack install", "stack post-config", DEAF="1")
    assert code == 1 and "keystone did not start with keystone_viaduct.wsgi:application" in said


def test_unstack_stops_the_agent_and_clean_leaves_nothing(stack: Stack) -> None:
    stack.run(*PHASES, VIADUCT_SPOKES="west")
    code, calls, _ = stack.run("unstack", VIADUCT_SPOKES="west")
    assert (code, calls) == (0, ["stop_process viaduct-agent"])
    assert stack.conf.exists()
    code, _, _ = stack.run("clean")
    assert code == 0 and not stack.conf.exists()


@pytest.mark.parametrize("script", ["devstack/settings", "devstack/plugin.sh"])
def test_the_shell_of_who_sources_it_is_as_before(stack: Stack, script: str) -> None:
    """No option of the shell is left changed: DevStack goes on with it."""
    done = subprocess.run(
        ["bash", "-c", f"{STAND_INS}set +o errexit\nbefore=$(set +o)\nsource {ROOT / script} none\n"
         '[[ "$before" == "$(set +o)" ]]'],
        env={"PATH": "/usr/bin:/bin", "CALLS": str(stack.calls), "DEST": "/opt/stack"},
        timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0


SCRIPTS = (
    "devstack/settings",
    "devstack/plugin.sh",
    "deploy/container/site",
    "deploy/container/agent",
    *sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tools").iterdir()
        if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
    ),
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing_wrong(script: str) -> None:
    checked(
        tool("shellcheck", "Debian's package shellcheck has it"), "--shell=bash", "--severity=warning", script
    )
