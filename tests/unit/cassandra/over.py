"""What tests of several drivers share: over which tables they work, and what befalls them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keystone_viaduct.cassandra.drivers import base
from keystone_viaduct.cassandra.records import Records
from keystone_viaduct.testing.cassandra.memory import MemoryTables
from keystone_viaduct.testing.cassandra.stepping import Step, Stepping, interrupted, patient


def use(tables: Any, step: Step | None = None) -> None:
    """Let all drivers use these tables from now on."""
    records = Records(tables if step is None else Stepping(tables, step), backoff=patient())
    base.source = lambda: records


def meanwhile(tables: MemoryTables, what: str, work: Callable[[], object], number: int = 1) -> None:
    """The same tables, with something done by another client before the step of that name and number."""

    def other() -> None:
        use(tables)
        work()

    use(tables, interrupted(what, other, number))
