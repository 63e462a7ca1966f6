"""A WAN on one machine: delaying TCP proxies between sites, whose links can be cut and healed while in use.

The kernel of many machines (and all containers) has no ``netem``; for HTTP between Keystones a proxy that
delays is enough. Bandwidth is not limited. What a cut does, see :class:`Cut`.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from keystone_viaduct.demo.delay import Traffic, Weather, bridge, reset
from keystone_viaduct.errors import ConfigError, UnknownSite

LOOPBACK = "127.0.0.1"
T = TypeVar("T")


class Cut(enum.Enum):
    """How a cut looks from the ends.

    ``SILENT`` is what a WAN does: packets vanish. Open connections stall, new ones get no answer, nobody is
    told anything, and what was under way arrives after healing if its connection still exists then. (The
    client's *connect* succeeds nevertheless, as its own kernel answers; its first request stalls instead.)
    ``RESET`` is a router that says so: open connections are reset, and so are new ones, at once.
    """

    SILENT = "silent"
    RESET = "reset"


@dataclass(frozen=True)
class End:
    """A site as the road sees it: its name and where its Keystone listens."""

    site: str
    host: str
    port: int


class _Door:
    """One listening port that leads to the far end of a link."""

    def __init__(self, weather: Weather, target: tuple[str, int]) -> None:
        self.weather = weather
        self.target = target
        self.port = 0
        self.traffic = Traffic()
        self._listener: socket.socket | None = None
        self._tasks: dict[asyncio.Task[None], socket.socket] = {}

    def listen(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0), backlog=512)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        # Not asyncio.start_server or sock_accept: ended while they accept, they lose that connection.
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except OSError:  # broken off before we came to it
            return
        if self.weather.refusing:
            reset(accepted)
            accepted.close()
            return
        accepted.setblocking(False)
        self.traffic.connections += 1
        task = asyncio.create_task(bridge(self.weather, accepted, self.target, self.traffic))
        self._tasks[task] = accepted
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        accepted = self._tasks.pop(task)
        if task.cancelled():  # perhaps before its first step
            accepted.close()

    async def reset_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def shut(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        await self.reset_all()


class Link:
    """The road between two sites: a door at each end, one weather for both."""

    def __init__(self, wan: Wan, ends: tuple[End, End], weather: Weather) -> None:
        self._wan = wan
        self.ends = ends
        self._weather = weather
        a, b = ends
        self._doors: Mapping[str, _Door] = {
            b.site: _Door(weather, (b.host, b.port)),
            a.site: _Door(weather, (a.host, a.port)),
        }
        self._more: list[_Door] = []

    def port_to(self, site: str) -> int:
        """Local port that leads to ``site``, from the other end of this link; raises UnknownSite."""
        return self._door(site).port

    def url_to(self, site: str, path: str = "/v3") -> str:
        """Base URL of ``site``'s Keystone as seen from the other end of this link."""
        return f"http://{LOOPBACK}:{self.port_to(site)}{path}"

    def also_to(self, site: str, port: int) -> int:
        """Open one more local port, which leads to ``port`` at ``site``'s end over this same road."""
        host, _ = self._door(site).target
        return self._wan._call(lambda: self._open((host, port))).result()

    def traffic_to(self, site: str) -> Traffic:
        """Connections made towards ``site`` and bytes carried on them, both directions."""
        return self._door(site).traffic

    @property
    def rtt_ms(self) -> float:
        """Round-trip time in milliseconds; may be set at any time, and holds for what is under way too."""
        return self._weather.rtt * 1000

    @rtt_ms.setter
    def rtt_ms(self, value: float) -> None:
        self._weather.rtt = value / 1000

    @property
    def is_cut(self) -> bool:
        """Whether nothing comes through at present."""
        return self._weather.cut

    def cut(self, how: Cut = Cut.SILENT) -> None:
        """Cut the road; returns when it is so."""
        self._wan._call(lambda: self._cut(how)).result()

    def heal(self) -> None:
        """Mend the road; returns when it is so."""
        self._wan._call(self._heal).result()

    async def _open(self, target: tuple[str, int]) -> int:
        door = _Door(self._weather, target)
        door.listen()
        self._more.append(door)
        return door.port

    async def _cut(self, how: Cut) -> None:
        self._weather.close(refusing=how is Cut.RESET)
        if how is Cut.RESET:
            for door in self._all():
                await door.reset_all()

    async def _heal(self) -> None:
        self._weather.reopen()

    def _listen(self) -> None:
        for door in self._doors.values():
            door.listen()

    async def _shut(self) -> None:
        for door in self._all():
            await door.shut()

    def _all(self) -> list[_Door]:
        return [*self._doors.values(), *self._more]

    def _door(self, site: str) -> _Door:
        try:
            return self._doors[site]
        except KeyError:
            raise UnknownSite(
                f"no road to {site!r} here", hint=f"this link joins {' and '.join(self._doors)}", site=site
            ) from None


class Wan:
    """All roads of a fleet, served by one event loop in a thread of its own. Use as a context manager."""

    def __init__(self, rtt_ms: float = 80.0) -> None:
        if rtt_ms < 0:
            raise ConfigError("a round trip can't take negative time", hint="give rtt_ms >= 0", rtt_ms=rtt_ms)
        self.rtt_ms = rtt_ms
        self._links: list[Link] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start the thread; returns self."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wan", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Reset every connection, close every port, end the thread. May be called twice."""
        if self._thread is None or self._loop is None:
            return
        self._call(self._shut).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._thread = self._loop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def link(self, a: End, b: End, rtt_ms: float | None = None) -> Link:
        """Build a road between two sites (round trip: the WAN's by default); its ports are open on return."""
        return self._call(lambda: self._build(a, b, self.rtt_ms if rtt_ms is None else rtt_ms)).result()

    @property
    def links(self) -> tuple[Link, ...]:
        """Every road built so far."""
        return tuple(self._links)

    async def _build(self, a: End, b: End, rtt_ms: float) -> Link:
        link = Link(self, (a, b), Weather(rtt_ms / 1000))
        link._listen()
        self._links.append(link)
        return link

    async def _shut(self) -> None:
        for link in self._links:
            await link._shut()
        for _ in range(3):  # a transport is closed two turns of the loop after its abort
            await asyncio.sleep(0)

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        if self._loop is None:
            raise ConfigError("the WAN is not running", hint="call start() or use it as a context manager")
        return asyncio.run_coroutine_threadsafe(make(), self._loop)
