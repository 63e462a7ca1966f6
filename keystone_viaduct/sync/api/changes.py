"""Pages in and out: sealed for their reader, opened for this site, never larger than a body may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keystone_viaduct.errors import BadDocument, TooLarge
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api.collector import paused
from keystone_viaduct.sync.api.service import Service
from keystone_viaduct.sync.model import Checkpoint, Fence, Page
from keystone_viaduct.sync.sealing import PageOpener, PageSealer
from keystone_viaduct.sync.wire import body, limits, secrecy
from keystone_viaduct.sync.wire.page import page_from_json, page_to_json, result_to_json


@paused()
def read(
    service: Service,
    reader: str,
    after: Checkpoint | None,
    limit: int,
    fence: Fence | None,
    accept: str | None,
) -> bytes:
    """A page as JSON. One that would be too large is read again with fewer changes and conflicts; a conflict
    that alone is too large goes without what was lost.

    Raises UnknownSite, FenceMismatch, TooLarge when a single change does not fit.
    """
    while True:
        page, peer = service.read(reader, after, limit, fence)
        data = encode(page, peer.public_key)
        if fits(data, accept):
            return data
        if limit == 1 and page.conflicts:
            bare = tuple(replace(row, lost={}) for row in page.conflicts)
            data = encode(replace(page, conflicts=bare), peer.public_key)
            if fits(data, accept):
                return data
        if limit == 1:
            ref = page.changes[0].ref
            raise TooLarge(f"{ref} alone is larger than a page may be", hint="make it smaller", ref=str(ref))
        limit = max(1, min(limit, max(len(page.changes), len(page.conflicts))) // 2)


def fits(data: bytes, accept: str | None) -> bool:
    """Whether a page of these bytes can be sent to who accepts those encodings."""
    if len(data) > limits.BODY_OPEN:
        return False
    if len(data) <= limits.BODY:
        return True
    packed, _ = body.compress(data, body.choose_encoding(accept))
    return len(packed) <= limits.BODY


def encode(page: Page, public_key: bytes) -> bytes:
    """A page, its secrets sealed for the holder of a key."""
    sealer = PageSealer(public_key)
    return body.dumps(page_to_json(page, sealer.header, sealer.seal))


@paused()
def apply(service: Service, value: Any) -> dict[str, Any]:
    """Apply a page that came as JSON; what became of it. Raises BadRequest and what the service raises."""

    def opening(header: str) -> secrecy.Open:
        return PageOpener(service.ring, header).open

    page = page_from_json(value, opening)
    for number, change in enumerate(page.changes):
        if not change.deleted:
            _check_document(number, page, service)
    return result_to_json(service.apply(page))


def _check_document(number: int, page: Page, service: Service) -> None:
    """A document that a table can't hold would stop the link with an error of the database."""
    change = page.changes[number]
    try:
        REGISTRY[change.ref.kind].check({**service.store.codecs.defaults(change.ref.kind), **change.document})
    except BadDocument as error:
        raise BadDocument(
            f"changes[{number}], {change.ref}: {error.message}",
            hint=error.hint or "`viaduct kinds` shows what its fields may hold",
            **error.fields,
        ) from error
