"""One person of one identity provider logs in at two sites at once, before either knows of the other's login.

The provider stands in for a real one; each site has a module in front that hands its word on by request
variables, as a web server does. What Keystone makes of a login, a user and memberships that expire, is made
at both sites, and has to be one user with the right groups everywhere.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from keystone_viaduct.demo.scenario.place import Place
from tests.integration.fleet.pair import HUB, SPOKE, Pair, joined, spec
from tests.support.databases import DatabaseScope
from tests.support.idp import ISSUER, KEY_VARIABLE, PREFIX, TICKET, IdentityProvider, rules
from tests.support.servers import Server

pytestmark = [pytest.mark.keystone, pytest.mark.postgresql, pytest.mark.slow]
PROVIDER, PROTOCOL, MAPPING = "campus", "openid", "campus"
KEY = "known to the provider and to the module"
SECTIONS = {"federation": {"assertion_prefix": PREFIX}, "openid": {"remote_id_attribute": f"{PREFIX}iss"}}


@dataclass
class Campus:
    """Two sites with one provider in front of them, and what it leads to."""

    pair: Pair
    provider: IdentityProvider
    domain: str
    groups: dict[str, str]
    project: str

    @property
    def places(self) -> tuple[Place, Place]:
        """The hub and the spoke."""
        return self.pair.hub, self.pair.spoke

    def log_in(self, place: Place, person: str) -> dict[str, Any]:
        """The person's unscoped token, as Keystone shows it."""
        path = f"/OS-FEDERATION/identity_providers/{PROVIDER}/protocols/{PROTOCOL}/auth"
        asked = urllib.request.Request(
            place.keystone.url + path, headers={TICKET: self.provider.ticket(person)}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            token: dict[str, Any] = json.load(answer)["token"]
            return {**token, "id": answer.headers["X-Subject-Token"]}

    def at_both(self, people: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each person at both sites at once, all of them side by side."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(self._at_both, people))

    def _at_both(self, person: str) -> tuple[dict[str, Any], dict[str, Any]]:
        ready = threading.Barrier(2)

        def go(place: Place) -> dict[str, Any]:
            ready.wait(60)
            return self.log_in(place, person)

        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(go, self.places)
        return one, other

    def settle(self) -> None:
        """Carry everything; then the two are equal, nothing waits, and nobody has lost anything."""
        self.pair.sync()
        assert self.pair.compare().differences == []
        assert [way.totals.pending for way in (self.pair.link.up, self.pair.link.down)] == [0, 0]

    def mapped(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Change the mapping at the hub: a group of the provider's, and what it is here."""
        made = {"rules": rules([(theirs, self.groups[ours]) for theirs, ours in pairs], self.domain)}
        self.pair.hub.admin.patch(f"/OS-FEDERATION/mappings/{MAPPING}", mapping=made)

    def roles(self, place: Place, person: str) -> set[str]:
        """What a fresh login may do in the project there: nothing where no group of the person has a role."""
        token = self.log_in(place, person)["id"]
        body = {
            "auth": {
                "identity": {"methods": ["token"], "token": {"id": token}},
                "scope": {"project": {"id": self.project}},
            }
        }
        asked = urllib.request.Request(
            f"{place.keystone.url}/auth/tokens",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return {role["name"] for role in json.load(answer)["token"]["roles"]}
        except urllib.error.HTTPError as error:
            error.close()
            return set() if error.code == 401 else {f"answered {error.code}"}

    def member_of(self, place: Place, user: str) -> set[str]:
        """The groups that Keystone says the user is in, by our names."""
        ids = {group["id"] for group in place.admin.get(f"/users/{user}/groups")["groups"]}
        return {name for name, key in self.groups.items() if key in ids}


@pytest.fixture(scope="module")
def campus(
    postgresql: Server, module_databases: DatabaseScope, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Campus]:
    folder: Path = tmp_path_factory.mktemp("campus")
    made = [
        replace(
            spec(name, folder, url=url, sections=SECTIONS),
            wsgi="tests.support.idp:application",
            environment={KEY_VARIABLE: KEY},
            threads=8,
        )
        for name, url in ((HUB, module_databases.empty("postgresql")), (SPOKE, None))
    ]
    with joined(folder, *made) as pair:
        yield _founded(pair)


def _founded(pair: Pair) -> Campus:
    """Made at the hub, and carried."""
    api = pair.hub.admin
    domain = api.post("/domains", domain={"name": "campus"})["id"]
    project = api.post("/projects", project={"name": "lab", "domain_id": domain})["id"]
    groups = {}
    for group, role in (("readers", "reader"), ("members", "member"), ("managers", "manager")):
        groups[group] = api.post("/groups", group={"name": group, "domain_id": domain})["id"]
        (known,) = api.get(f"/roles?name={role}")["roles"]
        api.put(f"/projects/{project}/groups/{groups[group]}/roles/{known['id']}")
    described = {"domain_id": domain, "remote_ids": [ISSUER], "authorization_ttl": 60, "enabled": True}
    api.put(f"/OS-FEDERATION/identity_providers/{PROVIDER}", identity_provider=described)
    first = {"rules": rules([("students", groups["readers"])], domain)}
    api.put(f"/OS-FEDERATION/mappings/{MAPPING}", mapping=first)
    path = f"/OS-FEDERATION/identity_providers/{PROVIDER}/protocols/{PROTOCOL}"
    api.put(path, protocol={"mapping_id": MAPPING})
    found = Campus(pair, IdentityProvider(KEY), domain, groups, project)
    found.settle()
    return found


def people(campus: Campus, label: str, count: int, *groups: str) -> list[str]:
    """So many new people of the provider."""
    names = [f"{label}{number}@campus" for number in range(count)]
    for name in names:
        campus.provider.put(name, *groups)
    return names


def rows(place: Place, table: str, **where: str) -> int:
    """How many rows a site's table has."""
    engine = sa.create_engine(place.keystone.database_url)
    shown = sa.table(table, *map(sa.column, where))
    counted = sa.select(sa.func.count()).select_from(shown)
    for name, value in where.items():
        counted = counted.where(shown.c[name] == value)
    with engine.connect() as connection:
        found = int(connection.execute(counted).scalar_one())
    engine.dispose()
    return found


def test_people_who_log_in_at_both_sites_at_once_are_one_user_each(campus: Campus) -> None:
    names = people(campus, "twice", 20, "students")
    users = []
    for one, other in campus.at_both(names):
        assert one["user"]["id"] == other["user"]["id"]
        users.append(one["user"]["id"])
    campus.settle()
    assert len(set(users)) == len(names)
    for place in campus.places:
        for name, user in zip(names, users, strict=True):
            assert rows(place, "user", id=user) == 1
            assert rows(place, "federated_user", user_id=user, idp_id=PROVIDER) == 1
            assert rows(place, "expiring_user_group_membership", user_id=user) == 1
            assert campus.member_of(place, user) == {"readers"}
            assert place.admin.get(f"/users/{user}")["user"]["name"] == name
    assert {role for place in campus.places for role in campus.roles(place, names[0])} >= {"reader"}


def test_a_forged_ticket_and_variables_of_the_client_s_own_are_nobody(campus: Campus) -> None:
    path = f"/OS-FEDERATION/identity_providers/{PROVIDER}/protocols/{PROTOCOL}/auth"
    (name,) = people(campus, "honest", 1, "students")
    forged = campus.provider.ticket(name)[:-4] + "0000"
    own = {"OIDC-sub": name, "OIDC-iss": ISSUER, "OIDC-groups": "students"}
    for place in campus.places:
        for headers in ({TICKET: forged}, own):
            asked = urllib.request.Request(place.keystone.url + path, headers=headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(asked, timeout=60)
            assert refused.value.code in (401, 403)
            refused.value.close()
        assert campus.log_in(place, name)["user"]["name"] == name, "the ticket itself is somebody"


def test_memberships_expire_everywhere_and_a_login_at_one_site_renews_them_at_the_other(
    campus: Campus,
) -> None:
    (name,) = people(campus, "guest", 1, "students")
    ((one, _),) = campus.at_both([name])
    user = one["user"]["id"]
    campus.settle()
    ttl = f"/OS-FEDERATION/identity_providers/{PROVIDER}"
    campus.pair.spoke.admin.patch(ttl, identity_provider={"authorization_ttl": 0})
    campus.settle()
    assert [campus.member_of(place, user) for place in campus.places] == [set(), set()]
    campus.pair.hub.admin.patch(ttl, identity_provider={"authorization_ttl": 60})
    campus.settle()
    before = {place.name: verified(place, user) for place in campus.places}
    backdate(campus.pair.spoke, user)
    campus.pair.sync()
    campus.log_in(campus.pair.spoke, name)
    campus.settle()
    after = {place.name: verified(place, user) for place in campus.places}
    assert after[HUB] == after[SPOKE] >= before[HUB] == before[SPOKE]
    assert [campus.member_of(place, user) for place in campus.places] == [{"readers"}, {"readers"}]


def verified(place: Place, user: str) -> str:
    """When the provider last said that the user is in the group, to the second."""
    engine = sa.create_engine(place.keystone.database_url)
    table = sa.table(
        "expiring_user_group_membership", sa.column("user_id"), sa.column("last_verified", sa.DateTime())
    )
    with engine.connect() as connection:
        found = connection.execute(sa.select(table.c.last_verified).where(table.c.user_id == user)).scalar()
    engine.dispose()
    assert found is not None
    return str(found.isoformat(timespec="seconds"))


def backdate(place: Place, user: str) -> None:
    """As though the login had been long ago."""
    engine = sa.create_engine(place.keystone.database_url)
    statement = "UPDATE expiring_user_group_membership SET last_verified = :old WHERE user_id = :user"
    with engine.begin() as connection:
        connection.execute(sa.text(statement), {"old": "2026-01-01 00:00:00", "user": user})
    engine.dispose()


def test_a_mapping_that_changes_at_the_hub_meanwhile_gives_the_new_groups_everywhere(campus: Campus) -> None:
    names = people(campus, "moved", 8, "students")
    with ThreadPoolExecutor(2) as pool:
        logins = pool.submit(campus.at_both, names)
        campus.mapped([("students", "members"), ("staff", "managers")])
        pairs = [(one["user"]["id"], other["user"]["id"]) for one, other in logins.result()]
    # (the groups in the two tokens may be of either mapping)
    assert [one for one, other in pairs if one != other] == []
    users = [one for one, _ in pairs]
    assert len(set(users)) == len(names)
    campus.settle()
    for name in names[:2]:
        campus.provider.put(name, "students", "staff")
    for one, other in campus.at_both(names):
        assert one["user"]["id"] == other["user"]["id"]
    campus.settle()
    for number, user in enumerate(users):
        wanted = {"members", "managers"} if number < 2 else {"members"}
        found = [campus.member_of(place, user) for place in campus.places]
        # (who came by the old mapping is a reader until that expires)
        assert [groups - {"readers"} for groups in found] == [wanted, wanted]
        assert found[0] == found[1]
        assert [rows(place, "user", id=user) for place in campus.places] == [1, 1]
    assert [campus.roles(place, names[0]) >= {"member", "manager"} for place in campus.places] == [True, True]
