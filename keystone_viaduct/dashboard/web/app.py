"""The application: which path shows what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from keystone_viaduct.dashboard.access import may_look
from keystone_viaduct.dashboard.web import acting, conflicts, login, pages, search
from keystone_viaduct.dashboard.web.events import Events
from keystone_viaduct.dashboard.web.guard import Guard
from keystone_viaduct.dashboard.web.rendering import environment
from keystone_viaduct.dashboard.web.services import Services
from keystone_viaduct.dashboard.web.visit import Endpoint, Handler

#: What is served as it is; nothing else of the folder can be had.
STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}
SHOWN: dict[str, Handler] = {
    "/": pages.overview,
    "/sites/{name}": pages.site,
    "/changes": pages.changes,
    "/waiting": pages.waits,
    "/checks": pages.checks,
    "/progress": pages.under_way,
    "/conflicts": conflicts.conflicts,
    "/conflicts/{id}": conflicts.conflict,
    "/conflicts/{id}/resolve": conflicts.ask,
    "/search": search.search,
    "/act": acting.ask,
}
DONE: dict[str, Handler] = {
    "/conflicts/{id}/resolve": conflicts.resolve,
    "/act": acting.act,
    "/roads/{name}": acting.road,
}


def application(services: Services) -> Starlette:
    """The dashboard as an ASGI application."""
    templates = environment()
    events = Events(services)

    def route(path: str, handler: Handler, method: str, *, open_: bool = False) -> Route:
        return Route(path, _named(Endpoint(services, templates, handler, open_)), methods=[method])

    async def ticks(request: Request) -> Response:
        session = next(
            (
                found
                for name in ("__Host-viaduct", "viaduct")
                if (found := services.sessions.find(request.cookies.get(name, "")))
            ),
            None,
        )
        if not may_look(services.settings.look, session.person if session is not None else None):
            return PlainTextResponse("log in first", 403)
        return await events.serve(request)

    routes: list[BaseRoute] = [route(path, handler, "GET") for path, handler in SHOWN.items()]
    routes += [route(path, handler, "POST") for path, handler in DONE.items()]
    routes += [
        route("/login", login.form, "GET", open_=True),
        route("/login", login.enter, "POST", open_=True),
        route("/logout", login.leave, "POST", open_=True),
        Route("/events", ticks),
        Route("/healthz", _alive),
        Route("/static/{name}", _static),
    ]
    names = frozenset(filter(None, [urlsplit(services.settings.url).hostname, services.settings.listen[0]]))
    return Starlette(routes=routes, middleware=[Middleware(Guard, names=names)])


def _named(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Starlette takes an object for an ASGI application, and a function for what it calls."""

    async def answer(request: Request) -> Response:
        return await endpoint(request)

    return answer


async def _alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        return PlainTextResponse("not here\n", 404)
    data = resources.files("keystone_viaduct.dashboard").joinpath("static", name).read_bytes()
    return Response(data, headers={"Cache-Control": "no-cache"}, media_type=STATIC[name])
