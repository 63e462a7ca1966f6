"""Attempts on what stands for a user: trusts, application credentials, EC2 keys, OAuth tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import ALL_DOMAINS, LIMITED, Check, Stage, ec2

TRUST = {"trustee_user_id": "ally", "project_id": "web", "impersonation": True, "roles": ["member"]}
APP = {"name": "tool", "secret_hash": "known", "user_id": "ann", "project_id": "web", "roles": ["member"]}
RULE = {"user_id": "ann", "service": "compute", "path": "/v2", "method": "GET"}
TOKEN = {"access_secret": "known", "project_id": "web", "consumer_id": "app", "role_ids": ["member"]}
REQUEST = {"request_secret": "known", "requested_project_id": "web", "consumer_id": "app"}
WHEN = {"issued_before": "2023-06-01T00:00:00Z", "revoked_at": "2023-06-01T00:00:00Z"}
ALL_ROLES = replace(LIMITED, roles=None)


def _app(**fields: Any) -> Any:
    return lambda s: s.set("application_credential", "tool", **{**APP, **fields})


def _trust(user: str, **fields: Any) -> Any:
    return lambda s: s.set("trust", "new", **{**TRUST, "trustor_user_id": user, **fields})


def _key(user: str, blob: str) -> Any:
    return lambda s: s.set("credential", "key", user_id=user, project_id="web", type="ec2", blob=blob)


def _access(user: str, **fields: Any) -> Any:
    return lambda s: s.set("access_token", "t", **{**TOKEN, "authorizing_user_id": user, **fields})


def _request(**fields: Any) -> Any:
    return lambda s: s.set("request_token", "t", **{**REQUEST, **fields})


def _revoke(s: Stage, **fields: Any) -> Check:
    event = {**WHEN, **fields}
    return s.set("revocation_event", REGISTRY["revocation_event"].key_of(event), **event)


def _pardon(s: Stage) -> Check:
    """West's API claims that a revocation is gone: its user's old tokens would be good again."""
    (ref,) = [ref for ref in s.store("west").data.rows if ref.kind == "revocation_event"]
    s.lie(s.claim(ref, None))
    return lambda: s.row("hub", ref) is None


ATTEMPTS = (
    Attempt("a trust of another domain's user", _trust("boss"), _trust("ann")),
    Attempt(
        "a trust with too strong a role", _trust("ann", roles=["admin"]), _trust("ann", roles=["member"])
    ),
    Attempt(
        "a trust on another domain's project",
        _trust("ann", project_id="vault"),
        _trust("ann", project_id="sub"),
    ),
    Attempt(
        "a trust that passes another domain's on",
        _trust("ann", redelegated_trust_id="strong"),
        _trust("ann", redelegated_trust_id="weak"),
    ),
    Attempt(
        "another domain's trust lasts for ever",
        lambda s: s.set("trust", "strong", remaining_uses=1000),
        lambda s: s.set("trust", "weak", remaining_uses=1000),
    ),
    Attempt("an application credential with too strong a role", _app(roles=["admin"]), _app()),
    Attempt("an application credential of another domain's user", _app(user_id="boss"), _app()),
    Attempt(
        "an unrestricted application credential",
        _app(unrestricted=True),
        _app(unrestricted=True),
        allowing=ALL_ROLES,
    ),
    Attempt("an application credential for the system", _app(system="all"), _app(unrestricted=False)),
    Attempt(
        "an application credential with another domain's access rule",
        _app(access_rules=["his"]),
        _app(access_rules=["mine"]),
    ),
    Attempt(
        "an access rule for another domain's user",
        lambda s: s.set("access_rule", "r", **{**RULE, "user_id": "boss"}),
        lambda s: s.set("access_rule", "r", **RULE),
    ),
    Attempt("an EC2 key of another domain's user", _key("boss", ec2()), _key("ann", ec2())),
    Attempt("an EC2 key of a user to whom the hub has given more", _key("strong", ec2()), _key("ann", ec2())),
    Attempt(
        "an EC2 key through a strong trust",
        _key("ann", ec2(trust_id="strong")),
        _key("ann", ec2(trust_id="weak")),
    ),
    Attempt(
        "the one-time password's seed of another domain's user",
        lambda s: s.set("credential", "seed", blob="known"),
        lambda s: s.set("credential", "own", user_id="ann", type="totp", blob="known"),
    ),
    Attempt("an OAuth token with too strong a role", _access("ann", role_ids=["admin"]), _access("ann")),
    Attempt("an OAuth token of another domain's user", _access("boss"), _access("ann")),
    Attempt(
        "an OAuth request for another domain's project",
        _request(requested_project_id="vault"),
        _request(role_ids=["member"]),
    ),
    Attempt(
        "an OAuth consumer for everybody",
        lambda s: s.set("consumer", "evil", description="evil", secret="known"),
        lambda s: s.set("consumer", "evil", description="evil", secret="known"),
        allowing=ALL_DOMAINS,
    ),
    Attempt(
        "all tokens of everybody revoked",
        lambda s: _revoke(s),
        lambda s: _revoke(s, audit_id="abc"),
    ),
    Attempt(
        "another domain's user's tokens revoked",
        lambda s: _revoke(s, user_id="boss"),
        lambda s: _revoke(s, user_id="ann"),
    ),
    Attempt(
        "a revocation taken back",
        _pardon,
        lambda s: _revoke(s, project_id="web"),
    ),
)
