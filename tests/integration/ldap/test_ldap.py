"""Users and groups of a real directory have no row in Keystone's tables; what they are given and have stays.

``east`` (the hub) and ``west`` have OpenLDAP as the driver of the default domain, without id mapping; to
``north`` the default domain is SQL's, and a file gives its domain ``corp`` to the directory. West has grants
of such users from before it joined.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keystone_viaduct.demo.keystones import ADMIN_PASSWORD, Keystones
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.sync.link.compare import Comparison
from keystone_viaduct.sync.model import Ref
from tests.integration.fleet.joined import Joined
from tests.integration.fleet.joined import fleet as joined
from tests.integration.fleet.pair import spec
from tests.support import directories
from tests.support.directory import Directory, directory

pytestmark = [pytest.mark.ldap, pytest.mark.keystone]
CORP = "c0" * 16
ROOT_DOMAIN = "<<keystone.domain.root>>"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """The directory of all three."""
    with directory(tmp_path_factory.mktemp("directory")) as found:
        found.add_person("admin", ADMIN_PASSWORD)
        for uid in ("jdoe", "mmuster", "leaver"):
            found.add_person(uid, f"secret of {uid}")
        found.add_group("ops", "jdoe", "mmuster")
        yield found


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, people: Directory) -> Iterator[Joined]:
    """Adopted, initialised, joined, and the first load done."""
    folder = tmp_path_factory.mktemp("fleet")
    ldap = directories.from_database(directories.default_domain(people))
    files = directories.from_files(folder / "domains", {"corp": people})
    specs = [
        spec("east", folder, sections=ldap),
        spec("west", folder, sections=ldap),
        spec("north", folder, sections=files),
    ]
    with joined(folder, specs, grown=_grown) as found:
        found.sync()
        yield found


def _grown(keystones: Keystones) -> None:
    _by_hand(keystones["west"].layout.folder / "keystone.db")
    _domain_of_files(keystones["north"].layout.folder / "keystone.db")


def _by_hand(path: Path) -> None:
    """What somebody had at west before: a role on the default domain, as Keystone would have stored it."""
    with sqlite3.connect(path) as database:
        (role,) = database.execute("SELECT id FROM role WHERE name = 'reader'").fetchone()
        grant = ("UserDomain", "mmuster", "default", role, 0)
        database.execute("INSERT INTO assignment VALUES (?, ?, ?, ?, ?)", grant)


def _domain_of_files(path: Path) -> None:
    """A domain has to be there when Keystone reads its file."""
    with sqlite3.connect(path) as database:
        columns = "id, name, extra, description, enabled, domain_id, parent_id, is_domain"
        row = (CORP, "corp", "{}", "", 1, ROOT_DOMAIN, None, 1)
        database.execute(f"INSERT INTO project ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def at(fleet: Joined, site: str) -> Place:
    """One of the sites."""
    return fleet.places[site]


def role(fleet: Joined, name: str) -> str:
    """A role's id, which is the same everywhere."""
    found = at(fleet, "east").admin.get(f"/roles?name={name}")["roles"]
    return str(found[0]["id"])


def project(fleet: Joined) -> str:
    """The project ``admin``."""
    found = at(fleet, "east").admin.get("/projects?name=admin&domain_id=default")["projects"]
    return str(found[0]["id"])


def credentials(fleet: Joined, site: str, user: str) -> list[str]:
    """The ids of what a user has."""
    found = at(fleet, site).admin.get(f"/credentials?user_id={user}")["credentials"]
    return sorted(item["id"] for item in found)


def grants(fleet: Joined, site: str, actor: str, kind: str = "user") -> list[tuple[str, str]]:
    """(role, target) of everything that a user or group was given, as Keystone lists it."""
    found = at(fleet, site).admin.get(f"/role_assignments?{kind}.id={actor}")["role_assignments"]
    return sorted((item["role"]["id"], str(sorted(item["scope"].items()))) for item in found)


def mend(fleet: Joined, *sites: str) -> None:
    """Everything that looks for what was missed: sweeps (the hub's, or these) and comparisons."""
    for name in sites or ("east",):
        while fleet.ends[name].sweep(500).kind:
            pass
    for spoke in ("west", "north"):
        found = Comparison(fleet.ends["east"], fleet.ends[spoke])
        found.find()
        assert not found.missed
    fleet.sync()


def assert_kept(fleet: Joined, *sites: str) -> None:
    """All sites are equal by the judge's own reading, and nothing was listed as lost for want of an owner."""
    mend(fleet, *sites)
    assert not fleet.compare().differences
    listed = fleet.ends["east"].conflicts()
    lost = [row for row in listed if row["sort"] in ("dangling", "dependent")]
    assert [row for row in lost if "user/nobody" not in row["explanation"]] == []


def test_what_users_of_a_directory_had_before_joining_is_there_after(fleet: Joined) -> None:
    """Bootstrap gave roles to ``admin``, whom every site but north knows from the directory."""
    reader, admin = role(fleet, "reader"), role(fleet, "admin")
    for site in ("east", "west"):
        assert grants(fleet, site, "mmuster") == [(reader, str([("domain", {"id": "default"})]))]
        assert admin in {found for found, _ in grants(fleet, site, "admin")}
    assert_kept(fleet)
    assert at(fleet, "west").admin.get("/users/mmuster")["user"]["domain_id"] == "default"


@pytest.mark.parametrize("site", ["east", "west"])
def test_a_credential_of_a_user_without_a_row_stays_where_it_is_made_and_arrives_elsewhere(
    fleet: Joined, site: str
) -> None:
    made = {}
    for user in ("jdoe", "uid=jdoe,ou=people"):
        body = {"user_id": user, "type": "totp", "blob": f"{site} {user}"}
        made[user] = at(fleet, site).admin.post("/credentials", credential=body)["id"]
    fleet.sync()
    assert_kept(fleet, "east", site)
    for name in fleet.places:
        for user, key in made.items():
            assert key in credentials(fleet, name, user), f"{name} has lost it"


@pytest.mark.parametrize("site", ["east", "west"])
def test_grants_to_a_user_and_to_a_group_stay_and_work_everywhere(fleet: Joined, site: str) -> None:
    target, member = project(fleet), role(fleet, "member")
    admin = at(fleet, site).admin
    admin.put(f"/projects/{target}/groups/ops/roles/{member}")
    admin.put(f"/domains/default/users/{'jdoe' if site == 'west' else 'leaver'}/roles/{member}")
    fleet.sync()
    assert_kept(fleet)
    for name in ("east", "west"):
        assert (member, str([("project", {"id": target})])) in grants(fleet, name, "ops", "group")
        session = at(fleet, name).login(
            username="jdoe", user_domain_id="default", password="secret of jdoe", project_id=target
        )
        assert session.user_id == "jdoe"


def test_an_application_credential_and_a_trust_of_such_users_stay_and_work(fleet: Joined) -> None:
    target, member = project(fleet), role(fleet, "member")
    at(fleet, "west").admin.put(f"/projects/{target}/users/jdoe/roles/{member}")
    jdoe = at(fleet, "west").login(
        username="jdoe", user_domain_id="default", password="secret of jdoe", project_id=target
    )
    made = jdoe.post("/users/jdoe/application_credentials", application_credential={"name": "robot"})
    trust = jdoe.post(
        "/OS-TRUST/trusts",
        trust={
            "trustor_user_id": "jdoe",
            "trustee_user_id": "mmuster",
            "project_id": target,
            "impersonation": True,
            "roles": [{"id": member}],
        },
    )
    fleet.sync()
    assert_kept(fleet)
    east = at(fleet, "east")
    robot = east.login(application_credential_id=made["id"], application_credential_secret=made["secret"])
    assert robot.user_id == "jdoe"
    mmuster = east.login(
        username="mmuster", user_domain_id="default", password="secret of mmuster", trust_id=trust["id"]
    )
    assert mmuster.user_id == "jdoe"


def test_who_is_deleted_in_the_directory_is_gone_there_and_nothing_else_goes(
    fleet: Joined, people: Directory
) -> None:
    """Nobody tells Keystone: it knows the user no more, and keeps what it has stored; so do all sites."""
    body = {"user_id": "leaver", "type": "totp", "blob": "left behind"}
    made = at(fleet, "west").admin.post("/credentials", credential=body)
    fleet.sync()
    people.remove_person("leaver")
    fleet.sync()
    assert_kept(fleet, *fleet.places)
    for name in ("east", "west"):
        users = {user["id"] for user in at(fleet, name).admin.get("/users?domain_id=default")["users"]}
        assert "jdoe" in users and "leaver" not in users
        assert credentials(fleet, name, "leaver") == [made["id"]]


def test_mapped_users_of_a_domain_of_its_own_survive_a_purge_of_their_mappings(
    fleet: Joined, people: Directory
) -> None:
    """``domain_config`` in the database travels; north has its domain from a file."""
    east = at(fleet, "east").admin
    lab = east.post("/domains", domain={"name": "lab"})["id"]
    east.put(f"/domains/{lab}/config", config=directories.domain_config(people))
    fleet.sync()
    member, target = role(fleet, "member"), project(fleet)
    for site, domain in (("west", lab), ("north", CORP)):
        admin = at(fleet, site).admin
        found = admin.get(f"/users?domain_id={domain}")["users"]
        user = next(item["id"] for item in found if item["name"] == "jdoe")
        assert user == hashlib.sha256(f"{domain}userjdoe".encode()).hexdigest()
        admin.put(f"/projects/{target}/users/{user}/roles/{member}")
        admin.post("/credentials", credential={"user_id": user, "type": "totp", "blob": "x"})
        fleet.sync()
        assert Ref("id_mapping", user) in {ref for end in fleet.ends.values() for ref in end.given}
        name = "lab" if domain == lab else "corp"
        at(fleet, site).keystone.run("keystone.cmd.manage", "mapping_purge", "--domain-name", name)
        fleet.sync()
        assert_kept(fleet)
        for other in fleet.places:
            assert len(credentials(fleet, other, user)) == 1
        assert (member, str([("project", {"id": target})])) in grants(fleet, site, user)


def test_an_orphan_under_an_sql_driver_is_one_as_before(fleet: Joined) -> None:
    """North's Keystone takes a credential for anybody, and nobody there knows such a user."""
    body = {"user_id": "nobody", "type": "totp", "blob": "x"}
    made = at(fleet, "north").admin.post("/credentials", credential=body)
    fleet.sync()
    assert [credentials(fleet, name, "nobody") for name in fleet.places] == [[], [], []]
    listed: list[dict[str, Any]] = fleet.ends["east"].conflicts()
    assert [(row["key"], row["sort"]) for row in listed if row["sort"] == "dangling"] == [
        (made["id"], "dangling")
    ]


@pytest.mark.parametrize("site", ["west", "north"])
def test_doctor_and_capabilities_say_whose_users_have_no_rows(fleet: Joined, site: str) -> None:
    """North knows nothing of the domains of the others' configuration, for it has its own in files."""
    labs = {item["id"] for item in at(fleet, "east").admin.get("/domains?name=lab")["domains"]}
    domains = {"default", *labs} if site == "west" else {CORP}
    report = json.loads(at(fleet, site).keystone.run("keystone_viaduct.cli.main", "doctor", "--json"))
    (drivers,) = [check for check in report["checks"] if check["check"] == "drivers"]
    told = set(drivers["message"].split("; ")[:-1])
    unmapped = {"the ids of default are not mapped"} if site == "west" else set()
    assert drivers["status"] == "ok" and told == {f"{domain} by ldap" for domain in domains} | unmapped
    said = fleet.ends[site].capabilities().drivers
    assert (set(said.names), said.unmapped) == (domains, "default" if site == "west" else "")
