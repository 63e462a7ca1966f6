"""The other sites, the agent, and what is shared with them in secret."""

from __future__ import annotations

from typing import Any

import flask_restful

from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.gate import Reply, argument, gated, is_trial, number, read_json, truth
from keystone_viaduct.sync.api.policy import enforce
from keystone_viaduct.sync.api.service import Service
from keystone_viaduct.sync.api.trial import writes_to_json
from keystone_viaduct.sync.model import Peer
from keystone_viaduct.sync.sealing import key_fingerprint
from keystone_viaduct.sync.wire import checks, limits, upkeep
from keystone_viaduct.sync.wire.resources import peer_from_json, peer_to_json, proofs_from_json
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json


class PeersResource(flask_restful.Resource):  # type: ignore[misc]
    """The registered sites."""

    @gated("sync:list_peers")
    def get(self) -> Reply:
        """By name, those after ``marker``; all of them where no ``limit`` is given."""
        marker = argument("marker", "")
        found = [peer for peer in assembly.service().peers() if peer.site > marker]
        limit = number("limit", max(1, len(found)), limits.LIST)
        return Reply({"peers": [_told(peer) for peer in found[:limit]]})


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
        return Reply(_told(found), noted=noted)

    @gated("sync:retire_peer")
    def delete(self, site: str) -> Reply:
        """Forget it, at the hub."""
        force, dry_run = truth("force"), is_trial()
        name = checks.site_name(site, "site")
        found, writes = assembly.service().retire(name, force=force, dry_run=dry_run)
        told = upkeep.retired_to_json(found)
        if dry_run:
            return Reply({**told, **writes_to_json(writes)})
        return Reply(told, noted=Noted(f"peer {found.site}", told))


class KeyProofsResource(flask_restful.Resource):  # type: ignore[misc]
    """What shows that this site's public key is its own."""

    @gated("sync:get_capabilities")
    def get(self) -> Reply:
        """For a peer that knows an older one."""
        reader = checks.site_name(argument("reader"), "reader")
        found = assembly.service().key_proofs(reader)
        return Reply({"reader": reader, "proofs": [key_to_json(proof) for proof in found]})


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


def key_of_peer(service: Service, site: str) -> str:
    """The fingerprint of what is registered of a site; '' for nothing."""
    return next((key_fingerprint(peer.public_key) for peer in service.peers() if peer.site == site), "")


def _told(peer: Peer) -> dict[str, Any]:
    return {**peer_to_json(peer), "fingerprint": key_fingerprint(peer.public_key)}
