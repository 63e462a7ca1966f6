"""Other releases of Keystone, as the tests reach them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import KeystoneDatabase
from tests.support.keystones import CommandFailed, Release, installed, make_home

VERSION = "from importlib.metadata import version; print(version('keystone'))"


@pytest.mark.keystone27
def test_another_release_runs_beside_this_one_with_the_product_in_it(keystone27: Release) -> None:
    assert keystone27.python(VERSION).startswith("27.")
    assert installed().python(VERSION).startswith("30.")
    assert keystone27.python("import keystone_viaduct.errors, tests.support; print('both')") == "both\n"


@pytest.mark.keystone24
def test_keystone_24_has_the_older_sqlalchemy(keystone24: Release) -> None:
    assert keystone24.python("import sqlalchemy; print(sqlalchemy.__version__)").startswith("1.4.")


def test_a_failing_command_shows_its_output() -> None:
    with pytest.raises(CommandFailed, match="something went wrong"):
        installed().python("import sys; sys.exit('something went wrong')")


@pytest.mark.keystone
def test_a_home_is_enough_to_bootstrap_a_keystone(
    keystone_database: KeystoneDatabase, tmp_path: Path
) -> None:
    url = keystone_database("sqlite")
    home = make_home(tmp_path / "site", url)
    home.bootstrap(region="west")
    for repository in ("fernet-keys", "receipt-keys", "credential-keys"):
        assert (home.folder / repository / "0").exists()
    with sa.create_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
        assert connection.execute(sa.text("SELECT id FROM region")).scalars().all() == ["west"]
        assert connection.execute(sa.text("SELECT name FROM local_user")).scalars().all() == ["admin"]
