"""Bodies that sites send are read here if they are small, and in a process of its own if they are not.

One large body is read at a time, so whoever makes several sites send as much as they may gets the memory of
one; small ones wait for nobody. :mod:`keystone_viaduct.sync.wire.reader` is that process.
"""

from __future__ import annotations

import atexit
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from keystone_viaduct.errors import SiteUnavailable, TooLarge
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.carried import CarriedPage, carry

T = TypeVar("T")
#: Bytes up to which an opened body is read here: of nothing but values, some 10 ms. One that may have so many
#: bytes at most is opened here, which takes a millisecond: no process has to say that it is too large.
HERE, OPENED_HERE = 256 * 1024, 1024 * 1024
_COMMAND = (sys.executable, "-m", "keystone_viaduct.sync.wire.reader")


class Reader:
    """Has functions called in another process, which is started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function gives; it is found by its name there. Raises what it raises of ViaductError, and
        SiteUnavailable where the process did not survive it.
        """
        with self._lock:
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            try:
                pickle.dump((function, arguments), process.stdin, pickle.HIGHEST_PROTOCOL)
                process.stdin.flush()
                is_well, found = pickle.load(process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self._end(process)
                raise SiteUnavailable(
                    "what it has sent could not be read: the process that reads it has ended",
                    hint="was there too little memory? It is started again with the next large body",
                ) from error
            except BaseException:
                self._end(process)  # an answer that nobody has taken would be the next one's
                raise
        if not is_well:
            raise found
        result: T = found
        return result

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._end(self._process)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        process.wait()


READER = Reader()
atexit.register(READER.close)


def read_page(data: bytes, encoding: str | None, most: int = limits.BODY_OPEN) -> CarriedPage:
    """The frame of a page of at most ``most`` bytes when opened. Raises BadRequest, TooLarge, and
    SiteUnavailable.
    """
    opened = _opened_here(data, encoding, most)
    if opened is not None:
        page = carry(opened, None, most)
    else:
        page = READER.call(_frame, data, encoding, most)
    return replace(page, data=data, encoding=encoding)


def read_json(data: bytes, encoding: str | None, most: int = limits.ANSWER_OPEN) -> Any:
    """A body of at most ``most`` bytes when opened; None when there is none. Raises as :func:`read_page`."""
    return read_form(_anything, data, encoding, most)


def read_form(form: Callable[[Any], T], data: bytes, encoding: str | None, most: int) -> T:
    """What ``form`` makes of such a body, where that is read: of a large one that is not of this form nothing
    comes back. ``form``: a function of a module; it raises BadRequest.
    """
    opened = _opened_here(data, encoding, most)
    if opened is not None:
        return _formed(form, opened, None, most)
    formed: T = READER.call(_formed, form, data, encoding, most)
    return formed


def _opened_here(data: bytes, encoding: str | None, most: int) -> bytes | None:
    """The body opened, where it is so small that nobody waits long for whoever reads it; else None. Raises
    BadRequest, TooLarge.
    """
    if most <= OPENED_HERE:
        opened = body.decompress(data, encoding, most)
        return opened if len(opened) <= HERE else None
    try:
        return body.decompress(data, encoding, HERE)
    except TooLarge:
        return None


def _frame(data: bytes, encoding: str | None, most: int) -> CarriedPage:
    """Without the body itself, which is there already."""
    return replace(carry(data, encoding, most), data=b"")


def _formed(form: Callable[[Any], T], data: bytes, encoding: str | None, most: int) -> T:
    opened = body.decompress(data, encoding, most)
    return form(body.loads(opened) if opened else None)


def _anything(value: Any) -> Any:
    return value
