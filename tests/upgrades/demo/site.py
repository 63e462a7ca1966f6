"""A site that is upgraded: its database, the operator's commands, and Keystones of both releases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import sqlalchemy as sa

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystone, SiteSpec
from tests.support.keystones import ROOT
from tests.upgrades.demo.balancer import Endpoint
from tests.upgrades.demo.ground import NEW, OLD, Ground

VIADUCT = "keystone_viaduct.cli.main"
DECLARATION = Path(__file__).with_name("user_status.py")
_COMMAND_SECONDS = 400.0
_READY_SECONDS = 180.0
#: Users that nobody touches: what is marked of them was marked by the upgrade.
SLEEPERS = 2000
_PREFIX = "sleeper-"
#: The one that is enabled at first, and is then locked.
SLEEPER = f"{_PREFIX}00000"


class Site:
    """``old`` and ``new`` are the environments' Pythons; in ``status`` lies the new release's package."""

    def __init__(self, ground: Ground, folder: Path, old: Path, new: Path, status: Path) -> None:
        self.ground = ground
        self.database = ground.create()
        self._folder = folder
        self._python = {OLD: old, NEW: new}
        self._status = status
        self._begun: dict[str, Keystone] = {}
        url = ground.operator(self.database)
        keys = {"key_repository": str(folder / "operator" / "viaduct-keys")}
        options = {"viaduct": keys, "database": ground.options}
        self._operator = Keystone(
            SiteSpec("operator", database_url=url, python=old, options=options), folder / "operator"
        )
        self.engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def prepare(self) -> None:
        """Migrated and bootstrapped by the old release, its changes captured, with users that are asleep."""
        self._operator.begin_setup()
        self._operator.finish_setup(_COMMAND_SECONDS)
        self._add_sleepers()
        self._operator.run(VIADUCT, "init", "--site", "east", "--hub", "east", "--json")
        with self.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM viaduct_dirty"))

    def _add_sleepers(self) -> None:
        """A third each is enabled, disabled, and neither."""
        user = sa.table("user", *map(sa.column, ("id", "domain_id", "enabled", "extra")))
        local = sa.table("local_user", *map(sa.column, ("user_id", "domain_id", "name")))
        names = [f"{_PREFIX}{number:05}" for number in range(SLEEPERS)]
        states = (True, False, None)
        with self.engine.begin() as connection:
            rows = [
                {"id": name, "domain_id": "default", "enabled": states[number % 3], "extra": "{}"}
                for number, name in enumerate(names)
            ]
            connection.execute(user.insert(), rows)
            rows = [{"user_id": name, "domain_id": "default", "name": name} for name in names]
            connection.execute(local.insert(), rows)

    def marked_sleepers(self) -> int:
        """How many of them synchronisation would send."""
        with self.engine.connect() as connection:
            quoted = connection.dialect.identifier_preparer.quote("key")
            query = f"SELECT COUNT(*) FROM viaduct_dirty WHERE kind = 'user' AND {quoted} LIKE '{_PREFIX}%'"
            return int(connection.exec_driver_sql(query.replace("%", "%%")).scalar_one())

    def capture_problems(self) -> list[str]:
        """What doctor has to say about the triggers of capture."""
        done = self._run("doctor", "--json")
        checks = json.loads(done.stdout)["checks"]
        return [f"{item}" for item in checks if item["check"] == "triggers" and item["status"] != "ok"]

    def serve(self, release: str, number: int) -> Endpoint:
        """Start a Keystone; returns when it answers."""
        name = f"{release}-{number}"
        folder = self._operator.layout
        options = {
            "database": self.ground.options,
            "fernet_tokens": {"key_repository": str(folder.fernet_keys)},
            "fernet_receipts": {"key_repository": str(folder.receipt_keys)},
            "credential": {"key_repository": str(folder.credential_keys)},
            "viaduct": {"key_repository": str(folder.folder / "viaduct-keys")},
            # what clients write is read from the database, what they never change is not
            "cache": {"enabled": "true", "backend": "dogpile.cache.memory"},
            "identity": {"password_hash_rounds": "4", "caching": "false"},
            "federation": {"caching": "false"},
        }
        spec = SiteSpec(
            name,
            database_url=self.ground.url(self.database, release, number),
            python=self._python[release],
            threads=4,
            options=options,
            environment={"PYTHONPATH": str(self._status)} if release == NEW else {},
        )
        keystone = Keystone(spec, self._folder / name)
        self._begun[name] = keystone
        keystone.layout.folder.mkdir(parents=True, exist_ok=True)
        keystone.write_config()
        keystone.start()
        keystone.wait_ready(_READY_SECONDS)
        return Endpoint(name, keystone.url, release == NEW)

    def end(self, endpoint: Endpoint) -> None:
        """Stop a Keystone in order."""
        keystone = self._begun.pop(endpoint.name)
        keystone.stop()
        keystone.port.release()

    def token(self, endpoint: Endpoint) -> str:
        """The administrator's, for all servers."""
        user = {"name": "admin", "domain": {"id": "default"}, "password": ADMIN_PASSWORD}
        scope = {"system": {"all": True}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        answer = httpx.post(f"{endpoint.url}/auth/tokens", json=body, timeout=60, trust_env=False)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]

    def lock_sleeper(self, endpoint: Endpoint, token: str) -> None:
        """By the new release, what only that can say; nobody touches it afterwards."""
        answer = httpx.patch(
            f"{endpoint.url}/users/{SLEEPER}",
            json={"user": {"enabled": False, "status": "locked"}},
            headers={"X-Auth-Token": token},
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()

    def upgrade(self, phase: str, *options: str, code: int = 0, says: str = "") -> list[str]:
        """The command as an operator types it; what it prints. It must end with ``code`` and say ``says``."""
        upstream = ["--upstream", str(self._python[NEW])]
        done = self._run("upgrade", phase, str(DECLARATION), *upstream, *options)
        printed = done.stdout + done.stderr
        if done.returncode != code or says not in printed:
            wanted = f" with {says!r}" if says else ""
            raise AssertionError(f"upgrade {phase}: exit {done.returncode}, not {code}{wanted}:\n{printed}")
        return printed.splitlines()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        configuration = ["--config-file", str(self._operator.layout.config)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTEST_"))}
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", VIADUCT, *arguments, *configuration],
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
            cwd=ROOT,
            env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        )

    def users(self) -> dict[str, dict[str, Any]]:
        """All, by SQL: ``enabled``, ``status`` where they are there."""
        user = sa.Table("user", sa.MetaData(), autoload_with=self.engine)
        with self.engine.connect() as connection:
            return {row["id"]: dict(row) for row in connection.execute(user.select()).mappings()}

    def columns(self, table: str) -> set[str]:
        """Of a table, as it is now."""
        return {item["name"] for item in sa.inspect(self.engine).get_columns(table)}

    def stop(self) -> None:
        """End all that was begun."""
        for keystone in self._begun.values():
            keystone.terminate()
        for keystone in self._begun.values():
            keystone.stop()
            keystone.port.release()
        self._begun.clear()
        self._operator.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
