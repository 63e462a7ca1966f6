"""Errors on the wire: ``{"error": {"code": 409, "title", "message", "viaduct": {"code", "hint", ...}}}``."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from keystone_viaduct import errors
from keystone_viaduct.errors import SiteUnavailable, ViaductError

_MORE = "docs/reference/errors.md says more about it"
_HINT = "look at the log of that site's Keystone"


def _classes(root: type[ViaductError]) -> Iterator[type[ViaductError]]:
    yield root
    for child in root.__subclasses__():
        yield from _classes(child)


def by_code() -> dict[str, type[ViaductError]]:
    """Stable code -> class, of all errors of :mod:`keystone_viaduct.errors`."""
    return {found.code: found for found in _classes(ViaductError) if found.__module__ == errors.__name__}


def error_to_json(error: ViaductError, status: int | None = None) -> dict[str, Any]:
    """The body of an answer; ``status`` where it is not the class's own."""
    code = status or error.status
    particulars = {name: _plain(value) for name, value in error.fields.items()}
    return {
        "error": {
            "code": code,
            "title": HTTPStatus(code).phrase,
            "message": error.message,
            "viaduct": {**particulars, "code": error.code, "hint": error.hint or _MORE},
        }
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def error_from_json(site: str, status: int, body: Any) -> ViaductError:
    """The exception that ``site`` meant; SiteUnavailable when its answer is not ours (a proxy's, say)."""
    outer = body.get("error") if isinstance(body, dict) else None
    outer = outer if isinstance(outer, dict) else {}
    told = outer.get("viaduct")
    told = dict(told) if isinstance(told, dict) else {}
    message = str(outer.get("message") or f"it answered {status}")[:1000]
    hint = str(told.pop("hint", ""))[:1000]
    found = by_code().get(str(told.pop("code", "")))
    particulars = {name: value for name, value in told.items() if name not in ("message", "self")}
    if found is None:
        return SiteUnavailable(f"{site}: {message}", hint=hint or _hint(status), site=site, answer=status)
    return found(f"{site}: {message}", hint=hint, **{**particulars, "site": site})


def _hint(status: int) -> str:
    if status == 404:
        return "that Keystone has no OS-SYNC API: run it by keystone_viaduct.wsgi:application"
    if status == 401:
        return "look at the credentials in clouds.yaml"
    if status == 403:
        return "the account needs the role admin on the system"
    return _HINT
