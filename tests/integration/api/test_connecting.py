"""`viaduct agent --check --connect`: what is wrong with each site is told, and nothing is changed."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.cli.main import main
from keystone_viaduct.demo.keystones import ADMIN_PASSWORD
from keystone_viaduct.demo.leash import Port
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import carry
from tests.integration.api.test_trying import everything

pytestmark = pytest.mark.keystone
#: Keystone itself notes who logs in, or fails to; its rows are marked then.
LOGINS = {"viaduct_dirty"}


class Desk:
    """A folder of its own with viaduct.yaml and clouds.yaml, which a test spoils."""

    def __init__(self, sites: Sites, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._sites, self._folder, self._capsys = sites, folder, capsys
        self.hub = "east"
        self.clouds = {name: self.account(name) for name in sites.names}

    def account(self, name: str, user: str = "admin", password: str = ADMIN_PASSWORD) -> dict[str, Any]:
        """Who may do everything there, unless somebody else is named."""
        auth = {"username": user, "password": password, "user_domain_id": "default"}
        return {"auth": {"auth_url": self._sites.url(name), "system_scope": "all", **auth}}

    def check(self, *more: str) -> tuple[int, str, str]:
        """Exit code, output and errors; what Viaduct has at the sites is as it was."""
        fleet = {"hub": self.hub, "sites": {name: name for name in self._sites.names}}
        agent = {"listen": False, "connect_timeout": 2, "timeout": 30}
        file = self._folder / "viaduct.yaml"
        file.write_text(yaml.safe_dump({**fleet, "clouds": "clouds.yaml", "agent": agent}))
        (self._folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": self.clouds}))
        before = everything(self._sites)
        self._capsys.readouterr()
        code = main(["agent", "--check", "--connect", "--config", str(file), *more])
        told = self._capsys.readouterr()
        after = everything(self._sites)
        changed = [
            f"{table} of {site}"
            for site, tables in before.items()
            for table, rows in tables.items()
            if table.startswith("viaduct_") and table not in LOGINS and after[site][table] != rows
        ]
        assert changed == []
        assert "Traceback" not in told.err
        return code, told.out, told.err


@pytest.fixture
def desk(sites: Sites, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    carry(sites)
    return Desk(sites, tmp_path, capsys)


def test_each_site_says_what_it_is(desk: Desk) -> None:
    code, out, _ = desk.check()
    assert code == 0
    assert "✓ east: Keystone" in out and ", the hub" in out
    assert "✓ west: Keystone" in out and "a spoke of east" in out
    code, out, _ = desk.check("--format", "json")
    told = json.loads(out)
    assert (code, told["hub"], told["spokes"]) == (0, "east", ["west"])
    assert told["sites"]["east"]["says"].endswith("the hub") and told["sites"]["west"]["error"] == ""


def test_a_wrong_password_is_told_of_that_site_alone(desk: Desk) -> None:
    desk.clouds["west"] = desk.account("west", password="not this one")
    code, out, err = desk.check()
    assert code == 1
    assert "✓ east" in out and "✗ west" in err and "hint:" in err and "not this one" not in err


def test_a_site_that_does_not_answer_is_told_before_long(desk: Desk) -> None:
    port = Port()
    try:
        desk.clouds["west"]["auth"]["auth_url"] = f"http://127.0.0.1:{port.number}/v3"
        code, out, err = desk.check()
    finally:
        port.release()
    assert code == 1
    assert "✓ east" in out and "✗ west" in err and "hint:" in err


def test_two_clouds_that_were_taken_for_each_other_are_noticed(desk: Desk) -> None:
    desk.clouds = {"east": desk.account("west"), "west": desk.account("east")}
    code, _, err = desk.check()
    assert code == 1
    assert "✗ east: there it is west" in err and "✗ west: there it is east" in err


def test_another_hub_than_the_sites_take_is_noticed(desk: Desk) -> None:
    desk.hub = "west"
    code, _, err = desk.check()
    assert code == 1
    assert "it takes east for the hub, and viaduct.yaml west" in err and "set `hub:`" in err


def test_an_account_that_may_not_do_the_agents_work_is_told_so(
    sites: Sites, desk: Desk, east: httpx.Client
) -> None:
    name = f"reader-{uuid.uuid4().hex[:8]}"
    user = {"name": name, "password": "reads", "domain_id": "default"}
    made = east.post("/users", json={"user": user}).json()["user"]["id"]
    role = east.get("/roles", params={"name": "reader"}).json()["roles"][0]["id"]
    east.put(f"/system/users/{made}/roles/{role}").raise_for_status()
    carry(sites)
    desk.clouds["east"] = desk.account("east", name, "reads")
    code, out, err = desk.check()
    assert code == 1
    assert "✓ west" in out and "✗ east" in err and "role admin on the system" in err


def test_a_token_for_a_project_will_not_do(desk: Desk) -> None:
    auth = desk.clouds["west"]["auth"]
    del auth["system_scope"]
    auth |= {"project_name": "admin", "project_domain_id": "default"}
    code, _, err = desk.check()
    assert code == 2, "no agent would start with that file"
    assert "west" in err and "system_scope: all" in err
