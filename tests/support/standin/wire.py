"""Messages of PostgreSQL's protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
READY = b"Z"
ERROR = b"E"
QUERY = b"Q"
PARAMETER = b"S"
TERMINATE = b"X"

Message = tuple[bytes, bytes]
"""Type and body."""


class Hangup(Exception):
    """The other end is gone."""


def receive_exactly(link: socket.socket, size: int) -> bytes:
    """So many bytes."""
    parts = bytearray()
    while len(parts) < size:
        part = link.recv(size - len(parts))
        if not part:
            raise Hangup
        parts += part
    return bytes(parts)


def receive(link: socket.socket) -> Message:
    """The next message."""
    head = receive_exactly(link, 5)
    return head[:1], receive_exactly(link, struct.unpack("!I", head[1:])[0] - 4)


def send(link: socket.socket, *messages: Message) -> None:
    """Send messages, together: one by one each would wait for the acknowledgement of the one before."""
    link.sendall(b"".join(kind + struct.pack("!I", len(body) + 4) + body for kind, body in messages))


def receive_startup(link: socket.socket) -> bytes:
    """The body of the client's first message; encryption is declined."""
    while True:
        body = receive_exactly(link, struct.unpack("!I", receive_exactly(link, 4))[0] - 4)
        code = struct.unpack("!I", body[:4])[0]
        if code in (SSL_REQUEST, GSS_REQUEST):
            link.sendall(b"N")
        elif code == CANCEL_REQUEST:
            raise Hangup
        else:
            return body


def send_startup(link: socket.socket, body: bytes) -> None:
    """Begin a session."""
    link.sendall(struct.pack("!I", len(body) + 4) + body)


def until_ready(link: socket.socket) -> Iterator[Message]:
    """The messages that answer a query, the last one being READY."""
    while True:
        message = receive(link)
        yield message
        if message[0] == READY:
            return


def query(link: socket.socket, sql: str) -> list[Message]:
    """Ask, and wait for the whole answer."""
    send(link, (QUERY, sql.encode() + b"\0"))
    return list(until_ready(link))


def failed(answer: list[Message]) -> bool:
    """Whether there is an error in an answer."""
    return any(kind == ERROR for kind, _ in answer)
