"""Under which id all that happens for one change is logged: at the site where it was made, by the agent, and
at the sites that it comes to.

It is OpenStack's *global request id*: what calls with this header is logged by Keystone with the id beside
its own one. A site tells the agent with its poke which request has written; the agent hands it on with each
call.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Openstack-Request-Id"
#: What oslo.middleware takes; anything else could forge a line of a log.
_FORM = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_current: ContextVar[str] = ContextVar("viaduct_request_id", default="")


def made() -> str:
    """A new one."""
    return f"req-{uuid.uuid4()}"


def checked(text: str) -> str:
    """The id, or nothing where it is none."""
    return text if _FORM.fullmatch(text) else ""


def current() -> str:
    """The one under which this thread works; '' for none."""
    return _current.get()


@contextmanager
def under(identifier: str) -> Iterator[None]:
    """Work under that id."""
    token = _current.set(identifier)
    try:
        yield
    finally:
        _current.reset(token)
