"""Values that lie deep in each other: Keystone reads whatever travels, and takes no more than that.

Keystone parses by recursion. What it has just been able to take it may not be able to read a few calls
deeper, and then, with an attribute of a service, nobody logs in any more: not here, and not at any site to
which the record travels. So there is room for all that a record can hold, and what is deeper is refused where
it comes in.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from keystone_viaduct.kinds.deepjson import DEPTH
from keystone_viaduct.sync.api.frontdoor import PATH, Application

#: Calls inside each other: a value is copied by two for each level, and Keystone's own come on top of that.
CALLS = 2 * DEPTH + 1000
#: A request has the record as a member, and the record the value.
MOST = DEPTH + 2
_WRITING = frozenset({"POST", "PUT", "PATCH"})
#: A text, be it ended or not, or what opens and closes.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def make_room() -> None:
    """Let this process read values of any depth that travels."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), CALLS))


class Nesting:
    """WSGI middleware: answers 400 to a request with a value that is nested deeper than any that travels.

    ``longest``: bytes of a request's body that Keystone takes.
    """

    def __init__(self, application: Application, longest: int) -> None:
        self._application = application
        self._longest = longest

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        if _may_write_json(environ) and is_too_deep(self._body(environ)):
            return _refuse(start_response)
        return self._application(environ, start_response)

    def _body(self, environ: dict[str, Any]) -> bytes:
        """What was sent, put back; of what Keystone refuses for its size nothing, or one byte too many."""
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) > self._longest:
            return b""
        if not length.isdigit() and not environ.get("wsgi.input_terminated"):
            return b""
        data: bytes = environ["wsgi.input"].read(int(length) if length.isdigit() else self._longest + 1)
        environ["wsgi.input"] = io.BytesIO(data)
        if not length.isdigit():
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["CONTENT_LENGTH"] = str(len(data))
        return data


def _may_write_json(environ: dict[str, Any]) -> bool:
    """Whether Keystone would parse its body. Ours is parsed without recursion."""
    path, sort = environ.get("PATH_INFO", ""), (environ.get("CONTENT_TYPE") or "").lower()
    ours = path == PATH or path.startswith(f"{PATH}/")
    return environ.get("REQUEST_METHOD") in _WRITING and not ours and (not sort or "json" in sort)


def is_too_deep(body: bytes) -> bool:
    """Whether a body is nested deeper than a request can be that travels. Most are not by their length."""
    if body.count(b"[") + body.count(b"{") <= MOST:
        return False
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        return False  # Keystone refuses it
    depth = 0
    for mark in _MARKS.finditer(text):
        first = mark[0][0]
        depth += 1 if first in "[{" else -1 if first in "]}" else 0
        if depth > MOST:
            return True
    return False


def _refuse(start_response: Callable[..., Any]) -> Iterable[bytes]:
    message = f"The request has a value that is nested more than {DEPTH} deep, which no site can keep."
    body = json.dumps({"error": {"code": 400, "title": "Bad Request", "message": message}}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Vary", "X-Auth-Token"),
    ]
    start_response("400 Bad Request", headers)
    return [body]
