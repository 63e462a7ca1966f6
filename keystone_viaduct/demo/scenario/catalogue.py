"""Regions, services, endpoints, their groups, and policies."""

from __future__ import annotations

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World


def catalog(place: Place, world: World) -> None:
    """A region within a region, a service and two endpoints, one of them as version 2 left it."""
    api = place.admin
    continent, city = world.name("continent"), world.name("city")
    api.post("/regions", region={"id": continent, "description": "the whole of it", "tier": "outer"})
    api.post("/regions", region={"id": city, "parent_region_id": continent})
    world["region"] = city
    service = {
        "type": "object-store",
        "name": world.name("store"),
        "description": "objects",
        "enabled": False,
    }
    world["service"] = api.post("/services", service=service)["id"]
    made = place.inside(endpoint={"service_id": world["service"], "url": "http://store.example/v2.0"})
    world["old_endpoint"] = made["endpoint"]
    endpoint = {
        "service_id": world["service"],
        "region_id": city,
        "interface": "internal",
        "url": "http://store.example/v1/$(project_id)s",
        "enabled": False,
        "name": "store inside",
    }
    world["endpoint"] = api.post("/endpoints", endpoint=endpoint)["id"]


def policies(place: Place, world: World) -> None:
    """A policy, and its association with an endpoint, a service, and a service in a region."""
    api = place.admin
    policy = {"blob": '{"rules": ["a", "b"]}', "type": "application/json", "purpose": "demo"}
    world["policy"] = api.post("/policies", policy=policy)["id"]
    base = f"/policies/{world['policy']}/OS-ENDPOINT-POLICY"
    api.put(f"{base}/endpoints/{world['endpoint']}")
    api.put(f"{base}/services/{world['service']}")
    api.put(f"{base}/services/{world['service']}/regions/{world['region']}")


def endpoint_filters(place: Place, world: World) -> None:
    """An endpoint group, given to a project, and an endpoint given to it by itself."""
    api = place.admin
    group = {
        "name": world.name("endpoints"),
        "description": "what the project may see",
        "filters": {"service_id": world["service"], "interface": "internal"},
    }
    world["endpoint_group"] = api.post("/OS-EP-FILTER/endpoint_groups", endpoint_group=group)["id"]
    api.put(f"/OS-EP-FILTER/endpoint_groups/{world['endpoint_group']}/projects/{world['project']}")
    api.put(f"/OS-EP-FILTER/projects/{world['project']}/endpoints/{world['endpoint']}")
