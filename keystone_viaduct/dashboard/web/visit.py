"""One request of a browser: who asks, what he sent, and the answer as a page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keystone_viaduct.dashboard.access import Person, Session, may_look
from keystone_viaduct.dashboard.web.rendering import ages, link
from keystone_viaduct.dashboard.web.services import Moment, Services
from keystone_viaduct.errors import BadRequest, LoginRefused, NotThere, ViaductError
from keystone_viaduct.sync.agent.dashboard import is_this_machine

LOG = logging.getLogger(__name__)
#: Bytes of a form, and its fields.
FORM, FIELDS = 65_536, 50
#: Characters of a text in a query.
QUERY = 700


@dataclass
class Visit:
    """``form`` is what was posted, checked to come from a page of ours."""

    services: Services
    templates: jinja2.Environment
    request: Request
    session: Session | None
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> Person | None:
        """Who is logged in."""
        return self.session.person if self.session is not None else None

    @cached_property
    def moment(self) -> Moment:
        """The fleet now."""
        return self.services.now()

    @property
    def is_secure(self) -> bool:
        """Whether the browser talks TLS, to us or to a proxy before us."""
        return self.request.url.scheme == "https" or self.services.settings.url.startswith("https://")

    @property
    def may_log_in(self) -> bool:
        """Whether a password may be sent over this road."""
        client = self.request.client
        return self.is_secure or (client is not None and is_this_machine(client.host))

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; with TLS no other host can have set it."""
        return "__Host-viaduct" if self.is_secure else "viaduct"

    def query(self, name: str, default: str = "") -> str:
        """A part of the query."""
        return self.request.query_params.get(name, default)[:QUERY].replace("\0", "")

    def number(self, name: str) -> int:
        """A number of the query, 1 where it is none."""
        text = self.query(name, "1")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def logged_in(self) -> tuple[Session, Person]:
        """Raises LoginRefused."""
        if self.session is None:
            raise LoginRefused("this needs a log-in", hint="what records contain is read with your account")
        return self.session, self.session.person

    def page(self, template: str, status: int = 200, **data: Any) -> HTMLResponse:
        """A page of that template."""
        now = self.moment.fleet.now
        token = self.session.csrf if self.session is not None else ""
        text = self.templates.get_template(template).render(
            fleet=self.moment.fleet,
            headline=self.moment.headline,
            open_conflicts=sum(row.open for row in self.moment.fleet.conflicts),
            stuck=self.moment.stuck,
            now=now,
            ago=ages(now),
            person=self.person,
            csrf=token,
            path=self.request.url.path,
            here=link_here(self.request),
            has_roads=self.services.roads is not None,
            **data,
        )
        return HTMLResponse(text.encode(errors="backslashreplace"), status)

    def to(self, *parts: str, **query: object) -> RedirectResponse:
        """Go there now, by GET."""
        return RedirectResponse(link(*parts, **query), HTTPStatus.SEE_OTHER)


def link_here(request: Request) -> str:
    """Path and query, for a log-in to come back to."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


Handler = Callable[[Visit], Response]


@dataclass(frozen=True)
class Endpoint:
    """A handler as Starlette calls it: in a thread, for whoever may look. ``open``: for everybody."""

    services: Services
    templates: jinja2.Environment
    handler: Handler
    open: bool = False

    async def __call__(self, request: Request) -> Response:
        """Answer."""
        visit = Visit(self.services, self.templates, request, self._session(request))
        try:
            if request.method == "POST":
                visit.form = await read_form(request)
                check_origin(request, self.services.settings.url)
            return await run_in_threadpool(self._answer, visit)
        except ViaductError as error:
            return await run_in_threadpool(refuse, visit, error)

    def _session(self, request: Request) -> Session | None:
        for name in ("__Host-viaduct", "viaduct"):
            if found := self.services.sessions.find(request.cookies.get(name, "")):
                return found
        return None

    def _answer(self, visit: Visit) -> Response:
        self.services.asking.looking()
        if not self.open and not may_look(self.services.settings.look, visit.person):
            if visit.person is None:
                return visit.to("login", next=link_here(visit.request))
            return visit.page(
                "refused.html", 403, message="Your account may not look at this fleet.", hint=_WHO
            )
        if visit.request.method == "POST" and not self.open:
            check_csrf(visit)
        return self.handler(visit)


_WHO = "agent.dashboard.look says who may: an account with a role on the system, for one."


def check_csrf(visit: Visit) -> None:
    """The form has to be one that this session was shown. Raises LoginRefused, BadRequest."""
    import hmac

    session, _ = visit.logged_in()
    if not hmac.compare_digest(visit.form.get("csrf", "").encode(), session.csrf.encode()):
        raise BadRequest("this form is not of your session", hint="go back, load the page again, try again")


def check_origin(request: Request, url: str) -> None:
    """A form that another site's page has sent is refused, whatever is in it. Raises BadRequest."""
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise BadRequest("this form comes from another site", hint="use the dashboard's own pages")
        return
    ours = {request.headers.get("host", ""), urlsplit(url).netloc}
    if urlsplit(origin).netloc not in ours - {""}:
        raise BadRequest("this form comes from another site", hint="use the dashboard's own pages")


async def read_form(request: Request) -> dict[str, str]:
    """What was posted, within bounds. Raises BadRequest."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise BadRequest("this is no form", hint="use the dashboard's own pages")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > FORM:
            raise BadRequest(f"a form has at most {FORM} bytes", hint="shorten what you typed")
    try:
        return dict(parse_qsl(data.decode(), keep_blank_values=True, max_num_fields=FIELDS))
    except ValueError as error:
        raise BadRequest("this form can't be read", hint="use the dashboard's own pages") from error


def refuse(visit: Visit, error: ViaductError) -> Response:
    """The error as a page; who has to log in first is sent there."""
    if isinstance(error, LoginRefused) and visit.session is None and visit.request.method == "GET":
        return visit.to("login", next=link_here(visit.request))
    status = 404 if isinstance(error, NotThere) else error.status if 400 <= error.status < 500 else 502
    return visit.page("refused.html", status, message=error.message, hint=error.hint)
