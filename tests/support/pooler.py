"""What a pooler does that can be seen: it tells its client another number than its session has."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

_MOST = 1 << 16


def _postgresql(answer: bytes) -> bytes:
    """BackendKeyData: ``K``, its length, the process, a secret."""
    found = answer.find(b"K\0\0\0\x0c")
    if found < 0:
        return answer
    number = struct.unpack_from(">i", answer, found + 5)[0]
    return answer[: found + 5] + struct.pack(">i", number + 1000) + answer[found + 9 :]


def _mysql(answer: bytes) -> bytes:
    """The server's greeting: a header of four bytes, the protocol, the version, the connection."""
    if answer[4:5] != b"\x0a":
        return answer
    place = answer.index(b"\0", 5) + 1
    number = struct.unpack_from("<I", answer, place)[0]
    return answer[:place] + struct.pack("<I", number + 1000) + answer[place + 4 :]


@contextmanager
def between(url: str, folder: Path) -> Iterator[str]:
    """The URL of the same database behind one."""
    parsed = sa.engine.make_url(url)
    if parsed.get_backend_name() == "postgresql":
        name = ".s.PGSQL.5432"
        server, changed = Path(str(parsed.query["host"])) / name, _postgresql
        behind = parsed.update_query_dict({"host": str(folder)})
    else:
        name = "s"
        server, changed = Path(str(parsed.query["unix_socket"])), _mysql
        behind = parsed.update_query_dict({"unix_socket": str(folder / name)})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / name))
        listener.listen()
        threading.Thread(target=_serve, args=(listener, server, changed), daemon=True).start()
        yield behind.render_as_string(hide_password=False)
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, server: Path, changed: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while True:
            client = listener.accept()[0]
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(str(server))
            for source, target, change in ((client, upstream, bytes), (upstream, client, changed)):
                threading.Thread(target=_copy, args=(source, target, change), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    """The number is said once; the rest goes through as it is."""
    with suppress(OSError):
        while read := source.recv(_MOST):
            passed = change(read)
            target.sendall(passed)
            change = change if passed == read else bytes
        target.shutdown(socket.SHUT_WR)
