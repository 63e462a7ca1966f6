"""Errors on the wire: ``{"error": {"code": 409, "title", "message", "viaduct": {"code", "hint", ...}}}``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from keystone_viaduct import errors
from keystone_viaduct.errors import SiteUnavailable, TooFast, ViaductError
from keystone_viaduct.sync.model import Change

#: Records of a page that a log names.
NAMED = 3
_MORE = "docs/reference/errors.md says more about it"
#: Seconds that a site may ask for; a longer wait is none that it has counted.
_LONGEST = 24 * 3600.0
#: Controls, line ends, marks of a text's direction, halves of surrogate pairs.
_ACTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LATER = "nothing is wrong: send it again later"
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


def error_from_json(site: str, status: int, body: Any, retry_after: str | None = None) -> ViaductError:
    """The exception that ``site`` meant. When its answer is not ours (a proxy's, say): TooFast for 429, else
    SiteUnavailable. ``retry_after``: that header.
    """
    outer = body.get("error") if isinstance(body, dict) else None
    outer = outer if isinstance(outer, dict) else {}
    told = outer.get("viaduct")
    told = dict(told) if isinstance(told, dict) else {}
    message = one_line(str(outer.get("message") or f"it answered {status}"))
    hint = one_line(str(told.pop("hint", "")))
    found = by_code().get(str(told.pop("code", "")))
    particulars = {
        name: one_line(value) if isinstance(value, str) else value
        for name, value in told.items()
        if name not in ("message", "self") and isinstance(value, str | int | float | bool | None)
    }
    if found is TooFast or (found is None and status == 429):
        wait = _seconds(particulars.pop("wait", None), retry_after)
        told_wait = {} if wait is None else {"wait": wait}
        return TooFast(
            f"{site}: {message}", hint=hint or _LATER, **{**particulars, **told_wait, "site": site}
        )
    if found is None:
        return SiteUnavailable(f"{site}: {message}", hint=hint or _hint(status), site=site, answer=status)
    return found(f"{site}: {message}", hint=hint, **{**particulars, "site": site})


def one_line(text: str) -> str:
    """What another site says, such that it does nothing in a log or on a terminal, and begins no line."""
    return _ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text[:1000])


def first_records(changes: Sequence[Change]) -> str:
    """The first few of a page's records, for a log: another site has called them so."""
    return one_line(", ".join(str(change.ref) for change in changes[:NAMED]))


def _seconds(wait: Any, retry_after: str | None) -> float | None:
    """How long to wait, as the body tells it or the header (its form with a date is not read)."""
    if isinstance(wait, int | float) and not isinstance(wait, bool) and 0 <= wait <= _LONGEST:
        return float(wait)
    header = (retry_after or "").strip()
    return min(float(header), _LONGEST) if re.fullmatch(r"[0-9]{1,9}", header) else None


def _hint(status: int) -> str:
    if status == 404:
        return "that Keystone has no OS-SYNC API: run it by keystone_viaduct.wsgi:application"
    if status == 401:
        return "look at the credentials in clouds.yaml"
    if status == 403:
        return "the account needs the role admin on the system"
    return _HINT
