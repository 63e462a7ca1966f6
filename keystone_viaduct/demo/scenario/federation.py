"""Identity providers, their protocols and mappings, service providers, and a real federated login.

In production the web server authenticates and hands the assertion on as request variables. WSGI shows request
headers as variables too, so here the client plays the web server. That is for the demo alone: a Keystone that
strangers can reach must be given ``[federation] assertion_prefix`` and a server that strips such headers.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from keystoneauth1.exceptions import BadRequest

from keystone_viaduct.demo.scenario.place import Place
from keystone_viaduct.demo.scenario.world import World

PROTOCOL = "openid"
ISSUER = "HTTP_DEMO_ISSUER"


def rules(domain_id: str, group_id: str) -> list[dict[str, Any]]:
    """Whoever has a name becomes a user of the domain, for a while in the group."""
    user = {"name": "{0}", "domain": {"id": domain_id}}
    return [
        {
            "local": [{"user": user, "group": {"id": group_id}}],
            "remote": [{"type": "HTTP_DEMO_USER"}],
        }
    ]


def federation(place: Place, world: World) -> None:
    """A provider with two remote ids, mapping and protocol; one switched off; a service provider."""
    api = place.admin
    provider, mapping, other = world.name("idp"), world.name("mapping"), world.name("idp-off")
    described = {
        "enabled": True,
        "description": "signs people in",
        "domain_id": world["domain"],
        "remote_ids": [issuer(world), world.name("second-issuer")],
        "authorization_ttl": 60,
    }
    api.put(f"/OS-FEDERATION/identity_providers/{provider}", identity_provider=described)
    off = {"enabled": False, "domain_id": world["domain"]}
    api.put(f"/OS-FEDERATION/identity_providers/{other}", identity_provider=off)
    mapped = {"rules": rules(world["domain"], world["group"])}
    try:
        api.put(f"/OS-FEDERATION/mappings/{mapping}", mapping={**mapped, "schema_version": "2.0"})
    except BadRequest:  # Keystone 24 knows one version only
        api.put(f"/OS-FEDERATION/mappings/{mapping}", mapping=mapped)
    api.put(
        f"/OS-FEDERATION/identity_providers/{provider}/protocols/{PROTOCOL}",
        protocol={"mapping_id": mapping, "remote_id_attribute": ISSUER},
    )
    partner = {
        "auth_url": "https://partner.example/v3/OS-FEDERATION/identity_providers/us/protocols/saml2/auth",
        "sp_url": "https://partner.example/Shibboleth.sso/SAML2/ECP",
        "description": "a partner",
        "relay_state_prefix": "ss:demo:",
        "enabled": True,
    }
    api.put(f"/OS-FEDERATION/service_providers/{world.name('sp')}", service_provider=partner)
    idle = {**partner, "enabled": False}
    api.put(f"/OS-FEDERATION/service_providers/{world.name('sp-off')}", service_provider=idle)
    world["idp"], world["mapping"] = provider, mapping


def log_in_federated(place: Place, world: World) -> None:
    """The first login of somebody from the provider: makes the user and a membership that expires."""
    world["federated_user"] = federated_login(place, world, "fiona")["user"]["id"]


def federated_login(place: Place, world: World, who: str) -> dict[str, Any]:
    """Log in at ``place`` with an assertion about ``who``; the (unscoped) token's content."""
    path = f"OS-FEDERATION/identity_providers/{world.name('idp')}/protocols/{PROTOCOL}/auth"
    request = urllib.request.Request(
        f"{place.keystone.url}/{path}",
        headers={"Demo-User": who, "Demo-Issuer": issuer(world)},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        token: dict[str, Any] = json.load(answer)["token"]
        return token


def issuer(world: World) -> str:
    """The remote id that assertions come from."""
    return f"https://idp.example/{world.label}"
