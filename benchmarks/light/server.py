"""Serves many light sites in one process, each under ``/s/NAME/v3``.

``python -m benchmarks.light.server STORES PORT``: STORES is a file that ``benchmarks/scale.py`` has made.
Beside the API there are ``POST /control/edit`` (the hub: one more user, and a poke to the agent) and
``GET /control/arrived?key=…`` (when a user came to each site).
"""

from __future__ import annotations

import asyncio
import pickle
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import uvicorn

from benchmarks.light.site import HUB, LightSite, user
from keystone_viaduct.errors import ViaductError
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.faults import error_to_json
from keystone_viaduct.sync.wire.joining import choices_to_json
from keystone_viaduct.sync.wire.poke import made

Answer = tuple[int, Any]
#: Seconds between two bytes of a site that is hostile.
DRIP = 1.0


class Server:
    """``slow`` sites give their answers byte by byte, ``dead`` ones never."""

    def __init__(self, sites: dict[str, LightSite], agent: str, slow: set[str], dead: set[str]) -> None:
        self.sites = sites
        self.agent = agent
        self.slow, self.dead = slow, dead
        self.calls, self.sent = 0, 0
        self._news = asyncio.Event()
        self._pokes: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode()))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        data = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            data += message.get("body", b"")
            if not message.get("more_body"):
                break
        extra: dict[str, str] = {}
        if path.startswith("/control/"):
            status, content = 200, await self.control(path, query)
        else:
            self.calls += 1
            _, _, name, *rest = unquote(path).split("/")
            if name in self.dead:
                await asyncio.sleep(3600)
            status, content, extra = self.answer(name, "/".join(rest), method, query, headers, data)
        await self.give(scope, send, status, content, extra)

    async def give(self, scope: Any, send: Any, status: int, content: Any, extra: dict[str, str]) -> None:
        """Send an answer."""
        raw = content if isinstance(content, bytes) else b"" if content is None else body.dumps(content)
        name = scope["path"].split("/")[2]
        headers = {"content-type": "application/json", **extra}
        accept = dict(scope["headers"]).get(b"accept-encoding", b"").decode()
        if len(raw) > 512:
            raw, encoding = body.compress(raw, body.choose_encoding(accept))
            headers |= {"content-encoding": encoding} if encoding else {}
        headers["content-length"] = str(len(raw))
        self.sent += len(raw)
        listed = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": listed})
        if name in self.slow:
            for at in range(len(raw)):
                await send({"type": "http.response.body", "body": raw[at : at + 1], "more_body": True})
                await asyncio.sleep(DRIP)
            raw = b""
        await send({"type": "http.response.body", "body": raw})

    def answer(
        self, name: str, path: str, method: str, query: dict[str, str], headers: dict[str, str], data: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        """What the API says."""
        if path in ("v3", "v3/"):
            return 200, version(f"http://{headers['host']}/s/{name}/v3/"), {}
        if path == "v3/auth/tokens":
            return 201, token(), {"x-subject-token": f"token of {name}"}
        try:
            value = None
            if data:
                value = body.loads(body.decompress(data, headers.get("content-encoding"), limits.BODY_OPEN))
            status, content = self.route(
                self.sites[name], path.removeprefix("v3/OS-SYNC"), method, query, value
            )
            return status, content, {}
        except ViaductError as error:
            return error.status, error_to_json(error), {}

    def route(self, site: LightSite, path: str, method: str, query: dict[str, str], value: Any) -> Answer:
        """One call."""
        first, _, rest = path.removeprefix("/").partition("/")
        found: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", ""): lambda: site.capabilities(query),
            ("GET", "changes"): lambda: site.read(query),
            ("POST", "changes"): lambda: site.apply(value),
            ("GET", "checkpoints"): lambda: site.standing(rest, query),
            ("PUT", "checkpoints"): lambda: site.resume(rest, value),
            ("PUT", "peers"): lambda: site.register(rest, value),
            ("GET", "poke-key"): lambda: {"poke_key": site.poke_keys()[1]},
            ("GET", "key-proofs"): lambda: {"reader": query["reader"], "proofs": []},
            ("GET", "secret"): lambda: site.sealed_secret(query["reader"]),
            ("PUT", "lease"): lambda: site.take_lease(value["holder"], value["ttl"]),
            ("DELETE", "lease"): lambda: site.release_lease(query["holder"]),
            ("GET", "keys"): site.keys,
            ("POST", "keys"): lambda: {"wait": 0.0},
            ("GET", "charter"): site.charter,
            ("GET", "joining"): lambda: choices_to_json(rest, {}),
            ("POST", "summary"): lambda: site.summary(value),
            ("POST", "listing"): lambda: site.listing(value),
            ("POST", "shown"): lambda: site.show(value),
            ("POST", "purge"): lambda: site.purge(value),
            ("POST", "sweep"): lambda: site.sweep(value["limit"]),
            ("GET", "sweep"): site.swept,
            ("GET", "waiting"): site.waiting,
        }
        call = found.get((method, first))
        if call is None:
            return 404, {"error": {"code": 404, "message": f"no {method} {path}", "title": "Not Found"}}
        content = call()
        return (204 if content is None else 200), content

    async def control(self, path: str, query: dict[str, str]) -> Any:
        """What the benchmark asks for."""
        if path == "/control/edit":
            first, count = int(query["first"]), int(query.get("count", "1"))
            for number in range(first, first + count):
                self.sites[HUB].edit(*user(number))
            at = time.monotonic()
            self._news.set()
            return {"at": at}
        if path == "/control/arrived":
            refs = [str(user(number)[0]) for number in range(int(query["first"]), int(query["last"]) + 1)]
            return {
                name: [site.arrived.get(ref) for ref in refs]
                for name, site in self.sites.items()
                if name not in (self.slow | self.dead | {HUB})
            }
        return {"calls": self.calls, "sent": self.sent, "sites": len(self.sites)}

    async def poke(self) -> None:
        """The hub's pokes: one is on its way, and one may follow."""
        hub = self.sites[HUB]
        async with httpx.AsyncClient(timeout=2.0) as client:
            while True:
                await self._news.wait()
                self._news.clear()
                sent = made(*hub.poke_keys(), HUB, hub.store.data.state.head + 1)
                try:
                    await client.post(self.agent, content=sent.data, headers=sent.headers())
                except httpx.HTTPError:
                    continue

    async def lifespan(self) -> None:
        """Begin what goes on beside the calls."""
        if HUB in self.sites:
            self._pokes = asyncio.create_task(self.poke())


def version(url: str) -> Any:
    """What a log-in asks for first."""
    links = [{"rel": "self", "href": url}]
    return {"version": {"id": "v3.14", "status": "stable", "links": links, "media-types": []}}


def token() -> Any:
    """As Keystone gives one; good for a day."""
    now = datetime.now(UTC)
    form = "%Y-%m-%dT%H:%M:%S.%fZ"
    return {
        "token": {
            "methods": ["password"],
            "user": {"id": "0" * 32, "name": "agent", "domain": {"id": "default", "name": "Default"}},
            "system": {"all": True},
            "roles": [{"id": "1" * 32, "name": "admin"}],
            "catalog": [],
            "issued_at": now.strftime(form),
            "expires_at": (now + timedelta(days=1)).strftime(form),
        }
    }


async def serve(server: Server, port: int) -> None:
    """Until the process ends."""
    config = uvicorn.Config(
        server,
        port=port,
        log_level="error",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=400,
        backlog=4096,
    )
    await server.lifespan()
    await uvicorn.Server(config).serve()


def main() -> None:
    """Read the stores and serve."""
    told = pickle.loads(Path(sys.argv[1]).read_bytes())  # made by scale.py a moment before
    sites = {name: LightSite(name, data) for name, data in told["sites"].items()}
    asyncio.run(serve(Server(sites, told["agent"], set(told["slow"]), set(told["dead"])), int(sys.argv[2])))


if __name__ == "__main__":
    main()
