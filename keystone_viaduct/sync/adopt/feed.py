"""The hub's inventory over its OS-SYNC API: its whole feed is read once, sealed for a key made for that."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import IO, Protocol

from keystone_viaduct.kinds.model import Document
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.kinds.shape import Shape
from keystone_viaduct.sync.model import Checkpoint, Page, Peer, held_feed
from keystone_viaduct.sync.sealing import KeyRing, PageOpener
from keystone_viaduct.sync.wire import body
from keystone_viaduct.sync.wire.carried import CarriedPage
from keystone_viaduct.sync.wire.page import page_from_json

from .veil import Veil

PAGE = 500
#: Not a life that the site really has, so that nothing of this is taken for its own when it joins.
_LIFE = "adopt"
#: Seconds for which a feed may show nothing though there is more, because another transaction has it; and
#: seconds between two looks.
HELD, PAUSE = 60.0, 0.25


class Records(Protocol):
    """What was read, by kind; a record that is read again replaces what was read of it before."""

    def put(self, kind: str, key: str, document: Document | None) -> None:
        """Keep it; None: it was deleted."""

    def of(self, kind: str) -> Mapping[str, Document]:
        """Key -> document."""


class Listed:
    """In memory."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Document]] = {}

    def put(self, kind: str, key: str, document: Document | None) -> None:
        """Keep it."""
        records = self._found.setdefault(kind, {})
        if document is None:
            records.pop(key, None)
        else:
            records[key] = document

    def of(self, kind: str) -> Mapping[str, Document]:
        """Key -> document."""
        return self._found.get(kind, {})


class Spooled:
    """In temporary files that nobody else can open, one for each kind."""

    def __init__(self, veil: Veil) -> None:
        self._veil = veil
        self._files: dict[str, IO[str]] = {}

    def put(self, kind: str, key: str, document: Document | None) -> None:
        """Keep it, secrets veiled."""
        if kind not in self._files:
            # it is gone with this object
            self._files[kind] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        veiled = None if document is None else self._veil.over(REGISTRY[kind], document)
        self._files[kind].write(json.dumps([key, veiled]) + "\n")

    def of(self, kind: str) -> Mapping[str, Document]:
        """Key -> document, read anew."""
        file = self._files.get(kind)
        found: dict[str, Document] = {}
        if file is None:
            return found
        file.seek(0)
        for line in file:
            key, document = json.loads(line)
            if document is None:
                found.pop(key, None)
            else:
                found[key] = document
        file.seek(0, 2)
        return found


class FeedSource(Protocol):
    """What is needed of ``keystone_viaduct.sync.client.HttpSite``."""

    @property
    def name(self) -> str:
        """The site's name."""

    def register(self, peer: Peer) -> None:
        """Tell it of another site."""

    def read(self, reader: str, after: Checkpoint | None, limit: int) -> Page:
        """A page of its feed."""


class FeedInventory:
    """An inventory read from a feed, secrets included. ``folds`` has to be known otherwise.

    ``reader`` is the site that is to be adopted: the hub knows it from then on, under a key that is forgotten
    here; it is registered anew when it joins. With a ``veil`` the records wait in a temporary file, secrets
    veiled, so that memory holds one kind at a time. Raises SiteUnavailable, UnknownSite, BadRequest,
    SealingError; StoreBusy if the feed is never shown to its end.
    """

    secrets = True

    def __init__(
        self,
        source: FeedSource,
        reader: str,
        *,
        folds: bool = False,
        veil: Veil | None = None,
        progress: Callable[[str, int, int], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.site = source.name
        self.folds = folds
        self.veil = veil
        self._records: Records = Listed() if veil is None else Spooled(veil)
        ring = KeyRing.generate()
        source.register(Peer(reader, ring.public_key, incarnation=_LIFE))
        for page in _pages(source, reader, pause):
            self._take(_opened(page, ring))
            if progress is not None:
                progress(f"reading {source.name}", page.upto.seq, page.upto.seq)

    def documents(self, kind: str) -> Mapping[str, Document]:
        """Key -> document."""
        return self._records.of(kind)

    def _take(self, page: Page) -> None:
        for change in page.changes:
            ref = change.ref
            content = None if change.deleted else {**_defaults(ref.kind), **change.document}
            self._records.put(ref.kind, ref.key, content)


def _pages(source: FeedSource, reader: str, pause: Callable[[float], None]) -> Iterator[Page]:
    """The whole feed. Raises StoreBusy: what is left out here would be taken for what the site has not."""
    after: Checkpoint | None = None
    held = 0.0
    while True:
        page = source.read(reader, after, PAGE)
        yield page
        if page.at_head:
            return
        held = held + PAUSE if page.is_held_back else 0.0
        if held > HELD:
            raise held_feed(source.name)
        if held:
            pause(PAUSE)
        after = page.upto


@cache
def _defaults(kind: str) -> Document:
    """What a feed leaves out: fields that hold what their column has by default."""
    declared = REGISTRY[kind]
    found: Document = {
        spec.name: spec.default for spec in declared.fields if spec.default is not None or not spec.required
    }
    found.update({child.field: [] for child in declared.children if child.shape is Shape.SET})
    return found


def _opened(page: Page, ring: KeyRing) -> Page:
    if not isinstance(page, CarriedPage):
        return page
    content = body.loads(body.decompress(page.data, page.encoding))
    return page_from_json(content, lambda header: PageOpener(ring, header).open)
