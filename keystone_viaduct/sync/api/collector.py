"""Keeps Python's collector of cycles out of the way while a page is in the making.

A page of thousands of records is hundreds of thousands of objects without a cycle, all needed until its end;
the collector would walk through them again and again, a sixth of the processor's time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0
_was_enabled = True


@contextmanager
def paused() -> Iterator[None]:
    """No collection until the last of those who asked for it is done; counting references goes on."""
    global _users, _was_enabled
    with _lock:
        _users += 1
        if _users == 1:
            _was_enabled = gc.isenabled()
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _was_enabled:
                gc.enable()
