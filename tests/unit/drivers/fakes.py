"""Drivers and errors of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import faults, methods
from keystone_viaduct.drivers.backoff import Backoff
from keystone_viaduct.drivers.calls import Call
from keystone_viaduct.drivers.faults import Fault
from keystone_viaduct.drivers.retry import Retrier

QUICK = DriverSettings(retry_first_delay=0.0, retry_max_delay=0.0)


class Passing(Exception):
    """An error that a repetition cures; ``fault`` says which kind."""

    def __init__(self, fault: Fault = Fault.CONFLICT) -> None:
        super().__init__(fault.value)
        self.fault = fault


def classify(error: BaseException) -> Fault | None:
    """The classifier of the fakes."""
    return error.fault if isinstance(error, Passing) else None


@contextmanager
def fakes_registered() -> Iterator[None]:
    """Let the drivers know the errors of the fakes."""
    faults.register("fakes", classify)
    try:
        yield
    finally:
        faults._classifiers.pop("fakes")


class Scripted:
    """A driver whose methods do what a script says, call by call: raise, call a function, or return."""

    def __init__(self, **scripts: list[Any]) -> None:
        self._scripts = scripts
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self._scripts:
            raise AttributeError(name)

        def method(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, *args, *kwargs.values()))
            step = self._scripts[name].pop(0)
            if isinstance(step, BaseException):
                raise step
            return step(*args, **kwargs) if callable(step) else step

        return method


class ManualTime:
    """A monotonic clock that moves when somebody sleeps; the random wait is always the longest one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds

    def backoff(self, first: float = 1.0, longest: float = 8.0, deadline: float = 60.0) -> Backoff:
        """Waits by this clock."""
        return Backoff(
            first,
            longest,
            deadline,
            monotonic=lambda: self.now,
            sleep=self.sleep,
            uniform=lambda _low, high: high,
            refused_deadline=deadline / 10,
        )


def run(driver: Any, method: str, *args: Any, namespace: str = methods.IDENTITY, **kwargs: Any) -> Any:
    """Run a method of a driver under retry, without waiting."""
    return Retrier(ManualTime().backoff()).run(Call(driver, namespace, method, args, kwargs))
