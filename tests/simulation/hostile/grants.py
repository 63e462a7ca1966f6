"""Attempts on roles, grants, domains and projects."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import ALL_DOMAINS, BOTH, FULL, LIMITED, Check, Stage

STRONGER = replace(ALL_DOMAINS, roles=frozenset({"member", "admin"}))
GLOBAL = {"name": "new", "domain_id": None}


def _detour(s: Stage, implied: str) -> Check:
    """First a harmless role of the own domain, then its grant, and only then what it implies."""
    s.set("role", "innocent", name="innocent", domain_id="d1")
    s.set("assignment", ("UserProject", "ann", "web", "innocent", False))
    s.carry()
    return s.set("implied_role", ("innocent", implied))


def _group_detour(s: Stage, role: str) -> Check:
    """First a group, then a member, then the grant."""
    s.set("group", "club", name="club", domain_id="d1")
    s.set("membership", ("ann", "club"))
    s.carry()
    return s.set("assignment", ("GroupProject", "club", "web", role, False))


def _tree(s: Stage, *refs: tuple[str, object]) -> Check:
    """Deleted as Keystone's managers do: first what belongs to it."""
    checks = [s.remove(kind, key) for kind, key in refs]  # type: ignore[arg-type]
    return checks[-1]


def _preempt(s: Stage, actor: str, target: str) -> Check:
    """A tombstone for a grant that another region is about to make: there, a deletion beats a creation."""
    ref = s.ref("assignment", ("UserProject", actor, target, "member", False))
    document = {"type": "UserProject", "actor_id": actor, "target_id": target, "role_id": "member"}
    s.lie(s.claim(ref, None))
    s.put("south", "assignment", ref.key, **document, inherited=False)
    return lambda: s.row("hub", ref) is None


ATTEMPTS = (
    Attempt(
        "a role that may not be granted",
        lambda s: s.set("assignment", ("UserProject", "ann", "sub", "admin", False)),
        lambda s: s.set("assignment", ("UserProject", "ann", "sub", "member", False)),
    ),
    Attempt(
        "a grant on another domain's project",
        lambda s: s.set("assignment", ("UserProject", "ann", "vault", "member", False)),
        lambda s: s.set("assignment", ("UserProject", "ally", "web", "member", False)),
    ),
    Attempt(
        "a grant to another domain's user",
        lambda s: s.set("assignment", ("UserProject", "boss", "web", "member", False)),
        lambda s: s.set("assignment", ("UserProject", "strong", "web", "member", False)),
    ),
    Attempt(
        "a group's grant on another domain",
        lambda s: s.set("assignment", ("GroupDomain", "team", "d2", "member", False)),
        lambda s: s.set("assignment", ("GroupDomain", "team", "d1", "member", False)),
    ),
    Attempt(
        "an inherited grant of too strong a role",
        lambda s: s.set("assignment", ("UserDomain", "ann", "d1", "admin", True)),
        lambda s: s.set("assignment", ("UserDomain", "ann", "d1", "member", True)),
    ),
    Attempt(
        "a role on the system",
        lambda s: s.set("system_assignment", ("UserSystem", "ann", "system", "member", False)),
        lambda s: s.set("system_assignment", ("UserSystem", "ann", "system", "member", False)),
        STRONGER,
        FULL,
    ),
    Attempt(
        "another domain's grant withdrawn",
        lambda s: s.remove("assignment", ("UserProject", "boss", "vault", "admin", False)),
        lambda s: s.remove("assignment", ("UserProject", "ann", "web", "member", False)),
    ),
    Attempt(
        "an own user deleted, and with him a grant beyond the delegation",
        lambda s: _tree(
            s, ("assignment", ("UserProject", "strong", "vault", "admin", False)), ("user", "strong")
        ),
        lambda s: _tree(
            s,
            ("assignment", ("UserProject", "ann", "web", "member", False)),
            ("membership", ("ann", "team")),
            ("access_rule", "mine"),
            ("application_credential", "weak"),
            ("user", "ann"),
        ),
    ),
    Attempt(
        "only the user is deleted, his grant beyond the delegation is left to the hub",
        lambda s: s.remove("user", "strong"),
        lambda s: s.remove("user", "ann"),
    ),
    Attempt(
        "a tombstone in advance of another region's grant",
        lambda s: _preempt(s, "boss", "vault"),
        lambda s: s.remove("assignment", ("UserProject", "ann", "web", "member", False)),
    ),
    Attempt(
        "an own role implies an administrator's",
        lambda s: s.set("implied_role", ("local", "admin")),
        lambda s: s.set("implied_role", ("local", "member")),
    ),
    Attempt(
        "a held role implies a stronger one",
        lambda s: s.set("implied_role", ("member", "admin")),
        lambda s: s.set("implied_role", ("member", "admin")),
        ALL_DOMAINS,
        STRONGER,
    ),
    Attempt(
        "everybody's role implies more",
        lambda s: s.set("implied_role", ("reader", "member")),
        lambda s: s.set("implied_role", ("local", "member")),
    ),
    Attempt(
        "an own role that the hub has made an administrator's",
        lambda s: s.set("assignment", ("UserProject", "ann", "web", "mighty", False)),
        lambda s: s.set("assignment", ("UserProject", "ann", "web", "local", False)),
    ),
    Attempt(
        "in steps: a role, its grant, what it implies",
        lambda s: _detour(s, "admin"),
        lambda s: _detour(s, "member"),
    ),
    Attempt(
        "in steps: a group, a member, its grant",
        lambda s: _group_detour(s, "admin"),
        lambda s: _group_detour(s, "member"),
    ),
    Attempt(
        "a role renamed to one that policies know",
        lambda s: s.set("role", "member", name="manager"),
        lambda s: s.set("role", "local", name="manager"),
    ),
    Attempt(
        "a new global role that policies know",
        lambda s: s.set("role", "service", **GLOBAL),
        lambda s: s.set("role", "service", **GLOBAL),
        STRONGER,
        FULL,
    ),
    Attempt(
        "an own role made global",
        lambda s: s.set("role", "local", domain_id=None),
        lambda s: s.set("role", "local", description="ours"),
    ),
    Attempt(
        "another domain's role",
        lambda s: s.set("role", "theirs", description="ours now"),
        lambda s: s.set("role", "theirs", description="ours now"),
        allowing=BOTH,
    ),
    Attempt(
        "a project under another domain's",
        lambda s: s.set("project", "sub", parent_id="vault"),
        lambda s: s.set("project", "sub", parent_id="d1"),
    ),
    Attempt(
        "a project moved into another domain",
        lambda s: s.set("project", "web", domain_id="d2"),
        lambda s: s.set("project", "web", description="ours"),
    ),
    Attempt(
        "another domain's project enabled and tagged",
        lambda s: s.set("project", "vault", tags=["open"]),
        lambda s: s.set("project", "web", tags=["open"]),
    ),
    Attempt(
        "a project under the id of a domain",
        lambda s: s.set("project", "d2", name="d2", domain_id="d1", parent_id="d1", enabled=True),
        lambda s: s.set("project", "d3", name="d3", domain_id="d1", parent_id="d1", enabled=True),
    ),
    Attempt(
        "another domain disabled",
        lambda s: s.set("domain", "d2", enabled=False),
        lambda s: s.set("domain", "d1", description="theirs to describe"),
    ),
    Attempt(
        "the own domain renamed",
        lambda s: s.set("domain", "d1", name="default2"),
        lambda s: s.set("domain", "d1", description="ours"),
    ),
    Attempt(
        "a new domain",
        lambda s: s.set("domain", "d3", name="d3", enabled=True),
        lambda s: s.set("domain", "d3", name="d3", enabled=True),
        allowing=ALL_DOMAINS,
    ),
    Attempt(
        "the own domain's directory: whom the hub asks for passwords",
        lambda s: s.set("domain_config", "d1", **{"whitelisted__ldap/url": "ldap://west"}),
        lambda s: s.set("domain_config", "d1", **{"whitelisted__ldap/url": "ldap://west"}),
        replace(LIMITED, roles=None),
        FULL,
    ),
)
