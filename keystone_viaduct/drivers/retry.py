"""Runs a driver method again, as a whole, when its transaction failed for a passing reason.

Only outside of any outer transaction: inside of one, what was already done in it is lost with the failure,
and only its owner can run it again.
"""

from __future__ import annotations

import logging
from typing import Any

from keystone_viaduct.drivers import counters, faults, methods, outage, readback
from keystone_viaduct.drivers.arguments import Snapshot
from keystone_viaduct.drivers.backoff import Backoff, Waits
from keystone_viaduct.drivers.calls import Call
from keystone_viaduct.drivers.faults import Fault

LOG = logging.getLogger(__name__)

# They look first and then insert. Two at once can both find nothing; the second one then finds what the first
# inserted.
_LOOK_FIRST = frozenset(
    {
        (methods.IDENTITY, "add_user_to_group"),
        (methods.SHADOW_USERS, "add_user_to_group_expires"),
        (methods.ENDPOINT_POLICY, "create_policy_association"),
        (methods.DOMAIN_CONFIG, "create_config_options"),
        (methods.DOMAIN_CONFIG, "update_config_options"),
        (methods.FEDERATION, "update_idp"),
    }
)


class Retrier:
    """Runs calls under one set of waits."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff

    def run(self, call: Call) -> Any:
        """The result of ``call``; its last error when repeating is no use or the deadline has passed."""
        attempts = _Attempts(call, self._backoff.begin())
        while True:
            try:
                value = attempts.run()
            except Exception as error:
                if not attempts.again(error):
                    raise
            else:
                attempts.ended()
                return value


class _Attempts:
    """What is known about one call between its attempts."""

    __slots__ = ("_ambiguous", "_arguments", "_call", "_outcome", "_prepared", "_question", "_waits")

    def __init__(self, call: Call, waits: Waits) -> None:
        self._call = call
        self._waits = waits
        self._arguments = Snapshot(call.values())
        self._question: readback.Question | None = None
        self._prepared = False
        self._ambiguous: Exception | None = None
        self._outcome = counters.RECOVERED

    def run(self) -> Any:
        """One attempt; after an ambiguous commit it may show that there is nothing left to do."""
        if not self._prepared:
            self._question = readback.question(self._call)
            self._prepared = True
        if self._ambiguous is not None and self._question is not None:
            resolved = self._question(self._ambiguous)
            if resolved is not None:
                return self._resolve(resolved)
        try:
            return self._call.run()
        except Exception as error:
            if self._ambiguous is None or self._fault(error) is not None:
                raise
            resolved = readback.by_error(self._call, error)
            if resolved is None:
                raise
            return self._resolve(resolved)

    def again(self, error: Exception) -> bool:
        """Wait and make ready for another attempt, if ``error`` and the deadline allow one."""
        fault = self._fault(error)
        if fault is None or not self._wait(error, fault):
            return False
        if fault is Fault.AMBIGUOUS:
            self._ambiguous = error
        self._arguments.restore()
        return True

    def ended(self) -> None:
        """Count how it ended, if there was more than one attempt."""
        outage.served()
        if self._waits.attempts > 1:
            counters.ended(self._outcome, self._waits.spent())

    def _resolve(self, resolved: readback.Resolved) -> Any:
        self._outcome = counters.RESOLVED
        return resolved.value

    def _fault(self, error: Exception) -> Fault | None:
        fault = faults.classify(error)
        if (
            fault is None
            and (self._call.namespace, self._call.method) in _LOOK_FIRST
            and _is_duplicate(error)
        ):
            return Fault.CONFLICT
        return fault

    def _wait(self, error: Exception, fault: Fault) -> bool:
        attempts = self._waits.attempts
        refused = fault is Fault.REFUSED
        hopeless = fault is Fault.FINAL or (refused and outage.refusing())
        delay = None if hopeless else self._waits.wait(refused=refused)
        call = f"{self._call.namespace}.{self._call.method}"
        if delay is None:
            self._give_up(call, attempts, fault)
            return False
        counters.retried(self._call.namespace, self._call.method, fault.value)
        LOG.warning(
            "%s: attempt %d failed (%s: %s), run again after %.3f s [%s]",
            *(call, attempts, fault.value, type(error).__name__, delay, request_id()),
        )
        return True

    def _give_up(self, call: str, attempts: int, fault: Fault) -> None:
        outage.give_up()
        if fault is Fault.REFUSED:
            outage.refused()
        counters.ended(counters.EXHAUSTED, self._waits.spent())
        LOG.error("%s failed %d times, last by %s; giving up [%s]", call, attempts, fault.value, request_id())


def request_id() -> str:
    """The id of the request being served, for log lines; ``-`` outside of one."""
    from oslo_context import context

    current = context.get_current()
    return getattr(current, "request_id", None) or "-"


def _is_duplicate(error: Exception) -> bool:
    from oslo_db import exception as db_exception

    return isinstance(error, db_exception.DBDuplicateEntry)
