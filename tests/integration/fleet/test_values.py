"""What Keystone stores travels: values that JSON has no form for, and records larger than a page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from keystoneauth1.exceptions import HttpError

from keystone_viaduct.demo.keystones import Keystone, Keystones
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.documents.cipher import NULL_KEY
from keystone_viaduct.kinds.deepjson import DEPTH, decode
from keystone_viaduct.sync.wire import limits
from tests.integration.fleet.beside import CACHED, beside, long, recorded, settled, told_further
from tests.integration.fleet.odd import Shell, carried, post, specs_on
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined
from tests.records.play import last_words
from tests.support.databases import DatabaseScope
from tests.unit.wire.strategies import nested

pytestmark = pytest.mark.keystone

ENGINES = [
    pytest.param(("postgresql", "sqlite"), id="postgresql-sqlite", marks=pytest.mark.postgresql),
    pytest.param(("sqlite", "mariadb"), id="sqlite-mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
    pytest.param(
        ("mariadb", "postgresql"),
        id="mariadb-postgresql",
        marks=[pytest.mark.postgresql, pytest.mark.mariadb, pytest.mark.twin],
    ),
]
#: Both ways are the same code; the one up is judged on its way.
FROM_THE_SPOKE = [pytest.param(HUB, marks=pytest.mark.twin), SPOKE]
ODD: dict[str, Any] = {
    "nan": float("nan"),
    "infinities": [float("inf"), {"a": float("-inf")}],
    "half": "\ud83d",
    "\udc27": 1,
    "": "",
    "n" * 300: 2,
    "@deleted": True,
    "extra.x": -0.0,
    "nul\0": "\0",
    "big": 10**400,
    "deep": nested(250),
}
#: In every token's catalog, if it is a service's.
DEEPEST = f'{{"deepest": {"[" * 1000}{"]" * 1000}}}'
MANY = {f"a{number}": number for number in range(4100)}
BEYOND = {"large": 10**400, "note": "new"}
#: Characters of the largest texts: beyond a page, and the most that is promised.
LARGE, LARGEST = limits.PAGE_BYTES + limits.PART // 2, 16 * 1024 * 1024


def grown(keystones: Keystones) -> None:
    """What sites hold before anybody thinks of joining them."""
    for keystone in keystones.sites.values():
        _grown(keystone)


def _grown(keystone: Keystone) -> None:
    shell = Shell(keystone)
    shell.region("odd", ODD)
    shell.region("deep", DEEPEST)
    shell.insert("service", id=f"{keystone.name}-deep", type=keystone.name, enabled=True, extra=DEEPEST)
    shell.region("many", MANY)
    shell.region("number", '{"x": 1e999, "y": [-1E400]}')
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "A" * 200}]}] * (
        100 if shell.narrow else 450
    )
    shell.insert(
        "mapping", id=f"{keystone.name}-rules", rules=json.dumps(json.dumps(rules)), schema_version="1.0"
    )
    who = {"trustor_user_id": f"{keystone.name}-nobody", "trustee_user_id": f"{keystone.name}-nobody"}
    gone = {"deleted_at": sa.func.now(), "expires_at_int": 1, "impersonation": False}
    shell.insert("trust", id=f"{keystone.name}-trust", project_id=None, extra=json.dumps(ODD), **who, **gone)


@pytest.fixture(scope="module", params=ENGINES)
def pair(
    request: pytest.FixtureRequest,
    module_databases: DatabaseScope,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("values")
    hub, spoke = specs_on(request, module_databases, folder)
    with joined(folder, hub, spoke, grown=grown) as pair:
        yield pair


def test_databases_that_hold_such_values_already_are_joined(pair: Pair) -> None:
    settled(pair)
    narrow = {place.name: Shell(place.keystone).narrow for place in (pair.hub, pair.spoke)}
    for site, other in ((HUB, SPOKE), (SPOKE, HUB)):
        texts = {("mapping", f"{other}-rules")} if narrow[site] and not narrow[other] else set()
        assert beside(pair)[site] == {("region", f"{other}-odd"), *texts}


@pytest.mark.parametrize("site", [HUB, SPOKE])
def test_what_the_api_takes_with_such_values_is_at_the_other_site(pair: Pair, site: str) -> None:
    place, other = (pair.hub, pair.spoke) if site == HUB else (pair.spoke, pair.hub)
    user = place.admin.user_id
    halves = {name: ODD[name] for name in ("half", "\udc27")}
    others = {name: value for name, value in ODD.items() if name not in {*halves, "big"}}
    before = beside(pair)[other.name]
    for number, extra in enumerate([halves, others, MANY]):
        post(place, "/credentials", {"credential": {"user_id": user, "type": "cert", "blob": "x", **extra}})
        post(place, "/regions", {"region": {"id": f"{site}-api-{number}", **extra}})
        name = {"name": f"{site}-api-{number}", "domain_id": "default"}
        for path, member in (("/projects", "project"), ("/users", "user"), ("/groups", "group")):
            post(place, path, {member: {**name, **extra}})
        post(place, "/roles", {"role": {"name": name["name"], **extra}})
        post(place, "/services", {"service": {"type": name["name"], **extra}})
        post(place, "/policies", {"policy": {"type": "t", "blob": "{}", **extra}})
    for filling in "/%":
        post(place, "/regions", {"region": {"id": site.ljust(255, filling)}})
    for first, after in ((True, 1), (1, 1.0), (0.0, -0.0)):
        key = post(place, "/regions", {"region": {"told-apart": [first]}})
        carried(pair)
        other.admin.patch(f"/regions/{key}", region={"told-apart": [after]})
        carried(pair)
        assert repr(place.admin.get(f"/regions/{key}")["region"]["told-apart"]) == repr([after])
    settled(pair)
    added = beside(pair)[other.name] - before
    assert sorted(kind for kind, _ in added) == sorted({*CACHED} - {"endpoint"}), "the one with halves"


@pytest.mark.parametrize("site", FROM_THE_SPOKE)
def test_what_is_kept_beside_the_tables_is_told_further_and_arrives_when_it_is_mended(
    pair: Pair, site: str
) -> None:
    place, other = (pair.hub, pair.spoke) if site == HUB else (pair.spoke, pair.hub)
    shell, large, half = Shell(place.keystone), f"{site}-large", f"{site} half"
    key = post(place, "/regions", {"region": {"id": f"{site}-was-fine", "note": "old"}})
    settled(pair)
    shell.region("large", BEYOND)
    shell.run("UPDATE region SET extra = :extra WHERE id = :id", id=key, extra=json.dumps(BEYOND))
    post(place, "/projects", {"project": {"name": half, "domain_id": "default", "half": ODD["half"]}})
    settled(pair)
    assert {("region", large), ("region", key)} < beside(pair)[other.name]
    with pytest.raises(HttpError):
        other.admin.get(f"/regions/{large}")
    found = other.admin.get(f"/regions/{key}")["region"]
    assert found["note"] == "new" and "large" not in found, "only this value is kept back"
    told = told_further(pair.ends[HUB])
    for address in beside(pair)[other.name]:
        assert recorded(place, address) == recorded(other, address) == told[address], address
    assert all(str(10**400) in json.dumps(told["region", one]) for one in (large, key))

    fine = json.dumps({"note": "mended"})
    shell.run("UPDATE region SET extra = :fine WHERE id IN (:one, :other)", fine=fine, one=large, other=key)
    shell.run("UPDATE project SET extra = :fine WHERE name = :name", fine=fine, name=half)
    assert not {("region", large), ("region", key)} & settled(pair).named.keys()
    regions = [other.admin.get(f"/regions/{one}")["region"] for one in (large, key)]
    projects = other.admin.get(f"/projects?name={quote(half)}")["projects"]
    assert [one["note"] for one in (*regions, *projects)] == ["mended"] * 3


def services(place: Place, type_: str) -> Any:
    """Those of a type, read by who knows no depth that is too much."""
    headers = {"X-Auth-Token": place.admin.token}
    answer = httpx.get(f"{place.keystone.url}/services?type={type_}", headers=headers, timeout=60)
    assert answer.status_code == 200, last_words(place)
    return decode(answer.text, DEPTH + 10)["services"]


def test_what_is_nested_as_deep_as_can_travel_keeps_nobody_out(pair: Pair) -> None:
    """Each site has a service of the other one's in its catalog that is 1,000 deep."""
    for place in (pair.hub, pair.spoke):
        found = [service["id"] for site in (HUB, SPOKE) for service in services(place, site)]
        assert found == [f"{HUB}-deep", f"{SPOKE}-deep"]
        again = place.login(
            username="admin",
            user_domain_id="default",
            password=place.admin_password,
            project_name="admin",
            project_domain_id="default",
        )
        assert again.token
        headers = {"X-Auth-Token": place.admin.token, "Content-Type": "application/json"}
        for text, status in ((DEEPEST, 201), (f'{{"deeper": [{DEEPEST}]}}', 400)):
            body = f'{{"service": {text[:-1]}, "type": "api"}}}}'
            answer = httpx.post(f"{place.keystone.url}/services", content=body, headers=headers, timeout=60)
            assert answer.status_code == status, answer.text[:300]
            assert status == 201 or "nested" in answer.text
    carried(pair)
    for place in (pair.hub, pair.spoke):
        assert len(services(place, "api")) == 2


@pytest.mark.parametrize("site", FROM_THE_SPOKE)
def test_records_that_are_larger_than_a_page_travel_in_parts(pair: Pair, site: str) -> None:
    place, other = (pair.hub, pair.spoke) if site == HUB else (pair.spoke, pair.hub)
    shell = Shell(place.keystone)
    if shell.narrow:
        pytest.skip("MariaDB's TEXT columns end at 64 KiB")
    common = {
        "domain_id": "default",
        "parent_id": "default",
        "is_domain": False,
        "enabled": True,
        "extra": "{}",
    }
    for number, size in enumerate((70_000, LARGE, LARGEST)):
        text = os.urandom(size // 2).hex()
        shell.insert(
            "project",
            id=f"{site}{number}".ljust(32, "0"),
            name=f"{site}-{number}",
            description=text,
            **common,
        )
    blob = Fernet(NULL_KEY).encrypt(os.urandom(LARGE // 4).hex().encode()).decode()
    user = {"user_id": place.admin.user_id, "project_id": None, "type": "cert", "extra": "{}"}
    shell.insert("credential", id=f"{site}0".ljust(64, "0"), encrypted_blob=blob, key_hash="0" * 40, **user)
    settled(pair)
    assert len(long(place) & beside(pair)[other.name]) == (5 if Shell(other.keystone).narrow else 0)
    assert _parts(place, other) == 0


def _parts(*places: Place) -> int:
    """Parts of records that are left over."""
    found = 0
    for place in places:
        engine = sa.create_engine(place.keystone.database_url)
        with engine.connect() as connection:
            found += int(connection.scalar(sa.text("SELECT count(*) FROM viaduct_part")) or 0)
        engine.dispose()
    return found
