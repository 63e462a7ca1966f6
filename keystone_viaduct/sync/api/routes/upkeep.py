"""What is looked after at a site, what waits there, and its metrics."""

from __future__ import annotations

import flask
import flask_restful

from keystone_viaduct.sync.api import assembly, metrics
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.gate import Reply, argument, gated, number, read_json
from keystone_viaduct.sync.site.purge import Retention
from keystone_viaduct.sync.wire import checks, limits, upkeep

JSON = "application/json"


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


class HeldResource(flask_restful.Resource):  # type: ignore[misc]
    """Deletions that wait for a person."""

    @gated("sync:decide_held")
    def post(self) -> Reply:
        """Confirm or discard them."""
        confirm, kinds = upkeep.decision_from_json(read_json())
        told = {"confirm": confirm, "kinds": sorted(kinds) if kinds is not None else "all"}
        number = assembly.service().decide_held(kinds, confirm=confirm)
        return Reply({"records": number}, noted=Noted("held", None, {**told, "records": number}))


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


class MetricsResource(flask_restful.Resource):  # type: ignore[misc]
    """What this site tells of itself in numbers."""

    @gated("sync:get_metrics")
    def get(self) -> Reply:
        """In Prometheus' text format, or what was counted as JSON."""
        varies = {"Vary": "Accept"}
        if flask.request.accept_mimetypes.best_match(["text/plain", JSON]) == JSON:
            return Reply(metrics.counted_to_json(), headers=varies)
        service = assembly.service()
        told = metrics.text(metrics.see(service, assembly.keys().fleet()), service.around.release)
        return Reply(raw=told.encode(), headers=varies, content_type=metrics.CONTENT_TYPE)
