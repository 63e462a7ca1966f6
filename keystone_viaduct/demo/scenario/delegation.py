"""Credentials, application credentials, trusts and OAuth 1.0a: rights handed on."""

from __future__ import annotations

import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

from oauthlib import oauth1 as oauth

from keystone_viaduct.demo.scenario.place import Api, Place
from keystone_viaduct.demo.scenario.world import World


def in_an_hour() -> str:
    """An expiry date as the API wants it."""
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def member(place: Place, world: World, who: str = "user") -> Api:
    """One of the world's users, scoped to its project."""
    return place.login(user_id=world[who], password=world.password, project_id=world["project"])


def credentials(place: Place, world: World) -> None:
    """An EC2 key pair and a TOTP seed."""
    ec2 = member(place, world).post(f"/users/{world['user']}/credentials/OS-EC2", tenant_id=world["project"])
    world["ec2"] = ec2["access"]
    totp = {"type": "totp", "blob": "GEZDGNBVGY3TQOJQ", "user_id": world["user"], "device": "key ring"}
    world["totp"] = place.admin.post("/credentials", credential=totp)["id"]


def application_credentials(place: Place, world: World) -> None:
    """One with an access rule and an expiry, one unrestricted, one for the system."""
    api = member(place, world)
    path = f"/users/{world['user']}/application_credentials"
    narrow = {
        "name": "narrow",
        "description": "may list buckets",
        "secret": "app-cred-secret",
        "expires_at": in_an_hour(),
        "roles": [{"id": world["role"]}],
        "access_rules": [{"service": "object-store", "path": "/v1/*", "method": "GET"}],
    }
    world["application_credential"] = api.post(path, application_credential=narrow)["id"]
    place.inside(
        system_application_credential={
            "user_id": world["user"],
            "name": "system",
            "role_id": world["role"],
        }
    )
    wide = {"name": "wide", "unrestricted": True}
    world["wide_application_credential"] = api.post(path, application_credential=wide)["id"]


def trusts(place: Place, world: World) -> None:
    """A trust with uses left, redelegated once, and a deleted one."""
    trustor = member(place, world)
    trust = {
        "trustor_user_id": world["user"],
        "trustee_user_id": world["other"],
        "project_id": world["project"],
        "impersonation": True,
        "roles": [{"id": world["role"]}],
        "expires_at": in_an_hour(),
    }
    limited = {**trust, "impersonation": False, "remaining_uses": 5}
    if place.keystone.release not in (27, 28):  # which make such a trust, then refuse to show it
        limited["reason"] = "a few errands"
    world["limited_trust"] = trustor.post("/OS-TRUST/trusts", trust=limited)["id"]
    chain = {**trust, "allow_redelegation": True, "redelegation_count": 2}
    world["trust"] = trustor.post("/OS-TRUST/trusts", trust=chain)["id"]
    trustee = place.login(user_id=world["other"], password=world.password, trust_id=world["trust"])
    again = {**trust, "trustee_user_id": world["user"], "redelegation_count": 1, "allow_redelegation": True}
    world["redelegated_trust"] = trustee.post("/OS-TRUST/trusts", trust=again)["id"]
    short = {**trust, "expires_at": None}
    world["deleted_trust"] = trustor.post("/OS-TRUST/trusts", trust=short)["id"]
    trustor.delete(f"/OS-TRUST/trusts/{world['deleted_trust']}")


def oauth1(place: Place, world: World) -> None:
    """A consumer; a request token that is authorized but not used yet, and an access token."""
    consumer = place.admin.post(
        "/OS-OAUTH1/consumers", consumer={"description": "a report", "made_by": "demo"}
    )
    world["consumer"] = consumer["id"]
    waiting, _, _ = _authorized_request_token(place, world, consumer)
    world["request_token"] = waiting
    key, secret, verifier = _authorized_request_token(place, world, consumer)
    client = oauth.Client(
        consumer["id"],
        client_secret=consumer["secret"],
        resource_owner_key=key,
        resource_owner_secret=secret,
        verifier=verifier,
    )
    world["access_token"] = _signed_post(place, client, "access_token")["oauth_token"]


def _authorized_request_token(place: Place, world: World, consumer: dict[str, str]) -> tuple[str, str, str]:
    """Id, secret and verifier of a new request token that the world's user has agreed to."""
    client = oauth.Client(consumer["id"], client_secret=consumer["secret"], callback_uri="oob")
    made = _signed_post(place, client, "request_token", {"Requested-Project-Id": world["project"]})
    key = made["oauth_token"]
    boss = member(place, world, "boss")
    agreed = boss.put(f"/OS-OAUTH1/authorize/{key}", roles=[{"id": world["admin"]}])
    return key, made["oauth_token_secret"], agreed["oauth_verifier"]


def _signed_post(
    place: Place, client: oauth.Client, what: str, headers: dict[str, str] | None = None
) -> dict[str, str]:
    url = f"{place.keystone.url}/OS-OAUTH1/{what}"
    _, signed, _ = client.sign(url, http_method="POST", headers=headers or {})
    request = urllib.request.Request(url, b"", signed, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return dict(urllib.parse.parse_qsl(answer.read().decode()))
