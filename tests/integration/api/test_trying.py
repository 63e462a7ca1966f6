"""What ``--dry-run`` of ``viaduct`` says would change, does not: the whole database is the same after it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from keystone_viaduct.cli.main import main
from tests.integration.api.conftest import Sites
from tests.integration.api.test_conflicts import carry
from tests.integration.api.test_replication import create_user

pytestmark = pytest.mark.keystone
Tables = dict[str, list[tuple[Any, ...]]]


def everything(sites: Sites) -> dict[str, Tables]:
    """Each row of each table of both sites."""
    return {name: dump(sites.folder / name / "keystone.db") for name in sites.names}


def dump(path: Path) -> Tables:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(database.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names
        }


class Trying:
    """Runs a command that is to change nothing."""

    def __init__(self, sites: Sites, capsys: pytest.CaptureFixture[str]) -> None:
        self._sites = sites
        self._capsys = capsys

    def __call__(self, *words: str) -> str:
        """What it says."""
        before = everything(self._sites)
        self._capsys.readouterr()
        assert main([*words, "--dry-run", "--config", str(self._sites.topology_file)]) == 0
        told = self._capsys.readouterr().out
        after = everything(self._sites)
        for site, tables in before.items():
            for table, rows in tables.items():
                assert after[site][table] == rows, f"{table} of {site}"
        assert before.keys() == after.keys()
        return told


@pytest.fixture
def trying(sites: Sites, capsys: pytest.CaptureFixture[str]) -> Trying:
    carry(sites)
    return Trying(sites, capsys)


def test_a_merge_that_is_tried_says_what_would_move_and_moves_nothing(
    sites: Sites, east: httpx.Client, trying: Trying
) -> None:
    goes, stays = (create_user(east, f"twin-{number}-{uuid.uuid4().hex[:8]}") for number in range(2))
    role = east.get("/roles", params={"name": "reader"}).json()["roles"][0]["id"]
    east.put(f"/system/users/{goes}/roles/{role}").raise_for_status()
    carry(sites)
    told = trying("merge", "user", goes, stays)
    assert f"user/{goes} would be user/{stays}" in told and "1 records would refer to it instead" in told
    assert f"would delete user/{goes}" in told and "nothing was changed (--dry-run)" in told
    machine = json.loads(trying("merge", "user", goes, stays, "--format", "json"))
    assert machine["written"] == len(machine["writes"]) >= 3
    assert east.get(f"/users/{goes}").status_code == 200


def test_a_charter_that_is_tried_is_checked_and_compared(
    sites: Sites, trying: Trying, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(sites.topology_file)]
    assert main(["charter", "show", "--format", "json", *config]) == 0
    charter = json.loads(capsys.readouterr().out)
    file = tmp_path / "charter.yaml"
    file.write_text(yaml.safe_dump(charter))
    assert "it says what the present one says" in trying("charter", "set", str(file))
    holds = {"kinds": ["domain", "project", "user"], "domains": ["default"]}
    limits = {
        "coverages": {"west": holds},
        "delegations": {"west": {**holds, "kinds": ["user"], "roles": []}},
    }
    file.write_text(yaml.safe_dump({**charter, **limits}))
    told = trying("charter", "set", str(file))
    assert "+ west may" in told and "would be followed by" in told
    file.write_text(yaml.safe_dump({**charter, "edition": [9, 9]}))
    assert main(["charter", "set", str(file), "--dry-run", *config]) != 0
    assert "edition" in capsys.readouterr().err


def test_a_retirement_that_is_tried_forgets_nobody(sites: Sites, trying: Trying) -> None:
    told = trying("retire", "west", "--force")
    assert "west would be retired" in told
    carry(sites)  # it is still a site


def test_a_rotation_that_is_tried_is_not_wanted(trying: Trying) -> None:
    told = trying("keys", "rotate")
    assert "tokens:" in told and "would be followed by" in told


def test_a_promotion_that_is_tried_hands_nothing_over(
    sites: Sites, east: httpx.Client, west: httpx.Client, trying: Trying
) -> None:
    told = trying("promote", "west")
    assert "east would hand over, and west be the hub of term 2" in told
    create_user(east, f"late-{uuid.uuid4().hex[:8]}")
    assert {client.get("/OS-SYNC/hub").json()["hub"] for client in (east, west)} == {"east"}


def test_an_edit_of_a_record_that_is_tried_is_checked_and_edits_nothing(
    sites: Sites, east: httpx.Client, trying: Trying, capsys: pytest.CaptureFixture[str]
) -> None:
    user = create_user(east, f"edited-{uuid.uuid4().hex[:8]}")
    carry(sites)
    edit = ("record", "edit", "east", "user", user, "--set")
    told = trying(*edit, "extra.motto=keep [calm]")
    assert f"user/{user} would be changed at east" in told and '"keep [calm]"' in told
    machine = json.loads(trying(*edit, "extra.motto=new", "--format", "json"))
    assert machine["writes"] == [{"kind": "user", "key": user, "does": "change", "fields": ["extra.motto"]}]
    assert "it says so already" in trying(*edit, "enabled=true")
    assert "would be deleted at east" in trying("record", "delete", "east", "user", user)
    before = everything(sites)
    config = ["--dry-run", "--config", str(sites.topology_file)]
    for wrong, said in (("enabled=perhaps", "enabled"), ("colour=blue", "viaduct kinds user --site east")):
        assert main([*edit, wrong, *config]) != 0
        assert said in capsys.readouterr().err
    assert main(["record", "delete", "east", "domain", "default", *config]) == 1
    assert "need domain/default" in capsys.readouterr().err
    assert everything(sites) == before


def test_a_record_that_was_printed_is_put_back_only_if_nobody_has_changed_it(
    sites: Sites, east: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"printed-{uuid.uuid4().hex[:8]}"
    user = create_user(east, name)
    config = ["--config", str(sites.topology_file)]
    capsys.readouterr()
    assert main(["record", "show", "east", "user", name, "--format", "json", *config]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["key"] == user and "passwords" in printed["secret"]
    printed["document"]["extra.motto"] = "from a file"
    file = tmp_path / "user.json"
    file.write_text(json.dumps(printed))
    assert main(["record", "edit", "east", "user", user, "--file", str(file), *config]) == 0
    assert '"from a file"' in capsys.readouterr().out
    assert east.get(f"/users/{user}").json()["user"]["motto"] == "from a file"
    assert main(["record", "show", "east", "user", user, *config]) == 0
    assert "(secret)" in capsys.readouterr().out, "its password is kept, and is not shown"
    east.patch(f"/users/{user}", json={"user": {"motto": "somebody else's"}}).raise_for_status()
    assert main(["record", "edit", "east", "user", user, "--file", str(file), *config]) == 1
    assert "was changed since" in capsys.readouterr().err
    assert east.get(f"/users/{user}").json()["user"]["motto"] == "somebody else's"


def test_who_speaks_an_earlier_version_can_t_try_and_changes_nothing_by_it(
    sites: Sites, east: httpx.Client
) -> None:
    before = everything(sites)
    answer = east.delete("/OS-SYNC/peers/west", params={"dry_run": "true", "force": "true"})
    assert (answer.status_code, "1.1" in answer.text) == (400, True)
    for version in ("sync 1.0", "sync 1.1"):
        headers = {"OpenStack-API-Version": version}
        record = "/OS-SYNC/records/domain/default"
        for asked in (
            east.delete(record, params={"dry_run": "true"}, headers=headers),
            east.put(record, params={"dry_run": "true"}, headers=headers, json={"document": {}}),
        ):
            assert (asked.status_code, "1.2" in asked.text) == (400, True)
    assert everything(sites)["east"]["viaduct_peer"] == before["east"]["viaduct_peer"]
    tried = east.delete(
        "/OS-SYNC/peers/west",
        params={"dry_run": "true", "force": "true"},
        headers={"OpenStack-API-Version": "sync 1.1"},
    )
    assert (tried.status_code, tried.json()["site"]) == (200, "west")
    assert tried.headers["OpenStack-API-Version"] == "sync 1.1"
