"""Tells the agent, after a response to a request that wrote, that there is news. Best effort, never in the
way.
"""

from __future__ import annotations

import enum
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.api.changes import encode
from keystone_viaduct.sync.api.frontdoor import PATH, Application
from keystone_viaduct.sync.api.options import SyncSettings
from keystone_viaduct.sync.api.service import Service, peek, poke_key
from keystone_viaduct.sync.model import Checkpoint, SiteState, origin_of
from keystone_viaduct.sync.site.statement import signed_here
from keystone_viaduct.sync.store import SqlTransaction
from keystone_viaduct.sync.wire import body, limits, requestid
from keystone_viaduct.sync.wire.poke import Poke, made

LOG = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell of every poke in Keystone's log
READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Of our own API only edits of records are news; an applied page is known to the agent that brought it.
_EDITS = f"{PATH}/records"
CHANGES = 20
#: Seconds for which the connection to the agent is kept open, somewhat less than the agent does.
KEPT = 110.0
#: Seconds after which a poke that did not arrive is tried again, and as often after each writing request: an
#: agent that was away for an hour is tried four times for the first edit that it could hear of.
AGAIN = (0.5, 2.0, 8.0)
#: Answers of who does not understand a page in a poke, and seconds for which none is sent to him then.
NOT_UNDERSTOOD = frozenset({400, 413, 415})
BARE = 600.0


class PokeSender:
    """WSGI middleware: wakes a background thread once the response to a writing request is out."""

    def __init__(self, application: Application, worker: PokeWorker | None) -> None:
        self._application = application
        self._worker = worker

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        response = self._application(environ, start_response)
        path = environ.get("PATH_INFO", "")
        if (
            self._worker is None
            or environ.get("REQUEST_METHOD") in READS
            or (path.startswith(PATH) and not path.startswith(_EDITS))
        ):
            return response
        return _Closing(response, partial(self._worker.wake, _request_id(environ)))


def _request_id(environ: dict[str, Any]) -> str:
    """That of whoever is behind the request, else its own."""
    own = environ.get("openstack.request_id", "")
    return requestid.checked(str(environ.get("openstack.global_request_id") or own))


class _Closing:
    """A response that calls ``then`` when the server is done with it."""

    def __init__(self, response: Iterable[bytes], then: Callable[[], None]) -> None:
        self._response = response
        self._then = then

    def __iter__(self) -> Any:
        return iter(self._response)

    def close(self) -> None:
        """Called by the server at the end, whatever happened (PEP 3333)."""
        close = getattr(self._response, "close", None)
        try:
            if close is not None:
                close()
        finally:
            self._then()


class Outcome(enum.Enum):
    """What became of an attempt."""

    NOTHING = "nothing"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class News:
    """What a poke says. ``data``: a page, compressed, or nothing."""

    site: str
    head: int
    fleet_key: str
    site_key: str
    data: bytes = b""
    encoding: str | None = None
    upto: Checkpoint | None = None

    def poke(self, *, bare: bool = False) -> Poke:
        """As it is sent; ``bare``: without the page."""
        page = b"" if bare else self.data
        return made(self.fleet_key, self.site_key, self.site, self.head, page, self.encoding)


class PokeWorker:
    """One thread per process. However many requests write, one poke is on its way and one may follow."""

    def __init__(self, service: Callable[[], Service], settings: SyncSettings) -> None:
        self._service = service
        self._settings = settings
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._told = -1
        self._offered: Checkpoint | None = None
        self._bare_until = float("-inf")
        self._request_id = ""

    def wake(self, request_id: str = "") -> None:
        """There may be news, written by that request. Returns at once."""
        self._request_id = request_id or self._request_id
        if self._pid != os.getpid():
            self._start()
        self._wanted.set()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._wanted = threading.Event()
            self._thread = threading.Thread(target=self._loop, name="viaduct-poke", daemon=True)
            self._pid = os.getpid()
            self._thread.start()

    def _loop(self) -> None:
        kept = httpx.Limits(max_connections=1, keepalive_expiry=KEPT)
        with httpx.Client(timeout=self._settings.poke_timeout, limits=kept) as client:
            failures = 0
            while True:
                woken = self._wanted.wait(AGAIN[failures - 1] if 0 < failures <= len(AGAIN) else None)
                self._wanted.clear()
                before = 0 if woken else failures
                failures = before + 1 if self.once(client) is Outcome.FAILED else 0

    def once(self, client: httpx.Client) -> Outcome:
        """Look for news and send one poke. Never raises."""
        try:
            news = self.news()
            if news is None:
                return Outcome.NOTHING
            self._send(client, news)
        except (ViaductError, httpx.HTTPError) as error:
            LOG.debug("no poke: %r", error)
            return Outcome.FAILED
        except Exception:
            LOG.exception("the poke could not be made")
            return Outcome.FAILED
        LOG.info("told the agent of news up to %s, of %s", news.head, self._request_id or "no request")
        self._told = news.head
        if news.upto is not None:
            self._offered = news.upto
        return Outcome.SENT

    def _send(self, client: httpx.Client, news: News) -> None:
        answer = self._post(client, news.poke())
        if news.data and answer.status_code in NOT_UNDERSTOOD:
            # an agent of an earlier release, or a proxy: it can be woken, and fetches the page itself
            self._bare_until = time.monotonic() + BARE
            answer = self._post(client, news.poke(bare=True))
        answer.raise_for_status()

    def _post(self, client: httpx.Client, sent: Poke) -> httpx.Response:
        told = replace(sent, request_id=self._request_id)
        headers = {**told.headers(), "Content-Type": "application/octet-stream"}
        return client.post(str(self._settings.poke_url), content=sent.data, headers=headers)

    def news(self) -> News | None:
        """What there is to tell, if anything has changed since the last poke."""
        service = self._service()
        state, marked, after, reader = service.store.read(self._look)
        if not state.fleet_secret or (not marked and state.head == self._told):
            return None
        keys = poke_key(state.fleet_secret), service.poke_key()
        if state.is_hub or not self._settings.poke_carries_page or time.monotonic() < self._bare_until:
            return News(state.site, state.head + bool(marked), *keys)
        # a poke has room for little; a hub that lost what it has signed hears of it with the next page
        signed = signed_here(state)
        page, peer = service.read(reader, after, CHANGES, most=limits.POKE_OPEN, signed=signed)
        if not page.changes:
            return News(state.site, page.upto.seq, *keys)
        opened = encode(page, peer.public_key)
        data, encoding = body.compress(opened, "zstd")
        if not page.at_head or len(data) > limits.POKE or len(opened) > limits.POKE_OPEN:
            return News(state.site, page.upto.seq, *keys)
        return News(state.site, page.upto.seq, *keys, data, encoding, page.upto)

    def _look(self, tx: SqlTransaction) -> tuple[SiteState, bool, Checkpoint | None, str]:
        """The state, whether marks wait, from where the hub has not read yet as far as is known here, and
        the hub's origin.
        """
        state = peek(tx)
        marked = bool(tx.take_marks(1))
        peer = tx.peers().get(state.hub)
        if peer is None:
            return state, marked, None, state.hub
        reader = origin_of(state.hub, peer.incarnation)
        offered = self._offered
        if (
            offered is not None
            and offered.incarnation == state.incarnation
            and offered.seq > peer.acknowledged
        ):
            return state, marked, offered, reader
        nonce = tx.nonce_at(peer.acknowledged) if peer.acknowledged else None
        if nonce is None:
            return state, marked, None, reader
        return state, marked, Checkpoint(state.incarnation, peer.acknowledged, nonce), reader
