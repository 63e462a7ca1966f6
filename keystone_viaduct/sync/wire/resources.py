"""Everything else that the API speaks of: capabilities, peers, leases, conflicts, records, digests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from keystone_viaduct.kinds.raw import same
from keystone_viaduct.sync.external import ExternalDrivers
from keystone_viaduct.sync.model import Checkpoint, Conflict, Document, Peer, Record, Ref, SiteState, Standing
from keystone_viaduct.sync.statement import Lineage
from keystone_viaduct.sync.wire import checks, limits, secrecy, values
from keystone_viaduct.sync.wire.listed import row_to_json
from keystone_viaduct.sync.wire.microversion import EARLIEST, LATEST, Microversion, spoken
from keystone_viaduct.sync.wire.page import capabilities_from_json, capabilities_to_json
from keystone_viaduct.sync.wire.parts import position_from_json
from keystone_viaduct.sync.wire.statement import (
    Find,
    digest_from_json,
    lineage_from_json,
    lineage_to_json,
    nothing_known,
    signing_key_from_json,
)
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json, public_key_from_json


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a site says of itself at first contact. ``release`` is Keystone's, ``product`` ours; ``drivers``
    are the identity drivers of domains whose users and groups have no rows. ``lineage`` is what shows who is
    the hub.
    """

    site: str
    incarnation: str
    hub: str
    term: int
    head: Checkpoint
    public_key: bytes
    has_secret: bool
    versions: tuple[str, ...] = (limits.VERSION,)
    product: str = ""
    release: str = ""
    kinds: dict[str, frozenset[str]] = field(default_factory=dict)
    drivers: ExternalDrivers = field(default_factory=ExternalDrivers)
    signing_key: str = ""
    lineage: Lineage = ()
    api_versions: tuple[Microversion, ...] = (EARLIEST, LATEST)

    @classmethod
    def of(cls, state: SiteState, **rest: Any) -> Capabilities:
        """From a site's state."""
        return cls(
            site=state.site,
            incarnation=state.incarnation,
            hub=state.hub,
            term=state.term,
            head=state.checkpoint,
            has_secret=bool(state.fleet_secret),
            lineage=state.lineage,
            **rest,
        )


def capabilities_document(found: Capabilities, known: Collection[str] = ()) -> dict[str, Any]:
    """As JSON; ``external`` is left out where SQL has every domain. ``known`` as in
    :func:`lineage_to_json`.
    """
    body: dict[str, Any] = {
        "versions": list(found.versions),
        "api_versions": [str(version) for version in found.api_versions],
        "site": found.site,
        "incarnation": found.incarnation,
        "hub": found.hub,
        "term": found.term,
        "head": values.checkpoint_to_json(found.head),
        "public_key": key_to_json(found.public_key),
        "has_secret": found.has_secret,
        "product": found.product,
        "release": found.release,
        "kinds": capabilities_to_json(found.kinds),
        **({"signing_key": found.signing_key} if found.signing_key else {}),
        **({"lineage": lineage_to_json(found.lineage, known)} if found.lineage else {}),
        "limits": {"page_changes": limits.PAGE_CHANGES, "body": limits.BODY, "body_open": limits.BODY_OPEN},
    }
    if found.drivers:
        body["external"] = {"drivers": dict(found.drivers.names), "unmapped": found.drivers.unmapped}
    return body


def capabilities_of(value: Any, find: Find = nothing_known) -> Capabilities:
    """The opposite of :func:`capabilities_document`."""
    body = checks.mapping(value, "capabilities")

    def get(name: str) -> Any:
        return checks.member(body, name, "")

    return Capabilities(
        versions=tuple(
            checks.text(version, "versions", 16)
            for version in checks.sequence(get("versions"), "versions", 20)
        ),
        site=checks.site_name(get("site"), "site"),
        incarnation=checks.identifier(get("incarnation"), "incarnation"),
        hub=checks.site_name(get("hub"), "hub"),
        term=checks.integer(get("term"), "term"),
        head=values.position_from_json(get("head"), "head"),
        public_key=public_key_from_json(get("public_key"), "public_key"),
        has_secret=checks.flag(get("has_secret"), "has_secret"),
        product=checks.text(get("product"), "product", 64),
        release=checks.text(get("release"), "release", 64),
        kinds=capabilities_from_json(get("kinds"), "kinds"),
        drivers=_drivers_of(body.get("external", {})),
        signing_key=signing_key_from_json(body, ""),
        lineage=lineage_from_json(body.get("lineage", []), "lineage", find),
        api_versions=spoken(body.get("api_versions")),
    )


def _drivers_of(value: Any) -> ExternalDrivers:
    body = checks.mapping(value, "external", limits.LIST)
    names = checks.mapping(body.get("drivers", {}), "external.drivers", limits.LIST)
    return ExternalDrivers(
        {
            checks.text(domain, "external.drivers", limits.FIELD): checks.text(
                name, "external.drivers", limits.FIELD
            )
            for domain, name in names.items()
        },
        checks.text(body["unmapped"], "external.unmapped", limits.FIELD) if body.get("unmapped") else "",
    )


def standing_to_json(standing: Standing, known: Collection[str] = ()) -> dict[str, Any]:
    """As JSON; ``known`` as in :func:`lineage_to_json`."""
    return {
        "origin": standing.origin,
        "checkpoint": values.checkpoint_to_json(standing.checkpoint),
        "fence": values.fence_to_json(standing.fence),
        "knowledge": values.version_to_json(standing.knowledge),
        "term": standing.term,
        "hub": standing.hub,
        **values.exceptions_to_json(standing.exceptions),
        **({"parts": standing.parts} if standing.parts is not None else {}),
        **({"lineage": lineage_to_json(standing.lineage, known)} if standing.lineage else {}),
        **({"signed": standing.signed} if standing.signed else {}),
        **({"register": standing.register} if standing.register else {}),
    }


def standing_from_json(value: Any, find: Find = nothing_known) -> Standing:
    """The opposite of :func:`standing_to_json`."""
    body = checks.mapping(value, "standing")
    return Standing(
        checks.origin(checks.member(body, "origin", ""), "origin"),
        values.checkpoint_from_json(checks.member(body, "checkpoint", ""), "checkpoint"),
        values.fence_from_json(body.get("fence"), "fence"),
        values.version_from_json(checks.member(body, "knowledge", ""), "knowledge"),
        checks.integer(checks.member(body, "term", ""), "term"),
        checks.site_name(checks.member(body, "hub", ""), "hub"),
        values.exceptions_from_json(body),
        position_from_json(body.get("parts"), "parts"),
        lineage_from_json(body.get("lineage", []), "lineage", find),
        digest_from_json(body.get("signed", ""), "signed"),
        digest_from_json(body.get("register", ""), "register"),
    )


def peer_to_json(peer: Peer) -> dict[str, Any]:
    """As JSON."""
    return {
        "site": peer.site,
        "public_key": key_to_json(peer.public_key),
        "incarnation": peer.incarnation,
        "acknowledged": peer.acknowledged,
        "live": peer.live,
        "heard": peer.heard,
        "capabilities": {kind: list(fields) for kind, fields in peer.capabilities.items()},
        **({"signing_key": peer.signing_key} if peer.signing_key else {}),
    }


def peer_from_json(site: str, value: Any) -> Peer:
    """What is registered of a site; how far it has come is never taken from outside."""
    body = checks.mapping(value, "peer")
    kinds = capabilities_from_json(body.get("capabilities", {}), "capabilities")
    return Peer(
        checks.site_name(site, "site"),
        public_key_from_json(checks.member(body, "public_key", ""), "public_key"),
        checks.identifier(checks.member(body, "incarnation", ""), "incarnation"),
        capabilities={kind: tuple(sorted(fields)) for kind, fields in kinds.items()},
        signing_key=signing_key_from_json(body, ""),
    )


def proofs_from_json(value: Any) -> list[bytes]:
    """What shows that a public key is its site's."""
    told = checks.sequence(value, "proofs", limits.PROOFS)
    return [bytes_from_json(proof, f"proofs[{number}]") for number, proof in enumerate(told)]


def conflict_to_json(conflict: Conflict, *, detail: bool) -> dict[str, Any]:
    """As JSON; ``detail`` adds what was lost, without its secrets."""
    body = {**row_to_json(conflict), "kind": conflict.ref.kind, "key": conflict.ref.key}
    if detail:
        parts = secrecy.shown(conflict.ref.kind, conflict.lost)
        body |= {"lost": parts.plain, **secrecy.members(parts)}
        body["lost_secrets"] = sorted(
            name for name in conflict.lost if secrecy.is_confidential(conflict.ref.kind, name)
        )
    return body


def conflicts_from_json(value: Any) -> list[dict[str, Any]]:
    """The conflicts of a list, as they are."""
    found = checks.sequence(checks.member(checks.mapping(value, ""), "conflicts", ""), "conflicts")
    return [checks.mapping(entry, f"conflicts[{number}]") for number, entry in enumerate(found)]


def write_to_json(ref: Ref, old: Document | None, new: Document | None) -> dict[str, Any]:
    """What happens to a record, without what it holds: ``create``, ``change`` or ``delete``, and which
    fields.
    """
    does = "create" if old is None else "delete" if new is None else "change"
    before, after = old or {}, new or {}
    changed = (
        name
        for name in {*before, *after}
        if (name in before) is not (name in after) or not same(before.get(name), after.get(name))
    )
    fields = [values.name_to_json(name) for name in sorted(changed)] if does == "change" else []
    return {"kind": ref.kind, "key": ref.key, "does": does, "fields": fields}


def record_to_json(record: Record, content: Document) -> dict[str, Any]:
    """A record as it stands; the secret fields that it has are named and not shown."""
    parts = secrecy.shown(record.ref.kind, content)
    return {
        "kind": record.ref.kind,
        "key": record.ref.key,
        "seq": record.seq,
        "version": values.version_to_json(record.version),
        "birth": values.dot_to_json(record.birth),
        "deleted": record.deleted,
        "digest": record.digest,
        "scope": record.scope,
        "document": parts.plain,
        **secrecy.members(parts),
        "secret": sorted(name for name in content if secrecy.is_confidential(record.ref.kind, name)),
        "stamps": {name: state.stamp for name, state in record.fields.items()},
    }
