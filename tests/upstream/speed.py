"""What upstream's tests do again and again without need, done once per process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compile_rules_once() -> None:
    """Each test builds Keystone's application, from the same few hundred routes, and Werkzeug compiles each.

    What it compiles is a function of the rule's parts, and takes the rule itself as an argument.
    """
    from werkzeug.routing.rules import Rule

    original = Rule._compile_builder
    kept: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}

    def compile_builder(self: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if self.defaults:
            return original(self, append_unknown)
        key = (append_unknown, *self._trace)
        if key not in kept:
            kept[key] = original(self, append_unknown)
        return kept[key]

    Rule._compile_builder = compile_builder  # type: ignore[method-assign]
