"""Attempts that nobody has written down one by one: what a hash may cost, and each
lie × each kind of record (``acting``: each way to act as somebody × each way to hold more).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.knowledge import Gap
from keystone_viaduct.sync.model import DELETED, REFUSED, Dot, Ref, Version, life
from tests.simulation.hostile.acting import ACTING, ByWest, revoke, setting
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import FULL, Check, Stage
from tests.simulation.hostile.tokens import APP

# what the hub survives


def _hash(text: str) -> ByWest:
    item = {"created_at_int": 1, "password_hash": text, "self_service": False}
    return setting("user", "ann", passwords=[item])


def _secret(text: str) -> ByWest:
    return setting("application_credential", "t", **{**APP, "secret_hash": text})


COSTS = tuple(
    Attempt(f"{what} with {name}", made(bad), made(good))
    for what, made in (("a password", _hash), ("an application credential's secret", _secret))
    for name, bad, good in (
        ("a bcrypt of cost 13", "$2b$13$" + "a" * 53, "$2b$12$" + "a" * 53),
        ("a bcrypt of cost 31", "$2b$31$" + "a" * 53, "$2b$04$" + "a" * 53),
        (
            "a bcrypt of a digest of cost 16",
            "$bcrypt-sha256$v=2,t=2b,r=16$" + "a" * 22 + "$" + "b" * 31,
            "$bcrypt-sha256$v=2,t=2b,r=12$" + "a" * 22 + "$" + "b" * 31,
        ),
        (
            "an scrypt of 2^31 rounds",
            "$scrypt$ln=31,r=8,p=1$c2FsdA$aGFzaA",
            "$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA",
        ),
        (
            "an scrypt of huge blocks",
            "$scrypt$ln=16,r=99999,p=1$c2FsdA$aGFzaA",
            "$scrypt$ln=10,r=4,p=2$c2FsdA$aGFzaA",
        ),
        (
            "a pbkdf2 of 10^9 rounds",
            "$pbkdf2-sha512$1000000000$c2FsdA$aGFzaA",
            "$pbkdf2-sha512$60000$c2FsdA$aGFzaA",
        ),
        ("a sha512_crypt of 10^9 rounds", "$6$rounds=999999999$salt$hash", "$6$rounds=5000$salt$hash"),
        ("a hash of no scheme of Keystone's", "$argon2id$v=19$m=999999999$x$y", "$2b$12$" + "a" * 53),
    )
)
FAR = "2199-01-01T00:00:00Z"


def _revoke_of(user: str, **fields: Any) -> ByWest:
    return revoke(user_id=user, **fields)


REVOCATIONS = (
    *(
        Attempt(
            f"a revocation whose {name} lies in 2199", _revoke_of("ann", **{name: FAR}), _revoke_of("ann")
        )
        for name in ("issued_before", "revoked_at")
    ),
    *(
        Attempt(
            f"a revocation for {field} that nobody has",
            _revoke_of("ann", **{field: "nobody"}),
            _revoke_of("ann", **{field: known}),
        )
        for field, known in (("project_id", "web"), ("trust_id", "weak"))
    ),
    Attempt("a revocation for a user that nobody has", _revoke_of("nobody"), _revoke_of("ann")),
)


def _strange_lives(number: int, s: Stage) -> Check:
    """A version that names lives of sites that nobody has met."""
    ref = Ref("user", "ann")
    mine = s.record("west", ref)
    version = mine.version
    for life_ in range(number):
        version = version.plus(Dot(f"nowhere#{life_}", 1))
    document = {**(s.row("west", ref) or {}), "extra.email": "evil"}
    head = s.site("west").state().head
    own = Dot(s.store("west").data.state.origin, head)
    s.lie(s.claim(ref, document, version=version.plus(own), dot=own))
    return lambda: s.has("hub", ref, {"extra.email": "evil"})


def _own_lives(number: int, s: Stage) -> Check:
    lives = {f"west#{life_}": 1 for life_ in range(number)}
    s.lie(knowledge=lambda page: Version({**page.knowledge.entries, **lives}))
    return lambda: "west#1" in s.site("hub").state().all_knowledge.entries


def _spread_lives(each: int, s: Stage) -> Check:
    """A few in the version of one record, a few others in that of the next; page after page."""
    refs = [Ref("user", "ann"), Ref("project", "web"), Ref("group", "team"), Ref("project", "sub")]
    for number, ref in enumerate(refs):
        version = s.record("west", ref).version
        for life_ in range(each):
            version = version.plus(Dot(f"nowhere#{number}-{life_}", 1))
        own = Dot(s.store("west").data.state.origin, s.site("west").state().head)
        s.lie(s.claim(ref, s.row("west", ref), version=version.plus(own), dot=own))
    hub = s.store("hub").data
    versions = [change.version for change in hub.records.values()]
    versions += [waiting.change.version for waiting in hub.pending.values()]
    named = {origin for version in versions for origin in version.entries if origin.startswith("nowhere#")}
    return lambda: len(named) == each * len(refs)


LIVES = (
    Attempt(
        "a few lives that nobody has met with each record",
        partial(_spread_lives, 30),
        partial(_spread_lives, 2),
    ),
    Attempt(
        "an edit whose version names hundreds of lives that nobody has met",
        partial(_strange_lives, 400),
        partial(_strange_lives, 3),
    ),
    Attempt("hundreds of lives of its own", partial(_own_lives, 400), partial(_own_lives, 3)),
)

# what the hub keeps of it


def _refused_again(values: tuple[str, ...], s: Stage) -> Check:
    """The same refused edit, or another one each time; a row of the list for each would fill it."""
    for value in values:
        s.set("user", "boss", extra__email=value)
        s.carry()
    rows = [c for c in s.conflicts if c.sort == REFUSED and c.ref == Ref("user", "boss")]
    return lambda: len(rows) == len(values)


def _excepted(number: int, s: Stage) -> Check:
    """It says that it lacks a part of what it knows; the hub would hand that on for ever, and beyond a
    thousand learn nothing from anybody.
    """
    s.put("west", "user", "ann", extra__phone="1")
    origin, head = s.store("west").data.state.origin, s.site("west").read("hub", None).upto.seq
    lacking = {Ref("user", f"none{n}"): {origin: Gap(0, head)} for n in range(number)}
    s.lie(exceptions=lambda page: lacking, at_head=lambda page: True)
    taken = Ref("user", "none0") in s.store("hub").data.state.exceptions
    return lambda: taken


VOLUMES = (
    Attempt(
        "a row of the list for the same refusal each time",
        partial(_refused_again, ("evil", "evil", "evil")),
        partial(_refused_again, ("evil", "worse", "worst")),
    ),
    Attempt(
        "hundreds of records of which it says that it lacks a part",
        partial(_excepted, 900),
        partial(_excepted, 5),
    ),
)

# each lie, for each kind


def _first(s: Stage, kind: str) -> Ref:
    """A record of that kind on which nothing depends, if there is one."""
    if kind == "region":  # the only one is in use, and a region in use stays
        s.put("hub", kind, "spare", description="spare", parent_region_id=None)
        s.sync()
    refs = sorted(ref for ref in s.store("west").data.rows if ref.kind == kind)
    used = {
        (found.kind, found.key)
        for ref, row in s.store("hub").data.rows.items()
        for found in REGISTRY[ref.kind].references_of(row)
    }
    return next((ref for ref in refs if (ref.kind, ref.key) not in used), refs[-1])


def _deleted(kind: str, s: Stage) -> Check:
    ref = _first(s, kind)
    s.force("west", ref, None)
    return lambda: s.row("hub", ref) is None


def _deleted_by(kind: str, origin: str, s: Stage) -> Check:
    """A deletion that another one is said to have made."""
    ref = _first(s, kind)
    mine = s.record("west", ref)
    dot = Dot(origin, 10**6)
    s.lie(
        s.claim(
            ref,
            None,
            version=mine.version.plus(dot),
            birth=mine.birth,
            fields={DELETED: life(s.clock.now(), dot, deleted=True)},
        )
    )
    return lambda: s.row("hub", ref) is None


KINDS = (
    "domain",
    "role",
    "implied_role",
    "user",
    "group",
    "project",
    "assignment",
    "system_assignment",
    "id_mapping",
    "membership",
    "region",
    "service",
    "endpoint",
    "endpoint_group",
    "policy",
    "registered_limit",
    "service_provider",
    "consumer",
    "mapping",
    "identity_provider",
    "federation_protocol",
    "trust",
    "access_rule",
    "application_credential",
    "credential",
)
NOT_DELEGATED = tuple(
    Attempt(
        f"a deletion where the kind {kind} is not delegated",
        partial(_deleted, kind),
        partial(_deleted, kind),
        replace(FULL, kinds=frozenset(REGISTRY) - {kind}),
        FULL,
    )
    for kind in KINDS
)
BORROWED = tuple(
    Attempt(
        f"a deletion of a {kind} that {whose} is said to have made",
        partial(_deleted_by, kind, origin),
        partial(_deleted, kind),
        FULL,
    )
    for kind in KINDS
    for whose, origin in (("the hub", "hub#hub-1"), ("another region", "south#south-1"))
)

DERIVED = (*ACTING, *COSTS, *REVOCATIONS, *LIVES, *VOLUMES, *NOT_DELEGATED, *BORROWED)
