"""Conflicts, their resolution, and two ids of one thing."""

from __future__ import annotations

from collections.abc import Mapping

import flask_restful

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.conflicts import ACTIONS, RESTORE, ConflictsService
from keystone_viaduct.sync.api.gate import Reply, argument, gated, is_trial, number, read_json, truth
from keystone_viaduct.sync.api.merges import merge
from keystone_viaduct.sync.api.trial import writes_to_json
from keystone_viaduct.sync.model import Conflict, Ref
from keystone_viaduct.sync.waiting import name_of, shown
from keystone_viaduct.sync.wire import checks, limits
from keystone_viaduct.sync.wire.merging import merge_from_json, united_to_json
from keystone_viaduct.sync.wire.resources import conflict_to_json, write_to_json


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
        dry_run = is_trial()
        united, writes = merge(assembly.service(), loser, winner, dry_run=dry_run)
        found = united_to_json(united)
        if dry_run:
            return Reply({**found, **writes_to_json(writes)})
        return Reply(found, noted=Noted(str(loser), {"key": loser.key}, {"key": winner.key}))


def called(conflict: Conflict, names: Mapping[Ref, str]) -> str:
    """The name of the record that it is about: as it is now, else as it was lost."""
    return names.get(conflict.ref, "") or name_of(conflict.ref, conflict.lost)
