"""What is allowed when it comes, and would not be once the hub has given more to somebody: it is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Delegation
from keystone_viaduct.sync.model import JUDGED, Document
from tests.simulation.hostile.acting import (
    BY,
    BY_GROUP,
    GROUP_HOLDING,
    HOLDING,
    LIVING,
    STRONG_THERE,
    TO_CIRCLE,
    WHO,
    ByWest,
    alone,
    circle_nothing,
    circle_system,
    circled,
    nothing,
    on_the_system,
    setting,
    somebody,
)
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import BOTH, LIMITED, Check, Stage, grant, rule
from tests.simulation.hostile.tokens import APP, WHEN


def _weak(s: Stage) -> None:
    """More, but nothing that is not delegated."""
    grant(s, "hub", "UserProject", WHO, "sub", "member")


def _set_hub(s: Stage, **fields: Any) -> None:
    s.put("hub", "mapping", "in", **fields)


def _implies(s: Stage, role: str) -> None:
    key = REGISTRY["implied_role"].make_key("local", role)
    s.put("hub", "implied_role", key, prior_role_id="local", implied_role_id=role)


def _strong_and_full(s: Stage) -> None:
    """West may still do everything."""
    s.delegate(Delegation())
    somebody(s, on_the_system)


def _weak_and_full(s: Stage) -> None:
    s.delegate(Delegation())
    somebody(s, nothing)


def _limited_again(s: Stage) -> None:
    s.delegate(LIMITED)


def _is_listed(s: Stage) -> bool:
    return any(row.sort == JUDGED and row.site == "west" and row.open for row in s.conflicts)


def _later(prepare: Callable[[Stage], None], way: ByWest, gives: Callable[[Stage], None], s: Stage) -> Check:
    """West does what it may; then the hub does something. Nobody noticing it is what must not come about."""
    prepare(s)
    s.sync()
    came_about = way(s)
    s.carry()
    assert came_about() and not _is_listed(s)
    gives(s)
    s.carry()
    return lambda: came_about() and not _is_listed(s)


def _to_circle(way: str) -> Callable[[Stage], None]:
    return lambda s: circled(s, way)


PERSONS_LATER = tuple(
    Attempt(
        f"{what} of an own user who is given {holding} later",
        partial(_later, partial(somebody, holding=nothing), done, holds),
        partial(_later, partial(somebody, holding=nothing), done, _weak),
    )
    for holding, holds in HOLDING.items()
    for attempts in BY.values()
    for what, done in attempts.items()
)
GROUPS_LATER = tuple(
    Attempt(
        f"{what} of an own group that is given {holding} later",
        partial(_later, _to_circle(way), done, holds),
        partial(_later, _to_circle(way), done, circle_nothing),
    )
    for holding, holds in GROUP_HOLDING.items()
    for way, attempts in BY_GROUP.items()
    for what, done in attempts.items()
    if what != "one less in it"  # what is gone lets nobody act as anybody
)


def _nobody_abroad(s: Stage) -> None:
    alone(s, nothing)


def _event(field: str, key: str) -> ByWest:
    event: Document = {**WHEN, field: key}
    return setting("revocation_event", REGISTRY["revocation_event"].key_of(event), **event)


PLACES_LATER = tuple(
    Attempt(
        f"{what}, and later {who}",
        partial(_later, _nobody_abroad, done, holds),
        partial(_later, _nobody_abroad, done, _weak),
    )
    for what, done, holding in (
        ("a domain disabled", setting("domain", "d1", enabled=False), {**LIVING, **STRONG_THERE}),
        ("a domain's tokens revoked", _event("domain_id", "d1"), {**LIVING, **STRONG_THERE}),
        ("a project disabled", setting("project", "web", enabled=False), STRONG_THERE),
        ("a project's tokens revoked", _event("project_id", "web"), STRONG_THERE),
    )
    for who, holds in holding.items()
)


def _strong_circle(s: Stage) -> None:
    """A group that holds more, and a mapping of the hub's that leads to a weak one, by west's provider."""
    circled(s, "an identity provider")
    s.put("hub", "mapping", "in", rules=[rule(group={"id": "team"})])
    circle_system(s)


def _with_own_role(s: Stage) -> None:
    somebody(s, nothing)
    grant(s, "hub", "UserProject", WHO, "web", "local")


def _narrowed(delegation: Delegation, s: Stage) -> None:
    s.delegate(delegation)


_REMOTE = setting("identity_provider", "fresh", remote_ids=["https://evil"])
_APP = setting("application_credential", "t", **{**APP, "user_id": WHO, "roles": ["local"]})
HUB_LATER = (
    Attempt(
        "an identity provider whose mapping is widened later",
        partial(_later, _strong_circle, _REMOTE, lambda s: _set_hub(s, rules=[TO_CIRCLE])),
        partial(_later, _strong_circle, _REMOTE, lambda s: _set_hub(s, rules=[rule(group={"id": "team"})])),
    ),
    Attempt(
        "an application credential with a role that implies more later",
        partial(_later, _with_own_role, _APP, lambda s: _implies(s, "admin")),
        partial(_later, _with_own_role, _APP, lambda s: _implies(s, "member")),
    ),
    Attempt(
        "an application credential whose role is not delegated any more later",
        partial(
            _later, _with_own_role, _APP, partial(_narrowed, replace(LIMITED, domains=frozenset({"d2"})))
        ),
        partial(_later, _with_own_role, _APP, partial(_narrowed, BOTH)),
    ),
    Attempt(
        "what a site made that was not limited then",
        partial(_later, partial(_strong_and_full), BY["a password"]["the password"], _limited_again),
        partial(_later, partial(_weak_and_full), BY["a password"]["the password"], _limited_again),
    ),
)

LATER = (*PERSONS_LATER, *GROUPS_LATER, *PLACES_LATER, *HUB_LATER)
