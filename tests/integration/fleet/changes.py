"""Changes of every kind that Keystone's API can change, of what ``create_everything`` has made elsewhere."""

from __future__ import annotations

from keystone_viaduct.demo.scenario.federation import PROTOCOL, federated_login, issuer, rules
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World

#: Kinds whose records can't be changed, only made and removed: links, grants and what is immutable by rule.
FIXED = frozenset(
    {
        *("project_endpoint", "project_endpoint_group", "implied_role", "assignment", "system_assignment"),
        *("membership", "id_mapping", "access_rule", "application_credential", "revocation_event"),
        *("request_token", "access_token"),
    }
)


def change_everything(place: Place, world: World) -> None:
    """One change or more of each kind that is not :data:`FIXED`, at any site."""
    for family in (_catalog, _resources, _accounts, _roles_and_limits, _rights, _federation):
        family(place, world)


def _catalog(place: Place, world: World) -> None:
    api = place.admin
    api.patch(f"/regions/{world['region']}", region={"description": "moved", "parent_region_id": None})
    api.patch(f"/services/{world['service']}", service={"enabled": True, "description": "more objects"})
    endpoint = {"url": "http://store.example/v2", "region_id": world.name("continent"), "name": "elsewhere"}
    api.patch(f"/endpoints/{world['endpoint']}", endpoint=endpoint)
    group = {"filters": {"interface": "admin", "region_id": world["region"]}, "description": None}
    api.patch(f"/OS-EP-FILTER/endpoint_groups/{world['endpoint_group']}", endpoint_group=group)
    api.patch(f"/policies/{world['policy']}", policy={"blob": '{"rules": []}', "purpose": "test"})
    another = api.post("/policies", policy={"blob": "{}", "type": "text/plain"})["id"]
    api.put(f"/policies/{another}/OS-ENDPOINT-POLICY/services/{world['service']}")
    world["other_policy"] = another


def _resources(place: Place, world: World) -> None:
    api = place.admin
    api.patch(f"/domains/{world['domain']}", domain={"name": world.name("renamed"), "description": "closed"})
    api.delete(f"/projects/{world['domain']}/tags")
    config = {"ldap": {"url": "ldaps://ldap.example", "password": "louder"}}
    api.patch(f"/domains/{world['domain']}/config", config=config)
    api.delete(f"/domains/{world['domain']}/config/ldap/user_tree_dn")
    below = f"/projects/{world['below']}"
    api.patch(below, project={"options": {"immutable": None}})
    api.patch(below, project={"enabled": True, "name": world.name("under"), "floor": 3})
    project = {"cost_centre": 43, "description": "", "tags": ["green", "größer"]}
    api.patch(f"/projects/{world['project']}", project=project)


def _accounts(place: Place, world: World) -> None:
    api = place.admin
    user = {"name": world.name("renamed"), "email": None, "password": "second-passw0rd", "language": "mi"}
    api.patch(f"/users/{world['user']}", user={**user, "default_project_id": world["below"]})
    options = {"lock_password": None, "multi_factor_auth_rules": [["password", "token"]]}
    api.patch(f"/users/{world['strict']}", user={"enabled": True, "options": options})
    own = place.login(user_id=world["other"], password=world.password)
    changed = {"original_password": world.password, "password": "other-passw0rd"}
    own.post(f"/users/{world['other']}/password", user=changed)
    group = {"name": world.name("renamed"), "description": "still of one", "colour": ["red", {"a": None}]}
    api.patch(f"/groups/{world['group']}", group=group)


def _roles_and_limits(place: Place, world: World) -> None:
    api = place.admin
    nothing = "" if place.keystone.release == 24 else None  # which takes no null there
    api.patch(f"/roles/{world['role']}", role={"name": world.name("engineer"), "description": nothing})
    api.patch(f"/roles/{world['implied']}", role={"options": {"immutable": None}})
    api.patch(f"/roles/{world['domain_role']}", role={"name": world.name("engineer"), "level": None})
    registered = {"default_limit": 11, "region_id": None, "description": "how many at all"}
    api.patch(f"/limits/{world['limit']}", limit={"resource_limit": 8, "description": "some more"})
    other = {"service_id": world["service"], "resource_name": "bytes", "default_limit": 5}
    made = api.post("/registered_limits", registered_limits=[other])[0]["id"]
    api.patch(f"/registered_limits/{made}", registered_limit={**registered, "resource_name": "kilobytes"})
    world["other_registered_limit"] = made


def _rights(place: Place, world: World) -> None:
    api = place.admin
    blob = '{"access": "changed", "secret": "also changed"}'
    api.patch(f"/credentials/{world['totp']}", credential={"blob": blob})
    api.patch(f"/OS-OAUTH1/consumers/{world['consumer']}", consumer={"description": "another report"})
    limited = {"user_id": world["other"], "password": "other-passw0rd", "trust_id": world["limited_trust"]}
    assert place.login(**limited).token


def _federation(place: Place, world: World) -> None:
    api = place.admin
    remote = [issuer(world), world.name("third-issuer")]
    provider = {"remote_ids": remote, "description": "still does", "authorization_ttl": 90}
    api.patch(f"/OS-FEDERATION/identity_providers/{world['idp']}", identity_provider=provider)
    off = {"enabled": True, "description": "on now"}
    api.patch(f"/OS-FEDERATION/identity_providers/{world.name('idp-off')}", identity_provider=off)
    mapped = rules(world["domain"], world["group"])
    mapped[0]["remote"].append({"type": "HTTP_DEMO_USER", "not_any_of": ["mallory"]})
    api.patch(f"/OS-FEDERATION/mappings/{world['mapping']}", mapping={"rules": mapped})
    protocols = f"/OS-FEDERATION/identity_providers/{world['idp']}/protocols"
    federated_login(place, world, "fiona")
    protocol = {"mapping_id": world["mapping"], "remote_id_attribute": "HTTP_DEMO_OTHER_ISSUER"}
    api.patch(f"{protocols}/{PROTOCOL}", protocol=protocol)
    partner = {"enabled": True, "relay_state_prefix": "ss:changed:", "description": None}
    api.patch(f"/OS-FEDERATION/service_providers/{world.name('sp-off')}", service_provider=partner)
