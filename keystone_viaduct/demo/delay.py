"""One emulated long-distance TCP connection: what is read on one side is written on the other, later.

Delay, not bandwidth: any number of chunks may be under way at once, each due one half of the round trip after
it was read. Nothing is lost or reordered, as TCP promises its users.
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
    """The state of a road at this moment, shared by its connections; belongs to the proxy's event loop."""

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

        What a cut caught on its way is sent again at the moment of healing. (A real TCP would wait for its
        next retransmission, up to as long again as the cut lasted; here tests need not wait for that.)
        """
        while True:
            due = max(sent_at, self.healed_at) + self.one_way
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            if not self.cut:
                return
            await self._open.wait()


def reset(sock: socket.socket) -> None:
    """Make the coming close of ``sock`` a TCP reset instead of an orderly end."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)


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


async def bridge(weather: Weather, near: socket.socket, target: tuple[str, int], traffic: Traffic) -> None:
    """Serve one accepted connection until both directions have ended or either broke; closes it in any case.

    The kernel has answered the client's SYN already, so the handshake is paid for by the first bytes: the far
    side sees the connection after half a round trip and the first bytes after one and a half, as is right.
    """
    far = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    far.setblocking(False)
    loop = asyncio.get_running_loop()
    writers: list[asyncio.StreamWriter] = []
    try:
        await weather.arrival(loop.time())
        await loop.sock_connect(far, target)
        arrived = loop.time()
        near_reader, near_writer = await _streams(near, writers)
        far_reader, far_writer = await _streams(far, writers)
        out = Lane(weather, near_reader, far_writer, arrived + weather.one_way, traffic)
        back = Lane(weather, far_reader, near_writer, arrived + weather.rtt, traffic)
        async with asyncio.TaskGroup() as group:
            group.create_task(out.carry())
            group.create_task(back.carry())
        for writer in writers:
            writer.close()
    except (OSError, BaseExceptionGroup) as broken:
        if isinstance(broken, BaseExceptionGroup) and broken.split(OSError)[1] is not None:
            raise
        await weather.arrival(loop.time())
    finally:
        _reset_what_is_open(writers, (near, far))


async def _streams(
    sock: socket.socket, writers: list[asyncio.StreamWriter]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    writers.append(writer)
    return reader, writer


def _reset_what_is_open(writers: list[asyncio.StreamWriter], sockets: tuple[socket.socket, ...]) -> None:
    for writer in writers:
        if not writer.is_closing():
            reset(writer.get_extra_info("socket"))
            writer.transport.abort()
    for sock in sockets[len(writers) :]:
        reset(sock)
        sock.close()
