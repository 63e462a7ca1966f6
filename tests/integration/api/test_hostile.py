"""What west's administrators do through their own Keystone, judged at a real hub: attempts and twins."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Sites

pytestmark = pytest.mark.keystone

CHARTER = "/OS-SYNC/charter"


@dataclass(frozen=True)
class Ground:
    """Ids at the hub: domains ``mine`` (delegated) and ``theirs``, and in each a user, a project, a group."""

    mine: str
    theirs: str
    ann: str
    boss: str
    strong: str
    web: str
    vault: str
    team: str
    staff: str
    member: str
    admin: str
    manager: str


def make(client: httpx.Client, path: str, **fields: Any) -> str:
    """The id of what was made."""
    name = path.strip("/").removesuffix("s")
    answer = client.post(path, json={name: {"name": uuid.uuid4().hex[:12], **fields}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()[name]["id"])


def limit(client: httpx.Client, delegation: dict[str, Any] | None) -> None:
    """Set or lift west's limits."""
    body = {"edition": client.get(CHARTER).json()["edition"]}
    if delegation is not None:
        body["coverages"] = {"west": {"kinds": "all", "domains": "all"}}
        body["delegations"] = {"west": {"kinds": "all", "domains": "all", "roles": "all", **delegation}}
    client.put(CHARTER, json=body).raise_for_status()


@pytest.fixture
def ground(sites: Sites, east: httpx.Client) -> Iterator[Ground]:
    """Both domains at both sites; west may change its own and grant the role member there."""
    roles = {role["name"]: role["id"] for role in east.get("/roles").json()["roles"]}
    mine, theirs = make(east, "/domains"), make(east, "/domains")
    ann, boss, strong = (make(east, "/users", domain_id=d, password="first") for d in (mine, theirs, mine))
    web, vault = (make(east, "/projects", domain_id=domain) for domain in (mine, theirs))
    team, staff = (make(east, "/groups", domain_id=mine) for _ in range(2))
    member, admin, manager = (roles[name] for name in ("member", "admin", "manager"))
    found = Ground(mine, theirs, ann, boss, strong, web, vault, team, staff, member, admin, manager)
    for path in (f"users/{found.strong}", f"groups/{found.staff}"):
        east.put(f"/projects/{found.vault}/{path}/roles/{found.admin}").raise_for_status()
    limit(east, {"domains": [mine], "roles": [found.member]})
    assert sites.agent().once() == []
    yield found
    limit(east, None)
    assert sites.agent().once() == []


Deed = Callable[[httpx.Client, Ground], httpx.Response]
Seen = Callable[[httpx.Client, Ground], bool]


def _there(path: str) -> Seen:
    return lambda hub, g: hub.get(path.format(**vars(g))).status_code in (200, 204)


def _put(path: str) -> Deed:
    return lambda west, g: west.put(path.format(**vars(g)))


def _patch(path: str, **fields: Any) -> Deed:
    name = path.strip("/").split("/")[0].removesuffix("s")
    return lambda west, g: west.patch(path.format(**vars(g)), json={name: fields})


def _field(path: str, name: str, value: Any) -> Seen:
    kind = path.strip("/").split("/")[0].removesuffix("s")
    return lambda hub, g: bool(hub.get(path.format(**vars(g))).json()[kind].get(name) == value)


def _logs_in(sites: Sites, user: str, password: str) -> bool:
    """Whether the hub takes the password."""
    account = {"user": {"id": user, "password": password}}
    body = {"auth": {"identity": {"methods": ["password"], "password": account}, "scope": "unscoped"}}
    return httpx.post(f"{sites.url('east')}/auth/tokens", json=body, timeout=30).status_code == 201


def _granted(project: str, who: str, role: str) -> tuple[Deed, Seen]:
    path = f"/projects/{{{project}}}/{who}/roles/{{{role}}}"
    return _put(path), lambda hub, g: hub.head(path.format(**vars(g))).status_code == 204


def _joined(group: str, user: str) -> tuple[Deed, Seen]:
    path = f"/groups/{{{group}}}/users/{{{user}}}"
    return _put(path), lambda hub, g: hub.head(path.format(**vars(g))).status_code == 204


def _mapping(name: str, role: str) -> tuple[Deed, Seen]:
    path = f"/OS-FEDERATION/mappings/{name}"
    projects = [{"name": "auto", "roles": [{"name": role}]}]
    rules = [{"local": [{"user": {"name": "{0}"}}, {"projects": projects}], "remote": [{"type": "U"}]}]
    return lambda west, g: west.put(path, json={"mapping": {"rules": rules}}), _there(path)


def _domain_role(west: httpx.Client, g: Ground, implied: str) -> httpx.Response:
    """A role of the own domain, granted, that only then implies another."""
    role = make(west, "/roles", domain_id=g.mine)
    west.put(f"/domains/{g.mine}/users/{g.ann}/roles/{role}").raise_for_status()
    return west.put(f"/roles/{role}/implies/{implied}")


def _ann_implied(role: str) -> Seen:
    def seen(hub: httpx.Client, g: Ground) -> bool:
        rules = hub.get("/role_inferences").json()["role_inferences"]
        own = {r["id"] for r in hub.get("/roles", params={"domain_id": g.mine}).json()["roles"]}
        wanted = vars(g)[role]
        return any(r["prior_role"]["id"] in own and wanted in {i["id"] for i in r["implies"]} for r in rules)

    return seen


ATTEMPTS: dict[str, tuple[tuple[Deed, Seen], tuple[Deed, Seen]]] = {
    "another domain's user disabled": (
        (_patch("/users/{boss}", enabled=False), _field("/users/{boss}", "enabled", False)),
        (_patch("/users/{ann}", enabled=False), _field("/users/{ann}", "enabled", False)),
    ),
    "a role that may not be granted": (
        _granted("web", "users/{ann}", "admin"),
        _granted("web", "users/{ann}", "member"),
    ),
    "a grant on another domain's project": (
        _granted("vault", "groups/{team}", "member"),
        _granted("web", "groups/{team}", "member"),
    ),
    "an own user joins a strong group": (_joined("staff", "ann"), _joined("team", "ann")),
    "another domain's project renamed": (
        (_patch("/projects/{vault}", description="x"), _field("/projects/{vault}", "description", "x")),
        (_patch("/projects/{web}", description="x"), _field("/projects/{web}", "description", "x")),
    ),
    "in steps: an own role implies a manager's": (
        (lambda west, g: _domain_role(west, g, g.manager), _ann_implied("manager")),
        (lambda west, g: _domain_role(west, g, g.member), _ann_implied("member")),
    ),
    "a mapping with too strong a role": (_mapping("strong", "admin"), _mapping("weak", "member")),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_not_delegated_goes_back_and_is_listed(
    sites: Sites, east: httpx.Client, west: httpx.Client, ground: Ground, name: str
) -> None:
    (attempt, came_about), (twin, allowed) = ATTEMPTS[name]
    assert attempt(west, ground).is_success
    assert came_about(west, ground)
    assert sites.agent().once() == []
    assert not came_about(east, ground)
    assert not came_about(west, ground)
    listed = east.get("/OS-SYNC/conflicts").json()["conflicts"]
    assert any(conflict["sort"] == "refused" and conflict["site"] == "west" for conflict in listed)
    assert twin(west, ground).is_success
    assert sites.agent().once() == []
    assert allowed(east, ground)


def test_a_password_of_a_user_who_holds_more_goes_back(
    sites: Sites, east: httpx.Client, west: httpx.Client, ground: Ground
) -> None:
    for user in (ground.strong, ground.boss, ground.ann):
        west.patch(f"/users/{user}", json={"user": {"password": "known"}}).raise_for_status()
    assert sites.agent().once() == []
    assert [_logs_in(sites, user, "known") for user in (ground.strong, ground.boss)] == [False, False]
    assert _logs_in(sites, ground.strong, "first")
    assert _logs_in(sites, ground.ann, "known")


def test_a_deletion_that_would_take_a_stronger_grant_along_goes_back(
    sites: Sites, east: httpx.Client, west: httpx.Client, ground: Ground
) -> None:
    west.delete(f"/users/{ground.strong}").raise_for_status()
    west.delete(f"/users/{ground.ann}").raise_for_status()
    assert sites.agent().once() == []
    grant = f"/projects/{ground.vault}/users/{ground.strong}/roles/{ground.admin}"
    assert east.head(grant).status_code == west.head(grant).status_code == 204
    assert west.get(f"/users/{ground.strong}").status_code == 200
    assert east.get(f"/users/{ground.ann}").status_code == 404
