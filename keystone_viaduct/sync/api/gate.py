"""What every call of the API goes through: permission, version, errors as ours, compressed answers."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import flask
from keystone import exception

from keystone_viaduct.errors import BadRequest, ScopeRequired, TooFast, ViaductError
from keystone_viaduct.sync.api import audit, policy
from keystone_viaduct.sync.api.audit import Noted
from keystone_viaduct.sync.api.frontdoor import INPUT, LENGTH
from keystone_viaduct.sync.wire import body, limits
from keystone_viaduct.sync.wire.faults import error_to_json
from keystone_viaduct.sync.wire.microversion import DRY_RUN, EARLIEST, HEADER, Microversion, negotiated

#: Where the version that is spoken in a request stands in ``flask.g``.
_SPOKEN = "sync_version"


@dataclass(frozen=True)
class Reply:
    """An answer. ``raw`` are bytes that stand for ``content``, of JSON unless ``content_type`` says something
    else; ``noted`` goes to the audit trail.
    """

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    noted: Noted | None = None
    content_type: str = "application/json"


Handler = Callable[..., Reply]


def gated(action: str) -> Callable[[Handler], Callable[..., flask.Response]]:
    """Wrap a method of a resource: only who may do ``action`` gets in; what it raises becomes an answer."""

    def decorate(handler: Handler) -> Callable[..., flask.Response]:
        @functools.wraps(handler)
        def call(*arguments: Any, **variables: Any) -> flask.Response:
            try:
                policy.enforce(action)
                setattr(flask.g, _SPOKEN, negotiated(flask.request.headers.get(HEADER)))
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


def version() -> Microversion:
    """The version of the API that is spoken in this request."""
    found: Microversion = getattr(flask.g, _SPOKEN, EARLIEST)
    return found


def needs(wanted: Microversion, name: str) -> None:
    """Refuse a parameter to who speaks an earlier version than it came with. Raises BadRequest."""
    if version() < wanted:
        raise BadRequest(
            f"{name} is of version {wanted} of the API", hint=f"send `{HEADER}: sync {wanted}`", where=name
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
    response = flask.Response(packed, reply.status, content_type=reply.content_type)
    response.headers[HEADER] = f"sync {version()}"
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


def is_trial(since: Microversion = DRY_RUN) -> bool:
    """Whether the caller only asks what would happen (``dry_run=true``), which can be asked ``since`` a
    version. Raises BadRequest.
    """
    found = truth("dry_run")
    if found:
        needs(since, "dry_run")
    return found


def number(name: str, default: int, most: int) -> int:
    """A positive number in the query."""
    text = argument(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not 0 < int(text) <= most:
        raise BadRequest(
            f"{name} is not a number from 1 to {most}", hint=f"leave it out for {default}", where=name
        )
    return int(text)
