"""A spoke gets a limited delegation, and its API tells the agent lies.

Its database is honest, and so are its users, who now and then do what is not delegated: that goes back,
listed. The lies come on top of an honest page, all of them beyond the delegation: nothing of them may ever
be seen at the hub. What waits for a proof that never comes is forgotten when the link starts over, at the
end.
"""

from __future__ import annotations

import random
from dataclasses import replace

from keystone_viaduct.errors import CheckpointMismatch, FenceMismatch, NotYet, Refused
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import Delegation
from keystone_viaduct.sync.model import (
    DELETED,
    Change,
    Document,
    Dot,
    FieldState,
    Page,
    Pending,
    Ref,
    Version,
    life,
    site_of,
)
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site.apply import apply_page
from keystone_viaduct.sync.site.content import contents, digests
from keystone_viaduct.sync.site.made import made_by
from keystone_viaduct.sync.site.site import hub_wins
from keystone_viaduct.testing.memory import Data
from keystone_viaduct.testing.simulation.broken import Broken
from keystone_viaduct.testing.simulation.events.event import Event
from keystone_viaduct.testing.simulation.fleet import Fleet, Node
from keystone_viaduct.testing.simulation.releases import whole

DELEGATED = "acme"
EVIL = "evil-"
_DELEGATION = Delegation(domains=frozenset({DELEGATED}), roles=frozenset({"member"}))


def limit(fleet: Fleet, spoke: str) -> list[str]:
    """The hub's operator limits a spoke to one domain and one role; another one stays fit to be the hub."""
    fleet.fill_office()
    site = fleet.nodes[fleet.hub].site
    charter = site.charter()
    if charter.delegations or not fleet.has_deputy(spoke):
        return []
    site.write_charter(replace(charter, delegations={spoke: _DELEGATION}), charter.edition)
    fleet.counts["delegations limited"] += 1
    fleet.tell(f"{spoke} may change {DELEGATED} only")
    return [fleet.hub]


def forge(fleet: Fleet, _: str) -> list[str]:
    """The limited spoke answers the agent with some changes that it may not make, or that are not its own."""
    fleet.fill_office()
    hub = fleet.nodes[fleet.hub]
    spoke = next(iter(hub.site.charter().delegations), None)
    if spoke is None or spoke in fleet.cut:
        return []
    source = fleet.nodes[spoke]
    fleet.forget_link(spoke)
    try:
        standing = hub.site.standing(spoke, source.site.standing(hub.name).fence)
        page = source.site.read(hub.name, standing.checkpoint, 5, standing.fence)
        honest = {change.ref for change in page.changes} | {e.change.ref for e in _waiting(hub, spoke)}
        honest |= {ref for ref, record in source.store.data.records.items() if record.seq > page.upto.seq}
        drawn = _lies(fleet.chance, page, hub.store.data, source.store.data)
        lies = [lie for lie in drawn if lie.ref not in honest]
        before = {lie.ref: whole(hub.store.data, lie.ref) for lie in lies}
        honestly = _honest_outcome(hub, page, list(before)) if hub.store.data.state.former else before
        hub.site.apply(replace(page, changes=(*page.changes, *lies)))
    except (CheckpointMismatch, FenceMismatch, NotYet, Refused) as error:
        fleet.tell(f"{spoke} -> {hub.name}: {error}")
        return [spoke, fleet.hub]
    fleet.counts["forgeries"] += len(lies)
    fleet.borrowed.update(pair for lie in lies for pair in _borrowed(lie, before[lie.ref], spoke))
    fleet.tell(f"{spoke} lies about {', '.join(str(change.ref) for change in lies)}")
    for lie in lies:
        now = whole(hub.store.data, lie.ref)
        if now not in (before[lie.ref], honestly[lie.ref]) and not _hung_in_the_air(hub, lie.ref):
            raise Broken("no_escalation", f"{spoke} has changed {lie.ref}, which it may not")
    return [spoke, fleet.hub]


def _hung_in_the_air(hub: Node, ref: Ref) -> bool:
    """Whether the hub has let it go by itself: its owner was deleted there by hand."""
    data = hub.store.data
    return ref not in data.rows and any(row.ref == ref and row.sort == "dangling" for row in data.conflicts)


def _honest_outcome(hub: Node, page: Page, refs: list[Ref]) -> dict[Ref, Document | None]:
    """What the same page without the lies would have made of these: it may settle what waited from the hub
    before.
    """
    found: dict[Ref, Document | None] = {}

    def work(tx: Transaction) -> None:
        apply_page(tx, page, now=hub.clock.now(), policy_for=hub_wins)
        records = tx.records(refs)
        found.update((ref, None) for ref in refs)
        found.update(contents(tx, refs, records))
        raise _Undo

    try:
        hub.store.run(work)
    except (_Undo, CheckpointMismatch, FenceMismatch, NotYet, Refused):
        return found or {ref: whole(hub.store.data, ref) for ref in refs}
    raise AssertionError("a transaction that was to be undone was committed")


class _Undo(Exception):
    """Ends a transaction that only wanted to know."""


def _waiting(hub: Node, spoke: str) -> list[Pending]:
    return [entry for (source, _), entry in hub.store.data.pending.items() if source == spoke]


def entrust(fleet: Fleet, _: str) -> list[str]:
    """At the hub somebody whom a limited spoke has made, or changed, becomes an administrator elsewhere."""
    fleet.fill_office()
    hub = fleet.nodes[fleet.hub]
    data = hub.store.data
    sites = data.state.charter.limited
    users = sorted(
        ref
        for ref, row in data.rows.items()
        if ref.kind == "user" and row.get("domain_id") == DELEGATED
        if ref in data.records and made_by(sites, data.records[ref])
    )
    if not users or not {Ref("role", "admin"), Ref("domain", "default")} <= data.rows.keys():
        return []
    user = fleet.chance.choice(users)
    key = REGISTRY["assignment"].make_key("UserDomain", user.key, "default", "admin", False)
    new: Document = {
        "type": "UserDomain",
        "actor_id": user.key,
        "target_id": "default",
        "role_id": "admin",
        "inherited": False,
    }
    done = fleet.cloud.write(hub.name, hub.store, fleet.step, hub.clock.now(), Ref("assignment", key), new)
    fleet.tell(f"{hub.name}: {user} is made an administrator: {done}")
    return [hub.name]


def calm(fleet: Fleet) -> None:
    """The operator looks at what waits for a proof, and has the hub start over with that spoke."""
    fleet.fill_office()
    hub = fleet.nodes[fleet.hub]
    for spoke in hub.site.charter().delegations:
        hub.site.forget(spoke)
        fleet.forget_link(spoke)


def _borrowed(lie: Change, before: Document | None, liar: str) -> list[tuple[str, str]]:
    """The value that the liar might have set itself, and whose edit he says it is."""
    note = lie.fields.get("extra.note")
    if before is None or before.get("domain_id") != DELEGATED or not lie.document:
        return []
    if note is None or site_of(note.dot.origin) == liar:
        return []
    return [(str(lie.document["extra.note"]), note.dot.origin)]


def check_no_escalation(fleet: Fleet) -> None:
    """At rest: nothing that a lie said is anywhere.

    But what he might have set himself, and said of a life that is over by now: nobody can answer for it any
    more, so the hub has taken it for its own edit (``sync.site.trial``).
    """
    alive = {node.store.data.state.origin for node in fleet.nodes.values()}
    for node in fleet.nodes.values():
        for ref, row in node.store.data.rows.items():
            found = [str(value) for value in row.values() if EVIL in str(value)]
            his = row.get("domain_id") == DELEGATED
            over = {note for note, origin in fleet.borrowed.items() if his and origin not in alive}
            if EVIL in ref.key or not over.issuperset(found):
                raise Broken("no_escalation", f"{node.name}: {ref} holds what a hostile spoke has said")


def _lies(chance: random.Random, page: Page, hub: Data, spoke: Data) -> list[Change]:
    found: dict[Ref, Change] = {}
    for _ in range(chance.randrange(1, 4)):
        wish = chance.choice(_WISHES)(chance, hub)
        if wish is not None:
            lie = _claim(chance, page, hub, spoke, *wish)
            found[lie.ref] = lie
    return list(found.values())


def _foreign(chance: random.Random, hub: Data, *kinds: str) -> Ref | None:
    rows = [ref for ref, row in hub.rows.items() if ref.kind in kinds and row.get("domain_id") != DELEGATED]
    refs = sorted(ref for ref in rows if not (ref.kind == "domain" and ref.key == DELEGATED))
    return chance.choice(refs) if refs else None


def _change(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """A field of another domain's record."""
    ref = _foreign(chance, hub, "user", "project", "group", "domain", "role")
    return None if ref is None else (ref, {**hub.rows[ref], "extra.note": f"{EVIL}{chance.random()}"})


def _take_over(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """Another domain's record is moved into the delegated one."""
    ref = _foreign(chance, hub, "user", "project", "group")
    if ref is None:
        return None
    return ref, {**hub.rows[ref], "domain_id": DELEGATED, "extra.note": f"{EVIL}{chance.random()}"}


def _delete(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """Another domain's record is deleted."""
    ref = _foreign(chance, hub, "user", "project", "group", "domain", "role")
    return None if ref is None else (ref, None)


def _make(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """A user in another domain."""
    key = f"{EVIL}{chance.randrange(10**6)}"
    document: Document = {"id": key, "domain_id": "default", "enabled": True, "local.name": key}
    return Ref("user", key), document


def _grant(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """A role that may not be granted."""
    actor = _foreign(chance, hub, "user") or next(
        (ref for ref in sorted(hub.rows) if ref.kind == "user"), None
    )
    target = next((ref for ref in sorted(hub.rows) if ref.kind == "domain"), None)
    if actor is None or target is None:
        return None
    key = REGISTRY["assignment"].make_key("UserDomain", actor.key, target.key, "admin", True)
    fields = {"actor_id": actor.key, "target_id": target.key, "role_id": "admin", "inherited": True}
    ref = Ref("assignment", key)
    return None if ref in hub.rows else (ref, {"type": "UserDomain", **fields})


def _borrow(chance: random.Random, hub: Data) -> tuple[Ref, Document | None] | None:
    """A record of the delegated domain, but the edit is said to be another site's."""
    refs = sorted(ref for ref, row in hub.rows.items() if row.get("domain_id") == DELEGATED)
    if not refs:
        return None
    ref = chance.choice(refs)
    return ref, {**hub.rows[ref], "extra.note": f"{EVIL}{chance.random()}"}


_WISHES = (_change, _change, _take_over, _delete, _make, _grant, _borrow, _borrow)


def _claim(
    chance: random.Random, page: Page, hub: Data, spoke: Data, ref: Ref, document: Document | None
) -> Change:
    """A change as a liar would show it: his own edit, another site's, the hub's, or one not made yet."""
    known = spoke.records.get(ref) or hub.records.get(ref)
    own = Dot(spoke.state.origin, max(page.upto.seq, 1))
    borrowed = (
        Dot(hub.state.origin, hub.state.head + chance.randrange(1, 1000)),
        Dot("nowhere#1", chance.randrange(1, 1000)),
        Dot(f"{chance.choice(sorted(hub.peers))}#lost", chance.randrange(1, 1000)),
    )
    mine = document is not None and hub.rows.get(ref, {}).get("domain_id") == DELEGATED
    dot = chance.choice(
        # what it may change itself it may say of a site that is not there: that becomes the hub's edit
        [borrowed[0]] if mine else [own, own, Dot(hub.state.origin, hub.state.head), *borrowed]
    )
    stamp = chance.choice((0, 1, hub.state.head, 10**18))
    found = digests(hub.state.fleet_secret, ref.kind, document or {})
    fields = dict(known.fields) if known is not None and document is not None else {}
    for name, digest in found.items():
        if name not in fields or fields[name].digest != digest:
            fields[name] = FieldState(stamp, dot, digest)
    if document is None or known is None or known.deleted:
        fields[DELETED] = life(stamp, dot, deleted=document is None)
    version = (known.version if known is not None else Version()).plus(dot)
    if chance.random() < 0.3:
        version = version.join(hub.state.all_knowledge)
    birth = known.birth if known is not None else dot
    return Change(ref, max(page.upto.seq, 1), version, birth, fields, document or {}, DELEGATED)


EVENTS = (
    Event("limit", 1, limit, spokes=True, shares={"delegations limited": 0.3}),
    Event("forge", 4, forge, spokes=True, shares={"forgeries": 0.15}),
    Event("entrust", 2, entrust),
)
