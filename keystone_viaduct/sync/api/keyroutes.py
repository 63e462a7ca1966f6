"""The routes under ``/v3/OS-SYNC/keys``."""

from __future__ import annotations

import flask_restful

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.gate import Reply, argument, gated, read_json
from keystone_viaduct.sync.wire import checks
from keystone_viaduct.sync.wire.values import bytes_from_json, key_to_json

#: Bytes of a sealed keyset: hundreds of keys.
SEALED = 64 * 1024


class KeysResource(flask_restful.Resource):  # type: ignore[misc]
    """All key repositories."""

    @gated("sync:get_keys")
    def get(self) -> Reply:
        """As fingerprints."""
        return Reply(assembly.keys().status())


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
            return Reply(status=204)
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
