"""What every call of the API goes through: permission, version, errors as ours, compressed answers."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flask
from keystone import exception

from keystone_viaduct.errors import BadRequest, ScopeRequired, TooFast, UnsupportedVersion, ViaductError
from keystone_viaduct.sync.api import audit, policy
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.frontdoor import INPUT, LENGTH
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.faults import error_to_json

HEADER = "OpenStack-API-Version"
_SYNC = re.compile(r"\s*sync\s+(\d{1,6})\.(\d{1,6})\s*")


@dataclass(frozen=True)
class Reply:
    """An answer. ``raw`` are bytes of JSON that stand for ``content``; ``noted`` goes to the audit trail."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    noted: Noted | None = None


Handler = Callable[..., Reply]


def gated(action: str) -> Callable[[Handler], Callable[..., flask.Response]]:
    """Wrap a method of a resource: only who may do ``action`` gets in; what it raises becomes an answer."""

    def decorate(handler: Handler) -> Callable[..., flask.Response]:
        @functools.wraps(handler)
        def call(*arguments: Any, **variables: Any) -> flask.Response:
            try:
                policy.enforce(action)
                negotiate(flask.request.headers.get(HEADER))
                reply = handler(*arguments, **variables)
                if reply.noted is not None:
                    audit.note(action.removeprefix("sync:"), reply.noted)
                return answer(reply)
            except exception.ForbiddenAction as error:
                refusal = ScopeRequired(
                    str(error), hint=f"the account needs the role admin on the system (policy {action})"
                )
                return answer(fault(refusal))
            except ViaductError as error:
                return answer(fault(error))

        return call

    return decorate


def negotiate(header: str | None) -> None:
    """Refuse a caller that speaks another major version; one that names none is taken to speak ours."""
    for part in (header or "").split(","):
        if not part.strip().startswith("sync"):
            continue
        found = _SYNC.fullmatch(part)
        if found is None:
            raise BadRequest(f"{HEADER} is malformed", hint=f"send `{HEADER}: sync {limits.VERSION}`")
        if int(found[1]) != limits.MAJOR:
            raise UnsupportedVersion(
                f"this site speaks version {limits.VERSION} of the protocol, not {found[1]}.{found[2]}",
                hint="upgrade the older end",
                versions=limits.VERSION,
            )


def fault(error: ViaductError) -> Reply:
    """The answer for an error."""
    # An unknown kind in a URL is a missing page, in a body it is a bad body.
    status = 400 if error.status == 404 and flask.request.method == "POST" and not _is_site(error) else None
    return Reply(error_to_json(error, status), status or error.status, _retry_after(error))


def _retry_after(error: ViaductError) -> dict[str, str]:
    """When to come again, in whole seconds, where that helps (RFC 9110, 10.2.3)."""
    if isinstance(error, TooFast):
        return {"Retry-After": str(max(1, math.ceil(error.wait)))}
    return {"Retry-After": "5"} if error.status == 503 else {}


def _is_site(error: ViaductError) -> bool:
    return error.code.startswith("site.")


def answer(reply: Reply) -> flask.Response:
    """A response, compressed as the caller likes it best."""
    data = reply.raw
    if data is None:
        data = b"" if reply.content is None else body.dumps(reply.content) + b"\n"
    packed, encoding = body.compress(data, body.choose_encoding(flask.request.headers.get("Accept-Encoding")))
    response = flask.Response(packed, reply.status, mimetype="application/json")
    response.headers[HEADER] = f"sync {limits.VERSION}"
    response.vary.update(("Accept-Encoding", HEADER))
    response.headers.extend(reply.headers)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    return response


def read_json(most: int = limits.SMALL_BODY, opened: int | None = None) -> Any:
    """The request's body, strictly parsed. Raises BadRequest, TooLarge."""
    return body.loads(
        body.decompress(read_body(most), flask.request.headers.get("Content-Encoding"), opened or most)
    )


def read_body(most: int) -> bytes:
    """The request's body as it was transferred, at most ``most`` bytes (see :class:`FrontDoor`)."""
    environ = flask.request.environ
    length = environ.get(LENGTH, environ.get("CONTENT_LENGTH"))
    if not length or not str(length).isdigit():
        raise BadRequest("the request has no Content-Length", hint="send the body in one piece")
    if int(length) > most:
        raise body.too_large(most)
    data: bytes = environ.get(INPUT, environ["wsgi.input"]).read(int(length))
    if len(data) != int(length):
        raise BadRequest("the body ends in the middle", hint="send it again")
    return data


def argument(name: str, default: str | None = None) -> str:
    """A parameter of the query. Raises BadRequest when it is missing and has no default."""
    values = flask.request.args.getlist(name)
    if len(values) > 1 or (not values and default is None):
        raise BadRequest(
            f"the parameter {name} is {'given twice' if values else 'missing'}",
            hint="see docs/reference/api.md",
            where=name,
        )
    return values[0] if values else str(default)


def truth(name: str) -> bool:
    """Whether a parameter of the query is ``true``; false when it is missing. Raises BadRequest."""
    text = argument(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"{name} is neither true nor false", hint="leave it out for false", where=name)
    return text == "true"


def number(name: str, default: int, most: int) -> int:
    """A positive number in the query."""
    text = argument(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not 0 < int(text) <= most:
        raise BadRequest(
            f"{name} is not a number from 1 to {most}", hint=f"leave it out for {default}", where=name
        )
    return int(text)
