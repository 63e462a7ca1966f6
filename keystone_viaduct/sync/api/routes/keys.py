"""The routes of the keys of tokens."""

from __future__ import annotations

import flask_restful

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.gate import Reply, argument, gated, read_json
from keystone_viaduct.sync.keyset.public import by_fingerprint
from keystone_viaduct.sync.wire import checks, publickeys
from keystone_viaduct.sync.wire.statement import statement_or_none
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json

#: Bytes of a sealed keyset: hundreds of keys.
SEALED = 64 * 1024


class KeysResource(flask_restful.Resource):  # type: ignore[misc]
    """All key repositories."""

    @gated("sync:get_keys")
    def get(self) -> Reply:
        """As fingerprints."""
        public = assembly.public_keys().status()
        return Reply({**assembly.keys().status(), **({} if public is None else {"public": public})})


class KeyRepositoryResource(flask_restful.Resource):  # type: ignore[misc]
    """One key repository."""

    @gated("sync:read_keys")
    def get(self, repository: str) -> Reply:
        """Its keys, sealed for a registered peer."""
        reader = checks.site_name(argument("reader"), "reader")
        return Reply({"reader": reader, "sealed": key_to_json(assembly.keys().sealed(repository, reader))})

    @gated("sync:write_keys")
    def put(self, repository: str) -> Reply:
        """A step towards the keys of the hub."""
        body = checks.mapping(read_json(), "keys")
        sealed = bytes_from_json(checks.member(body, "sealed", ""), "sealed", SEALED)
        return Reply({"wait": assembly.keys().take(repository, sealed)})

    @gated("sync:rotate_keys")
    def post(self, repository: str) -> Reply:
        """At the hub: ``rotate``, ``advance``, ``confirm`` a site's state or ``import`` a site's keys."""
        body = checks.mapping(read_json(), "keys")
        action = checks.text(checks.member(body, "action", ""), "action", 16)
        keys = assembly.keys()
        if action == "rotate":
            keys.want(repository)
            return Reply(status=204, noted=Noted(f"keys {repository}", None, {"rotate": True}))
        if action == "advance":
            verdict, wait = keys.advance(repository)
            return Reply({"step": verdict.step.value, "missing": list(verdict.missing), "wait": wait})
        if action not in ("confirm", "import"):
            raise BadRequest(
                f"there is no action {action!r}", hint="rotate, advance, confirm or import", where="action"
            )
        site = checks.site_name(checks.member(body, "site", ""), "site")
        if action == "confirm":
            keys.confirm(repository, site, checks.identifier(checks.member(body, "digest", ""), "digest"))
        else:
            sealed = bytes_from_json(checks.member(body, "sealed", ""), "sealed", SEALED)
            keys.take_in(repository, site, sealed)
        return Reply(status=204)


class PublicKeysResource(flask_restful.Resource):  # type: ignore[misc]
    """Public keys of JWS tokens; what a site has stands among all its keys."""

    @gated("sync:write_keys")
    def put(self) -> Reply:
        """At a spoke: have these beside its own."""
        body = checks.mapping(read_json(), "keys")
        keys = publickeys.all_from_json(checks.member(body, "keys", ""), "keys")
        assembly.public_keys().take(keys, statement_or_none(body.get("statement"), "statement"))
        return Reply(status=204)

    @gated("sync:rotate_keys")
    def post(self) -> Reply:
        """At the hub: ``collect`` what a site has, or ``advance``."""
        body = checks.mapping(read_json(), "keys")
        action = checks.text(checks.member(body, "action", ""), "action", 16)
        if action == "advance":
            assembly.public_keys().advance()
            return Reply(status=204)
        if action != "collect":
            raise BadRequest(f"there is no action {action!r}", hint="collect or advance", where="action")
        site = checks.site_name(checks.member(body, "site", ""), "site")
        own = by_fingerprint(publickeys.pems_from_json(checks.member(body, "own", ""), "own"))
        held = publickeys.fingerprints_from_json(checks.member(body, "held", ""), "held")
        assembly.public_keys().collect(site, own, held)
        return Reply(status=204)
