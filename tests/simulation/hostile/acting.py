"""Each way to act as somebody, or to shut him out × each way to hold more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import domains_of
from keystone_viaduct.sync.model import Document
from keystone_viaduct.sync.site.delegation.world import RIGHTS
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import Check, Stage, ec2, grant, rule
from tests.simulation.hostile.tokens import APP, REQUEST, RULE, TOKEN, TRUST, WHEN

WHO = "somebody"

# each way to hold more


def nothing(s: Stage) -> None:
    grant(s, "hub", "UserProject", WHO, "web", "member")


def on_the_system(s: Stage) -> None:
    fields = {"type": "UserSystem", "actor_id": WHO, "target_id": "system", "role_id": "admin"}
    key = REGISTRY["system_assignment"].make_key("UserSystem", WHO, "system", "admin", False)
    s.put("hub", "system_assignment", key, **fields, inherited=False)


def _other_domain(s: Stage) -> None:
    grant(s, "hub", "UserProject", WHO, "vault", "member")


def _strong_role(s: Stage) -> None:
    grant(s, "hub", "UserDomain", WHO, "d1", "admin")


def _strong_group(s: Stage) -> None:
    key = REGISTRY["membership"].make_key(WHO, "staff")
    s.put("hub", "membership", key, user_id=WHO, group_id="staff")


def _trusted(s: Stage) -> None:
    trust = {"impersonation": False, "roles": ["admin"], "trustor_user_id": "boss", "project_id": "vault"}
    s.put("hub", "trust", "given", trustee_user_id=WHO, **trust)


HOLDING: dict[str, Callable[[Stage], None]] = {
    "a role on the system": on_the_system,
    "a role in another domain": _other_domain,
    "a role that is not delegated": _strong_role,
    "more by a group": _strong_group,
    "more by a trust": _trusted,
}


def somebody(s: Stage, holding: Callable[[Stage], None]) -> None:
    """A user of the delegated domain, who comes in by its identity provider, too."""
    link = {"idp_id": "idp1", "protocol_id": "saml", "unique_id": WHO, "display_name": WHO}
    s.user("hub", WHO, WHO, domain_id="d1", local__domain_id="d1", federated=[link])
    holding(s)
    s.sync()


# each way to act as him, or to shut him out (``delegation.ways``)

REVOKING = "a revocation of all tokens of a user, a project or a domain"

ByWest = Callable[[Stage], Check]


def setting(kind: str, key: Any, **fields: Any) -> ByWest:
    return lambda s: s.set(kind, key, **fields)


def revoke(**fields: Any) -> ByWest:
    event: Document = {**WHEN, "user_id": WHO, **fields}
    return setting("revocation_event", REGISTRY["revocation_event"].key_of(event), **event)


#: Way of the list -> attempts that go by it: what is done to somebody who comes in by ``idp1``, too.
BY: dict[str, dict[str, ByWest]] = {
    "a password": {"the password": setting("user", WHO, passwords=[{"hash": "known to west"}])},
    "a federated link": {
        "a federated link": setting(
            "user", WHO, federated=[{"idp_id": "idp1", "protocol_id": "saml", "unique_id": "evil"}]
        )
    },
    "a user enabled or disabled": {"being enabled": setting("user", WHO, enabled=False)},
    "a user's name, options and the like": {
        "the name": setting("user", WHO, local__name="renamed"),
        "the second factor": setting("user", WHO, option__MFAE=False),
        "the lock of the password": setting("user", WHO, option__lock_password=True),
    },
    "a stored credential": {
        "an EC2 key": setting("credential", "k", user_id=WHO, project_id="web", type="ec2", blob=ec2()),
        "a one-time password's seed": setting("credential", "k", user_id=WHO, type="totp", blob="known"),
    },
    "an application credential": {
        "an application credential": setting("application_credential", "t", **{**APP, "user_id": WHO})
    },
    "an access rule": {"an access rule": setting("access_rule", "r", **{**RULE, "user_id": WHO})},
    "an impersonating trust": {"an impersonating trust": setting("trust", "t", **TRUST, trustor_user_id=WHO)},
    "an OAuth access token": {
        "an OAuth access token": setting("access_token", "t", **TOKEN, authorizing_user_id=WHO)
    },
    "an OAuth request token": {
        "an OAuth request token": setting("request_token", "t", **REQUEST, authorizing_user_id=WHO)
    },
    REVOKING: {"the revocation of all his tokens": revoke()},
    "an identity provider": {
        "a remote id of his identity provider": setting(
            "identity_provider", "idp1", remote_ids=["https://evil"]
        ),
        "his identity provider switched off": setting("identity_provider", "idp1", enabled=False),
    },
    "a federation protocol": {
        "another protocol of his identity provider": setting(
            "federation_protocol", ("oidc", "idp1"), mapping_id="ours"
        ),
        "how a protocol of his tells providers apart": setting(
            "federation_protocol", ("saml", "idp1"), remote_id_attribute="Evil"
        ),
    },
    "a mapping": {
        "the rules by which he comes in": setting("mapping", "ours", rules=[{"local": [], "remote": []}])
    },
}


def _done_to(holding: Callable[[Stage], None], way: ByWest, s: Stage) -> Check:
    somebody(s, holding)
    return way(s)


PERSONS = tuple(
    Attempt(
        f"{what} of an own user who holds {holding}",
        partial(_done_to, holds, done),
        partial(_done_to, nothing, done),
        way=way,
    )
    for holding, holds in HOLDING.items()
    for way, attempts in BY.items()
    for what, done in attempts.items()
)

# groups

CIRCLE = "circle"
TO_CIRCLE = rule(group={"id": CIRCLE})


def circle_system(s: Stage) -> None:
    key = REGISTRY["system_assignment"].make_key("GroupSystem", CIRCLE, "system", "admin", False)
    fields = {"type": "GroupSystem", "actor_id": CIRCLE, "target_id": "system", "role_id": "admin"}
    s.put("hub", "system_assignment", key, **fields, inherited=False)


GROUP_HOLDING: dict[str, Callable[[Stage], None]] = {
    "a role on the system": circle_system,
    "a role in another domain": lambda s: _granted(s, "GroupProject", CIRCLE, "vault", "member"),
    "a role that is not delegated": lambda s: _granted(s, "GroupDomain", CIRCLE, "d1", "admin"),
}


def _granted(s: Stage, *said: str) -> None:
    grant(s, "hub", *said)


def circle_nothing(s: Stage) -> None:
    grant(s, "hub", "GroupProject", CIRCLE, "web", "member")


def _expiring(s: Stage) -> Check:
    return s.set("expiring_membership", (WHO, CIRCLE, "idp1"), last_verified="2027-01-01T00:00:00Z")


BY_GROUP: dict[str, dict[str, ByWest]] = {
    "a group's name and the like": {"the name": setting("group", CIRCLE, name="renamed")},
    "a membership": {
        "one more in it": setting("membership", (WHO, CIRCLE)),
        "one less in it": lambda s: s.remove("membership", ("ann", CIRCLE)),
    },
    "an expiring membership": {"one more in it for a time": _expiring},
    "a mapping": {"a mapping that leads to it": setting("mapping", "ours", rules=[TO_CIRCLE])},
    "a federation protocol": {
        "a protocol whose mapping leads to it": setting(
            "federation_protocol", ("saml", "fresh"), mapping_id="in"
        )
    },
    "an identity provider": {
        "the remote ids of a provider whose mapping leads to it": setting(
            "identity_provider", "fresh", remote_ids=["https://evil"]
        )
    },
}


def _done_to_group(holding: Callable[[Stage], None], way: str, done: ByWest, s: Stage) -> Check:
    circled(s, way)
    holding(s)
    s.sync()
    return done(s)


def circled(s: Stage, way: str) -> None:
    """A group of the delegated domain, a mapping of the hub's that leads to it, an own identity provider."""
    s.put("hub", "group", CIRCLE, name=CIRCLE, domain_id="d1")
    s.user("hub", WHO, WHO, domain_id="d1", local__domain_id="d1")
    s.put("hub", "membership", REGISTRY["membership"].make_key("ann", CIRCLE), user_id="ann", group_id=CIRCLE)
    s.put("hub", "mapping", "in", rules=[TO_CIRCLE])
    s.put("hub", "identity_provider", "fresh", enabled=True, domain_id="d1", remote_ids=["https://fresh"])
    if way == "an identity provider":
        protocol = REGISTRY["federation_protocol"].make_key("saml", "fresh")
        s.put("hub", "federation_protocol", protocol, id="saml", idp_id="fresh", mapping_id="in")


GROUPS = tuple(
    Attempt(
        f"{what} of an own group that holds {holding}",
        partial(_done_to_group, holds, way, done),
        partial(_done_to_group, circle_nothing, way, done),
        way=way,
    )
    for holding, holds in GROUP_HOLDING.items()
    for way, attempts in BY_GROUP.items()
    for what, done in attempts.items()
)

# domains and projects


def alone(s: Stage, holding: Callable[[Stage], None]) -> None:
    """He is the only one of the delegated domain who holds something elsewhere."""
    for record in list(s.store("hub").data.records.values()):
        if record.ref.kind in RIGHTS and domains_of(record.scope) == {"d1", "d2"}:
            s.delete("hub", record.ref)
    somebody(s, holding)


def _domain_off(holding: Callable[[Stage], None], s: Stage) -> Check:
    alone(s, holding)
    return s.set("domain", "d1", enabled=False)


def _project_off(holding: Callable[[Stage], None], s: Stage) -> Check:
    alone(s, holding)
    return s.set("project", "web", enabled=False)


def _revoked_for(field: str, key: str, holding: Callable[[Stage], None], s: Stage) -> Check:
    alone(s, holding)
    event: Document = {**WHEN, field: key}
    return s.set("revocation_event", REGISTRY["revocation_event"].key_of(event), **event)


def _crew(s: Stage) -> None:
    """A group of another domain, in which he is, holds something there."""
    grant(s, "hub", "GroupProject", "crew", "vault", "member")
    key = REGISTRY["membership"].make_key(WHO, "crew")
    s.put("hub", "membership", key, user_id=WHO, group_id="crew")


def _team_abroad(s: Stage) -> None:
    """A group of the delegated domain, in which he is, holds something in another one."""
    s.put("hub", "group", "club", name="club", domain_id="d1")
    key = REGISTRY["membership"].make_key(WHO, "club")
    s.put("hub", "membership", key, user_id=WHO, group_id="club")
    grant(s, "hub", "GroupProject", "club", "vault", "member")


def _system_group(s: Stage) -> None:
    """A role on the system by a group in which he is."""
    _strong_group(s)
    key = REGISTRY["system_assignment"].make_key("GroupSystem", "staff", "system", "admin", False)
    fields = {"type": "GroupSystem", "actor_id": "staff", "target_id": "system", "role_id": "admin"}
    s.put("hub", "system_assignment", key, **fields, inherited=False)


#: Who holds a role there that may not be granted, wherever he lives.
STRONG_THERE: dict[str, Callable[[Stage], None]] = {
    "an own user is administrator": lambda s: _granted(s, "UserProject", WHO, "web", "admin"),
    "an own group is administrator": lambda s: _granted(s, "GroupProject", "team", "web", "admin"),
    "another domain's user is administrator": lambda s: _granted(s, "UserProject", "boss", "web", "admin"),
}
LIVING: dict[str, Callable[[Stage], None]] = {
    "an administrator lives": on_the_system,
    "one by a group lives": _system_group,
    "one of another domain lives": _other_domain,
    "one of another domain by a group of it lives": _crew,
    "one of another domain by an own group lives": _team_abroad,
    "one who acts there by a trust lives": _trusted,
    "the domain's own administrator lives": _strong_role,
}
DOMAINS = tuple(
    Attempt(f"{what} where {who}", partial(deed, holds), partial(deed, nothing), way=way)
    for what, deed, way in (
        ("a domain disabled", _domain_off, "a domain enabled or disabled"),
        ("a domain's tokens revoked", partial(_revoked_for, "domain_id", "d1"), REVOKING),
    )
    for who, holds in {**LIVING, **STRONG_THERE}.items()
)
PROJECTS = tuple(
    Attempt(f"{what} where {who}", partial(deed, holds), partial(deed, nothing), way=way)
    for what, deed, way in (
        ("a project disabled", _project_off, "a project enabled or disabled"),
        ("a project's tokens revoked", partial(_revoked_for, "project_id", "web"), REVOKING),
    )
    for who, holds in STRONG_THERE.items()
)

ACTING = (*PERSONS, *GROUPS, *DOMAINS, *PROJECTS)
