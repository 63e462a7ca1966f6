"""The object that stands in for a driver: everything is the driver's own, but its methods go through here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from keystone_viaduct.config import DriverSettings
from keystone_viaduct.drivers import arguments, derive, memo, methods, scope
from keystone_viaduct.drivers.backoff import Backoff
from keystone_viaduct.drivers.calls import Call
from keystone_viaduct.drivers.methods import Effect
from keystone_viaduct.drivers.retry import Retrier

_serials = itertools.count()


class Wrapping:
    """How the methods of one driver are run."""

    def __init__(self, driver: Any, namespace: str, settings: DriverSettings) -> None:
        self.driver = driver
        self.namespace = namespace
        self.settings = settings
        self._group = methods.group(namespace)
        self._serial = next(_serials)
        self.derives = derive.applies(driver)
        self._retrier = Retrier(
            Backoff(
                settings.retry_first_delay,
                settings.retry_max_delay,
                settings.retry_deadline,
                refused_deadline=settings.refused_deadline,
            )
        )

    def method(self, name: str) -> Callable[..., Any] | None:
        """The function that runs ``name`` our way; None when it is the driver's own affair."""
        effect = methods.effect(self.namespace, name)
        if effect is Effect.PLAIN:
            return None
        run = {Effect.READ: self._read, Effect.WRITE: self._write, Effect.SILENT: self._call}[effect]

        def method(*args: Any, **kwargs: Any) -> Any:
            return run(Call(self.driver, self.namespace, name, args, kwargs))

        method.__name__ = name
        return method

    def _call(self, call: Call) -> Any:
        if not self.settings.retry or scope.current() is not scope.Scope.NONE:
            return call.run()
        return self._retrier.run(call)

    def _write(self, call: Call) -> Any:
        remembered = memo.current()
        if remembered is None:
            return self._call(call)
        with remembered.writing(self._group):
            return self._call(call)

    def _read(self, call: Call) -> Any:
        remembered = memo.current()
        if remembered is None or scope.current() is not scope.Scope.NONE:
            return self._call(call)
        return _Remembered(self, remembered).answer(call)

    def run(self, call: Call) -> Any:
        """Put a question to the driver itself."""
        return self._call(call)

    def key(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> memo.Key:
        """What a question is remembered under; raises ``memo.Unkeepable``."""
        named = tuple((name, memo.freeze(kwargs[name])) for name in sorted(kwargs))
        return (self._group, self._serial, method, tuple(memo.freeze(value) for value in args), named)


class _Remembered:
    """The read methods of a driver within one request (``derive.Questions``)."""

    def __init__(self, wrapping: Wrapping, remembered: memo.Memo) -> None:
        self._wrapping = wrapping
        self._memo = remembered

    def answer(self, call: Call) -> Any:
        """The answer to one call: from memory, from other answers, or from the driver."""
        try:
            key = self._wrapping.key(call.method, call.args, call.kwargs)
        except memo.Unkeepable:
            return self._wrapping.run(call)
        mutable = [value for value in call.values() if arguments.is_mutable(value)]
        answer = self._memo.recall(key, mutable)
        if answer is not memo.MISSING:
            return answer
        answer = derive.UNKNOWN
        if self._wrapping.derives and not call.kwargs:
            answer = derive.answer(self, call.namespace, call.method, call.args)
        if answer is derive.UNKNOWN:
            answer = self._wrapping.run(call)
            if self._wrapping.derives:
                derive.spread(self, call.namespace, call.method, answer)
        self._memo.keep(key, answer, mutable)
        return answer

    def ask(self, method: str, *args: Any) -> Any:
        """See ``derive.Questions``."""
        return self.answer(Call(self._wrapping.driver, self._wrapping.namespace, method, args))

    def knows(self, method: str, *args: Any) -> bool:
        """See ``derive.Questions``."""
        return self._memo.knows(self._wrapping.key(method, args, {}))

    def tell(self, method: str, args: tuple[Any, ...], answer: Any) -> None:
        """See ``derive.Questions``."""
        self._memo.keep(self._wrapping.key(method, args, {}), answer, [])


class DriverProxy:
    """Stands in for a driver; ``isinstance`` included."""

    def __init__(self, driver: Any, namespace: str, settings: DriverSettings) -> None:
        object.__setattr__(self, "_viaduct", Wrapping(driver, namespace, settings))
        object.__setattr__(self, "_viaduct_methods", {})

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(unwrap(self))

    def __getattr__(self, name: str) -> Any:
        known: dict[str, Any] = object.__getattribute__(self, "_viaduct_methods")
        if name in known:
            return known[name]
        wrapping: Wrapping = object.__getattribute__(self, "_viaduct")
        attribute = getattr(wrapping.driver, name)
        if not callable(attribute):
            return attribute
        method = wrapping.method(name)
        if method is None:
            return attribute
        known[name] = method
        return method

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(unwrap(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(unwrap(self), name)

    def __dir__(self) -> list[str]:
        return dir(unwrap(self))

    def __repr__(self) -> str:
        return f"<wrapped {unwrap(self)!r}>"


def unwrap(driver: Any) -> Any:
    """The driver itself."""
    if type(driver) is not DriverProxy:
        return driver
    wrapping: Wrapping = object.__getattribute__(driver, "_viaduct")
    return wrapping.driver
