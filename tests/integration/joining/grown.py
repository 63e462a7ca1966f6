"""Two Keystones that grew apart: what each was given by its own administrator, by Keystone's own API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from keystone_viaduct.demo.keystones import Keystone
from keystone_viaduct.demo.scenario.place import Place

HUB, SPOKE = "east", "west"
#: Account -> its password at the hub and at the spoke; None: it is not there.
PASSWORDS: dict[str, tuple[str | None, str | None]] = {
    "admin": ("admin of east", "admin of west"),
    "nova": ("nova of east", "nova of west"),
    "glance": ("glance", "glance"),
    "alice": ("alice of east", "alice of west"),
    "bob": ("bob", "bob"),
    "carol": ("carol of east", None),
    "dave": (None, "dave of west"),
    "erin": ("erin", "erin"),
    "frank": ("frank of east", "frank of west"),
    "sync-east": ("sync of east", None),
    "sync-west": (None, "sync of west"),
}
SERVICES = ("nova", "glance")


@dataclass
class Grown:
    """What was made at one site."""

    users: dict[str, str] = field(default_factory=dict)
    application_credential: dict[str, str] = field(default_factory=dict)
    ec2: dict[str, str] = field(default_factory=dict)


class Grower:
    """Makes one site's records as its administrators would."""

    def __init__(self, place: Place, side: int) -> None:
        self.place, self.side, self.found = place, side, Grown()
        self.api = place.admin
        self.roles = {role["name"]: role["id"] for role in self.api.get("/roles")["roles"]}

    def grow(self) -> Grown:
        """All of it."""
        self._roles()
        service, dev = (self._project(name) for name in ("service", "dev"))
        only = self._project(f"only-{self.place.name}")
        for name, passwords in PASSWORDS.items():
            password = passwords[self.side]
            if password is not None:
                self.found.users[name] = self._user(name, password)
        users = self.found.users
        for name in SERVICES:
            self._grant(users[name], service, "service")
        self._grant(users["alice"], dev, "member")
        self._grant(users["alice"], only, "reader")
        for name in ("bob", "erin", "frank"):
            self._grant(users[name], dev, "member")
        if self.side:
            self._grant(users["alice"], dev, "admin")
            self.api.patch(f"/users/{users['erin']}", user={"enabled": False})
            rules = [["password", "totp"]]
            options = {"multi_factor_auth_rules": rules, "multi_factor_auth_enabled": True}
            self.api.patch(f"/users/{users['frank']}", user={"options": options})
        ops = self.api.post("/groups", group={"name": "ops", "domain_id": "default"})["id"]
        self._grant_group(ops, dev, "auditor")
        if not self.side:
            self.api.put(f"/groups/{ops}/users/{users['bob']}")
        agent = users[f"sync-{self.place.name}"]
        self.api.put(f"/system/users/{agent}/roles/{self.roles['admin']}")
        self._credentials(dev)
        return self.found

    def _roles(self) -> None:
        for name in ("service", "auditor"):
            if name not in self.roles:
                self.roles[name] = self.api.post("/roles", role={"name": name})["id"]

    def _project(self, name: str) -> str:
        return str(self.api.post("/projects", project={"name": name, "domain_id": "default"})["id"])

    def _user(self, name: str, password: str) -> str:
        if name == "admin":
            return self.api.user_id
        user = {"name": name, "domain_id": "default", "password": password}
        return str(self.api.post("/users", user=user)["id"])

    def _grant(self, user: str, project: str, role: str) -> None:
        self.api.put(f"/projects/{project}/users/{user}/roles/{self.roles[role]}")

    def _grant_group(self, group: str, project: str, role: str) -> None:
        self.api.put(f"/projects/{project}/groups/{group}/roles/{self.roles[role]}")

    def _credentials(self, dev: str) -> None:
        """An application credential called ci of the administrator, and an EC2 key of alice."""
        password = PASSWORDS["admin"][self.side]
        assert password is not None
        scope = {"project_name": "admin", "project_domain_id": "default", "user_domain_id": "default"}
        own = self.place.login(username="admin", password=password, **scope)
        secret = f"ci of {self.place.name}"
        made = own.post(
            f"/users/{self.found.users['admin']}/application_credentials",
            application_credential={"name": "ci", "secret": secret},
        )
        self.found.application_credential = {"id": made["id"], "secret": secret}
        key = self.api.post(f"/users/{self.found.users['alice']}/credentials/OS-EC2", tenant_id=dev)
        self.found.ec2 = {"access": key["access"], "secret": key["secret"]}


def logs_in(site: Keystone, name: str, password: str) -> bool:
    """Whether that password lets the account in."""
    account = {"name": name, "domain": {"id": "default"}, "password": password}
    return _authenticates(site, {"methods": ["password"], "password": {"user": account}})


def logs_in_by_application_credential(site: Keystone, **credential: Any) -> bool:
    """Whether an application credential lets one in."""
    methods = ["application_credential"]
    return _authenticates(site, {"methods": methods, "application_credential": credential})


def _authenticates(site: Keystone, identity: dict[str, Any]) -> bool:
    auth = {"auth": {"identity": identity}}
    answer = httpx.post(f"{site.url}/auth/tokens", json=auth, timeout=30, trust_env=False)
    assert answer.status_code in (201, 401), answer.text
    return answer.status_code == 201


def matrix(site: Keystone) -> dict[str, tuple[bool, bool]]:
    """Of each account: whether the hub's password, and whether the spoke's, lets it in there."""
    return {
        name: (
            passwords[0] is not None and logs_in(site, name, passwords[0]),
            passwords[1] is not None and logs_in(site, name, passwords[1]),
        )
        for name, passwords in PASSWORDS.items()
    }
