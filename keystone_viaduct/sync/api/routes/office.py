"""Who is the hub, what each site may do, who joins how, and who has changed that."""

from __future__ import annotations

import flask_restful

from keystone_viaduct.sync.api import assembly
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.gate import Reply, argument, gated, is_trial, number, read_json
from keystone_viaduct.sync.api.joining import JoiningService
from keystone_viaduct.sync.charter import charter_to_json
from keystone_viaduct.sync.wire import checks, limits
from keystone_viaduct.sync.wire.joining import choices_from_json, choices_to_json
from keystone_viaduct.sync.wire.office import beyond_from_json, office_to_json, order_from_json


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
        if is_trial():
            return Reply(charter_to_json(assembly.service().write_charter(read_json(), dry_run=True)))
        before = charter_to_json(assembly.service().charter())
        found = charter_to_json(assembly.service().write_charter(read_json()))
        return Reply(found, noted=Noted("charter", before, found))


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


class AuditResource(flask_restful.Resource):  # type: ignore[misc]
    """Who has changed the fleet's settings at this site."""

    @gated("sync:list_audit")
    def get(self) -> Reply:
        """The latest first, after the one whose id is ``marker``."""
        limit, marker = number("limit", 100, limits.LIST), argument("marker", "")
        found = assembly.service().store.read(lambda tx: tx.audit(limit, marker))
        return Reply({"audit": [entry._asdict() for entry in found]})


def _hub() -> dict[str, object]:
    """Whom this site takes for the hub, and since which term."""
    found = assembly.service().office()
    return {"hub": found.hub, "term": found.term}
