"""Names and values that one of two databases can't hold, by the API of real Keystones, and who waits.

In each pair MariaDB is one end: three bytes a character, and names that it takes for equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest
from keystoneauth1.exceptions import HttpError

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.sync.model import Waiting
from tests.integration.fleet.odd import Operator, Shell, carried, post, specs_on
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined
from tests.support.databases import DatabaseScope

pytestmark = [pytest.mark.keystone, pytest.mark.mariadb]

ENGINES = [
    pytest.param(
        ("postgresql", "mariadb"), id="postgresql-mariadb", marks=[pytest.mark.postgresql, pytest.mark.slow]
    ),
    pytest.param(
        ("mariadb", "postgresql"), id="mariadb-postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]
    ),
    pytest.param(("sqlite", "mariadb"), id="sqlite-mariadb", marks=pytest.mark.slow),
    pytest.param(("mariadb", "sqlite"), id="mariadb-sqlite", marks=pytest.mark.slow),
]
PENGUIN = "penguin-🐧"
NEAR = [("Auditor", "auditor"), ("José", "Jose"), ("blank", "blank  ")]
#: Whose second name a hub that folds names changes; the others are known by their ids or keys alone.
NAMED = {"role", "user", "group", "project", "application_credential"}
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=ENGINES)
def pair(
    request: pytest.FixtureRequest,
    module_databases: DatabaseScope,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("odd")
    hub, spoke = specs_on(request, module_databases, folder)
    with joined(folder, hub, spoke) as pair:
        carried(pair)
        yield pair


@pytest.fixture(scope="module")
def operator(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(pair, tmp_path_factory.mktemp("operator"))


def folding(pair: Pair) -> Place:
    """The site on MariaDB."""
    return pair.hub if Shell(pair.hub.keystone).narrow else pair.spoke


def telling(pair: Pair) -> Place:
    """The other one."""
    return pair.spoke if folding(pair) is pair.hub else pair.hub


def after(pair: Pair) -> None:
    """What was made last has arrived at the other site: nothing has stopped behind what waits."""
    key = post(telling(pair), "/regions", {"region": {"id": f"after-{next(NUMBERS)}"}})
    carried(pair)
    assert folding(pair).admin.get(f"/regions/{key}")["region"]["id"] == key


def listed(pair: Pair, place: Place) -> dict[tuple[str, str], Waiting]:
    """What the site's own list says about each record."""
    _, found = pair.ends[place.name].waiting()
    return {(item.ref.kind, item.ref.key): item for item in found}


def kind_of(found: Iterable[tuple[str, str]]) -> set[str]:
    return {kind for kind, _ in found}


class Maker:
    """Makes one record of each kind that has a name, with a given name."""

    def __init__(self, place: Place) -> None:
        self.place = place
        mark = f"owner-{next(NUMBERS)}"
        api = place.admin
        self.password = "s3cret"
        self.owner = api.post(
            "/users", user={"name": mark, "domain_id": "default", "password": self.password}
        )
        self.project = api.post("/projects", project={"name": mark, "domain_id": "default"})["id"]
        role = api.get("/roles?name=member")["roles"][0]["id"]
        api.put(f"/projects/{self.project}/users/{self.owner['id']}/roles/{role}")

    def named(self, name: str) -> set[tuple[str, str]]:
        """The records, by kind and key."""
        api, inside = self.place.admin, {"name": name, "domain_id": "default"}
        rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
        made = {"role": api.post("/roles", role={"name": name})["id"]}
        if name == name.strip():  # Keystone takes blanks off the names of these
            made["user"] = api.post("/users", user={**inside, "password": "x"})["id"]
            made["group"] = api.post("/groups", group=inside)["id"]
            made["project"] = api.post("/projects", project=inside)["id"]
        key = name.replace(" ", "%20")
        made["mapping"] = api.put(f"/OS-FEDERATION/mappings/{key}", mapping={"rules": rules})["id"]
        own = self.place.login(user_id=self.owner["id"], password=self.password, project_id=self.project)
        path = f"/users/{self.owner['id']}/application_credentials"
        rule = {"service": "compute", "method": "GET", "path": f"/{name}"}
        credential = own.post(path, application_credential={"name": name, "access_rules": [rule]})
        made["application_credential"] = credential["id"]
        made["access_rule"] = credential["access_rules"][0]["id"]
        return set(made.items())


def test_what_waits_is_named_wherever_an_operator_looks(pair: Pair, operator: Operator) -> None:
    api, place = telling(pair).admin, folding(pair)
    name = f"{next(NUMBERS)} {PENGUIN}"
    key = api.post("/roles", role={"name": name})["id"]
    after(pair)
    item = operator.listed(place.name)["role", key]
    assert (item["name"], item["state"], item["reason"]) == (name, "carried", "unstorable")
    assert item["since"] and "name" in item["why"]
    address = f"role/{key}"
    shown = operator.quarantine("show", place.name, address)
    assert shown.code == 0 and address in shown.out and PENGUIN in shown.out and item["why"] in shown.out
    for command in ("status", "doctor"):
        told = operator.types(place.name, command)
        assert address in told.out, told
    log = place.keystone.layout.log.read_text()
    assert any(address in line and "is carried beside the tables" in line for line in log.splitlines())
    assert operator.quarantine("show", telling(pair).name, address).code == 2
    tried = operator.quarantine("retry", place.name, "--dry-run")
    assert tried.code == 0 and address in tried.out and "nothing was changed" in tried.out
    retried = operator.quarantine("retry", place.name)
    assert retried.code == 0 and "tried again" in retried.out
    assert operator.listed(place.name)["role", key]["reason"] == "unstorable", "it still can't be written"
    api.patch(f"/roles/{key}", role={"name": name.replace("🐧", "bird")})
    carried(pair)
    assert ("role", key) not in operator.listed(place.name)
    assert place.admin.get(f"/roles/{key}")["role"]["name"] == name.replace("🐧", "bird")


@pytest.mark.parametrize(("one", "other"), NEAR)
def test_near_names_of_every_kind_in_one_page(pair: Pair, one: str, other: str) -> None:
    maker, mark = Maker(telling(pair)), next(NUMBERS)
    first, second = maker.named(f"{mark} {one}"), maker.named(f"{mark} {other}")
    after(pair)
    waits = listed(pair, folding(pair))
    assert not first & waits.keys()
    waiting = second & waits.keys()
    assert {waits[address].reason for address in waiting} <= {"name", "reference"}
    renamed = {(row["kind"], row["key"]) for row in pair.ends[HUB].conflicts()} & second
    if folding(pair) is pair.hub:
        assert kind_of(renamed) == NAMED & kind_of(second)
    else:
        assert not renamed and NAMED & kind_of(second) <= kind_of(waiting)


def test_near_names_made_at_both_sites_at_once(pair: Pair) -> None:
    mark = next(NUMBERS)
    makers = Maker(telling(pair)), Maker(folding(pair))
    carried(pair)
    made = makers[0].named(f"{mark} José") | makers[1].named(f"{mark} jose")
    after(pair)
    verdict = carried(pair)
    assert made & verdict.named.keys() or pair.ends[HUB].conflicts()


def test_a_project_whose_tags_mariadb_takes_for_equal(pair: Pair) -> None:
    api = telling(pair).admin
    key = api.post("/projects", project={"name": f"tagged {next(NUMBERS)}", "domain_id": "default"})["id"]
    carried(pair)
    api.put(f"/projects/{key}/tags", tags=["café", "cafe"])
    after(pair)
    waits = listed(pair, folding(pair))["project", key]
    assert (waits.state, waits.reason) == ("carried", "unstorable") and "tags" in waits.why
    assert folding(pair).admin.get(f"/projects/{key}")["project"]["tags"] == []
    api.put(f"/projects/{key}/tags", tags=["café"])
    assert ("project", key) not in carried(pair).named
    assert folding(pair).admin.get(f"/projects/{key}")["project"]["tags"] == ["café"]


def test_what_fails_in_an_unforeseen_way_is_put_aside_named_and_tried_again(
    pair: Pair, operator: Operator
) -> None:
    """An operator has given the receiver's table a rule of its own, of which the product knows nothing."""
    place, shell = folding(pair), Shell(folding(pair).keystone)
    shell.run("ALTER TABLE service ADD CONSTRAINT no_evil CHECK (type <> 'evil')")
    api = telling(pair).admin
    key = api.post("/services", service={"type": "evil", "name": "e"})["id"]
    endpoint = {"interface": "public", "url": "http://e", "service_id": key}
    below = api.post("/endpoints", endpoint=endpoint)["id"]
    after(pair)
    waits = listed(pair, place)
    assert waits["service", key].state == "quarantined" and "no_evil" in waits["service", key].why
    assert waits["endpoint", below].reason == "reference"
    assert "is put aside" in place.keystone.layout.log.read_text()
    shell.run("ALTER TABLE service DROP CONSTRAINT no_evil")
    assert operator.quarantine("retry", place.name).code == 0
    assert not {("service", key), ("endpoint", below)} & listed(pair, place).keys()
    assert place.admin.get(f"/endpoints/{below}")["endpoint"]["service_id"] == key


@pytest.mark.parametrize("site", [HUB, SPOKE])
def test_what_its_own_site_cannot_read_is_named_there(pair: Pair, operator: Operator, site: str) -> None:
    place = pair.hub if site == HUB else pair.spoke
    shell, key = Shell(place.keystone), f"{site}-torn"
    shell.region("torn", '{"torn": ')
    after(pair)
    waits = listed(pair, place)["region", key]
    assert (waits.state, waits.reason) == ("quarantined", "quarantined") and waits.why
    assert f"region/{key}" in operator.types(site, "doctor").out
    shell.run("UPDATE region SET extra = '{}' WHERE id = :id", id=key)
    carried(pair)
    assert ("region", key) not in listed(pair, place)
    other = pair.spoke if site == HUB else pair.hub
    assert other.admin.get(f"/regions/{key}")["region"]["id"] == key


@pytest.mark.parametrize("site", [HUB, SPOKE])
def test_a_revocation_behind_odd_values_arrives(pair: Pair, site: str) -> None:
    place, other = (pair.hub, pair.spoke) if site == HUB else (pair.spoke, pair.hub)
    maker = Maker(place)
    carried(pair)
    session = other.login(user_id=maker.owner["id"], password=maker.password, project_id=maker.project)
    checked = {"X-Subject-Token": session.token}
    assert other.admin.get("/auth/tokens", **checked)["token"]["user"]["id"] == maker.owner["id"]
    odd = '{"region": {"x": 1e999, "y": [NaN, -Infinity], "z": "\\ud83d"}}'
    owner = maker.owner["id"]
    post(place, "/regions", odd)
    post(
        place,
        "/credentials",
        f'{{"credential": {{"user_id": "{owner}", "type": "c", "blob": "b", "x": 1e999}}}}',
    )
    place.admin.post("/roles", role={"name": f"{site} {PENGUIN}"}) if not Shell(
        place.keystone
    ).narrow else None
    Shell(place.keystone).region("torn before a revocation", "{")
    place.admin.patch(f"/users/{owner}", user={"enabled": False})
    carried(pair)
    with pytest.raises(HttpError) as refused:
        other.admin.get("/auth/tokens", **checked)
    assert refused.value.http_status == 404


@pytest.mark.parametrize("site", [HUB, SPOKE])
def test_numbers_beyond_all_bounds_arrive_as_they_are(pair: Pair, site: str) -> None:
    place, other = (pair.hub, pair.spoke) if site == HUB else (pair.spoke, pair.hub)
    fixed = {
        "policy": '"type": "t", "blob": "{}"',
        "service": '"type": "t", "name": "s"',
        "region": '"description": ""',
        "user": "",
        "group": "",
        "role": "",
        "project": "",
    }
    made: dict[str, str] = {}
    for member, given in fixed.items():
        text = given or f'"name": "{site} {next(NUMBERS)}"'
        path = f"/{member[:-1]}ies" if member == "policy" else f"/{member}s"
        key = post(place, path, f'{{"{member}": {{{text}, "x": 1e999, "y": [-1E400, NaN]}}}}')
        made[f"{path}/{key}"] = member
    carried(pair)
    for path, member in made.items():
        for each in (place, other):
            found = each.admin.get(path)[member]
            assert repr([found["x"], found["y"]]) == "[inf, [-inf, nan]]", (path, each.name)
