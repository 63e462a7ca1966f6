"""Tells open pages when there is something new to show; they then ask for themselves again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from keystone_viaduct.dashboard.web.services import Services

#: Seconds between two looks, and after which a page hears that we are alive though nothing is new.
EVERY, ALIVE = 1.0, 5.0
#: Pages that are told at once.
MOST = 200


class Events:
    """``GET /events``: server-sent events, one ``tick`` with the number of the state that is to be shown."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open = 0

    async def serve(self, request: Request) -> Response:
        """The stream. (Whether he may look, the endpoint around has seen.)"""
        if self._open >= MOST:
            return PlainTextResponse("too many pages are open", 503, {"Retry-After": "30"})
        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        return StreamingResponse(self._ticks(), headers=headers, media_type="text/event-stream")

    async def _ticks(self) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            yield b"retry: 2000\n\n"
            last, said = "", 0.0
            loop = asyncio.get_running_loop()
            while not self._services.stopping.is_set():
                number = self._number()
                if number != last or loop.time() - said >= ALIVE:
                    last, said = number, loop.time()
                    yield f"event: tick\ndata: {number}\n\n".encode()
                    self._services.asking.looking()
                await asyncio.sleep(EVERY)
        finally:
            self._open -= 1

    def _number(self) -> str:
        stamp = (*self._services.seeing.stamp(), self._services.surveys.number)
        return hashlib.blake2b(repr(stamp).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
