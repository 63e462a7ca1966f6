"""Whether what a family made is to be seen at another site, asked through the API of that site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from keystoneauth1.exceptions import NotFound

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World

#: Where a record of the world is found, by its short name.
PATHS: Mapping[str, str] = {
    "region": "/regions/{}",
    "service": "/services/{}",
    "endpoint": "/endpoints/{}",
    "old_endpoint": "/endpoints/{}",
    "policy": "/policies/{}",
    "domain": "/domains/{}",
    "closed_domain": "/domains/{}",
    "project": "/projects/{}",
    "below": "/projects/{}",
    "endpoint_group": "/OS-EP-FILTER/endpoint_groups/{}",
    "user": "/users/{}",
    "other": "/users/{}",
    "boss": "/users/{}",
    "strict": "/users/{}",
    "federated_user": "/users/{}",
    "group": "/groups/{}",
    "role": "/roles/{}",
    "implied": "/roles/{}",
    "domain_role": "/roles/{}",
    "registered_limit": "/registered_limits/{}",
    "limit": "/limits/{}",
    "totp": "/credentials/{}",
    "trust": "/OS-TRUST/trusts/{}",
    "consumer": "/OS-OAUTH1/consumers/{}",
    "idp": "/OS-FEDERATION/identity_providers/{}",
    "mapping": "/OS-FEDERATION/mappings/{}",
}


def arrived(place: Place, world: World, family: str, names: Iterable[str]) -> bool:
    """True when all of them are there; what is missing raises the client's NotFound."""
    for name in names:
        if name in PATHS:
            place.admin.get(PATHS[name].format(world[name]))
    extra = _EXTRA.get(family)
    return extra is None or extra(place, world)


def _policies(place: Place, world: World) -> bool:
    base = f"/endpoints/{world['endpoint']}/OS-ENDPOINT-POLICY/policy"
    return bool(place.admin.get(base))


def _filters(place: Place, world: World) -> bool:
    path = f"/OS-EP-FILTER/endpoint_groups/{world['endpoint_group']}/projects"
    return bool(place.admin.get(path)["projects"])


def _members(place: Place, world: World) -> bool:
    return bool(place.admin.get(f"/groups/{world['group']}/users")["users"])


def _implied(place: Place, world: World) -> bool:
    return bool(place.admin.get(f"/roles/{world['role']}/implies")["role_inference"]["implies"])


def _grants(place: Place, world: World) -> bool:
    """All eight of the user's and the group's, the plain roles beside them, and the system's."""
    project, domain = world["project"], world["domain"]
    held = place.admin.get(f"/role_assignments?role.id={world['role']}")["role_assignments"]
    plain = [
        place.admin.get(f"/role_assignments?user.id={world[who]}&role.id={world[role]}")
        for who, role in (("user", "member"), ("boss", "admin"))
    ]
    scopes = [grant["scope"] for grant in held]
    return (
        sum("project" in scope and scope["project"]["id"] == project for scope in scopes) == 6
        and sum("domain" in scope and scope["domain"]["id"] == domain for scope in scopes) == 6
        and sum("system" in scope for scope in scopes) == 2
        and all(answer["role_assignments"] for answer in plain)
    )


def _application_credentials(place: Place, world: World) -> bool:
    path = f"/users/{world['user']}/application_credentials"
    return len(place.admin.get(path)["application_credentials"]) == 3


def _trusts(place: Place, world: World) -> bool:
    found = place.admin.get(f"/OS-TRUST/trusts?trustor_user_id={world['user']}")["trusts"]
    return {trust["id"] for trust in found} >= {world["trust"], world["limited_trust"]}


def _federation(place: Place, world: World) -> bool:
    path = f"/OS-FEDERATION/identity_providers/{world['idp']}/protocols"
    return bool(place.admin.get(path)["protocols"])


def token_refused(place: Place, token: str) -> bool:
    """Whether this token is not valid there."""
    try:
        place.admin.get("/auth/tokens", **{"X-Subject-Token": token})
    except NotFound:
        return True
    return False


def _revocations(place: Place, world: World) -> bool:
    return token_refused(place, world["revoked_token"])


_EXTRA: Mapping[str, Callable[[Place, World], bool]] = {
    "policies": _policies,
    "endpoint_filters": _filters,
    "groups": _members,
    "roles": _implied,
    "grants": _grants,
    "application_credentials": _application_credentials,
    "trusts": _trusts,
    "federation": _federation,
    "revocations": _revocations,
}
