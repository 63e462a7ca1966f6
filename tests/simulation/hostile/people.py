"""Attempts on users, groups and memberships."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import BOTH, DIRECTOR, FULL, LIMITED, Check, Stage, mapped_id

ONLY_PROJECTS = replace(LIMITED, kinds=frozenset({"project"}))
HASH = [{"hash": "known to west"}]
NEW = {"local__name": "new", "enabled": True, "passwords": HASH}
FEDERATED = {"protocol_id": "saml", "unique_id": "chief", "display_name": "chief"}
LATER = "2027-01-01T00:00:00Z"


def _mapping(key: str, domain: str, local: str = "somebody") -> dict[str, str]:
    return {"public_id": key, "domain_id": domain, "local_id": local, "entity_type": "user"}


def _expiring(s: Stage, user: str, group: str, idp: str) -> Check:
    return s.set("expiring_membership", (user, group, idp), last_verified=LATER)


def _past(s: Stage, domain: str) -> Check:
    """A user that the hub deleted comes back under his id."""
    gone = s.user("hub", "gone", "gone", domain_id="d2")
    s.sync()
    s.delete("hub", gone)
    s.sync()
    return s.set("user", "gone" if domain == "d2" else "fresh", domain_id="d1", **NEW)


ATTEMPTS = (
    Attempt(
        "a kind that is not delegated",
        lambda s: s.set("user", "ann", enabled=False),
        lambda s: s.set("project", "web", enabled=False),
        ONLY_PROJECTS,
    ),
    Attempt(
        "password of another domain's user",
        lambda s: s.set("user", "boss", passwords=HASH),
        lambda s: s.set("user", "ann", passwords=HASH),
    ),
    Attempt(
        "password of an own user to whom the hub has given more",
        lambda s: s.set("user", "strong", passwords=HASH),
        lambda s: s.set("user", "strong", extra__email="new"),
    ),
    Attempt(
        "password of an own user whom a trust makes an administrator",
        lambda s: s.set("user", "ally", passwords=HASH),
        lambda s: s.set("user", "ally", last_active_at="2026-12-01"),
    ),
    Attempt(
        "a user made in another domain",
        lambda s: s.set("user", "eve", domain_id="d2", **NEW),
        lambda s: s.set("user", "eve", domain_id="d1", **NEW),
    ),
    Attempt(
        "a user taken over from another domain",
        lambda s: s.set("user", "boss", domain_id="d1"),
        lambda s: s.set("user", "boss", extra__email="new"),
        allowing=BOTH,
    ),
    Attempt(
        "a user moved into another domain",
        lambda s: s.set("user", "ann", domain_id="d2"),
        lambda s: s.set("user", "ann", domain_id="d2"),
        allowing=BOTH,
    ),
    Attempt(
        "a user under the id of a directory's administrator",
        lambda s: s.set("user", DIRECTOR, domain_id="d1", **NEW),
        lambda s: s.set("user", mapped_id("d1", "new"), domain_id="d1", **NEW),
    ),
    Attempt(
        "a deleted user of another domain, back under his id",
        lambda s: _past(s, "d2"),
        lambda s: _past(s, "d1"),
    ),
    Attempt(
        "another domain's identity provider logs in as an own user",
        lambda s: s.set("user", "ann", federated=[{"idp_id": "idp2", **FEDERATED}]),
        lambda s: s.set("user", "ann", federated=[{"idp_id": "idp1", **FEDERATED}]),
    ),
    Attempt(
        "second factor of another domain's user switched off",
        lambda s: s.set("user", "root", option__MFAE=False),
        lambda s: s.set("user", "ann", option__MFAE=False),
    ),
    Attempt(
        "another domain's user disabled",
        lambda s: s.set("user", "boss", enabled=False),
        lambda s: s.set("user", "ann", enabled=False),
    ),
    Attempt(
        "another domain's user deleted",
        lambda s: s.remove("group", "crew"),
        lambda s: s.remove("project", "sub"),
    ),
    Attempt(
        "default project in another domain",
        lambda s: s.set("user", "ann", default_project_id="vault"),
        lambda s: s.set("user", "ann", default_project_id="web"),
    ),
    Attempt(
        "a strong group gets a name that a rule may know",
        lambda s: s.set("group", "staff", name="renamed"),
        lambda s: s.set("group", "team", name="renamed"),
    ),
    Attempt(
        "a group moved into another domain",
        lambda s: s.set("group", "team", domain_id="d2"),
        lambda s: s.set("group", "team", domain_id="d2"),
        allowing=BOTH,
    ),
    Attempt(
        "an own user joins a strong group",
        lambda s: s.set("membership", ("ann", "staff")),
        lambda s: s.set("membership", ("strong", "team")),
    ),
    Attempt(
        "another domain's user joins an own group",
        lambda s: s.set("membership", ("boss", "team")),
        lambda s: s.set("membership", ("ally", "team")),
    ),
    Attempt(
        "an own user joins another domain's group",
        lambda s: s.set("membership", ("ann", "crew")),
        lambda s: s.remove("membership", ("ann", "team")),
    ),
    Attempt(
        "an expiring membership of another domain's identity provider",
        lambda s: _expiring(s, "ann", "team", "idp2"),
        lambda s: _expiring(s, "ann", "team", "idp1"),
    ),
    Attempt(
        "a directory's entry under an administrator's id",
        lambda s: s.set("id_mapping", "root", **_mapping("root", "d1")),
        lambda s: s.set(
            "id_mapping", mapped_id("d1", "somebody"), **_mapping(mapped_id("d1", "somebody"), "d1")
        ),
    ),
    Attempt(
        "a directory's entry taken over from another domain",
        lambda s: s.set("id_mapping", DIRECTOR, **_mapping(DIRECTOR, "d1", "director")),
        lambda s: s.set("id_mapping", DIRECTOR, **_mapping(DIRECTOR, "d1", "director")),
        allowing=FULL,
    ),
)
