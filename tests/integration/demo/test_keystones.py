"""Real Keystones come up side by side, each with ids of its own, and go down without a trace."""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, UPSTREAM_WSGI, Keystone, Keystones, SiteSpec
from keystone_viaduct.errors import ServerFailed

pytestmark = pytest.mark.keystone
OTHER_RELEASE = Path(__file__).parents[3] / ".venvs" / "27" / "bin" / "python"


@pytest.fixture(scope="module")
def keystones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystones]:
    folder = tmp_path_factory.mktemp("sites")
    with Keystones(folder, [SiteSpec("east"), SiteSpec("west", wsgi=UPSTREAM_WSGI)]) as running:
        yield running


def token(site: Keystone, password: str = ADMIN_PASSWORD) -> dict[str, Any]:
    user = {"name": "admin", "domain": {"id": "default"}, "password": password}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"system": {"all": True}},
        }
    }
    request = urllib.request.Request(
        f"{site.url}/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        loaded: dict[str, Any] = json.load(answer)["token"]
        return loaded


def processes_in(folder: Path) -> list[int]:
    """Every process whose working directory is in ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                cwd = (entry / "cwd").readlink()
            except OSError:
                continue
            if cwd.is_relative_to(folder):
                found.append(int(entry.name))
    return found


def test_each_site_answers_and_knows_its_region(keystones: Keystones) -> None:
    for site in keystones.sites.values():
        catalog = token(site)["catalog"]
        assert {endpoint["region_id"] for entry in catalog for endpoint in entry["endpoints"]} == {site.name}


def test_ids_are_skewed_but_for_the_default_domain(keystones: Keystones) -> None:
    east, west = (token(site) for site in keystones.sites.values())
    assert east["user"]["id"] != west["user"]["id"]
    assert {role["name"] for role in east["roles"]} == {role["name"] for role in west["roles"]}
    assert not {role["id"] for role in east["roles"]} & {role["id"] for role in west["roles"]}
    assert east["user"]["domain"] == west["user"]["domain"]


def test_sqlite_keeps_a_write_ahead_log(keystones: Keystones) -> None:
    connection = sqlite3.connect(keystones["west"].layout.folder / "keystone.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_key_repositories_are_private(keystones: Keystones) -> None:
    layout = keystones["east"].layout
    for folder in (layout.fernet_keys, layout.credential_keys, layout.folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_site_restarts_on_its_port_after_stop_and_after_a_crash(keystones: Keystones) -> None:
    site = keystones["west"]
    url, first = site.url, site.pid
    site.stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)
    site.start()
    site.wait_ready()
    site.kill()
    site.start()
    site.wait_ready()
    assert site.url == url
    assert site.pid not in {None, first}
    assert token(site)["user"]["name"] == "admin"


def test_a_program_can_be_run_in_the_site_s_environment(keystones: Keystones) -> None:
    site = keystones["east"]
    assert json.loads(site.run("json.tool", stdin='{"a": 1}')) == {"a": 1}
    with pytest.raises(ServerFailed, match="No module named"):
        site.run("no_such_module")


def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    with Keystones(tmp_path, [SiteSpec("north")]) as running:
        assert len(processes_in(tmp_path)) == 2, "a master and a worker"
        assert running["north"].layout.pid.exists()
    assert processes_in(tmp_path) == []
    assert not running["north"].layout.pid.exists()


def test_a_parent_killed_outright_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from keystone_viaduct.demo.keystones import Keystones, SiteSpec\n"
        "running = Keystones(pathlib.Path(sys.argv[1]), [SiteSpec('north')])\n"
        "running.prepare(); running.start()\n"
        "print(running['north'].pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    master = int(parent.stdout.readline())
    watched = os.pidfd_open(master)
    parent.kill()
    parent.wait()
    assert select.select([watched], [], [], 30)[0], "gunicorn's master outlived its parent"
    os.close(watched)
    parent.stdin.close()
    parent.stdout.close()
    assert processes_in(tmp_path) == []


def test_a_failed_set_up_shows_the_end_of_its_log(tmp_path: Path) -> None:
    running = Keystones(tmp_path, [SiteSpec("north", database_url=f"sqlite:///{tmp_path}/no/such/k.db")])
    with pytest.raises(ServerFailed, match="unable to open database file") as caught, running:
        pass
    assert caught.value.fields["site"] == "north"
    assert processes_in(tmp_path) == []


@pytest.mark.keystone27
def test_another_release_runs_from_its_own_environment(tmp_path: Path) -> None:
    with Keystones(tmp_path, [SiteSpec("old", python=OTHER_RELEASE)]) as running:
        assert token(running["old"])["user"]["name"] == "admin"
