"""Requests to one site's API: connections kept alive, one token, bodies compressed, errors as ours."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from keystone_viaduct.errors import BadRequest, SiteUnavailable
from keystone_viaduct.sync.client.deadline import bounded, ending_after
from keystone_viaduct.sync.client.login import Account, CloudLogin, Login
from keystone_viaduct.sync.client.reaching import reaching
from keystone_viaduct.sync.client.reading import read_form, read_json
from keystone_viaduct.sync.wire import body, limits, requestid
from keystone_viaduct.sync.wire.faults import error_from_json

T = TypeVar("T")

PREFIX = "/OS-SYNC"
#: Calls to one site that are under way at the same time; others wait for their turn.
CONNECTIONS = 32
#: Addresses that are not parsed again: those of some two thousand sites that have nothing new.
URLS = 8192
_ACCEPT = ", ".join(body.ENCODINGS)


@dataclass(frozen=True)
class Timeouts:
    """Seconds. ``answer`` covers the largest page: the far side has to apply it before it answers.

    ``total``: for one request and the whole of its answer, however the bytes come.
    """

    connect: float = 5.0
    answer: float = 60.0
    total: float = 300.0


@dataclass(frozen=True)
class Answer:
    """A response's body as it was transferred."""

    status: int
    data: bytes
    encoding: str | None
    retry_after: str | None = None

    def json(self, most: int = limits.ANSWER_OPEN) -> Any:
        """The body opened, to so many bytes, and parsed; None when there is none. Raises BadRequest."""
        return read_json(self.data, self.encoding, most)

    def as_form(self, form: Callable[[Any], T], most: int = limits.LIST_OPEN) -> T:
        """What a function of a module makes of the body. Raises BadRequest."""
        return read_form(form, self.data, self.encoding, most)


class Transport:
    """Safe to share between threads. ``site`` is the name used in errors."""

    def __init__(
        self,
        site: str,
        login: Login,
        timeouts: Timeouts | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.site = site
        self._login = login
        self._times = times = timeouts or Timeouts()
        self._timeout = httpx.Timeout(times.answer, connect=times.connect)
        self._total = times.total
        self._transport = transport
        self._opening = threading.Lock()
        self._client: httpx.Client | None = None

    @property
    def url(self) -> str:
        """The base of the site's identity API."""
        return self._login.url

    @property
    def verify(self) -> bool | str:
        """Whether its certificate is checked, or the file of authorities to check it with."""
        return self._login.verify

    def apart(self) -> Transport:
        """Another one to that site, by the same login: its calls wait for none of this one's."""
        return Transport(self.site, self._login, self._times, self._transport)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _opened(self) -> httpx.Client:
        """The client, made when it is first needed: a file of authorities that can't be read stops the calls
        to this one site, and no longer than that. Raises SiteUnavailable.
        """
        with self._opening:
            if self._client is None:
                client = httpx.Client(
                    transport=self._transport,
                    verify=_verify(self.site, self._login.verify),
                    timeout=self._timeout,
                    limits=httpx.Limits(
                        max_connections=CONNECTIONS, max_keepalive_connections=8, keepalive_expiry=300.0
                    ),
                    headers={
                        "OpenStack-API-Version": f"sync {limits.VERSION}",
                        "Accept": "application/json",
                        "Accept-Encoding": _ACCEPT,
                        "User-Agent": "viaduct",
                    },
                )
                client._cookies = _NoCookies()
                self._client = bounded(client)
            return self._client

    def account(self) -> Account | None:
        """By whom one logs in; None if the login does not tell. Raises SiteUnavailable."""
        return self._login.account() if isinstance(self._login, CloudLogin) else None

    def works_at(self, other: Transport) -> bool:
        """Whether another site takes the same credentials. Raises SiteUnavailable."""
        if isinstance(self._login, CloudLogin) and isinstance(other._login, CloudLogin):
            return self._login.works_at(other._login)
        return False

    def log_in_again(self) -> None:
        """Ask for a new token. Raises SiteUnavailable."""
        self._login.forget(self._login.token())
        self._login.token()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        most: int = limits.ANSWER_OPEN,
    ) -> Any:
        """One request; the parsed body of its answer, of so many bytes. ``content``: JSON to send.

        Raises what the site says, or SiteUnavailable.
        """
        answer = self._asked(method, path, query, content, headers)
        return self.understood(lambda: answer.json(most))

    def listed(
        self,
        form: Callable[[Any], T],
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """As :meth:`call`, for what may be long: what ``form``, a function of a module, makes of it."""
        answer = self._asked(method, path, query, content, headers)
        return self.understood(lambda: answer.as_form(form))

    def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        content: Any,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        data, encoding = (None, None) if content is None else body.compress(body.dumps(content), "gzip")
        return self.send(method, path, query=query, data=data, encoding=encoding, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        data: bytes | None = None,
        encoding: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """One request with a body that is ready to go. A refused token is replaced once.

        ``repeatable``: the site does the same if it gets it twice, as it does with all that only asks.
        """
        sent = dict(headers or {})
        if cause := requestid.current():
            sent[requestid.HEADER] = cause
        if data is not None:
            sent["Content-Type"] = "application/json"
        if encoding:
            sent["Content-Encoding"] = encoding

        def ask(token: str) -> Answer:
            headed = {**sent, "X-Auth-Token": token}
            once = partial(self._once, method, path, query, data, headed)
            return _once_more(once) if repeatable or method == "GET" else once()

        token = self._login.token()
        answer = ask(token)
        if answer.status == 401:
            self._login.forget(token)
            answer = ask(self._login.token())
        if answer.status >= 300:
            raise error_from_json(self.site, answer.status, self._error_body(answer), answer.retry_after)
        return answer

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        hint = f"is {self._login.url} up and can it be reached from here?"
        with reaching(self.site, "does not answer", hint), ending_after(self._total):
            client = self._opened()
            url = _url(f"{self._login.url}{PREFIX}{path}", tuple(query.items()) if query else ())
            request = client.build_request(method, url, content=data, headers=headers)
            response = client.send(request, stream=True)
            try:
                told = response.headers
                return Answer(
                    response.status_code,
                    self._read(response),
                    told.get("Content-Encoding"),
                    told.get("Retry-After"),
                )
            finally:
                response.close()

    def _read(self, response: httpx.Response) -> bytes:
        """The raw body, so that a page can be handed on as it is; never more than a body may have."""
        parts: list[bytes] = []
        size = 0
        for part in response.iter_raw():
            size += len(part)
            if size > limits.BODY:
                raise SiteUnavailable(
                    f"{self.site} answers without end", hint="is that a Keystone?", site=self.site
                )
            parts.append(part)
        return b"".join(parts)

    def understood(self, read: Callable[[], T]) -> T:
        """What ``read`` makes of an answer. Raises SiteUnavailable where that is not of its form."""
        try:
            return read()
        except BadRequest as error:
            raise garbled(self.site, error) from error
        except SiteUnavailable as error:
            raise SiteUnavailable(f"{self.site}: {error.message}", hint=error.hint, site=self.site) from error

    def _error_body(self, answer: Answer) -> Any:
        try:
            return answer.json(limits.ERROR_OPEN)
        except BadRequest:
            return None  # a proxy's page: the status says enough


def _once_more(ask: Callable[[], Answer]) -> Answer:
    """Again, where the server hung up without an answer.

    A server that refuses a large body unread (gunicorn above 64 KiB) closes the connection behind its answer,
    and may do so only after the next request.
    """
    try:
        return ask()
    except SiteUnavailable as error:
        if not isinstance(error.__cause__, httpx.RemoteProtocolError):
            raise
    return ask()


def garbled(site: str, error: BadRequest) -> SiteUnavailable:
    """The error for an answer that is not of the form that it should have."""
    return SiteUnavailable(
        f"{site} answers something else: {error.message}",
        hint="do both ends run the same major release of keystone-viaduct?",
        site=site,
    )


class _NoCookies(httpx.Cookies):
    """No site has sessions, so nothing is kept of what one sets; looking for it takes a tenth of the
    processor time of a call.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them."""


@lru_cache(maxsize=URLS)
def _url(bare: str, query: tuple[tuple[str, str], ...]) -> httpx.URL:
    """Parsed once: as long as nothing is new, each direction asks the same again and again."""
    return httpx.URL(f"{bare}?{urlencode(query)}" if query else bare)


def _verify(site: str, verify: bool | str) -> ssl.SSLContext:
    """As httpx wants it. Raises SiteUnavailable for a file of authorities that can't be used."""
    if not isinstance(verify, str):
        return _context(verify)
    fault = f"can't be asked: the authorities in {verify} can't be read"
    with reaching(site, fault, "correct `cacert` in clouds.yaml, or put the file there"):
        return _context(verify, Path(verify).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _context(verify: bool | str, _changed: int = 0) -> ssl.SSLContext:
    """One for all sites that are checked alike: each holds all authorities, which takes long to read."""
    if isinstance(verify, str):
        return ssl.create_default_context(cafile=verify)
    return httpx.create_ssl_context(verify=verify)
