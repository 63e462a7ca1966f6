"""``viaduct manage``: keystone-manage with the engine's hooks and the wrapped drivers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystone_viaduct.cli.main import main
from tests.support.keystones import KeystoneHome, installed, make_home

pytestmark = [pytest.mark.keystone, pytest.mark.engines("sqlite", "postgresql")]

VIADUCT = ("-m", "keystone_viaduct.cli.main", "manage")
WATCHED = """
import sys
from keystone_viaduct.cli.main import main
from keystone_viaduct.drivers import unwrap
from keystone.common import provider_api
try:
    main(["manage", *sys.argv[1:]])
finally:
    driver = provider_api.ProviderAPIs.identity_api.driver
    print("wrapped" if unwrap(driver) is not driver else "bare")
"""


def manage(home: KeystoneHome, *arguments: str) -> str:
    """Run ``viaduct manage`` with the configuration of ``home``."""
    return home.release.run("python", *VIADUCT, "--config-file", str(home.config), *arguments, env=home.env)


def exits(home: KeystoneHome, program: list[str], *arguments: str) -> tuple[int, str]:
    """Exit code and output of a program of the environment."""
    done = subprocess.run(
        [str(home.release.bin / program[0]), *program[1:], *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=home.release.environment(home.env),
    )
    return done.returncode, done.stdout + re.sub(r"[\d-]+ [\d:.]+ \d+ ", "", done.stderr)


def test_a_database_is_made_and_bootstrapped_through_it(database_url: str, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", database_url)
    manage(home, "db_sync")
    manage(home, "db_sync", "--check")
    account = ("--keystone-user", "root", "--keystone-group", "root") if os.geteuid() == 0 else ()
    manage(home, "fernet_setup", *account)
    manage(home, "credential_setup", *account)
    bootstrap = ["bootstrap", "--bootstrap-password", "secret", "--bootstrap-region-id", "east"]
    for _ in range(2):  # safe to repeat, as Keystone's own
        arguments = ["--config-file", str(home.config), *bootstrap]
        assert home.release.python(WATCHED, *arguments, env=home.env).endswith("wrapped\n")
    engine = sa.create_engine(database_url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        roles = connection.execute(sa.text("SELECT name FROM role ORDER BY name")).scalars().all()
        users = connection.execute(sa.text("SELECT name FROM local_user")).scalars().all()
    assert (roles, users) == (["admin", "manager", "member", "reader", "service"], ["admin"])


def test_the_hooks_of_the_engine_are_there(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", f"sqlite:///{tmp_path}/k.db")
    manage(home, "db_sync")
    with sa.create_engine(f"sqlite:///{tmp_path}/k.db").connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.parametrize(
    "arguments",
    [
        ["db_sync", "--check"],  # nothing is there yet: 2
        ["db_version"],
        ["db_sync", "--expand", "--contract"],
        ["nonsense"],
        [],
        ["--version"],
        ["db_sync", "--contract"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_arguments_exit_codes_and_output_are_those_of_keystone_manage(
    arguments: list[str], tmp_path: Path
) -> None:
    homes = [make_home(tmp_path / name, f"sqlite:///{tmp_path}/{name}.db") for name in ("theirs", "ours")]
    theirs = exits(homes[0], ["keystone-manage"], "--config-file", str(homes[0].config), *arguments)
    ours = exits(homes[1], ["python", *VIADUCT], "--config-file", str(homes[1].config), *arguments)
    assert ours[0] == theirs[0]
    if theirs[0] != 1:  # an exception: its traceback differs
        assert ours[1].replace(str(tmp_path / "ours"), str(tmp_path / "theirs")) == theirs[1]


def test_without_keystone_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keystone.conf", None)
    monkeypatch.setitem(__import__("sys").modules, "keystone.cmd", None)
    assert main(["manage", "db_sync"]) == 2
    assert "Keystone can't be imported" in capsys.readouterr().err


def test_it_runs_the_keystone_beside_it() -> None:
    assert "keystone-manage" in installed().run("python", *VIADUCT, "--help")
