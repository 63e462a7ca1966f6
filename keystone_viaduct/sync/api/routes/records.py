"""Single records."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

import flask
import flask_restful

from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.registry import get as get_kind
from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.gate import Reply, argument, gated, is_trial, number, read_json
from keystone_viaduct.sync.api.records import Found, RecordsService
from keystone_viaduct.sync.api.trial import writes_to_json
from keystone_viaduct.sync.model import Ref
from keystone_viaduct.sync.wire import checks, limits
from keystone_viaduct.sync.wire.microversion import DRY_RUN_OF_RECORDS
from keystone_viaduct.sync.wire.page import check_ref
from keystone_viaduct.sync.wire.resources import record_to_json
from keystone_viaduct.sync.wire.secrecy import with_raw


class RecordResource(flask_restful.Resource):  # type: ignore[misc]
    """One record."""

    @gated("sync:get_record")
    def get(self, kind: str, key: str) -> Reply:
        """The record without its secrets."""
        return _found(RecordsService(assembly.service()).get(_ref(kind, key)))

    @gated("sync:put_record")
    def put(self, kind: str, key: str) -> Reply:
        """Create or replace it under this id."""
        dry_run = is_trial(DRY_RUN_OF_RECORDS)
        body = checks.mapping(read_json(), "body")
        document = checks.mapping(checks.member(body, "document", ""), "document", limits.RECORD_FIELDS)
        document = with_raw(document, body.get("raw", {}), "raw")
        ref = _ref(kind, key)
        changed = RecordsService(assembly.service()).put(ref, document, _expected(), dry_run=dry_run)
        if dry_run or changed.found is None:
            return Reply(writes_to_json(changed.writes))
        reply = _found(changed.found, 201 if changed.created else 200)
        return replace(reply, noted=Noted(str(ref), None, {"digest": changed.found.record.digest}))

    @gated("sync:delete_record")
    def delete(self, kind: str, key: str) -> Reply:
        """Delete it."""
        ref, dry_run = _ref(kind, key), is_trial(DRY_RUN_OF_RECORDS)
        changed = RecordsService(assembly.service()).delete(ref, _expected(), dry_run=dry_run)
        if dry_run:
            return Reply(writes_to_json(changed.writes))
        return Reply(status=204, noted=Noted(str(ref), {"there": True}))


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


def _ref(kind: str, key: str) -> Ref:
    return check_ref(kind, unquote(key), "record")


def _expected() -> str | None:
    text = flask.request.headers.get("If-Match")
    return None if text is None else text.strip().strip('"')


def _found(found: Found, status: int = 200) -> Reply:
    body = record_to_json(found.record, found.content)
    return Reply(body, status, {"ETag": f'"{found.record.digest}"'})
