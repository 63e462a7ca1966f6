"""The feed, and what two sites compare."""

from __future__ import annotations

import flask
import flask_restful

from keystone_viaduct.errors import BadRequest
from keystone_viaduct.sync.api import assembly, changes
from keystone_viaduct.sync.api.gate import Reply, argument, gated, number, read_json
from keystone_viaduct.sync.model import Fence
from keystone_viaduct.sync.wire import checks, comparing, limits, values
from keystone_viaduct.sync.wire.parts import position_from_json
from keystone_viaduct.sync.wire.resources import capabilities_document, standing_to_json
from keystone_viaduct.sync.wire.statement import digest_from_json, known_from_text


class CapabilitiesResource(flask_restful.Resource):  # type: ignore[misc]
    """What this site is."""

    @gated("sync:get_capabilities")
    def get(self) -> Reply:
        """Capabilities."""
        return Reply(capabilities_document(assembly.service().capabilities(), _known()))


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
        had = [digest_from_json(argument(name, ""), name) for name in ("signed", "register")]
        asked = changes.Asked(reader, position, limit, _fence(), size, parts, encoding, *had)
        return Reply(raw=changes.read(assembly.service(), asked))

    @gated("sync:apply_changes")
    def post(self) -> Reply:
        """Apply a page."""
        return Reply(changes.apply(assembly.service(), read_json(limits.BODY, limits.BODY_OPEN)))


class CheckpointResource(flask_restful.Resource):  # type: ignore[misc]
    """How far this site has come with another."""

    @gated("sync:get_checkpoint")
    def get(self, site: str) -> Reply:
        """Checkpoint and knowledge."""
        standing = assembly.service().standing(checks.site_name(site, "site"), _fence())
        return Reply({"site": site, **standing_to_json(standing, _known())})

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


def _known() -> frozenset[str]:
    """The statements of the hub that the caller has."""
    return known_from_text(argument("known", ""), "known")


def _fence() -> Fence | None:
    text = argument("fence", "")
    return values.fence_from_text(text, "fence") if text else None
