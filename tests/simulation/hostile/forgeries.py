"""Attempts by lies: forged edits, versions, knowledge, stamps, frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keystone_viaduct.kinds.local import DOMAIN
from keystone_viaduct.kinds.resource import ROOT_DOMAIN
from keystone_viaduct.sync.charter import Charter, Edition
from keystone_viaduct.sync.model import DELETED, Checkpoint, Dot, Fence, FieldState, Page, Ref, Version
from keystone_viaduct.sync.site.proof import FARTHEST
from tests.simulation.hostile.attempt import Attempt
from tests.simulation.hostile.stage import ALL_DOMAINS, FULL, Check, Stage

ANN = Ref("user", "ann")
EVIL = {"extra.email": "evil"}


def _ann(s: Stage) -> dict[str, Any]:
    return {**(s.row("west", ANN) or {}), **EVIL}


def _has(s: Stage) -> Check:
    return lambda: s.has("hub", ANN, EVIL)


def _as(s: Stage, origin: str, seq: int) -> Check:
    """The edit is said to be somebody else's."""
    dot = Dot(origin, seq)
    fields = s.claim(ANN, _ann(s), dot=dot).fields
    mine = s.record("west", ANN)
    change = s.claim(
        ANN,
        _ann(s),
        version=mine.version.plus(dot),
        fields={**mine.fields, "extra.email": fields["extra.email"]},
    )
    s.lie(change)
    return lambda: s.has("hub", ANN, EVIL) and s.record("hub", ANN).fields["extra.email"].dot == dot


def _own(s: Stage) -> Check:
    s.put("west", "user", "ann", extra__email="evil")
    return _has(s)


def _known_edit_with_other_content(s: Stage) -> Check:
    """The hub's own edit of the record, with a content that the hub never wrote."""
    mine = s.record("west", ANN)
    forged = s.claim(ANN, _ann(s)).fields["extra.email"]
    dot = mine.fields["passwords"].dot
    own = Dot(s.store("west").data.state.origin, s.site("west").state().head or 1)
    fields = {**mine.fields, "extra.email": FieldState(forged.stamp, dot, forged.digest)}
    s.lie(s.claim(ANN, _ann(s), version=mine.version.plus(own), fields=fields))
    return _has(s)


def _same_version(s: Stage) -> Check:
    """The version that everybody has, with another content."""
    mine = s.record("west", ANN)
    fields = {**mine.fields, "extra.email": s.claim(ANN, _ann(s)).fields["extra.email"]}
    fields["extra.email"] = fields["extra.email"]._replace(dot=mine.fields["passwords"].dot)
    s.lie(s.claim(ANN, _ann(s), version=mine.version, fields=fields))
    return _has(s)


def _beyond_head(s: Stage) -> Check:
    """An edit that west has not numbered: it would stand for whatever west does later."""
    dot = Dot(s.store("west").data.state.origin, s.site("west").state().head + 1000)
    s.lie(s.claim(ANN, _ann(s), dot=dot, version=s.record("west", ANN).version.plus(dot)))
    return _has(s)


def _other_life(s: Stage) -> Check:
    """A new life in the middle of the feed."""
    s.put("west", "user", "ann", extra__phone="1")
    s.lie(s.claim(ANN, _ann(s)), upto=lambda page: Checkpoint("forged", page.upto.seq, page.upto.nonce))
    return _has(s)


def _knows_the_south(s: Stage, lie: bool) -> Check:
    """What the south is about to make is said to be known already, so that it would count as deleted."""
    origin = s.store("south").data.state.origin
    if lie:
        s.lie(knowledge=lambda page: Version({**page.knowledge.entries, origin: 10**6}), at_head=True)
        s.user("south", "later", "later")
        s.carry()
        return lambda: s.row("hub", Ref("user", "later")) is None
    s.user("south", "later", "later")
    s.carry()
    return lambda: s.row("hub", Ref("user", "later")) is not None


def _knows_the_hub(s: Stage) -> Check:
    """Edits that the hub has not made yet: it would take itself for restored and begin a new life."""
    before = s.store("hub").data.state.incarnation
    origin = s.store("hub").data.state.origin
    s.lie(knowledge=lambda page: Version({**page.knowledge.entries, origin: 10**6}))
    return lambda: s.store("hub").data.state.incarnation != before


def _other_records_document(s: Stage) -> Check:
    """An own record's address over another domain's document."""
    document = {**(s.row("west", Ref("user", "boss")) or {}), "passwords": [{"hash": "known"}]}
    document["domain_id"] = "d1"
    s.lie(s.claim(ANN, document))
    return lambda: s.has("hub", ANN, {"id": "boss"})


def _wrong_digests(s: Stage) -> Check:
    """Digests of another content: the hub would number what it then finds as its own edit."""
    honest = s.claim(ANN, _ann(s))
    fields = {**honest.fields, "extra.email": honest.fields["extra.email"]._replace(digest="0" * 32)}
    s.lie(replace(honest, fields=fields))
    return _has(s)


def _root(s: Stage, kind: str) -> Check:
    """The row above all domains, which no driver shows."""
    ref = Ref(kind, ROOT_DOMAIN)
    s.lie(s.claim(ref, {"id": ROOT_DOMAIN, "name": "evil", "enabled": False}))
    return lambda: s.row("hub", ref) is not None


def _cuts(s: Stage) -> Check:
    """A cut of the hub's own edits: everybody would adopt them anew."""
    origin = s.store("hub").data.state.origin
    s.lie(cuts={origin: 0})
    return lambda: bool(s.store("hub").data.state.cuts)


def _charter(s: Stage) -> Check:
    """A charter of west's own making."""
    s.lie(charter=Charter(Edition(99, 99)))
    return lambda: not s.site("hub").charter().delegations


def _written_charter(s: Stage) -> Check:
    """The same charter where it is to be written."""
    hub = s.site("hub")
    hub.write_charter(Charter(), hub.charter().edition)
    return lambda: not s.site("hub").charter().delegations


def _future(s: Stage, ahead: int) -> Check:
    """A stamp that nobody else could ever exceed."""
    stamp = s.clock.now() + ahead
    s.put("west", "user", "ann", extra__phone="1")
    s.lie(s.claim(ANN, _ann(s), stamp=stamp))
    return lambda: s.record("hub", ANN).fields["extra.email"].stamp == stamp


def _resurrect(s: Stage, deleted_at: str) -> Check:
    """A record that the hub has deleted, alive as ever, said to have seen the deletion."""
    ref = s.user("hub", "gone", "gone", domain_id="d1")
    s.sync()
    row, alive = s.row("west", ref), s.record("west", ref)
    s.delete("hub", ref)
    s.sync()
    if deleted_at == "west":
        return s.set("user", "gone", **{k.replace(".", "__"): v for k, v in (row or {}).items()})
    dot = Dot(s.store("west").data.state.origin, s.site("west").state().head)
    version = s.record("west", ref).version.plus(dot)
    s.lie(s.claim(ref, row, version=version, birth=alive.birth, fields=alive.fields))
    return lambda: s.row("hub", ref) is not None


def _hubs_deletion(s: Stage) -> Check:
    """A deletion that the hub is said to have made."""
    mine = s.record("west", ANN)
    own = Dot(s.store("west").data.state.origin, s.site("west").state().head)
    dead = mine.fields[DELETED]._replace(digest="deleted")
    s.lie(s.claim(ANN, None, version=mine.version.plus(own), fields={DELETED: dead}))
    return lambda: s.row("hub", ANN) is None


def _settled(s: Stage, lie: bool) -> Check:
    """West says that it has nothing more to show: what waits from the *south* is not decided by that."""
    user, project = s.user("south", "late", "late"), s.project("south", "late", "late")
    key = s.grant("south", "late", "late").key
    s.put("south", "user", "late", extra__email="last")
    s.put("south", "project", "late", description="last")
    s.send("south", "hub", limit=1) if not lie else None
    if lie:
        page = s.read("south", "hub", 1)
        s.site("hub").apply(page)
        s.lie(at_head=True)
        return lambda: s.row("hub", Ref("assignment", key)) is None
    assert user and project
    return lambda: s.row("hub", Ref("assignment", key)) is not None


def _purged(s: Stage, lie: bool) -> Check:
    """West says that it has applied everything: the south has not, so no tombstone goes."""
    gone = s.user("hub", "gone", "gone")
    s.sync()
    s.delete("hub", gone)
    s.send("hub", "west")
    if lie:
        state = s.site("hub").state()
        s.lie(fence=Fence(state.checkpoint), knowledge=state.all_knowledge, at_head=True)
    else:
        s.sync()
        s.sync()
    s.site("hub").purge(0)
    purged = gone not in s.store("hub").data.records
    return lambda: purged


def _poked(s: Stage, lie: bool) -> Check:
    """A poke brings a page that is said to be the south's, before the south has shown anything."""
    hub = s.site("hub")
    hub.forget("south")
    s.user("south", "eve", "eve")
    page = s.site("south").read("hub", None)
    if lie:
        from keystone_viaduct.sync.link.replicator import Replicator

        forged = _forged_south(s, page)
        lane = Replicator(s.site("south"), hub)
        lane._prime()
        lane.offer(forged)
        return lambda: s.has("hub", Ref("user", "boss"), EVIL)
    s.carry()
    return lambda: s.row("hub", Ref("user", "eve")) is not None


def _forged_south(s: Stage, page: Page) -> Page:
    ref = Ref("user", "boss")
    dot = Dot(f"south#{page.upto.incarnation}", page.upto.seq)
    document = {**(s.row("west", ref) or {}), **EVIL}
    version = s.record("west", ref).version.plus(dot)
    return replace(page, changes=(s.claim(ref, document, dot=dot, version=version, seq=page.upto.seq),))


def _beside_a_deletion_that_waits(s: Stage, lie: bool) -> Check:
    """The south's deletion of a user waits at the hub for the south's next page, and west lies about him."""
    ref = s.user("hub", "leaving", "leaving", domain_id="d2")
    s.sync()
    s.put("hub", "credential", "c", user_id="leaving", type="totp", blob="x")
    s.delete("south", ref)
    s.user("south", "later", "later")
    s.site("hub").apply(s.read("south", "hub", 1))
    if not lie:
        return _own(s)
    document = {**(s.row("hub", ref) or {}), **EVIL}
    dot = Dot(s.store("hub").data.state.origin, s.site("hub").state().head)
    mine = s.record("hub", ref)
    found = s.claim(ref, document, dot=dot).fields["extra.email"]
    fields = {**mine.fields, "extra.email": found}
    s.lie(s.claim(ref, document, version=mine.version.plus(dot), birth=mine.birth, fields=fields))
    taken = s.has("hub", ref, EVIL)
    return lambda: taken


def _gone(s: Stage, ref: Ref) -> Check:
    """A deletion, of what the hub has no record of."""
    s.lie(s.claim(ref, None))
    return lambda: ref in s.store("hub").data.records


def _domain_gone(s: Stage) -> Check:
    """Of an ordinary domain."""
    s.put("hub", "domain", "spare", name="spare", enabled=True)
    s.sync()
    return s.remove("domain", "spare")


def _of_a_site_alone(s: Stage, kind: str, key: str, **fields: Any) -> Check:
    """Every site has some under such ids: the hub's own are not to be overwritten, nor handed on."""
    ref = Ref(kind, key)
    s.lie(s.claim(ref, {"id": key, **fields}))
    return lambda: s.row("hub", ref) is not None or ref in s.store("hub").data.records


_USER = {"domain_id": "d1", "enabled": True, "local.name": "agent", "passwords": []}

ATTEMPTS = (
    Attempt(
        "the domain of accounts that never travel",
        lambda s: _of_a_site_alone(s, "domain", DOMAIN, name="evil", enabled=False),
        lambda s: _of_a_site_alone(s, "domain", "other", name="other", enabled=False),
        FULL,
    ),
    Attempt(
        "an account of a kind that never travels",
        lambda s: _of_a_site_alone(s, "user", f"{DOMAIN}-1", **_USER),
        lambda s: _of_a_site_alone(s, "user", "agent-1", **_USER),
    ),
    Attempt(
        "the going of the domain of accounts that never travel",
        lambda s: _gone(s, Ref("domain", DOMAIN)),
        _domain_gone,
        FULL,
    ),
    Attempt("an edit of another region's", lambda s: _as(s, "south#south-1", 10**6), _own),
    Attempt("an edit of a life of another region's that never was", lambda s: _as(s, "south#x", 1), _own),
    Attempt("an edit of a region that never was", lambda s: _as(s, "nowhere#1", 1), _own),
    Attempt("an edit that the hub has not made yet", lambda s: _as(s, "hub#hub-1", 10**6), _own),
    Attempt("an edit of the hub's, with another content", _known_edit_with_other_content, _own),
    Attempt("a known version, with another content", _same_version, _own),
    Attempt("an own edit beyond the own head", _beyond_head, _own),
    Attempt("a new life in the middle of the feed", _other_life, _own),
    Attempt(
        "knowledge of what another region is about to make",
        lambda s: _knows_the_south(s, True),
        lambda s: _knows_the_south(s, False),
    ),
    Attempt("knowledge of what the hub has not made yet", _knows_the_hub, _own),
    Attempt("an own address over another record's document", _other_records_document, _own),
    Attempt("digests of another content", _wrong_digests, _own),
    Attempt("the row above all domains", lambda s: _root(s, "domain"), _own, FULL),
    Attempt("the row above all projects", lambda s: _root(s, "project"), _own, ALL_DOMAINS),
    Attempt("a cut of the hub's edits", _cuts, _own),
    Attempt("a charter", _charter, _written_charter),
    Attempt(
        "a stamp that nobody can exceed",
        lambda s: _future(s, 100 * FARTHEST),
        lambda s: _future(s, FARTHEST // 2),
    ),
    Attempt(
        "a deleted record, back under its old edits",
        lambda s: _resurrect(s, "hub"),
        lambda s: _resurrect(s, "west"),
    ),
    Attempt("a deletion that the hub is said to have made", _hubs_deletion, _own),
    Attempt(
        "an end of the feed that settles what another region has under way",
        lambda s: _settled(s, True),
        lambda s: _settled(s, False),
    ),
    Attempt(
        "an edit of the hub's on a record whose deletion waits",
        lambda s: _beside_a_deletion_that_waits(s, True),
        lambda s: _beside_a_deletion_that_waits(s, False),
    ),
    Attempt(
        "an acknowledgement that lets tombstones go",
        lambda s: _purged(s, True),
        lambda s: _purged(s, False),
    ),
    Attempt(
        "a poke with a page in another region's name", lambda s: _poked(s, True), lambda s: _poked(s, False)
    ),
)
