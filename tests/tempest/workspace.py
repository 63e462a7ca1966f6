"""A workspace of Tempest for one site, in an environment of its own (``make .venvs/tempest/.stamp``)."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keystone_viaduct.demo.keystones import Keystone
from tests.support.keystones import ROOT

BIN = ROOT / ".venvs" / "tempest" / "bin"
#: Tempest's own tests of identity, and all of the plug-in's.
EVERYTHING = r"(^tempest\.api\.identity\.)|(^keystone_tempest_plugin\.)"
#: Compares two answers about one token, with a list of all service providers in them: another test that makes
#: one meanwhile comes between. So it is run by itself.
ALONE = r"\.test_tokens\.TokensV3Test\."
_COUNT = re.compile(r"^ - (Passed|Skipped|Expected Fail|Unexpected Success|Failed): (\d+)$", re.MULTILINE)
_ABSENT = ("cinder", "glance", "horizon", "neutron", "nova", "swift")


@dataclass(frozen=True)
class Outcome:
    """What a run came to; ``failures`` are names of tests."""

    passed: int
    skipped: int
    failed: int
    failures: tuple[str, ...] = ()


class TempestFailed(Exception):
    """It did not come to run its tests."""


class Workspace:
    """A folder with a configuration, and the results of the runs in it."""

    def __init__(self, folder: Path, site: Keystone) -> None:
        self.folder = folder
        self.log = folder / "run.log"
        self._call("init", str(folder))
        config = configparser.RawConfigParser()
        config.read_dict(settings(folder, site))
        with (folder / "etc" / "tempest.conf").open("w") as file:
            config.write(file)

    def run(self, tests: str, concurrency: int, timeout: float) -> Outcome:
        """Run these tests, by regular expression; all that was said goes to ``log``. Of everything some are
        run by themselves.
        """
        chosen = ["--regex", tests, "--concurrency", str(concurrency)]
        parts = [chosen]
        if tests == EVERYTHING:
            parts = [["--regex", ALONE, "--serial"], [*chosen, "--exclude-regex", ALONE]]
        self.log.write_text("")
        outcomes = [self._run(part, timeout) for part in parts]
        return Outcome(
            sum(outcome.passed for outcome in outcomes),
            sum(outcome.skipped for outcome in outcomes),
            sum(outcome.failed for outcome in outcomes),
            tuple(name for outcome in outcomes for name in outcome.failures),
        )

    def _run(self, chosen: Sequence[str], timeout: float) -> Outcome:
        known = self.log.stat().st_size
        with self.log.open("a") as log:
            status = self._start("run", *chosen, stdout=log, timeout=timeout)
        said = self.log.read_bytes()[known:].decode(errors="replace")
        outcome = read_outcome(said)
        if outcome is None or (status and not outcome.failed):
            raise TempestFailed(said[-4000:])
        return outcome

    def _call(self, *arguments: str) -> None:
        with (self.folder.parent / "tempest-init.log").open("w+") as log:
            if self._start(*arguments, stdout=log, timeout=120, cwd=self.folder.parent):
                log.seek(0)
                raise TempestFailed(log.read())

    def _start(self, *arguments: str, stdout: object, timeout: float, cwd: Path | None = None) -> int:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTEST_"))}
        kept["HOME"] = str(self.folder.parent)  # where it would write down all its workspaces
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [str(BIN / "tempest"), *arguments],
            cwd=cwd or self.folder,
            env={**kept, "PYTHONWARNINGS": "ignore", "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        return done.returncode


def settings(folder: Path, site: Keystone) -> Mapping[str, Mapping[str, str]]:
    """``tempest.conf``: an administrator of the site, and nothing but Keystone."""
    return {
        "DEFAULT": {"log_dir": str(folder / "logs"), "debug": "false"},
        "oslo_concurrency": {"lock_path": str(folder / "lock")},
        "auth": {
            "use_dynamic_credentials": "true",
            "admin_username": "admin",
            "admin_password": site.spec.admin_password,
            "admin_project_name": "admin",
            "admin_domain_name": "Default",
        },
        "identity": {
            "auth_version": "v3",
            "uri_v3": site.url,
            "region": site.name,
            "v3_endpoint_type": "public",
            "default_domain_id": "default",
        },
        "identity-feature-enabled": {
            "api_v2": "false",
            "api_v3": "true",
            "trust": "true",
            "project_tags": "true",
            "application_credentials": "true",
            "access_rules": "true",
            "domain_specific_drivers": "false",
            "external_idp": "false",
        },
        "enforce_scope": {"keystone": "true"},
        "service_available": dict.fromkeys(_ABSENT, "false"),
        "validation": {"run_validation": "false"},
    }


def read_outcome(said: str) -> Outcome | None:
    """The counts at the end of what a run has said; None where it never came to its tests."""
    counts = {name: int(number) for name, number in _COUNT.findall(said)}
    if not counts:
        return None
    failures = re.findall(r"^\{\d+\} (\S+) \[[\d.]+s\] \.\.\. FAILED$", said, re.MULTILINE)
    failures += re.findall(
        r"^\{\d+\} (setUpClass \(\S+\)|\S+) \[[\d.]+s\] \.\.\. FAILED$", said, re.MULTILINE
    )
    passed = counts.get("Passed", 0) + counts.get("Expected Fail", 0)
    failed = counts.get("Failed", 0) + counts.get("Unexpected Success", 0)
    return Outcome(passed, counts.get("Skipped", 0), failed, tuple(dict.fromkeys(failures)))
