"""One call of a driver method."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)  # frozen would double what making one costs, and there is one per driver call
class Call:
    """``driver.method(*args, **kwargs)`` for a driver of ``namespace``; the method is looked up at each
    attempt.
    """

    driver: Any
    namespace: str
    method: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Any:
        """Run the method once."""
        return getattr(self.driver, self.method)(*self.args, **self.kwargs)

    def named(self) -> dict[str, Any]:
        """The arguments by the names of the method's parameters, defaults filled in."""
        bound = inspect.signature(getattr(self.driver, self.method)).bind(*self.args, **self.kwargs)
        bound.apply_defaults()
        return bound.arguments

    def ask(self, method: str, *args: Any) -> Any:
        """Run another method of the same driver."""
        return getattr(self.driver, method)(*args)

    def values(self) -> list[Any]:
        """All arguments, by position and then by name."""
        return [*self.args, *self.kwargs.values()]
