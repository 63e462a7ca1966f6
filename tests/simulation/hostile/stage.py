"""The fleet in which a hostile spoke tries its luck: what is there, and how it can lie."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Charter, Delegation
from keystone_viaduct.sync.link.replicator import Progress
from keystone_viaduct.sync.model import DELETED, Change, Document, Dot, FieldState, Page, Ref, Version, life
from keystone_viaduct.sync.site.content import digests
from keystone_viaduct.sync.site.nonce import seeded
from tests.simulation.scene import Scene

#: What west may change in most attempts: domain d1, and it may grant member.
LIMITED = Delegation(domains=frozenset({"d1"}), roles=frozenset({"member"}))
BOTH = replace(LIMITED, domains=frozenset({"d1", "d2"}))
ALL_DOMAINS = replace(LIMITED, domains=None)
FULL = Delegation(kinds=frozenset(REGISTRY))

Check = Callable[[], bool]


def mapped_id(domain: str, local: str, sort: str = "user") -> str:
    """The id that Keystone gives to a directory's user."""
    return hashlib.sha256(f"{domain}{sort}{local}".encode()).hexdigest()


#: The id of a user of d2's directory; he is an administrator there.
DIRECTOR = mapped_id("d2", "director")


class Stage(Scene):
    """``west`` is hostile: its administrators write into its tables whatever they like, and its API may
    lie.
    """

    def __init__(self, delegation: Delegation) -> None:
        super().__init__("hub", "west", "south")
        _furnish(self)
        self.sync()
        self.delegate(delegation)
        self.sync()

    def delegate(self, delegation: Delegation) -> None:
        """What west may change from now on."""
        hub = self.site("hub")
        hub.write_charter(Charter(delegations={"west": delegation}), hub.charter().edition)

    def set(self, kind: str, key: str | tuple[Any, ...], **fields: Any) -> Check:
        """West writes a row, whatever Keystone or a database would say; gives how to see that the hub took
        it.
        """
        ref = self.ref(kind, key)
        old = self.row("west", ref)
        named = {name.replace("__", "."): value for name, value in fields.items()}
        self.force("west", ref, {**(old or self._key_fields(ref)), **named})
        return lambda: self.has("hub", ref, named)

    def remove(self, kind: str, key: str | tuple[Any, ...]) -> Check:
        """West deletes a row, and only that."""
        ref = self.ref(kind, key)
        assert self.row("west", ref) is not None, ref
        self.force("west", ref, None)
        return lambda: self.row("hub", ref) is None

    def force(self, site: str, ref: Ref, document: Document | None) -> None:
        """Write past all constraints, leaving a mark."""
        self.clock.advance(1_000_000)
        data = self.store(site).data
        if document is None:
            data.rows.pop(ref, None)
        else:
            data.rows[ref] = document
        self.store(site).run(lambda tx: tx.add_marks([ref], self.clock.now()))

    def has(self, site: str, ref: Ref, fields: Document) -> bool:
        """Whether a site's row holds these values."""
        row = self.row(site, ref)
        return row is not None and all(row.get(name) == value for name, value in fields.items())

    def ref(self, kind: str, key: str | tuple[Any, ...]) -> Ref:
        """The address of a record; a tuple is a key of several columns."""
        return Ref(kind, key if isinstance(key, str) else REGISTRY[kind].make_key(*key))

    def carry(self) -> None:
        """What the agent would carry, in both directions, a few times; refusals are not its concern."""
        for _ in range(6):
            for spoke in self.fleet.spokes:
                ends = self.fleet.link(spoke)
                for replicator in (ends.up, ends.down):
                    self._drain(ends, replicator)

    def _drain(self, ends: Any, replicator: Any) -> None:
        try:
            for _ in range(20):
                if ends.step(replicator) is not Progress.MORE:
                    return
        except ViaductError:
            return

    def lie(self, *changes: Change, **frame: Any) -> None:
        """West's API answers the agent with these changes on top of its own, in a frame of its choice."""
        page = self.read("west", "hub")
        page = replace(page, changes=(*page.changes, *changes))
        page = replace(page, **{name: v(page) if callable(v) else v for name, v in frame.items()})
        try:
            self.site("hub").apply(page)
        except ViaductError:
            return

    def claim(self, ref: Ref, document: Document | None, **changes: Any) -> Change:
        """A change as west would show it, but for what is given: version, birth, fields, document, dot,
        stamp.
        """
        state = self.store("west").data.state
        head = self.site("west").state().head
        dot = changes.pop("dot", Dot(state.origin, max(head, 1)))
        stamp = changes.pop("stamp", self.clock.now())
        known = self.store("west").data.records.get(ref)
        found = digests(state.fleet_secret, ref.kind, document or {})
        fields = {name: FieldState(stamp, dot, digest) for name, digest in found.items()}
        fields[DELETED] = life(stamp, dot, deleted=document is None)
        version = (known.version if known else Version()).plus(dot)
        base = Change(
            ref,
            max(head, 1),
            version,
            known.birth if known else dot,
            fields,
            document or {},
            (document or {}).get("domain_id"),
        )
        return replace(base, **changes)

    def _key_fields(self, ref: Ref) -> Document:
        names = REGISTRY[ref.kind].key
        parts = REGISTRY[ref.kind].split_key(ref.key) if names else ()
        found: Document = dict(zip(names, parts, strict=True))
        if "inherited" in found:
            found["inherited"] = found["inherited"] == "1"
        return found


def page_with(**fields: Any) -> Callable[[Page], Page]:
    """A frame with other values."""
    return lambda page: replace(page, **fields)


@contextmanager
def staged(delegation: Delegation) -> Iterator[Stage]:
    """A stage whose random ids are always the same."""
    with seeded(random.Random(11)):
        yield Stage(delegation)


def _furnish(s: Stage) -> None:
    """Domains d1 (delegated) and d2, and in each what can be fought about."""
    put = s.put
    for name in ("d1", "d2"):
        put("hub", "domain", name, name=name, enabled=True)
    for name in ("admin", "reader"):
        put("hub", "role", name, name=name, domain_id=None)
    for name, domain in (("local", "d1"), ("mighty", "d1"), ("theirs", "d2")):
        put("hub", "role", name, name=name, domain_id=domain)
    _link(s, "implied_role", "mighty", "admin")
    for key, domain in (("ann", "d1"), ("strong", "d1"), ("ally", "d1"), ("boss", "d2"), ("root", "d2")):
        s.user("hub", key, key, domain_id=domain, local__domain_id=domain)
    for key, domain in (("team", "d1"), ("staff", "d1"), ("crew", "d2")):
        put("hub", "group", key, name=key, domain_id=domain)
    for key, domain, parent in (("web", "d1", "d1"), ("sub", "d1", "web"), ("vault", "d2", "d2")):
        s.project("hub", key, key, domain_id=domain, parent_id=parent)
    grant(s, "hub", "UserProject", "ann", "web", "member")
    grant(s, "hub", "UserProject", "strong", "vault", "admin")
    grant(s, "hub", "UserProject", "boss", "vault", "admin")
    grant(s, "hub", "GroupProject", "staff", "vault", "admin")
    put(
        "hub",
        "id_mapping",
        DIRECTOR,
        public_id=DIRECTOR,
        domain_id="d2",
        local_id="director",
        entity_type="user",
    )
    grant(s, "hub", "UserProject", DIRECTOR, "vault", "admin")
    key = REGISTRY["system_assignment"].make_key("UserSystem", "root", "system", "admin", False)
    put("hub", "system_assignment", key, **_grant_fields("UserSystem", "root", "system", "admin"))
    _link(s, "membership", "ann", "team")
    _furnish_catalog(s)
    _furnish_federation(s)
    _furnish_delegations(s)


def _furnish_catalog(s: Stage) -> None:
    put = s.put
    put("hub", "region", "one", description="one", parent_region_id=None)
    put("hub", "service", "compute", type="compute", enabled=True)
    put("hub", "endpoint", "nova", interface="public", service_id="compute", region_id="one", url="https://n")
    put("hub", "endpoint_group", "chosen", name="chosen", filters={"interface": "public"})
    put("hub", "policy", "rules", type="application/json", blob="{}")
    put("hub", "registered_limit", "cores", service_id="compute", resource_name="cores", default_limit=10)
    put("hub", "service_provider", "beyond", enabled=True, auth_url="https://a", sp_url="https://b")
    put("hub", "consumer", "app", description="app", secret="s")


def _furnish_federation(s: Stage) -> None:
    put = s.put
    put("hub", "mapping", "ours", rules=[rule(group={"id": "team"})])
    put("hub", "mapping", "theirs", rules=[rule(group={"id": "staff"})])
    for key, domain, mapping in (("idp1", "d1", "ours"), ("idp2", "d2", "theirs")):
        put("hub", "identity_provider", key, enabled=True, domain_id=domain, remote_ids=[f"https://{key}"])
        protocol = REGISTRY["federation_protocol"].make_key("saml", key)
        put("hub", "federation_protocol", protocol, id="saml", idp_id=key, mapping_id=mapping)


def _furnish_delegations(s: Stage) -> None:
    put = s.put
    trust = {"impersonation": False, "roles": ["admin"]}
    put("hub", "trust", "strong", trustor_user_id="boss", trustee_user_id="ally", project_id="vault", **trust)
    trust["roles"] = ["member"]
    put("hub", "trust", "weak", trustor_user_id="ann", trustee_user_id="boss", project_id="web", **trust)
    for key, user in (("mine", "ann"), ("his", "boss")):
        put("hub", "access_rule", key, user_id=user, service="compute", path=f"/{key}", method="GET")
    common = {"name": "app", "secret_hash": "h", "project_id": "web", "roles": ["member"], "access_rules": []}
    put("hub", "application_credential", "weak", user_id="ann", **common)
    put("hub", "credential", "seed", user_id="boss", type="totp", blob="seed of boss")
    event: Document = {
        "user_id": "boss",
        "issued_before": "2026-01-01T00:00:00Z",
        "revoked_at": "2026-01-01T00:00:00Z",
    }
    put("hub", "revocation_event", REGISTRY["revocation_event"].key_of(event), **event)


def rule(**local: Any) -> Document:
    """A mapping's rule with one local part."""
    user = {"user": {"name": "{0}"}}
    return {"local": [user, local] if local else [user], "remote": [{"type": "UserName"}]}


def ec2(**named: str) -> str:
    """The blob of an EC2 key made with a delegated token."""
    return json.dumps({"access": "a", "secret": "s", **named})


def grant(s: Stage, site: str, sort: str, actor: str, target: str, role: str) -> Ref:
    """A role for somebody on something."""
    key = REGISTRY["assignment"].make_key(sort, actor, target, role, False)
    return s.put(site, "assignment", key, **_grant_fields(sort, actor, target, role))


def _grant_fields(sort: str, actor: str, target: str, role: str) -> Document:
    return {"type": sort, "actor_id": actor, "target_id": target, "role_id": role, "inherited": False}


def _link(s: Stage, kind: str, one: str, other: str) -> Ref:
    first, second = REGISTRY[kind].key
    return s.put("hub", kind, REGISTRY[kind].make_key(one, other), **{first: one, second: other})
