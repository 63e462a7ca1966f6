"""A page of a feed, a change in it, and what became of it, as JSON.

Secret fields stand apart, sealed for the receiver; the page carries the key that opens them, itself sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keystone_viaduct.errors import BadDocument, BadKey, BadRequest, UnknownKind
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.charter import charter_to_json, coverage_to_json
from keystone_viaduct.sync.external import External, Externals, united
from keystone_viaduct.sync.model import (
    IN,
    OUT,
    ApplyResult,
    Change,
    Checkpoint,
    Conflict,
    Page,
    Peer,
    Ref,
    Unreadable,
)
from keystone_viaduct.sync.statement import statement_to_json
from keystone_viaduct.sync.wire import checks, limits, secrecy, values
from keystone_viaduct.sync.wire.charter import checked_charter, checked_coverage
from keystone_viaduct.sync.wire.listed import listed_from_json, listed_to_json
from keystone_viaduct.sync.wire.parts import position_from_json
from keystone_viaduct.sync.wire.statement import (
    digest_from_json,
    left_out_from_json,
    signing_key_from_json,
    statement_or_none,
)

_COUNTS = ("applied", "known", "merged", "pending")


def ref_from_json(value: Any, where: str) -> Ref:
    """``[kind, key]`` of a registered kind, with a key of its form."""
    kind, key = checks.tuple_of(value, where, 2)
    return check_ref(checks.text(kind, where, 32), checks.text(key, where, 700), where)


def check_ref(kind: str, key: str, where: str) -> Ref:
    """Raises UnknownKind, BadRequest."""
    declared = REGISTRY.get(kind)
    if declared is None:
        raise UnknownKind(
            f"{where}: this release has no kind {kind[:40]!r}",
            hint="upgrade keystone-viaduct at this site, or take the kind out of the fleet",
            kind=kind[:40],
        )
    if not key:
        raise checks.bad(where, "has an empty key")
    try:
        declared.split_key(key)
    except BadKey as error:
        raise BadRequest(f"{where}: {error.message}", hint=error.hint, where=where) from error
    return Ref(kind, key)


def change_to_json(change: Change, seal: secrecy.Seal) -> dict[str, Any]:
    """One feed entry."""
    parts = secrecy.split(change.ref, change.document, seal)
    body = {
        "ref": [*change.ref],
        "seq": change.seq,
        "version": values.version_to_json(change.version),
        "birth": values.dot_to_json(change.birth),
        "fields": values.fields_to_json(change.fields),
        "document": parts.plain,
        "scope": change.scope,
        **secrecy.members(parts),
    }
    if change.border:
        body["border"] = change.border
    if change.external:
        body["external"] = [[*owner] for owner in change.external]
    return body


def change_from_json(value: Any, where: str, opener: secrecy.Open) -> Change:
    """The opposite of :func:`change_to_json`; birth and every field's edit have to be part of the version."""
    body = checks.mapping(value, where)
    ref = ref_from_json(checks.member(body, "ref", where), f"{where}.ref")
    if "\0" in ref.key:
        raise checks.bad(f"{where}.ref", "has a NUL character", "PostgreSQL's columns hold none")
    version = values.version_from_json(checks.member(body, "version", where), f"{where}.version")
    birth = values.dot_from_json(checks.member(body, "birth", where), f"{where}.birth")
    fields = values.fields_from_json(checks.member(body, "fields", where), f"{where}.fields")
    scope = body.get("scope")
    place = f"{where}.document"
    parts = secrecy.Parts(checks.member(body, "document", where), body.get("raw", {}), body.get("sealed", {}))
    change = Change(
        ref,
        checks.integer(checks.member(body, "seq", where), f"{where}.seq", 1),
        version,
        birth,
        fields,
        secrecy.join(ref, parts, opener, place),
        None if scope is None else checks.text(scope, f"{where}.scope", 800),
        _border(body.get("border", ""), f"{where}.border"),
        _externals(body.get("external", []), f"{where}.external"),
    )
    _check_change(change, where)
    return change


def _border(value: Any, where: str) -> str:
    if value not in ("", IN, OUT):
        raise checks.bad(where, "is neither in nor out")
    return str(value)


def _externals(value: Any, where: str) -> Externals:
    """Owners without rows. One of a kind that a later release may know as an owner is left out."""
    found = []
    for number, item in enumerate(checks.sequence(value, where, limits.EXTERNALS)):
        place = f"{where}[{number}]"
        kind, key, domain = checks.tuple_of(item, place, 3)
        owner = External(
            checks.text(kind, place, 32), checks.text(key, place, 700), checks.text(domain, place, 800)
        )
        if owner.kind in ("user", "group"):
            found.append(owner)
    return united(found)


def _check_change(change: Change, where: str) -> None:
    if not change.version.includes(change.birth):
        raise checks.bad(where, "has a birth that is not part of its version")
    for dot in {state.dot for state in change.fields.values()}:
        if not change.version.includes(dot):
            raise checks.bad(where, f"has a field of {dot.origin}:{dot.seq}, not part of its version")
    if change.deleted and change.document:
        raise checks.bad(where, "is a tombstone with a document")
    if not change.deleted:
        missing = [name for name in change.document if name not in change.fields]
        if missing:
            raise checks.bad(where, f"has no state of its field {missing[0][:80]}")


def page_to_json(page: Page, sealing: str, seal: secrecy.Seal) -> dict[str, Any]:
    """A page for one receiver: ``seal`` closes a secret so that ``sealing`` lets that receiver open it."""
    return {
        "sealing": sealing,
        "source": page.source,
        "term": page.term,
        "hub": page.hub,
        "peers": [_told_to_json(peer) for peer in page.peers],
        "after": values.checkpoint_to_json(page.after),
        "upto": values.checkpoint_to_json(page.upto),
        "at_head": page.at_head,
        "fence": values.fence_to_json(page.fence),
        "cuts": dict(page.cuts),
        "coverage": coverage_to_json(page.coverage),
        "charter": None if page.charter is None else charter_to_json(page.charter),
        **({"statement": statement_to_json(page.statement)} if page.statement is not None else {}),
        **({"signed": page.signed} if page.signed else {}),
        **({"register": page.register} if page.register else {}),
        "knowledge": values.version_to_json(page.knowledge),
        "changes": [change_to_json(change, seal) for change in page.changes],
        "conflicts": [listed_to_json(conflict, seal) for conflict in page.conflicts],
        "capabilities": capabilities_to_json(page.capabilities),
        **values.exceptions_to_json(page.exceptions),
    }


def page_from_json(value: Any, opening: Callable[[str], secrecy.Open]) -> Page:
    """The opposite of :func:`page_to_json`, at the receiver: ``opening(sealing)`` gives what opens its
    secrets.

    Raises BadRequest, UnknownKind, SealingError.
    """
    body = checks.mapping(value, "page")
    sealing = checks.text(checks.member(body, "sealing", ""), "sealing", 4096)
    openers: list[secrecy.Open] = []

    def opener(sealed: str, context: str) -> Any:
        if not openers:  # a page without secrets costs no public-key operation
            openers.append(opening(sealing))
        return openers[0](sealed, context)

    changes, unreadable = _changes_from_json(body, opener)
    page = Page(
        source=checks.site_name(checks.member(body, "source", ""), "source"),
        term=checks.integer(checks.member(body, "term", ""), "term"),
        after=values.checkpoint_from_json(checks.member(body, "after", ""), "after"),
        upto=values.position_from_json(checks.member(body, "upto", ""), "upto"),
        at_head=checks.flag(checks.member(body, "at_head", ""), "at_head"),
        knowledge=values.version_from_json(checks.member(body, "knowledge", ""), "knowledge"),
        changes=changes,
        unreadable=unreadable,
        capabilities=capabilities_from_json(body.get("capabilities", {}), "capabilities"),
        fence=values.fence_from_json(body.get("fence"), "fence"),
        cuts=values.version_from_json(body.get("cuts", {}), "cuts").entries,
        coverage=checked_coverage(body.get("coverage", {}), "coverage"),
        exceptions=values.exceptions_from_json(body),
        charter=checked_charter(body["charter"], "charter") if body.get("charter") is not None else None,
        hub=checks.site_name(body["hub"], "hub") if body.get("hub") else "",
        statement=statement_or_none(body.get("statement"), "statement"),
        signed=left_out_from_json(body),
        register=digest_from_json(body.get("register", ""), "register"),
        peers=tuple(
            _told_from_json(peer, f"peers[{number}]")
            for number, peer in enumerate(checks.sequence(body.get("peers", []), "peers", limits.PEERS))
        ),
        conflicts=tuple(
            _listed_from_json(row, f"conflicts[{number}]", opener)
            for number, row in enumerate(checks.sequence(body.get("conflicts", []), "conflicts"))
        ),
    )
    _check_order(page)
    return page


def _changes_from_json(
    body: dict[str, Any], opener: secrecy.Open
) -> tuple[tuple[Change, ...], tuple[Unreadable, ...]]:
    """The changes; one that can't be read is named, and does not stop the others."""
    changes: list[Change] = []
    unreadable: list[Unreadable] = []
    found = checks.sequence(checks.member(body, "changes", ""), "changes", limits.PAGE_CHANGES)
    for number, value in enumerate(found):
        where = f"changes[{number}]"
        try:
            changes.append(change_from_json(value, where, opener))
        except (BadRequest, BadDocument) as error:
            unreadable.append(_unreadable(value, where, error))
    return tuple(changes), tuple(unreadable)


def _unreadable(value: Any, where: str, error: BadRequest | BadDocument) -> Unreadable:
    """What can be read of a change: which record, and which version. Raises the error if not even that."""
    try:
        body = checks.mapping(value, where)
        ref = ref_from_json(checks.member(body, "ref", where), f"{where}.ref")
        seq = checks.integer(checks.member(body, "seq", where), f"{where}.seq", 1)
        version = values.version_from_json(checks.member(body, "version", where), f"{where}.version")
    except (BadRequest, UnknownKind):
        raise error from None
    if not version or "\0" in ref.key:
        raise error
    return Unreadable(ref, seq, version, error.message)


def _listed_from_json(value: Any, where: str, opener: secrecy.Open) -> Conflict:
    body = checks.mapping(value, where)
    ref = ref_from_json(checks.member(body, "ref", where), f"{where}.ref")
    return listed_from_json(body, ref, where, opener)


def _told_to_json(peer: Peer) -> dict[str, Any]:
    """Another site, as the hub tells of it."""
    return {
        "site": peer.site,
        "public_key": values.key_to_json(peer.public_key),
        "incarnation": peer.incarnation,
        "seen": values.checkpoint_to_json(peer.seen),
        **({"signing_key": peer.signing_key} if peer.signing_key else {}),
    }


def _told_from_json(value: Any, where: str) -> Peer:
    body = checks.mapping(value, where)

    def get(name: str) -> Any:
        return checks.member(body, name, where)

    return Peer(
        checks.site_name(get("site"), f"{where}.site"),
        values.public_key_from_json(get("public_key"), f"{where}.public_key"),
        checks.identifier(get("incarnation"), f"{where}.incarnation"),
        seen=values.checkpoint_from_json(body.get("seen"), f"{where}.seen"),
        signing_key=signing_key_from_json(body, where),
    )


def _check_order(page: Page) -> None:
    """Changes stand in feed order, between the page's two ends."""
    same_life = page.after is not None and page.after.incarnation == page.upto.incarnation
    last = page.after.seq if page.after is not None and same_life else 0
    if page.upto.seq < last:
        raise checks.bad("upto", "lies before after")
    for number, change in enumerate(page.changes):
        if not last < change.seq <= page.upto.seq:
            raise checks.bad(f"changes[{number}].seq", "is out of order")
        last = change.seq
    if any(bad.seq > page.upto.seq for bad in page.unreadable):
        raise checks.bad("changes", "have a position that is not of this page")
    if any(not 0 < conflict.seq <= page.upto.seq for conflict in page.conflicts):
        raise checks.bad("conflicts", "have a position that is not of this page")


def capabilities_to_json(capabilities: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """Kind -> the fields that a release can store."""
    return {kind: sorted(fields) for kind, fields in capabilities.items()}


def capabilities_from_json(value: Any, where: str) -> dict[str, frozenset[str]]:
    """The opposite of :func:`capabilities_to_json`; kinds unknown here are kept."""
    result: dict[str, frozenset[str]] = {}
    for kind, fields in checks.mapping(value, where, limits.CAPABILITY_FIELDS).items():
        place = f"{where}.{kind[:40]}"
        names = checks.sequence(fields, place, limits.CAPABILITY_FIELDS)
        result[checks.text(kind, where, 32)] = frozenset(checks.text(n, place, limits.FIELD) for n in names)
    return result


def result_to_json(result: ApplyResult) -> dict[str, Any]:
    """What became of a page."""
    return {
        **{name: getattr(result, name) for name in _COUNTS},
        "conflicts": [[*ref] for ref in result.conflicts],
        "checkpoint": values.checkpoint_to_json(result.checkpoint),
        "knowledge": values.version_to_json(result.knowledge),
        "head": values.checkpoint_to_json(result.head),
        **({"parts": result.parts} if result.parts else {}),
        **({"signed": result.signed} if result.signed else {}),
        **({"register": result.register} if result.register else {}),
    }


def result_from_json(value: Any) -> ApplyResult:
    """The opposite of :func:`result_to_json`."""
    body = checks.mapping(value, "result")

    def position(name: str) -> Checkpoint:
        return values.position_from_json(checks.member(body, name, ""), name)

    refused = checks.sequence(checks.member(body, "conflicts", ""), "conflicts", limits.PAGE_CHANGES)
    return ApplyResult(
        **{name: checks.integer(checks.member(body, name, ""), name) for name in _COUNTS},
        conflicts=tuple(ref_from_json(ref, "conflicts") for ref in refused),
        checkpoint=position("checkpoint"),
        knowledge=values.version_from_json(checks.member(body, "knowledge", ""), "knowledge"),
        head=position("head"),
        parts=position_from_json(body.get("parts", ""), "parts") or "",
        named=(),
        due=False,
        signed=digest_from_json(body.get("signed", ""), "signed"),
        register=digest_from_json(body.get("register", ""), "register"),
    )
