"""The same against a real CockroachDB, where ``VIADUCT_COCKROACH_URL`` names an empty database of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cockroach.test_serving import unexpected, worked
from tests.support.keystones import Release, make_home

pytestmark = [pytest.mark.cockroach, pytest.mark.keystone]


def test_it_is_migrated_bootstrapped_and_serves(
    cockroach_url: str, keystone_cockroach: Release, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home", cockroach_url, keystone_cockroach)

    def manage(*arguments: str) -> str:
        command = ("-m", "keystone_viaduct.cli.main", "manage", "--config-file", str(home.config))
        return home.release.run("python", *command, *arguments, env=home.env, timeout=600)

    manage("db_sync")
    manage("db_sync")  # nothing is left to do
    manage("db_sync", "--check")
    home.bootstrap_by(manage)
    assert unexpected(worked(home, 2, "real")["done"]) == []
