"""The routes of ``/v3/OS-SYNC`` and what each does with a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import flask
import flask_restful
from keystone.common import json_home
from keystone.server import flask as ks_flask

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.registry import get as get_kind
from keystone_viaduct.sync.api import assembly, changes, figures
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.conflicts import ACTIONS, RESTORE, ConflictsService
from keystone_viaduct.sync.api.gate import Reply, argument, gated, number, read_json, truth
from keystone_viaduct.sync.api.joining import JoiningService
from keystone_viaduct.sync.api.keyroutes import KeyRepositoryResource, KeysResource, PublicKeysResource
from keystone_viaduct.sync.api.merges import merge
from keystone_viaduct.sync.api.policy import enforce
from keystone_viaduct.sync.api.records import Found, RecordsService
from keystone_viaduct.sync.api.service import Service
from keystone_viaduct.sync.charter import charter_to_json
from keystone_viaduct.sync.model import Conflict, Fence, Ref
from keystone_viaduct.sync.sealing import key_fingerprint
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.waiting import name_of, shown
from keystone_viaduct.sync.wire import checks, comparing, limits, upkeep, values
from keystone_viaduct.sync.wire.joining import choices_from_json, choices_to_json
from keystone_viaduct.sync.wire.merging import merge_from_json, united_to_json
from keystone_viaduct.sync.wire.office import beyond_from_json, office_to_json, order_from_json
from keystone_viaduct.sync.wire.page import check_ref
from keystone_viaduct.sync.wire.parts import position_from_json
from keystone_viaduct.sync.wire.resources import (
    capabilities_document,
    conflict_to_json,
    peer_from_json,
    peer_to_json,
    proofs_from_json,
    record_to_json,
    standing_to_json,
    write_to_json,
)
from keystone_viaduct.sync.wire.secrecy import with_raw
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json

#: Stands in each route, not in the class: Keystone takes off trailing slashes, so a prefix has no root of its
#: own.
PREFIX = "/OS-SYNC"
_RELATION = "https://docs.openstack.org/api/openstack-identity/3/ext/OS-SYNC/1.0/rel/"
_PARAMETER = "https://docs.openstack.org/api/openstack-identity/3/ext/OS-SYNC/1.0/param/"


class CapabilitiesResource(flask_restful.Resource):  # type: ignore[misc]
    """What this site is."""

    @gated("sync:get_capabilities")
    def get(self) -> Reply:
        """Capabilities."""
        return Reply(capabilities_document(assembly.service().capabilities()))


class ChangesResource(flask_restful.Resource):  # type: ignore[misc]
    """The feed, and what comes from another one."""

    @gated("sync:read_changes")
    def get(self) -> Reply:
        """A page for a registered peer."""
        after = argument("after", "")
        position = values.checkpoint_from_text(after, "after") if after else None
        reader = checks.reader(argument("reader"), "reader")
        limit = number("limit", limits.PAGE_DEFAULT, limits.PAGE_CHANGES)
        bytes_ = number("bytes", limits.PAGE_BYTES, limits.BODY_OPEN)
        parts = position_from_json(argument("parts"), "parts") if "parts" in flask.request.args else None
        encoding = flask.request.headers.get("Accept-Encoding")
        size = max(bytes_, limits.PAGE_BYTES_LEAST)
        asked = changes.Asked(reader, position, limit, _fence(), size, parts, encoding)
        return Reply(raw=changes.read(assembly.service(), asked))

    @gated("sync:apply_changes")
    def post(self) -> Reply:
        """Apply a page."""
        return Reply(changes.apply(assembly.service(), read_json(limits.BODY, limits.BODY_OPEN)))


class RecordResource(flask_restful.Resource):  # type: ignore[misc]
    """One record."""

    @gated("sync:get_record")
    def get(self, kind: str, key: str) -> Reply:
        """The record without its secrets."""
        return _found(RecordsService(assembly.service()).get(_ref(kind, key)))

    @gated("sync:put_record")
    def put(self, kind: str, key: str) -> Reply:
        """Create or replace it under this id."""
        body = checks.mapping(read_json(), "body")
        document = checks.mapping(checks.member(body, "document", ""), "document", limits.RECORD_FIELDS)
        document = with_raw(document, body.get("raw", {}), "raw")
        ref = _ref(kind, key)
        found, created = RecordsService(assembly.service()).put(ref, document, _expected())
        reply = _found(found, 201 if created else 200)
        return replace(reply, noted=Noted(str(ref), None, {"digest": found.record.digest}))

    @gated("sync:delete_record")
    def delete(self, kind: str, key: str) -> Reply:
        """Delete it."""
        ref = _ref(kind, key)
        RecordsService(assembly.service()).delete(ref, _expected())
        return Reply(status=204, noted=Noted(str(ref), {"there": True}))


class CheckpointResource(flask_restful.Resource):  # type: ignore[misc]
    """How far this site has come with another."""

    @gated("sync:get_checkpoint")
    def get(self, site: str) -> Reply:
        """Checkpoint and knowledge."""
        standing = assembly.service().standing(checks.site_name(site, "site"), _fence())
        return Reply({"site": site, **standing_to_json(standing)})

    @gated("sync:resume_checkpoint")
    def put(self, site: str) -> Reply:
        """Go on from there, after a comparison."""
        places = comparing.places_from_json(read_json())
        name = checks.site_name(site, "site")
        assembly.service().compared(name).resume(name, places)
        return Reply(status=204)

    @gated("sync:forget_checkpoint")
    def delete(self, site: str) -> Reply:
        """Start over with that site."""
        assembly.service().forget(checks.site_name(site, "site"))
        return Reply(status=204)


class SummaryResource(flask_restful.Resource):  # type: ignore[misc]
    """Digests of many records."""

    @gated("sync:compare")
    def post(self) -> Reply:
        """Tallies one digit below the buckets that are asked for."""
        asked = comparing.question_from_json(read_json())
        site = assembly.service().compared(asked.reader)
        found = site.summary(asked.reader, asked.within, asked.fence, asked.kinds)
        return Reply(comparing.summary_to_json(found))


class ListingResource(flask_restful.Resource):  # type: ignore[misc]
    """Digests of single records."""

    @gated("sync:compare")
    def post(self) -> Reply:
        """The records of some buckets."""
        asked = comparing.question_from_json(read_json())
        if asked.within is None:
            raise BadRequest("within is missing", hint="name the buckets to list", where="within")
        site = assembly.service().compared(asked.reader)
        return Reply(comparing.listing_to_json(site.listing(asked.reader, asked.within)))


class ShownResource(flask_restful.Resource):  # type: ignore[misc]
    """What another site has missed."""

    @gated("sync:show_records")
    def post(self) -> Reply:
        """Move records to the end of the feed."""
        reader, refs = comparing.shown_from_json(read_json())
        head = assembly.service().compared(reader).show(reader, refs)
        return Reply({"head": values.checkpoint_to_json(head)})


class PurgeResource(flask_restful.Resource):  # type: ignore[misc]
    """What is kept for a time only."""

    @gated("sync:purge")
    def post(self) -> Reply:
        """Drop what is due."""
        times = upkeep.times_from_json(read_json())
        kept = times.tombstones, times.lost, times.away, times.before
        keep = Retention(*kept, after=times.after or 0, conflicts=times.conflicts)
        found = assembly.service().clean(keep)
        return Reply(upkeep.purged_to_json(found))


class SweepResource(flask_restful.Resource):  # type: ignore[misc]
    """This site's tables against its records."""

    @gated("sync:get_sweep")
    def get(self) -> Reply:
        """How far it is, and what waits for a person."""
        return Reply(upkeep.report_to_json(*assembly.service().swept()))

    @gated("sync:sweep")
    def post(self) -> Reply:
        """The next batch."""
        limit = checks.member(checks.mapping(read_json(), "body"), "limit", "")
        place = assembly.service().sweep(checks.integer(limit, "limit", 1, limits.SWEPT))
        return Reply(upkeep.sweep_to_json(place))


class WaitingResource(flask_restful.Resource):  # type: ignore[misc]
    """What waits at this site."""

    @gated("sync:get_waiting")
    def get(self) -> Reply:
        """How many records in which state, and the first of them."""
        wanted = {name: argument(name, "") for name in ("state", "kind", "source", "marker")}
        limit = number("limit", limits.WAITING, limits.WAITING)
        return Reply(upkeep.waiting_to_json(assembly.service().waiting(), limit=limit, **wanted))

    @gated("sync:retry_waiting")
    def post(self) -> Reply:
        """Another try."""
        return Reply({"records": assembly.service().retry()})


class FiguresResource(flask_restful.Resource):  # type: ignore[misc]
    """What this Keystone has counted."""

    @gated("sync:get_figures")
    def get(self) -> Reply:
        """Calls that were run again, reads that were saved, upgrades of the schema."""
        return Reply(dict(figures.gather()))


class HeldResource(flask_restful.Resource):  # type: ignore[misc]
    """Deletions that wait for a person."""

    @gated("sync:decide_held")
    def post(self) -> Reply:
        """Confirm or discard them."""
        confirm, kinds = upkeep.decision_from_json(read_json())
        told = {"confirm": confirm, "kinds": sorted(kinds) if kinds is not None else "all"}
        number = assembly.service().decide_held(kinds, confirm=confirm)
        return Reply({"records": number}, noted=Noted("held", None, {**told, "records": number}))


class PeersResource(flask_restful.Resource):  # type: ignore[misc]
    """The registered sites."""

    @gated("sync:list_peers")
    def get(self) -> Reply:
        """All of them."""
        return Reply({"peers": [peer_to_json(peer) for peer in assembly.service().peers()]})


class PeerResource(flask_restful.Resource):  # type: ignore[misc]
    """One registered site."""

    @gated("sync:register_peer")
    def put(self, site: str) -> Reply:
        """Register it."""
        body = checks.mapping(read_json(), "peer")
        peer, proofs = peer_from_json(site, body), proofs_from_json(body.get("proofs", []))
        confirmed = checks.flag(body.get("confirmed", False), "confirmed")
        if confirmed:
            enforce("sync:confirm_key")
        before = key_of_peer(assembly.service(), peer.site)
        found = assembly.service().register(peer, proofs, confirmed=confirmed)
        key = key_fingerprint(found.public_key)
        told = {"key": key, "confirmed": confirmed}
        noted = None if before == key else Noted(f"peer {peer.site}", before and {"key": before}, told)
        return Reply(peer_to_json(found), noted=noted)

    @gated("sync:retire_peer")
    def delete(self, site: str) -> Reply:
        """Forget it, at the hub."""
        force = truth("force")
        found = assembly.service().retire(checks.site_name(site, "site"), force=force)
        told = upkeep.retired_to_json(found)
        return Reply(told, noted=Noted(f"peer {found.site}", told))


class KeyProofsResource(flask_restful.Resource):  # type: ignore[misc]
    """What shows that this site's public key is its own."""

    @gated("sync:get_capabilities")
    def get(self) -> Reply:
        """For a peer that knows an older one."""
        reader = checks.site_name(argument("reader"), "reader")
        found = assembly.service().key_proofs(reader)
        return Reply({"reader": reader, "proofs": [key_to_json(proof) for proof in found]})


class RecordsResource(flask_restful.Resource):  # type: ignore[misc]
    """Records by name."""

    @gated("sync:get_record")
    def get(self) -> Reply:
        """Where something of that name is."""
        name = checks.text(argument("name"), "name", limits.FIELD)
        kind = argument("kind", "")
        kinds = [get_kind(kind).name] if kind else list(REGISTRY)
        found = RecordsService(assembly.service()).named(name, kinds, number("limit", 100, limits.LIST))
        return Reply({"records": [{"kind": ref.kind, "key": ref.key, "name": text} for ref, text in found]})


class LeaseResource(flask_restful.Resource):  # type: ignore[misc]
    """Which agent is at work."""

    @gated("sync:get_lease")
    def get(self) -> Reply:
        """Who holds it, and until when."""
        holder, until = assembly.service().lease()
        return Reply({"holder": holder, "until": until})

    @gated("sync:hold_lease")
    def put(self) -> Reply:
        """Take or renew it."""
        body = checks.mapping(read_json(), "lease")
        holder = checks.text(checks.member(body, "holder", ""), "holder", 255)
        ttl = checks.member(body, "ttl", "")
        if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 1 <= ttl <= limits.LEASE_LONGEST:
            raise checks.bad("ttl", f"is not from 1 to {limits.LEASE_LONGEST} seconds")
        if not holder:
            raise checks.bad("holder", "is empty")
        until, poke_key = assembly.service().take_lease(holder, ttl)
        return Reply({"holder": holder, "until": until, "poke_key": poke_key})

    @gated("sync:hold_lease")
    def delete(self) -> Reply:
        """Give it back."""
        assembly.service().release_lease(checks.text(argument("holder"), "holder", 255))
        return Reply(status=204)


class ConflictsResource(flask_restful.Resource):  # type: ignore[misc]
    """The list of conflicts."""

    @gated("sync:list_conflicts")
    def get(self) -> Reply:
        """The latest first."""
        wanted = {name: argument(name, "") for name in ("marker", "kind", "key", "site", "sort")}
        found = assembly.service().conflicts(
            number("limit", 100, limits.LIST), open_only=truth("open"), **wanted
        )
        names = assembly.service().names(conflict.ref for conflict in found)
        told = [{**conflict_to_json(one, detail=False), "name": shown(called(one, names))} for one in found]
        return Reply({"conflicts": told})

    @gated("sync:resolve_conflict")
    def post(self) -> Reply:
        """Leave as decided all that was refused to a site, at the hub."""
        body = checks.mapping(read_json(), "body")
        site = checks.site_name(checks.member(body, "keep_refused", ""), "keep_refused")
        number = ConflictsService(assembly.service()).keep_refused(site)
        return Reply({"records": number}, noted=Noted(f"refused {site}", None, {"kept": number}))


class ConflictResource(flask_restful.Resource):  # type: ignore[misc]
    """One conflict."""

    @gated("sync:list_conflicts")
    def get(self, conflict_id: str) -> Reply:
        """With what was lost."""
        found = assembly.service().conflict(checks.identifier(conflict_id, "id"))
        name = called(found, assembly.service().names([found.ref]))
        return Reply({**conflict_to_json(found, detail=True), "name": shown(name)})


class ResolutionResource(flask_restful.Resource):  # type: ignore[misc]
    """What an operator makes of a conflict."""

    @gated("sync:resolve_conflict")
    def put(self, conflict_id: str) -> Reply:
        """``keep`` what was decided, ``restore`` what was lost, under another ``name``, or ``withdraw`` what
        was judged again, at the hub.
        """
        body = checks.mapping(read_json(), "resolution")
        how = checks.text(checks.member(body, "action", ""), "action", 16)
        if how not in ACTIONS:
            raise BadRequest(f"there is no action {how!r}", hint="keep, restore or withdraw", where="action")
        name = checks.text(body["name"], "name", limits.FIELD) if "name" in body else None
        if name == "" or (name and how != RESTORE):
            raise BadRequest("this name names nothing", hint="give one to restore, or none", where="name")
        dry_run = checks.flag(body.get("dry_run", False), "dry_run")
        found, writes = ConflictsService(assembly.service()).resolve(
            checks.identifier(conflict_id, "id"), how, name or "", dry_run=dry_run
        )
        noted = Noted(f"conflict {found.id} {found.ref}", None, {"resolution": found.resolution})
        told = {"writes": [write_to_json(*write[:3]) for write in writes]}
        reply = conflict_to_json(found, detail=True) | told
        return Reply(reply, noted=None if dry_run else noted)


class MergesResource(flask_restful.Resource):  # type: ignore[misc]
    """Two ids of one thing."""

    @gated("sync:merge_records")
    def post(self) -> Reply:
        """Make one of them the other, at the hub."""
        loser, winner = merge_from_json(read_json())
        found = united_to_json(merge(assembly.service(), loser, winner))
        return Reply(found, noted=Noted(str(loser), {"key": loser.key}, {"key": winner.key}))


class JoiningResource(flask_restful.Resource):  # type: ignore[misc]
    """Whose access changes how when a site joins."""

    @gated("sync:get_joining")
    def get(self, site: str) -> Reply:
        """What was chosen and is not used up."""
        name = checks.site_name(site, "site")
        return Reply(choices_to_json(name, JoiningService(assembly.service()).choices(name)))

    @gated("sync:put_joining")
    def put(self, site: str) -> Reply:
        """Choose, at the hub, before the site's first page."""
        name = checks.site_name(site, "site")
        choices = choices_from_json(read_json(limits.BODY, limits.BODY_OPEN))
        return Reply(choices_to_json(name, JoiningService(assembly.service()).choose(name, choices)))


class HubResource(flask_restful.Resource):  # type: ignore[misc]
    """Who is the hub, and who shall be."""

    @gated("sync:get_hub")
    def get(self) -> Reply:
        """What this site knows of it, and whether it could be the next one."""
        return Reply(office_to_json(assembly.service().office()))

    @gated("sync:follow_hub")
    def put(self) -> Reply:
        """Follow a hub of a later term."""
        before = _hub()
        assembly.service().follow(order_from_json(read_json()))
        return Reply(status=204, noted=Noted("hub", before, _hub()))

    @gated("sync:promote")
    def post(self) -> Reply:
        """Be the hub from now on."""
        before = _hub()
        found = office_to_json(assembly.service().promote(beyond_from_json(read_json())))
        return Reply(found, noted=Noted("hub", before, _hub()))

    @gated("sync:promote")
    def delete(self) -> Reply:
        """Hand over to another site, at the hub."""
        successor = checks.site_name(argument("successor"), "successor")
        before = _hub()
        found = office_to_json(assembly.service().resign(successor))
        return Reply(found, noted=Noted("hub", before, _hub()))


class CharterResource(flask_restful.Resource):  # type: ignore[misc]
    """What each spoke holds and may change, and who wins conflicts."""

    @gated("sync:get_charter")
    def get(self) -> Reply:
        """The charter that this site goes by."""
        return Reply(charter_to_json(assembly.service().charter()))

    @gated("sync:put_charter")
    def put(self) -> Reply:
        """At the hub: replace the edition that the body names."""
        before = charter_to_json(assembly.service().charter())
        found = charter_to_json(assembly.service().write_charter(read_json()))
        return Reply(found, noted=Noted("charter", before, found))


class AuditResource(flask_restful.Resource):  # type: ignore[misc]
    """Who has changed the fleet's settings at this site."""

    @gated("sync:list_audit")
    def get(self) -> Reply:
        """The latest first."""
        limit = number("limit", 100, limits.LIST)
        found = assembly.service().store.read(lambda tx: tx.audit(limit))
        return Reply({"audit": [entry._asdict() for entry in found]})


class PokeKeyResource(flask_restful.Resource):  # type: ignore[misc]
    """What proves this site's pokes."""

    @gated("sync:read_poke_key")
    def get(self) -> Reply:
        """The key that this site and the agent share."""
        return Reply({"poke_key": assembly.service().poke_key()})


class SecretResource(flask_restful.Resource):  # type: ignore[misc]
    """The fleet's secret, always sealed."""

    @gated("sync:read_secret")
    def get(self) -> Reply:
        """Sealed for a registered peer."""
        reader = checks.site_name(argument("reader"), "reader")
        return Reply({"reader": reader, "sealed": key_to_json(assembly.service().sealed_secret(reader))})

    @gated("sync:write_secret")
    def put(self) -> Reply:
        """Take it when joining."""
        body = checks.mapping(read_json(), "secret")
        assembly.service().take_secret(
            bytes_from_json(checks.member(body, "sealed", ""), "sealed"),
            checks.site_name(checks.member(body, "source", ""), "source"),
            checks.integer(checks.member(body, "term", ""), "term"),
        )
        return Reply(status=204)


def _hub() -> dict[str, object]:
    """Whom this site takes for the hub, and since which term."""
    found = assembly.service().office()
    return {"hub": found.hub, "term": found.term}


def called(conflict: Conflict, names: Mapping[Ref, str]) -> str:
    """The name of the record that it is about: as it is now, else as it was lost."""
    return names.get(conflict.ref, "") or name_of(conflict.ref, conflict.lost)


def key_of_peer(service: Service, site: str) -> str:
    """The fingerprint of what is registered of a site; '' for nothing."""
    return next((key_fingerprint(peer.public_key) for peer in service.peers() if peer.site == site), "")


def _fence() -> Fence | None:
    text = argument("fence", "")
    return values.fence_from_text(text, "fence") if text else None


def _ref(kind: str, key: str) -> Ref:
    return check_ref(kind, unquote(key), "record")


def _expected() -> str | None:
    text = flask.request.headers.get("If-Match")
    return None if text is None else text.strip().strip('"')


def _found(found: Found, status: int = 200) -> Reply:
    body = record_to_json(found.record, found.content)
    return Reply(body, status, {"ETag": f'"{found.record.digest}"'})


def _relation(resource_name: str) -> str:
    return _RELATION + resource_name


def _route(resource: Any, url: str, rel: str, *variables: str) -> Any:
    return ks_flask.construct_resource_map(
        resource=resource,
        url=f"{PREFIX}{url}",
        resource_kwargs={},
        rel=rel,
        status=json_home.Status.EXPERIMENTAL,
        path_vars={name: _PARAMETER + name for name in variables},
        resource_relation_func=_relation,
    )


class SyncAPI(ks_flask.APIBase):  # type: ignore[misc]
    """What Keystone is given: all routes under ``/v3/OS-SYNC``."""

    _name = "OS-SYNC"
    _import_name = __name__
    resources: list[Any] = []
    resource_mapping = [
        _route(CapabilitiesResource, "", "capabilities"),
        _route(ChangesResource, "/changes", "changes"),
        _route(RecordsResource, "/records", "records"),
        _route(RecordResource, "/records/<string:kind>/<string:key>", "record", "kind", "key"),
        _route(CheckpointResource, "/checkpoints/<string:site>", "checkpoint", "site"),
        _route(SummaryResource, "/summary", "summary"),
        _route(ListingResource, "/listing", "listing"),
        _route(ShownResource, "/shown", "shown"),
        _route(PurgeResource, "/purge", "purge"),
        _route(SweepResource, "/sweep", "sweep"),
        _route(HeldResource, "/sweep/held", "held"),
        _route(WaitingResource, "/waiting", "waiting"),
        _route(FiguresResource, "/figures", "figures"),
        _route(PeersResource, "/peers", "peers"),
        _route(PeerResource, "/peers/<string:site>", "peer", "site"),
        _route(LeaseResource, "/lease", "lease"),
        _route(ConflictsResource, "/conflicts", "conflicts"),
        _route(ConflictResource, "/conflicts/<string:conflict_id>", "conflict", "conflict_id"),
        _route(
            ResolutionResource,
            "/conflicts/<string:conflict_id>/resolution",
            "conflict_resolution",
            "conflict_id",
        ),
        _route(MergesResource, "/merges", "merges"),
        _route(JoiningResource, "/joining/<string:site>", "joining", "site"),
        _route(HubResource, "/hub", "hub"),
        _route(CharterResource, "/charter", "charter"),
        _route(KeysResource, "/keys", "keys"),
        _route(KeyRepositoryResource, "/keys/<string:repository>", "key_repository", "repository"),
        _route(PublicKeysResource, "/public-keys", "public_keys"),
        _route(AuditResource, "/audit", "audit"),
        _route(PokeKeyResource, "/poke-key", "poke_key"),
        _route(KeyProofsResource, "/key-proofs", "key_proofs"),
        _route(SecretResource, "/secret", "secret"),
    ]


APIs = (SyncAPI,)
