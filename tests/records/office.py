"""One site's API, as its administrator uses it: records of their own, and links between records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote

import httpx

from tests.records.maker import Json, Maker
from tests.records.pool import Address, Made, Pool
from tests.records.references import GRANTS
from tests.records.requests import FIXED, LONGEST, TARGETS, Ground, Target

#: Of what the API makes so much are links between records and what hangs on others.
LINKS = 0.4


class Link(NamedTuple):
    """What is asked for, and the record that comes of it (no key: it is the id in the answer)."""

    kind: str
    key: tuple[str, ...]
    path: str
    needs: tuple[Address, ...]
    method: str = "PUT"
    body: Json = None
    scope: str = "system"


class Office:
    """The API of a site."""

    def __init__(self, site: str, url: str, tokens: Mapping[str, str]) -> None:
        self.site = site
        # (none is kept: gunicorn closes one behind an answer that came before a body above 64 KiB was read)
        self._client = httpx.Client(
            base_url=url, timeout=60, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._tokens = tokens

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def make(self, maker: Maker, ground: Ground, pool: Pool) -> Made | None:
        """One record of any kind, or None where Keystone does not take it."""
        if maker.chance(LINKS):
            return self._link(maker, ground, pool)
        target = maker.random.choice(TARGETS)
        body = {**maker.members(target.schema, target.kind), **target.fixed(ground, maker)}
        key = maker.word() if target.method == "PUT" else ""
        found = self._answer(target.method, target.path + key, target.scope, {target.member: body})
        return None if found is None else target.made(found[target.member], self.site)

    def named(self, kind: str, name: str) -> Made | None:
        """A record of that name, in the default domain."""
        target = _target(kind)
        body = {"name": name} if kind in ("role", "domain") else {"name": name, "domain_id": "default"}
        found = self._answer("POST", target.path, target.scope, {target.member: body})
        return None if found is None else target.made(found[target.member], self.site)

    def change(self, maker: Maker, made: Made, mark: str) -> bool:
        """Put other attributes into a record that another site may have made, and a mark; whether that was
        taken.
        """
        return self._patch(made, {**maker.attributes(made.kind), "mark": mark})

    def rename(self, made: Made, name: str) -> bool:
        """Give it that name, if its kind has one."""
        return made.kind in NAMED and self._patch(made, {"name": name})

    def delete(self, made: Made) -> bool:
        """Delete it; a domain is disabled first."""
        if not made.path:
            return False
        if made.kind == "domain":
            self._patch(made, {"enabled": False})
        scope = "project" if made.kind in ("trust", "application_credential") else "system"
        answer = self._send("DELETE", made.path, scope, None)
        return answer is not None and answer.status_code == 204

    def _patch(self, made: Made, body: Json) -> bool:
        target = next((one for one in TARGETS if one.kind == made.kind), None)
        if target is None or target.kind in FIXED:
            return False
        path = f"{target.path.rstrip('/')}/{quote(made.id, safe='')}"
        answer = self._send("PATCH", path, target.scope, {target.member: body})
        return answer is not None and answer.status_code == 200

    def _link(self, maker: Maker, ground: Ground, pool: Pool) -> Made | None:
        asked = maker.random.choice(LINKED)(Chooser(maker, ground, pool))
        if asked is None:
            return None
        found = self._answer(asked.method, asked.path, asked.scope, asked.body)
        if found is None:
            return None
        key, path = asked.key, asked.path
        if not key:
            (shown,) = [value for name, value in found.items() if name != "links"]
            shown = shown[0] if isinstance(shown, list) else shown
            key = (str(shown["id"]),)
            path = f"{path}/{quote(key[0], safe='')}"
        return Made(asked.kind, key, self.site, path, asked.needs)

    def _answer(self, method: str, path: str, scope: str, body: Json) -> Json:
        """The JSON of what was taken (empty where there is none), or None."""
        answer = self._send(method, path, scope, body)
        if answer is None or answer.status_code not in (200, 201, 204):
            return None
        return json.loads(answer.content) if answer.content else {}

    def _send(self, method: str, path: str, scope: str, body: Json) -> httpx.Response | None:
        content = b"" if body is None else json.dumps(body).encode()
        if len(content) > LONGEST:
            return None
        headers = {"X-Auth-Token": self._tokens[scope], "Content-Type": "application/json"}
        return self._client.request(method, path, content=content, headers=headers)


NAMED = frozenset({"domain", "project", "user", "group", "role", "service", "endpoint"})
#: Kinds of which two sites may give one name, which only one record can have.
UNIQUE = ("domain", "project", "user", "group", "role")


def _target(kind: str) -> Target:
    return next(one for one in TARGETS if one.kind == kind)


class Chooser:
    """What a link is between, by chance."""

    def __init__(self, maker: Maker, ground: Ground, pool: Pool) -> None:
        self.maker, self.ground, self._pool = maker, ground, pool

    def __call__(self, *kinds: str) -> tuple[Made, ...]:
        """A record of each kind; nothing unless there are all."""
        found = [self._pool.some(self.maker, kind) for kind in kinds]
        return tuple(one for one in found if one is not None) if all(found) else ()


Linking = Callable[[Chooser], Link | None]


def _between(kind: str, path: str, *kinds: str) -> Linking:
    """A PUT whose path names them; they are the key, in the order of the kinds."""

    def ask(choose: Chooser) -> Link | None:
        found = choose(*kinds)
        if not found:
            return None
        ids = tuple(one.id for one in found)
        return Link(
            kind, ids, path.format(*(quote(i, safe="") for i in ids)), tuple(o.address for o in found)
        )

    return ask


def _grant(choose: Chooser) -> Link | None:
    sort = choose.maker.random.choice(sorted(GRANTS))
    actor, target = GRANTS[sort]
    found = choose(actor, target, "role")
    if not found:
        return None
    who, where, role = (one.id for one in found)
    path = f"/{target}s/{where}/{actor}s/{who}/roles/{role}"
    inherited = choose.maker.chance(0.3)
    if inherited:
        path = f"/OS-INHERIT{path}/inherited_to_projects"
    key = (sort, who, where, role, "1" if inherited else "0")
    return Link("assignment", key, path, tuple(one.address for one in found))


def _system(choose: Chooser) -> Link | None:
    actor = choose.maker.random.choice(("user", "group"))
    found = choose(actor, "role")
    if not found:
        return None
    who, role = (one.id for one in found)
    key = (f"{actor.capitalize()}System", who, "system", role, "0")
    return Link(
        "system_assignment", key, f"/system/{actor}s/{who}/roles/{role}", tuple(o.address for o in found)
    )


def _association(choose: Chooser) -> Link | None:
    form = choose.maker.random.choice((("endpoint",), ("service",), ("service", "region")))
    found = choose("policy", *form)
    if not found:
        return None
    ids = {one.kind: one.id for one in found}
    path = "".join(f"/{kind}s/{quote(ids[kind], safe='')}" for kind in form)
    key = tuple(ids.get(kind, "") for kind in ("endpoint", "service", "region"))
    needs = tuple(one.address for one in found)
    return Link("policy_association", key, f"/policies/{ids['policy']}/OS-ENDPOINT-POLICY{path}", needs)


def _protocol(choose: Chooser) -> Link | None:
    found = choose("identity_provider", "mapping")
    if not found:
        return None
    provider, mapping = (one.id for one in found)
    name = choose.maker.word()
    path = f"/OS-FEDERATION/identity_providers/{quote(provider, safe='')}/protocols/{name}"
    needs = tuple(one.address for one in found)
    return Link(
        "federation_protocol", (name, provider), path, needs, body={"protocol": {"mapping_id": mapping}}
    )


def _config(choose: Chooser) -> Link | None:
    found = choose("domain")
    if not found:
        return None
    options = ("url", "suffix", "user_tree_dn", "password")
    ldap = {option: choose.maker.text(60) for option in choose.maker.random.sample(options, 2)}
    body = {"config": {"ldap": ldap}}
    (domain,) = found
    return Link("domain_config", (domain.id,), f"/domains/{domain.id}/config", (domain.address,), body=body)


def _registered(choose: Chooser) -> Link | None:
    name = choose.maker.text(100) + choose.maker.word()
    one = {"service_id": choose.ground.service, "resource_name": name, "default_limit": 7}
    return Link("registered_limit", (), "/registered_limits", (), "POST", {"registered_limits": [one]})


def _application_credential(choose: Chooser) -> Link | None:
    maker, ground = choose.maker, choose.ground
    body: dict[str, Json] = {"name": f"{maker.text(100)}{maker.word()}", "description": maker.text(200)}
    if maker.chance(0.5):
        body["access_rules"] = [{"service": "s", "path": f"/{maker.word()}", "method": "GET"}]
    path = f"/users/{ground.admin}/application_credentials"
    given = {"application_credential": body}
    return Link("application_credential", (), path, (), "POST", given, "project")


LINKED: tuple[Linking, ...] = (
    _between("membership", "/groups/{1}/users/{0}", "user", "group"),
    _between("implied_role", "/roles/{0}/implies/{1}", "role", "role"),
    _between("project_endpoint", "/OS-EP-FILTER/projects/{1}/endpoints/{0}", "endpoint", "project"),
    _between(
        "project_endpoint_group",
        "/OS-EP-FILTER/endpoint_groups/{0}/projects/{1}",
        "endpoint_group",
        "project",
    ),
    _grant,
    _grant,
    _system,
    _association,
    _protocol,
    _config,
    _registered,
    _application_credential,
)
