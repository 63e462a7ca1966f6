"""One emulated long-distance TCP connection: what is read on one side is written on the other, later.

Delay, not bandwidth: any number of chunks may be under way at once, each due one half of the round trip after it
was read. Nothing is lost or reordered, as TCP promises its users.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field

CHUNK = 64 * 1024
#: Bytes that may be under way in one direction before reading stops: 3 Gbit/s at a round trip of 350 ms.
WINDOW = 64 * 1024 * 1024
_LINGER_RESET = struct.pack("ii", 1, 0)


@dataclass
class Traffic:
    """What went through, to be read by tests and benchmarks."""

    connections: int = 0
    bytes: int = 0


class Weather:
    """The state of a road at this moment, shared by all its connections; belongs to the proxy's event loop."""

    def __init__(self, rtt: float) -> None:
        self.rtt = rtt
        self.cut = False
        self.refusing = False
        self.healed_at = float("-inf")
        self._open = asyncio.Event()
        self._open.set()

    @property
    def one_way(self) -> float:
        """Seconds from one end to the other."""
        return self.rtt / 2

    def close(self, *, refusing: bool) -> None:
        """From now on nothing comes through; ``refusing`` also answers new connections with a reset."""
        self.cut = True
        self.refusing = refusing
        self._open.clear()

    def reopen(self) -> None:
        """Let through again, beginning with what was held back."""
        self.cut = self.refusing = False
        self.healed_at = asyncio.get_running_loop().time()
        self._open.set()

    async def arrival(self, sent_at: float) -> None:
        """Return when something sent at ``sent_at`` (loop time) reaches the other end.

        What a cut caught on its way is sent again at the moment of healing. (A real TCP would wait for its next
        retransmission, up to as long again as the cut lasted; here it is at once, so that tests need not wait.)
        """
        while True:
            due = max(sent_at, self.healed_at) + self.one_way
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            if not self.cut:
                return
            await self._open.wait()


def reset(transport: asyncio.BaseTransport) -> None:
    """Close at once with a TCP reset instead of an orderly end."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


@dataclass
class Lane:
    """One direction of one connection."""

    weather: Weather
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    established_at: float
    traffic: Traffic
    _under_way: asyncio.Queue[tuple[float, bytes]] = field(default_factory=asyncio.Queue)
    _bytes_under_way: int = 0
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def carry(self) -> None:
        """Carry bytes until the sender's end of stream has arrived; raises OSError when either side broke."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._load())
            group.create_task(self._unload())

    async def _load(self) -> None:
        loop = asyncio.get_running_loop()
        data = b"?"
        while data:
            data = await self.reader.read(CHUNK)
            self._bytes_under_way += len(data)
            self._under_way.put_nowait((max(loop.time(), self.established_at), data))
            while self._bytes_under_way > WINDOW:
                self._room.clear()
                await self._room.wait()

    async def _unload(self) -> None:
        while True:
            sent_at, data = await self._under_way.get()
            await self.weather.arrival(sent_at)
            if not data:
                if self.writer.can_write_eof():
                    self.writer.write_eof()
                return
            self.writer.write(data)
            await self.writer.drain()
            self.traffic.bytes += len(data)
            self._bytes_under_way -= len(data)
            self._room.set()


async def bridge(
    weather: Weather,
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    target: tuple[str, int],
    traffic: Traffic,
) -> None:
    """Serve one accepted connection until both directions have ended or either broke.

    The kernel has answered the client's SYN already, so the handshake is paid for by the first bytes: the far side
    sees the connection after half a round trip and the first bytes after one and a half, as over a real road.
    """
    near_reader, near_writer = near
    accepted_at = asyncio.get_running_loop().time()
    far_writer: asyncio.StreamWriter | None = None
    try:
        await weather.arrival(accepted_at)
        far_reader, far_writer = await asyncio.open_connection(*target)
        now = asyncio.get_running_loop().time()
        out = Lane(weather, near_reader, far_writer, now + weather.one_way, traffic)
        back = Lane(weather, far_reader, near_writer, now + weather.rtt, traffic)
        async with asyncio.TaskGroup() as group:
            group.create_task(out.carry())
            group.create_task(back.carry())
        near_writer.close()
        far_writer.close()
    except (OSError, BaseExceptionGroup) as broken:
        if isinstance(broken, BaseExceptionGroup):
            _, other = broken.split(OSError)
            if other is not None:
                raise other from None
        await weather.arrival(asyncio.get_running_loop().time())
    finally:
        for writer in (near_writer, far_writer):
            if writer is not None and not writer.is_closing():
                reset(writer.transport)
