"""The life of a fleet by its pages alone: each test does what a how-to says, on real Keystones, in order."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1.exceptions import NotFound

from keystone_viaduct.demo.keystones import Keystone
from keystone_viaduct.demo.scenario.place import Api
from keystone_viaduct.demo.scenario.place import Place as Door
from tests.integration.guides.reader import Place, Reader, Told
from tests.integration.store.test_uninstall import schema_of
from tests.support.keystones import Release

pytestmark = pytest.mark.keystone
PLAIN: dict[str, list[object]] = {}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two Keystones, each with its own bootstrap."""
    found = Place(tmp_path_factory.mktemp("life"), "east", "west")
    try:
        found.keystones.prepare()
        yield found
    finally:
        found.close()


def door(place: Place, name: str) -> Api:
    """Its administrator."""
    return Door(place.keystones[name]).admin


def equal(place: Place, *sites: str) -> bool:
    return place.anywhere(["compare", *sites]).code == 0


def seen(place: Place, site: str, user: str) -> str | None:
    """A user's description there."""
    found = door(place, site).get(f"/users?name={user}")["users"]
    return str(found[0].get("description")) if found else None


def make_account(place: Place, reader: Reader, text: str, site: str) -> None:
    """The agent's account, from what the command prints for clouds.yaml."""
    told = reader.does(text, site)
    assert told.code == 0, told.said
    printed = re.findall(r"^  (\w+: .+)$", told.out, re.M)
    auth = yaml.safe_load("\n".join(printed))
    place.clouds[site] = {"auth": {"auth_url": place.keystones[site].url, **auth}}


def good(told: Told) -> str:
    assert told.code == 0, told.said
    return told.said


def read(told: Told) -> Any:
    """What a program reads of it."""
    good(told)
    return told.value


def test_two_keystones_are_adopted_prepared_and_joined(place: Place) -> None:
    adopt, prepare, join = (Reader(page, place) for page in ("adopt", "prepare-a-site", "join-sites"))
    conf = "--config-file /etc/keystone/keystone.conf"
    init = f"viaduct init {conf} --site west --hub east"
    account = f"viaduct agent-account create {conf}"
    PLAIN["west"] = schema_of(place.keystones["west"].database_url)

    good(prepare.does(init, "east", west="east"))
    make_account(place, prepare, account, "east")
    assert "records, with digests" in good(adopt.does("viaduct adopt east --export east.inventory", "east"))
    join.does("viaduct adopt east --export east.inventory", "east")
    plan = "viaduct adopt west --hub-inventory east.inventory --rekey"
    told = adopt.does(f"{plan} --plan", "west")
    assert told.code == 0 and "ACCESS CHANGES" in told.said, told.said
    good(adopt.does(f"{plan} --apply --access both,hub", "west"))
    good(join.does(f"{plan} --plan", "west"))  # what was chosen is known
    good(join.does(f"{plan} --apply --access both,hub", "west"))
    adopt.leaves("viaduct adopt west ... --prefer role/auditor=apart --prefer project/dev=here")

    assert "would" in good(prepare.does(f"{init} --dry-run", "west"))
    good(prepare.does(init, "west"))
    place.keystones.start()
    assert "has not joined yet" in good(prepare.does(f"viaduct doctor {conf}", "west"))
    good(prepare.does(f"viaduct status {conf}", "west"))
    make_account(place, prepare, account, "west")
    prepare.leaves()

    place.write_fleet("east", "east", "west")
    said = good(join.does("viaduct agent --config viaduct.yaml --check --connect"))
    assert "✓ east: Keystone" in said and "✓ west: Keystone" in said and "a spoke of east" in said
    said = good(join.does("viaduct agent --config viaduct.yaml --first-load"))
    assert "west → east" in said and "0 to be chosen" in said
    join.left.discard("viaduct agent --config viaduct.yaml")
    place.start_agent()
    # what is done where it stops is played in tests/integration/joining
    join.leaves("viaduct agent --first-load --access both,newest,hub --choose user/nova=site")
    place.wait(lambda: equal(place, "west"), "the two do not become equal")
    good(place.at_site("west", ["site", "doctor"]))


def test_the_keys_of_tokens_are_rotated_and_no_token_is_refused(place: Place) -> None:
    reader = Reader("rotate-keys", place)
    tokens = {name: door(place, name).token for name in ("east", "west")}
    place.wait(lambda: reader.does("viaduct keys status").code == 0, "the keys are not everywhere")
    good(reader.does("viaduct keys rotate --wait 60"))
    good(reader.does("viaduct keys status"))
    for site in ("east", "west"):
        for token in tokens.values():
            door(place, site).get("/auth/tokens", **{"X-Subject-Token": token})
    reader.leaves()


def test_a_conflict_is_listed_explained_and_what_lost_is_brought_back(place: Place) -> None:
    reader = Reader("resolve-conflicts", place)
    user = door(place, "east").post("/users", user={"name": "ada", "description": "first"})["id"]
    place.wait(lambda: seen(place, "west", "ada") == "first", "ada does not come to west")
    place.stop_agent()
    for site in ("east", "west"):
        door(place, site).patch(f"/users/{user}", user={"description": f"as {site} has it"})
    place.start_agent()
    place.wait(lambda: seen(place, "west", "ada") == "as east has it", "the hub's does not come to west")
    listed = good(reader.does("viaduct conflicts list"))
    assert "concurrent" in listed
    identifier = re.search(r"\b([0-9a-f]{8,32})\b.*concurrent", listed)
    assert identifier is not None, listed
    told = good(reader.does("viaduct conflicts show 5d0c…", **{"5d0c…": identifier[1]}))
    assert "as west has it" in told
    good(reader.does("viaduct conflicts resolve ID --restore", ID=identifier[1]))
    place.wait(lambda: seen(place, "west", "ada") == "as west has it", "what lost is not back")
    assert seen(place, "east", "ada") == "as west has it"
    reader.does("viaduct conflicts list --open")
    # a row that was judged again needs a limited site: tests/integration/api/test_hostile.py
    reader.leaves("viaduct conflicts show 9a1b…")


def test_two_ids_of_one_person_are_merged_and_parted_again(place: Place) -> None:
    reader = Reader("merge-two-ids", place)
    place.stop_agent()
    ids = {
        site: door(place, site).post("/users", user={"name": "twin", "description": site})["id"]
        for site in ("east", "west")
    }
    place.start_agent()
    place.wait(lambda: holders(place, ids["west"]) == ["east", "west"], "west's does not come to east")
    place.wait(lambda: holders(place, ids["east"]) == ["east", "west"], "east's does not come to west")
    assert "clash" in good(place.anywhere(["conflicts", "list"]))
    merge = "viaduct merge user 5f0c… 8f1a…"
    told = good(reader.does(merge, **{"5f0c…": ids["west"], "8f1a…": ids["east"]}))
    row = re.search(r"`viaduct conflicts show (\w+)`", told)
    assert row is not None, told
    place.wait(lambda: not holders(place, ids["west"]), "the one that goes is still there")
    good(reader.does("viaduct conflicts resolve ID --restore", ID=row[1]))
    place.wait(lambda: holders(place, ids["west"]) == ["east", "west"], "it does not come back")
    place.wait(lambda: equal(place, "west"), "the two do not become equal")
    reader.leaves()


def holders(place: Place, user: str) -> list[str]:
    """The sites that have a user of this id."""
    found = []
    for site in ("east", "west"):
        try:
            door(place, site).get(f"/users/{user}")
            found.append(site)
        except NotFound:
            pass
    return found


def test_a_site_is_limited_and_what_it_may_not_do_is_put_back(place: Place) -> None:
    reader, harden = Reader("delegate", place), Reader("harden", place)
    east, west = door(place, "east"), door(place, "west")
    acme = east.post("/domains", domain={"name": "acme"})["id"]
    member = east.get("/roles?name=member")["roles"][0]["id"]
    place.wait(lambda: has_domain(place, "west", "acme"), "acme does not come to west")
    limits = reader.example("coverages:", **{"3fa0c1d2": acme, "9fe2ff42": member})
    write_charter(place, read(reader.does("viaduct charter show > charter.yaml")), limits)
    told = good(reader.does("viaduct charter set charter.yaml"))
    assert f"# west may change records of every kind in the domains {acme}, and grant the roles" in told
    assert "# ! west: it receives the users and secrets of domains that it may not change: default" in told
    user = {"domain_id": acme, "description": "by west"}
    west.post("/users", user={"name": "allowed", **user})
    denied = west.post("/users", user={"name": "denied", **user, "domain_id": "default"})["id"]
    place.wait(lambda: seen(place, "east", "allowed") == "by west", "what it may do does not come to east")
    place.wait(lambda: seen(place, "west", "denied") is None, "what it may not do is not put back")
    listed = good(reader.does("viaduct conflicts list --site west"))
    row = re.search(r"^(\w{32}) .* user +denied +refused +decided$", listed, re.M)
    assert row is not None, listed
    told = good(reader.does("viaduct conflicts show c831", c831=row[1][:6]))
    assert f"user denied ({denied}): refused, decided by rule" in told
    assert "west may not do that: domain default is not delegated" in told
    keys = place.anywhere(["keys", "status", "--format", "yaml"]).value["repositories"]
    assert keys["tokens"]["limited"] == ["west"]
    told = good(harden.does("viaduct agent --check --config viaduct.yaml"))
    assert "one password logs in" not in told, "each site's account is its own"
    harden.left.discard("viaduct charter set charter.yaml")
    reader.leaves()
    harden.leaves()


def test_a_site_holds_less_and_then_all_again(place: Place) -> None:
    reader = Reader("limit-what-a-site-holds", place)
    other = door(place, "east").post("/domains", domain={"name": "other"})["id"]
    charter = read(place.anywhere(["charter", "show"]))
    write_charter(place, charter, reader.example('{"coverages"', **{"3f1c…": other}), delegations={})
    good(place.anywhere(["charter", "set", "charter.yaml"]))
    place.wait(lambda: seen(place, "west", "allowed") is None, "west still holds what it is to hold no more")
    assert seen(place, "east", "allowed") == "by west"
    place.wait(lambda: has_domain(place, "west", "other"), "what it is to hold does not come to west")
    user = {"name": "in-other", "domain_id": other, "description": "its own"}
    door(place, "west").post("/users", user=user)
    place.wait(lambda: seen(place, "east", "in-other") == "its own", "what west holds does not come to east")
    charter = read(place.anywhere(["charter", "show"]))
    write_charter(place, charter, {}, coverages={}, delegations={})
    good(place.anywhere(["charter", "set", "charter.yaml"]))
    place.wait(lambda: seen(place, "west", "allowed") == "by west", "west does not get it back")
    place.wait(lambda: equal(place, "west"), "the two do not become equal")
    place.wait(lambda: place.anywhere(["keys", "status"]).code == 0, "the keys are not everywhere")
    reader.leaves()


def has_domain(place: Place, site: str, name: str) -> bool:
    return bool(door(place, site).get(f"/domains?name={name}")["domains"])


def write_charter(place: Place, shown: dict[str, object], *parts: dict[str, object], **more: object) -> None:
    """What an editor makes of the charter that was shown."""
    for part in (*parts, more):
        shown = {**shown, **part}
    (place.desk / "charter.yaml").write_text(yaml.safe_dump(shown))


def copy_of(place: Place, site: str, folder: Path) -> None:
    """A backup as the page says: one consistent copy of the database, and the folders of keys."""
    folder.mkdir()
    home = place.keystones[site].layout.folder
    with sqlite3.connect(home / "keystone.db") as connection:
        connection.execute("VACUUM INTO ?", (str(folder / "keystone.db"),))
    for name in ("credentials", "viaduct-keys"):
        shutil.copytree(home / name, folder / name)


def put_back(place: Place, site: str, folder: Path) -> None:
    home = place.keystones[site].layout.folder
    for suffix in ("", "-wal", "-shm"):
        (home / f"keystone.db{suffix}").unlink(missing_ok=True)
    shutil.copy(folder / "keystone.db", home / "keystone.db")
    for name in ("credentials", "viaduct-keys"):
        shutil.rmtree(home / name)
        shutil.copytree(folder / name, home / name)


def test_a_site_comes_back_from_a_backup_and_learns_what_it_missed(place: Place) -> None:
    reader = Reader("back-up-and-restore", place)
    west = place.keystones["west"]
    copy_of(place, "west", place.folder / "backup")
    door(place, "west").post("/users", user={"name": "later-at-west", "description": "sent"})
    door(place, "east").post("/users", user={"name": "later-at-east", "description": "missed"})
    place.wait(lambda: seen(place, "east", "later-at-west") == "sent", "it was not sent before the loss")
    west.stop()
    put_back(place, "west", place.folder / "backup")
    assert "later-at-west" not in Path(west.layout.folder / "keystone.db").read_bytes().decode("latin-1")
    reader.does("viaduct site doctor", "west")
    good(place.at_site("west", ["init", "--site", "west", "--hub", "east"]))
    west.start()
    west.wait_ready()
    place.wait(lambda: seen(place, "west", "later-at-west") == "sent", "what it had sent is not back")
    place.wait(lambda: seen(place, "west", "later-at-east") == "missed", "what it has missed does not come")
    place.wait(lambda: equal(place, "west"), "the two do not become equal")
    assert "a backup was put back there" in (place.folder / "agent.log").read_text()
    assert "west was put back to a backup" in place.anywhere(["doctor"]).said
    assert "west was put back to a backup" in good(place.at_site("west", ["site", "doctor"]))
    good(reader.does("viaduct compare west"))
    good(reader.does("viaduct conflicts list --site west"))
    for command in ("viaduct charter show", "viaduct charter show --site west"):
        good(reader.does(command))
    reader.leaves()


def test_the_hub_is_moved_in_good_order_and_back_by_force_when_it_is_lost(place: Place) -> None:
    reader = Reader("change-the-hub", place)
    rotated = rotations(place)
    assert all(rotated.values())
    said = good(reader.does("viaduct promote west"))
    assert "west is the hub of term" in said
    place.wait(lambda: hub_of(place) == "west", "nobody takes west for the hub")
    assert rotations(place) == rotated
    place.keystones["west"].stop()
    door(place, "east").post("/users", user={"name": "while-lost", "description": "made at east"})
    assert place.anywhere(["promote", "east"]).code == 1, "nobody is promoted beside a hub that is away"
    good(reader.does("viaduct promote west --force", west="east"))
    assert rotations(place) == rotated
    place.keystones["west"].start()
    place.keystones["west"].wait_ready()
    place.wait(lambda: seen(place, "west", "while-lost") == "made at east", "the lost hub does not follow")
    place.wait(lambda: equal(place, "west"), "the two do not become equal")
    assert place.anywhere(["status"]).code in (0, 1)
    assert rotations(place) == rotated
    reader.leaves()


def rotations(place: Place) -> dict[str, int]:
    """Since when the present keys are used, as the hub tells."""
    told = place.anywhere(["keys", "status", "--format", "json"]).value
    return {name: keys["promoted_at"] for name, keys in told["repositories"].items()}


def hub_of(place: Place) -> str:
    """Whom the sites take for the hub."""
    return str(place.anywhere(["status", "--format", "yaml"]).value["hub"])


def test_viaduct_is_upgraded_at_a_site(place: Place) -> None:
    """With the release that there is: each step may be repeated, and changes nothing then."""
    reader = Reader("upgrade-viaduct", place)
    good(reader.does("viaduct site doctor", "west"))
    place.keystones["west"].stop()
    good(reader.does("viaduct init --site west --hub east --dry-run", "west"))
    good(reader.does("viaduct init --site west --hub east", "west"))
    place.keystones["west"].start()
    place.keystones["west"].wait_ready()
    good(reader.does("viaduct site doctor", "west"))
    place.wait(lambda: reader.does("viaduct compare west").code == 0, "the two do not become equal")
    reader.leaves()


def set_up(place: Place, name: str, *python: Path) -> Keystone:
    """An empty Keystone, as its own documentation has it; not bootstrapped, and not started."""
    fresh = place.add(name, *python)
    keys = ([step, *owner()] for step in ("fernet_setup", "receipt_setup", "credential_setup"))
    for step in (["db_sync"], *keys):
        good(place.at_site(name, ["manage", "--config-file", str(fresh.layout.config), *step]))
    return fresh


def test_a_site_of_a_later_release_takes_over_from_an_old_one_which_is_retired(
    place: Place, keystone27: Release
) -> None:
    prepare, reader = Reader("prepare-a-site", place), Reader("upgrade-keystone", place)
    old = set_up(place, "south", keystone27.bin / "python")
    good(place.at_site("south", ["init", "--site", "south", "--hub", "east"]))
    account = "viaduct agent-account create --config-file /etc/keystone/keystone.conf"
    make_account(place, prepare, account, "south")
    old.start()
    old.wait_ready()
    place.stop_agent()
    place.write_fleet("east", "east", "west", "south")
    place.start_agent()
    place.wait(lambda: equal(place, "south"), "the old one is not filled")

    fresh = set_up(place, "south-2")
    assert (old.release, old.release < fresh.release) == (27, True)
    new, both = {"west-2": "south-2"}, {"west-2": "south-2", "west": "south"}
    good(reader.does("viaduct init --site west-2 --hub east", "south-2", **new))
    make_account(place, reader, "viaduct agent-account create", "south-2")
    fresh.start()
    fresh.wait_ready()
    place.stop_agent()
    place.write_fleet("east", "east", "west", "south", "south-2")
    good(reader.does("viaduct agent --first-load"))
    place.start_agent()
    place.wait(lambda: reader.does("viaduct compare west-2", **new).code == 0, "it does not become equal")
    compare = "viaduct compare west west-2"
    place.wait(lambda: reader.does(compare, **both).code == 0, "the old one and the new one differ")
    place.wait(lambda: place.anywhere(["keys", "status"]).code == 0, "the keys are not everywhere")
    # the canary: a token of each is good at the other, and what is written at one comes to the other
    tokens = {name: door(place, name).token for name in ("south", "south-2")}
    door(place, "south-2").get("/auth/tokens", **{"X-Subject-Token": tokens["south"]})
    door(place, "south").get("/auth/tokens", **{"X-Subject-Token": tokens["south-2"]})
    door(place, "south-2").post("/users", user={"name": "canary", "description": "by the new one"})
    place.wait(lambda: seen(place, "south", "canary") is not None, "the canary's edit does not come to it")
    place.wait(lambda: equal(place, "south", "south-2"), "the old one still owes something")
    assert reader.does("viaduct status").code in (0, 1)
    good(reader.does("viaduct retire west --force", west="south"))
    place.write_fleet("east", "east", "west", "south-2")
    place.stop_agent()
    place.start_agent()
    reader.leaves()


def owner() -> list[str]:
    """Who keys are made for."""
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    return ["--keystone-user", user, "--keystone-group", group]


def test_a_site_that_has_left_is_as_keystone_made_it(place: Place) -> None:
    reader = Reader("remove-viaduct", place)
    place.wait(lambda: reader.does("viaduct compare west").code == 0, "west still owes something")
    assert seen(place, "west", "canary") == "by the new one"
    good(reader.does("viaduct retire west --force"))
    place.keystones["west"].stop()
    good(reader.does("viaduct uninstall --dry-run", "west"))
    assert any("viaduct_" in str(row) for row in schema_of(place.keystones["west"].database_url))
    good(reader.does("viaduct uninstall", "west"))
    assert schema_of(place.keystones["west"].database_url) == PLAIN["west"]
    reader.leaves()
