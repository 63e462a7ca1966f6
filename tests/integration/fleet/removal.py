"""Removal of everything that ``create_everything`` has made: one by one, or as Keystone's cascades do it."""

from __future__ import annotations

from keystone_viaduct.demo.scenario.federation import PROTOCOL
from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World

#: Kinds of which something stays for good: events, trusts (marked as deleted), what no API removes, and what
#: policies were associated with.
LASTING = frozenset({"revocation_event", "trust", "id_mapping", "policy_association"})


def remove_one_by_one(place: Place, world: World) -> None:
    """Each record by a call of its own, those first that others need."""
    for family in (_rights, _federation, _limits, _grants, _catalog, _accounts, remove_resources):
        family(place, world)


def remove_by_cascades(place: Place, world: World) -> None:
    """Only what others hang on: Keystone removes the rest itself."""
    api = place.admin
    api.delete(f"/OS-OAUTH1/consumers/{world['consumer']}")
    _federation(place, world)
    _limits(place, world)
    for name in ("role", "implied", "domain_role"):
        api.delete(f"/roles/{world[name]}")
    for path in ("OS-EP-FILTER/endpoint_groups/{endpoint_group}", "services/{service}", "policies/{policy}"):
        api.delete("/" + path.format_map(world.ids))
    api.delete(f"/policies/{world['other_policy']}")
    api.delete(f"/regions/{world.name('continent')}")
    api.delete(f"/regions/{world['region']}")
    remove_resources(place, world)


def _rights(place: Place, world: World) -> None:
    api, user = place.admin, world["user"]
    # release 27 can't list trusts of which one has an attribute of its own, so they are named here
    owner = place.login(user_id=user, password="second-passw0rd", project_id=world["project"])
    for name in ("limited_trust", "trust"):
        owner.delete(f"/OS-TRUST/trusts/{world[name]}")
    boss = place.login(user_id=world["boss"], password=world.password, project_id=world["project"])
    boss.delete(f"/users/{world['boss']}/OS-OAUTH1/access_tokens/{world['access_token']}")
    api.delete(f"/OS-OAUTH1/consumers/{world['consumer']}")
    # nor can any list one for the system; that one goes with its user
    for name in ("application_credential", "wide_application_credential"):
        api.delete(f"/users/{user}/application_credentials/{world[name]}")
    for found in api.get(f"/users/{user}/access_rules")["access_rules"]:
        api.delete(f"/users/{user}/access_rules/{found['id']}")
    for found in api.get(f"/credentials?user_id={user}")["credentials"]:
        api.delete(f"/credentials/{found['id']}")


def _federation(place: Place, world: World) -> None:
    api, base = place.admin, "/OS-FEDERATION"
    api.delete(f"{base}/identity_providers/{world['idp']}/protocols/{PROTOCOL}")
    for short in ("idp", "idp-off"):
        api.delete(f"{base}/identity_providers/{world.name(short)}")
    api.delete(f"{base}/mappings/{world['mapping']}")
    for short in ("sp", "sp-off"):
        api.delete(f"{base}/service_providers/{world.name(short)}")


def _limits(place: Place, world: World) -> None:
    api, service = place.admin, world["service"]
    for kind in ("limits", "registered_limits"):
        for found in api.get(f"/{kind}?service_id={service}")[kind]:
            api.delete(f"/{kind}/{found['id']}")


def _grants(place: Place, world: World) -> None:
    api, role = place.admin, world["role"]
    api.delete(f"/system/users/{world['other']}/roles/{role}")
    api.delete(f"/system/groups/{world['group']}/roles/{role}")
    for actor in (f"users/{world['user']}", f"groups/{world['group']}", f"users/{world['other']}"):
        for place_ in (f"projects/{world['project']}", f"domains/{world['domain']}"):
            api.delete(f"/{place_}/{actor}/roles/{role}")
            api.delete(f"/OS-INHERIT/{place_}/{actor}/roles/{role}/inherited_to_projects")
    api.delete(f"/roles/{role}/implies/{world['implied']}")
    for name in ("role", "implied", "domain_role"):
        api.delete(f"/roles/{world[name]}")


def _catalog(place: Place, world: World) -> None:
    api = place.admin
    group, project = world["endpoint_group"], world["project"]
    api.delete(f"/OS-EP-FILTER/endpoint_groups/{group}/projects/{project}")
    api.delete(f"/OS-EP-FILTER/endpoint_groups/{group}")
    api.delete(f"/OS-EP-FILTER/projects/{project}/endpoints/{world['endpoint']}")
    base = f"/policies/{world['policy']}/OS-ENDPOINT-POLICY"
    api.delete(f"{base}/endpoints/{world['endpoint']}")
    api.delete(f"{base}/services/{world['service']}/regions/{world['region']}")
    api.delete(f"/policies/{world['other_policy']}/OS-ENDPOINT-POLICY/services/{world['service']}")
    for name in ("policy", "other_policy"):
        api.delete(f"/policies/{world[name]}")
    for name in ("endpoint", "old_endpoint"):
        api.delete(f"/endpoints/{world[name]}")
    api.delete(f"/services/{world['service']}")
    for name in (world["region"], world.name("continent")):
        api.delete(f"/regions/{name}")


def _accounts(place: Place, world: World) -> None:
    api = place.admin
    api.delete(f"/groups/{world['group']}/users/{world['user']}")
    api.delete(f"/groups/{world['group']}")
    for name in ("user", "other", "boss", "strict", "nonlocal"):
        api.delete(f"/users/{world[name]}")
    api.delete(f"/domains/{world['domain']}/config")


def unlock(place: Place, world: World) -> None:
    """Let the immutable domain be deleted."""
    place.admin.patch(f"/domains/{world['closed_domain']}", domain={"options": {"immutable": None}})


def remove_resources(place: Place, world: World) -> None:
    """The projects from below, and the domains with all that is still in them."""
    api = place.admin
    for name in ("below", "project"):
        api.delete(f"/projects/{world[name]}")
    closed = f"/domains/{world['closed_domain']}"
    if place.keystone.release > 24:  # where an immutable domain can't be changed at all
        unlock(place, world)
    api.delete(closed)
    api.patch(f"/domains/{world['domain']}", domain={"enabled": False})
    api.delete(f"/domains/{world['domain']}")
