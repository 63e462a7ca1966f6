"""Grants of every type, limits, and what is revoked."""

from __future__ import annotations

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World


def grants(place: Place, world: World) -> None:
    """User and group; project, domain and system; inherited and not."""
    api, role = place.admin, world["role"]
    project, domain = world["project"], world["domain"]
    for actor in (f"users/{world['user']}", f"groups/{world['group']}", f"users/{world['other']}"):
        api.put(f"/projects/{project}/{actor}/roles/{role}")
        api.put(f"/domains/{domain}/{actor}/roles/{role}")
        api.put(f"/OS-INHERIT/domains/{domain}/{actor}/roles/{role}/inherited_to_projects")
        api.put(f"/OS-INHERIT/projects/{project}/{actor}/roles/{role}/inherited_to_projects")
    for who, name in (("user", "member"), ("boss", "admin")):
        known = api.get(f"/roles?name={name}")["roles"][0]["id"]
        api.put(f"/projects/{project}/users/{world[who]}/roles/{known}")
        world[name] = known
    api.put(f"/system/users/{world['other']}/roles/{role}")
    api.put(f"/system/groups/{world['group']}/roles/{role}")


def limits(place: Place, world: World) -> None:
    """Two registered limits, of which a project and a domain have limits of their own."""
    api = place.admin
    registered = [
        {
            "service_id": world["service"],
            "region_id": world["region"],
            "resource_name": "buckets",
            "default_limit": 10,
            "description": "how many buckets",
        },
        {"service_id": world["service"], "resource_name": "objects", "default_limit": 1000},
    ]
    made = api.post("/registered_limits", registered_limits=registered)
    world["registered_limit"] = made[0]["id"]
    common = {"service_id": world["service"], "resource_limit": 7}
    own = [
        {
            **common,
            "region_id": world["region"],
            "resource_name": "buckets",
            "project_id": world["project"],
            "description": "fewer buckets",
        },
        {**common, "resource_name": "objects", "domain_id": world["domain"]},
    ]
    world["limit"] = api.post("/limits", limits=own)[0]["id"]


def revocations(place: Place, world: World) -> None:
    """A revoked token, a project deleted, and events with the columns that no manager fills today."""
    api = place.admin
    user = place.login(user_id=world["other"], password=world.password, project_id=world["project"])
    world["revoked_token"] = user.token
    api.delete("/auth/tokens", **{"X-Subject-Token": world["revoked_token"]})
    short = {"name": world.name("short-lived"), "domain_id": world["domain"]}
    gone = api.post("/projects", project=short)["id"]
    api.delete(f"/projects/{gone}")
    place.inside(
        revocation_event={
            "domain_id": world["closed_domain"],
            "role_id": world["domain_role"],
            "access_token_id": world["access_token"],
            "consumer_id": world["consumer"],
            "trust_id": world["deleted_trust"],
            "audit_chain_id": "c2hvcnQgbGl2ZWQ",
        }
    )
