"""Domains, projects, users, groups and roles."""

from __future__ import annotations

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World


def resources(place: Place, world: World) -> None:
    """Two domains (one configured for LDAP, one closed and immutable), a project and one below it."""
    api = place.admin
    domain = {"name": world.name("domain"), "description": "of the demo"}
    world["domain"] = api.post("/domains", domain=domain)["id"]
    closed = {"name": world.name("closed"), "enabled": False, "options": {"immutable": True}}
    world["closed_domain"] = api.post("/domains", domain=closed)["id"]
    api.put(f"/projects/{world['domain']}/tags", tags=["tagged-domain"])
    config = {
        "identity": {"driver": "ldap"},
        "ldap": {"url": "ldap://ldap.example", "user_tree_dn": "ou=people", "password": "hush"},
    }
    api.put(f"/domains/{world['domain']}/config", config=config)
    project = {
        "name": world.name("project"),
        "domain_id": world["domain"],
        "description": "holds the other",
        "tags": ["blue", "green"],
        "cost_centre": 42,
    }
    world["project"] = api.post("/projects", project=project)["id"]
    below = {
        "name": world.name("below"),
        "domain_id": world["domain"],
        "parent_id": world["project"],
        "enabled": False,
        "options": {"immutable": True},
    }
    world["below"] = api.post("/projects", project=below)["id"]


def users(place: Place, world: World) -> None:
    """A user who has changed the password, a disabled one with every option, one from LDAP, an id mapping."""
    api = place.admin
    user = {
        "name": world.name("user"),
        "domain_id": world["domain"],
        "password": "zeroth-passw0rd",
        "description": "the one who logs in",
        "email": "user@example.org",
        "default_project_id": world["project"],
    }
    world["user"] = api.post("/users", user=user)["id"]
    self_made = place.login(user_id=world["user"], password="zeroth-passw0rd")
    change = {"original_password": "zeroth-passw0rd", "password": world.password}
    self_made.post(f"/users/{world['user']}/password", user=change)
    for who in ("other", "boss"):
        another = {"name": world.name(who), "domain_id": world["domain"], "password": world.password}
        world[who] = api.post("/users", user=another)["id"]
    made = place.inside(
        nonlocal_user={"domain_id": world["domain"], "name": world.name("from-ldap")},
        id_mapping={"domain_id": world["domain"], "local_id": "uid=somebody", "entity_type": "user"},
    )
    world["nonlocal"], world["id_mapping"] = made["nonlocal_user"], made["id_mapping"]
    options = {
        "ignore_change_password_upon_first_use": True,
        "ignore_password_expiry": True,
        "ignore_lockout_failure_attempts": True,
        "lock_password": True,
        "ignore_user_inactivity": True,
        "multi_factor_auth_enabled": True,
        "multi_factor_auth_rules": [["password", "totp"], ["application_credential"]],
    }
    strict = {
        "name": world.name("strict"),
        "domain_id": world["domain"],
        "enabled": False,
        "options": options,
    }
    world["strict"] = api.post("/users", user=strict)["id"]


def groups(place: Place, world: World) -> None:
    """A group with one member."""
    group = {
        "name": world.name("group"),
        "domain_id": world["domain"],
        "description": "of one",
        "colour": "red",
    }
    world["group"] = place.admin.post("/groups", group=group)["id"]
    place.admin.put(f"/groups/{world['group']}/users/{world['user']}")


def roles(place: Place, world: World) -> None:
    """A role that implies another, an immutable one, and one of a domain."""
    api = place.admin
    described = {"name": world.name("operator"), "description": "runs it"}
    world["role"] = api.post("/roles", role=described)["id"]
    fixed = {"name": world.name("watcher"), "options": {"immutable": True}}
    world["implied"] = api.post("/roles", role=fixed)["id"]
    local = {"name": world.name("operator"), "domain_id": world["domain"], "level": 3}
    world["domain_role"] = api.post("/roles", role=local)["id"]
    api.put(f"/roles/{world['role']}/implies/{world['implied']}")
