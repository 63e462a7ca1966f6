"""Counts what our wrapping did during upstream's tests: a wrapping that is not there would pass them too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from keystone_viaduct.drivers import memo, proxy

counted: Counter[str] = Counter()
"""``calls`` that drivers were given through the wrapping, ``requests`` to the application, ``remembered``
answers given within them."""


def count_calls() -> None:
    """Count what goes to drivers from now on."""
    original: Callable[..., Any] = proxy.Wrapping._call

    def _call(self: proxy.Wrapping, call: Any) -> Any:
        counted["calls"] += 1
        return original(self, call)

    proxy.Wrapping._call = _call  # type: ignore[method-assign]


def count_requests(application: Callable[..., Any]) -> Callable[..., Any]:
    """The application that a ``RequestMemo`` goes around, counting."""

    def counting(environ: Any, start_response: Any) -> Any:
        counted["requests"] += 1
        try:
            return application(environ, start_response)
        finally:
            remembered = memo.current()
            if remembered is not None:
                counted["remembered"] += remembered.hits

    return counting
