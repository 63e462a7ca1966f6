"""Keystone as installed: in this environment, and other releases in ``.venvs/<release>`` (``make venv-27``).

Everything here runs a separate process, for Keystone's state is global and one process serves one database.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import unavailable

ROOT = Path(__file__).resolve().parents[2]


class CommandFailed(AssertionError):
    """A command in a release's environment ended with an error; the message holds its output."""


@dataclass(frozen=True)
class Release:
    """One environment with a Keystone in it: ``name`` is ``30``, ``27`` …"""

    name: str
    bin: Path

    def run(
        self,
        program: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        timeout: float = 120.0,
    ) -> str:
        """Standard output of one of the environment's programs; raises CommandFailed with all its output."""
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            timeout=timeout,
            env=self.environment(env),
        )
        if done.returncode:
            raise CommandFailed(
                f"{program} {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def python(
        self, code: str, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120.0
    ) -> str:
        """Standard output of a Python program; the product and ``tests`` can be imported in it."""
        return self.run("python", "-c", code, *arguments, env=env, timeout=timeout)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment variables for a process of this release."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OS_"))}
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **(extra or {})}


def installed() -> Release:
    """The Keystone beside the running tests."""
    return Release("installed", Path(sys.executable).parent)


def release(number: int | str) -> Release:
    """Keystone ``number``.0.0 in its own environment; skips (or fails) the test with a hint without it.

    ``cockroach``: the newest one, with CockroachDB's dialect and the SQLAlchemy 2.0 that it needs.
    """
    place = ROOT / ".venvs" / str(number)
    if not (place / "bin" / "keystone-manage").exists():
        unavailable(f"no Keystone {number} in .venvs/{number}", f"`make venv-{number}` makes it")
    return Release(str(number), place / "bin")


@dataclass(frozen=True)
class KeystoneHome:
    """A folder with a ``keystone.conf`` and key repositories, for one database."""

    folder: Path
    release: Release

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "keystone.conf"

    @property
    def env(self) -> dict[str, str]:
        """What makes ``keystone.server.wsgi`` and gunicorn workers read this configuration."""
        return {"OS_KEYSTONE_CONFIG_DIR": str(self.folder), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}

    def manage(self, *arguments: str) -> str:
        """Run ``keystone-manage`` with this configuration."""
        return self.release.run(
            "keystone-manage", "--config-file", str(self.config), *arguments, env=self.env
        )

    def bootstrap(self, password: str = "admin", region: str = "east") -> None:
        """Make the keys and the first administrator (the database has to be migrated)."""
        self.bootstrap_by(self.manage, password, region)

    def bootstrap_by(self, manage: Callable[..., str], password: str = "admin", region: str = "east") -> None:
        """:meth:`bootstrap` by another command than ``keystone-manage`` that takes the same arguments."""
        account = ("--keystone-user", "root", "--keystone-group", "root") if os.geteuid() == 0 else ()
        manage("fernet_setup", *account)
        manage("credential_setup", *account)
        manage("bootstrap", "--bootstrap-password", password, "--bootstrap-region-id", region)


def make_home(folder: Path, url: str, where: Release | None = None, extra: str = "") -> KeystoneHome:
    """Write a configuration for the database ``url``; ``extra`` is appended as it is (more sections).

    Every key repository is named: ``fernet_setup`` would make the others in /etc/keystone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    home = KeystoneHome(folder, where or installed())
    home.config.write_text(
        f"[DEFAULT]\nuse_stderr = false\nlog_file = {folder}/keystone.log\n"
        f"[database]\nconnection = {url}\n"
        f"[fernet_tokens]\nkey_repository = {folder}/fernet-keys\n"
        f"[fernet_receipts]\nkey_repository = {folder}/receipt-keys\n"
        f"[credential]\nkey_repository = {folder}/credential-keys\n"
        f"[identity]\npassword_hash_rounds = 4\n{extra}"
    )
    return home
