"""What the commands share: errors with their hints, times, pages."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from openstack import exceptions as sdk
from osc_lib import exceptions

from keystone_viaduct.sdk.proxy import hint_of

T = TypeVar("T")
#: Rows where nobody says how many; more are fetched with --limit, page by page.
ROWS, PAGE = 100, 1000


def explained(action: Callable[..., T]) -> Callable[..., T]:
    """Of ``take_action``: what the site refuses ends with what it says, and what it advises."""

    @functools.wraps(action)
    def run(*arguments: Any) -> T:
        try:
            return action(*arguments)
        except sdk.HttpException as error:
            text = str(error.details or error.message)
            hint = hint_of(error)
            raise exceptions.CommandError(f"{text}\nhint: {hint}" if hint else text) from error

    return run


def moment(microseconds: int | None) -> str | None:
    """A time of the API, as OpenStack writes times; None for never."""
    if not microseconds:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def add_listing(parser: argparse.ArgumentParser, marker: str) -> None:
    """``--long``, ``--limit`` and ``--marker``; what the latter takes."""
    add_long(parser)
    parser.add_argument(
        "--limit", metavar="<num-items>", type=positive, default=ROWS, help=f"At most so many ({ROWS})"
    )
    parser.add_argument("--marker", metavar=marker, help=f"What comes after this {marker}")


def add_long(parser: argparse.ArgumentParser) -> None:
    """``--long``."""
    parser.add_argument("--long", action="store_true", help="List more columns")


def positive(text: str) -> int:
    """A number of rows."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def paging(parsed: argparse.Namespace) -> dict[str, Any]:
    """For a call that lists: as many in a page as are wanted, if a page holds them."""
    return {
        "limit": min(parsed.limit, PAGE),
        **({"marker": parsed.marker} if parsed.marker else {}),
    }


def first(found: Iterable[T], parsed: argparse.Namespace) -> Iterator[T]:
    """So many of them, and no page more than that takes."""
    return islice(found, parsed.limit)
