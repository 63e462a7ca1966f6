"""Regions that one tool has provisioned at the same moment: what it made at each is one thing afterwards.

Three real Keystones on three engines. Each test has a user of its own, known everywhere before the roads are
cut.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from keystone_viaduct.demo.scenario.place import Api
from tests.integration.fleet.joined import Joined, carry, fleet
from tests.integration.fleet.pair import spec
from tests.support.databases import DatabaseScope

pytestmark = [pytest.mark.keystone, pytest.mark.postgresql, pytest.mark.mariadb]

HUB, SPOKES = "east", ("west", "south")
PASSWORD = "user-passw0rd"
RULE = {"service": "compute", "path": "/v2.1/servers", "method": "GET"}


@pytest.fixture(scope="module")
def sites(
    request: pytest.FixtureRequest, module_databases: DatabaseScope, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Joined]:
    for engine in ("postgresql", "mariadb"):
        request.getfixturevalue(engine)
    folder = tmp_path_factory.mktemp("twice")
    hub = spec(HUB, folder, url=module_databases.keystone("postgresql"))
    west = spec("west", folder, url=module_databases.empty("mariadb"))
    with fleet(folder, [hub, west, spec("south", folder)]) as found:
        yield found


@dataclass(frozen=True)
class Person:
    """A user with a role on a project."""

    user: str
    project: str
    role: str

    @property
    def path(self) -> str:
        return f"/users/{self.user}"


@pytest.fixture
def person(sites: Joined) -> Person:
    """Known at all sites."""
    api, word = sites.places[HUB].admin, uuid.uuid4().hex[:8]
    about = {"name": word, "domain_id": "default"}
    user = api.post("/users", user={**about, "password": PASSWORD})["id"]
    project = api.post("/projects", project=about)["id"]
    role = api.get("/roles?name=member")["roles"][0]["id"]
    api.put(f"/projects/{project}/users/{user}/roles/{role}")
    sites.sync()
    return Person(user, project, role)


def login(sites: Joined, site: str, person: Person) -> Api:
    return sites.places[site].login(user_id=person.user, password=PASSWORD, project_id=person.project)


def make_app(sites: Joined, site: str, person: Person, rule: dict[str, str] = RULE) -> str:
    """An application credential with an access rule, as its user makes it."""
    wanted = {"name": f"of {site} {uuid.uuid4().hex[:4]}", "secret": "s3cret", "access_rules": [rule]}
    made = login(sites, site, person).post(
        f"{person.path}/application_credentials", application_credential=wanted
    )
    return str(made["id"])


def rules(sites: Joined, person: Person) -> dict[str, list[str]]:
    """The ids of the user's access rules at each site."""
    return {
        site: [r["id"] for r in login(sites, site, person).get(f"{person.path}/access_rules")["access_rules"]]
        for site in sites.places
    }


def rules_of(sites: Joined, person: Person, app: str) -> list[list[str]]:
    """The ids of the rules of an application credential, site by site; it can be used at all of them."""
    found = []
    for place in sites.places.values():
        assert place.login(application_credential_id=app, application_credential_secret="s3cret").token
        shown = place.admin.get(f"{person.path}/application_credentials/{app}")["application_credential"]
        found.append([rule["id"] for rule in shown["access_rules"]])
    return found


def listed(sites: Joined, word: str) -> list[dict[str, Any]]:
    """The conflicts in which an id occurs."""
    return [row for row in sites.ends[HUB].conflicts() if word in str(row)]


def delete(sites: Joined, site: str, person: Person, path: str) -> int:
    """The status that the user's request to delete is answered with."""
    token = {"X-Auth-Token": login(sites, site, person).token}
    return httpx.delete(f"{sites.places[site].keystone.url}{path}", headers=token, timeout=30).status_code


@pytest.mark.slow
def test_credentials_whose_access_rule_was_made_at_three_sites_at_once(sites: Joined, person: Person) -> None:
    """All live, with one rule; who goes on using the id of his own site is understood."""
    apps = {site: make_app(sites, site, person) for site in sites.places}
    own = {site: found[0] for site, found in rules(sites, person).items()}
    assert len(set(own.values())) == 3
    for link in sites.links:
        carry(link, link.up)  # the hub has decided, and nobody has heard of it yet
    late = make_app(sites, "west", person, {"id": own["west"], **RULE})
    sites.sync()
    (rule,) = rules(sites, person)[HUB]
    assert rule == own[HUB]
    for app in (*apps.values(), late):
        assert rules_of(sites, person, app) == [[rule]] * 3
    assert rules(sites, person) == {site: [rule] for site in sites.places}
    assert {row["sort"] for row in listed(sites, rule)} == {"equal"}
    assert sites.compare().equal
    _delete_afterwards(sites, person, [*apps.values(), late], rule)


def _delete_afterwards(sites: Joined, person: Person, apps: list[str], rule: str) -> None:
    """Deletes at either site do what Keystone says of one: refused while it is in use, then gone for all."""
    west = login(sites, "west", person)
    path = f"{person.path}/access_rules/{rule}"
    assert delete(sites, "west", person, path) == 403
    for app in apps:
        west.delete(f"{person.path}/application_credentials/{app}")
    sites.sync()
    assert delete(sites, "south", person, path) == 204
    sites.sync()
    assert rules(sites, person) == {site: [] for site in sites.places}
    assert sites.compare().equal


def test_a_rule_deleted_where_nobody_used_it_stays_with_who_does(sites: Joined, person: Person) -> None:
    app = make_app(sites, HUB, person)
    login(sites, HUB, person).delete(f"{person.path}/application_credentials/{app}")
    sites.sync()
    (rule,) = rules(sites, person)["south"]
    used = make_app(sites, "west", person)
    assert delete(sites, "south", person, f"{person.path}/access_rules/{rule}") == 204
    carry(sites.links[0], sites.links[0].up)
    sites.sync()
    assert rules_of(sites, person, used) == [[rule]] * 3
    assert [row["sort"] for row in listed(sites, rule)] == ["in-use"]


def test_limits_made_at_two_sites_at_once(sites: Joined, person: Person) -> None:
    """A service's registered limit, and a project's limit of its own at each site."""
    service = sites.places[HUB].admin.post("/services", service={"type": "compute", "name": "nova"})["id"]
    sites.sync()
    what = {"service_id": service, "resource_name": "vcpu"}
    for site in (HUB, "west"):
        api = sites.places[site].admin
        api.post("/registered_limits", registered_limits=[{**what, "default_limit": 10}])
        api.post("/limits", limits=[{**what, "project_id": person.project, "resource_limit": 5}])
    sites.sync()
    for place in sites.places.values():
        found = place.admin.get(f"/registered_limits?service_id={service}")["registered_limits"]
        assert [limit["default_limit"] for limit in found] == [10]
        found = place.admin.get(f"/limits?project_id={person.project}")["limits"]
        assert [(limit["resource_limit"], limit["service_id"]) for limit in found] == [(5, service)]
    assert sites.compare().equal


def test_regions_put_below_each_other_at_three_sites(sites: Joined) -> None:
    """Each edit is lawful at its own Keystone; in a circle of them no PATCH of a region would ever end."""
    word = uuid.uuid4().hex[:8]
    regions = [f"{word}-{letter}" for letter in "abc"]
    for name in regions:
        sites.places[HUB].admin.post("/regions", region={"id": name})
    sites.sync()
    for place, name, parent in zip(sites.places.values(), regions, [*regions[1:], regions[0]], strict=True):
        place.admin.patch(f"/regions/{name}", region={"parent_region_id": parent})
    sites.sync()
    assert [(row["sort"], row["fields"]) for row in listed(sites, word)] == [("cycle", ["parent_region_id"])]
    for place in sites.places.values():
        for name in regions:
            assert patch(sites, place.name, name, {"description": f"asked at {place.name}"}) == 200
        found = {r["id"]: r["parent_region_id"] for r in place.admin.get("/regions")["regions"]}
        assert sum(found[name] is None for name in regions) == 1
        sites.sync()
    assert sites.compare().equal


def patch(sites: Joined, site: str, region: str, changes: dict[str, str]) -> int:
    """The status of a PATCH of a region; raises if it is not answered in time."""
    place = sites.places[site]
    headers = {"X-Auth-Token": place.admin.token}
    url = f"{place.keystone.url}/regions/{region}"
    return httpx.patch(url, json={"region": changes}, headers=headers, timeout=30).status_code
