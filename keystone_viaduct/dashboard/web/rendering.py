"""Templates: always escaped, everything invisible written out, nothing inline."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from keystone_viaduct.dashboard.view import words


def environment() -> jinja2.Environment:
    """The templates of this package."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("keystone_viaduct.dashboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(link=link, count=words.count, span=words.span)
    made.filters.update(span=words.span, moment=moment, iso=iso, shown=words.shown, compact=words.compact)
    return made


def _plain(value: Any) -> Any:
    """What each ``{{ }}`` passes through."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return words.plain(value)


def link(*parts: str, **query: object) -> str:
    """A path of these parts, with the query that is not empty."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    wanted = {name.rstrip("_"): str(value) for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(wanted)}" if wanted else path


def moment(at: float) -> str:
    """A time as people read it, in UTC; ``never`` for 0."""
    if not at:
        return "never"
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(at: float) -> str:
    """A time for a machine."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds")


def ages(now: float) -> Any:
    """``ago(then)`` at this moment, for templates."""
    return partial(_ago, now=now)


def _ago(then: float, now: float) -> str:
    return words.ago(then, now)
