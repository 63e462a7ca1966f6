"""Pages in and out: sealed for their reader, opened for this site, never larger than a body may be."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from keystone_viaduct.errors import BadDocument, TooLarge, ViaductError
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.api import metrics
from keystone_viaduct.sync.api.collector import paused
from keystone_viaduct.sync.api.service import Service
from keystone_viaduct.sync.model import OUT, Change, Checkpoint, Fence, Page, Ref, Unreadable
from keystone_viaduct.sync.sealing import PageOpener, PageSealer
from keystone_viaduct.sync.site.isolating import in_words
from keystone_viaduct.sync.wire import body, limits, secrecy
from keystone_viaduct.sync.wire.faults import first_records
from keystone_viaduct.sync.wire.page import page_from_json, page_to_json, result_to_json
from keystone_viaduct.sync.wire.parts import completed, in_part, part_from_json, part_to_json

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a reader asks for. ``bytes_``: of changes, opened; ``parts``: those that it has of a large record,
    None if it takes no parts; ``accept``: its encodings; ``signed``: the statement that it has,
    ``register``: the sites that it knows.
    """

    reader: str
    after: Checkpoint | None
    limit: int
    fence: Fence | None
    bytes_: int = limits.PAGE_BYTES
    parts: str | None = None
    accept: str | None = None
    signed: str = ""
    register: str = ""


@paused()
def read(service: Service, asked: Asked) -> bytes:
    """A page as JSON, cut by the number of changes and by their bytes.

    A record that is larger than a page comes in parts; for a reader that takes none, as a whole where a body
    may be so large.

    A record that can't be sent at all is put aside. Raises UnknownSite, FenceMismatch.
    """
    limit = asked.limit
    while True:
        had = asked.signed, asked.register
        page, peer = service.read(asked.reader, asked.after, limit, asked.fence, asked.bytes_, *had)
        try:
            data = encode(page, peer.public_key)
        except Exception as error:
            found = unsendable(page, peer.public_key)
            if not found:
                raise
            LOG.debug("%s records of a page can't be sent: %s", len(found), error)
            service.put_aside(found)
            continue
        if _is_short(data, len(page.changes), asked) and fits(data, asked.accept):
            return data
        if len(page.changes) == 1 and not page.changes[0].deleted and asked.parts is not None:
            try:
                return encode(in_part(page, asked.parts), peer.public_key)
            except TooLarge as error:
                service.put_aside({page.changes[0].ref: error.message})
                continue
        if limit == 1 and page.conflicts:
            bare = tuple(replace(row, lost={}) for row in page.conflicts)
            data = encode(replace(page, conflicts=bare), peer.public_key)
            if fits(data, asked.accept):
                return data
        if limit == 1:
            service.put_aside({page.changes[0].ref: "it alone is larger than a page may be"})
            continue
        limit = max(1, min(limit, max(len(page.changes), len(page.conflicts))) // 2)


def _is_short(data: bytes, changes: int, asked: Asked) -> bool:
    """Whether the page is about as large as asked for. What a record's states take is not known before."""
    if changes > 1:
        return len(data) <= 4 * asked.bytes_
    return changes == 0 or asked.parts is None or len(data) <= asked.bytes_


def fits(data: bytes, accept: str | None) -> bool:
    """Whether a page of these bytes can be sent to who accepts those encodings."""
    if len(data) > limits.BODY_OPEN or body.has_too_many_values(data):
        return False
    if len(data) <= limits.BODY:
        return True
    packed, _ = body.compress(data, body.choose_encoding(accept))
    return len(packed) <= limits.BODY and not body.expands_too_much(len(packed), len(data))


def encode(page: Page, public_key: bytes) -> bytes:
    """A page, its secrets sealed for the holder of a key."""
    sealer = PageSealer(public_key)
    value = page_to_json(page, sealer.header, sealer.seal)
    if page.part is not None:
        value["part"] = part_to_json(page.source, page.part, sealer.close)
    return body.dumps(value)


def unsendable(page: Page, public_key: bytes) -> dict[Ref, str]:
    """The records that no page can be made of, and why."""
    found: dict[Ref, str] = {}
    for change in page.changes:
        try:
            encode(replace(page, changes=(change,), conflicts=()), public_key)
        except Exception as error:  # noqa: BLE001 - whatever it is, the record is named with it
            found[change.ref] = in_words(change.ref, error)
    return found if len(found) < len(page.changes) or len(page.changes) == 1 else {}


def apply(service: Service, value: Any) -> dict[str, Any]:
    """Apply a page that came as JSON; what became of it. Raises BadRequest and what the service raises."""
    try:
        return _applied(service, value)
    except ViaductError as error:
        metrics.page_refused(error.code)
        raise


@paused()
def _applied(service: Service, value: Any) -> dict[str, Any]:

    def opening(header: str) -> secrecy.Open:
        return PageOpener(service.ring, header).open

    page = page_from_json(value, opening)
    if value.get("part") is not None:
        opener = PageOpener(service.ring, value["sealing"])
        page = replace(page, part=part_from_json(page.source, value["part"], opener.unclose))
        whole = completed(page, *service.parts(page.source)) if page.part and page.part.is_last else None
        if whole is None:
            return result_to_json(service.take_part(page))
        page = whole
    bad = {change.ref: why for change in page.changes if (why := _problem(change, service))}
    if bad:
        readable = tuple(change for change in page.changes if change.ref not in bad)
        rest = (Unreadable(c.ref, c.seq, c.version, bad[c.ref]) for c in page.changes if c.ref in bad)
        page = replace(page, changes=readable, unreadable=(*page.unreadable, *rest))
    result = service.apply(page)
    metrics.page_applied((change.ref.kind for change in page.changes), (ref.kind for ref in result.conflicts))
    if page.changes:
        refs = first_records(page.changes)
        LOG.info("applied a page of %s: %s changes (%s)", page.source, len(page.changes), refs)
    return result_to_json(result)


def _problem(change: Change, service: Service) -> str:
    """Why no table can hold a document; '' where one can."""
    if change.deleted or change.border == OUT:
        return ""
    try:
        document = {**service.store.codecs.defaults(change.ref.kind), **change.document}
        REGISTRY[change.ref.kind].check(document, sized=False)
    except BadDocument as error:
        return error.message
    return ""
