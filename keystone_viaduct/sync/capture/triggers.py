"""Capture by triggers: installed, compared and removed on a live database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from keystone_viaduct.documents.schema import Schema
from keystone_viaduct.sync.capture.specs import PREFIX, capture_specs
from keystone_viaduct.sync.capture.upholding import upholding_specs
from keystone_viaduct.triggers import Action, Installer, PrivilegeProblem, State, TriggerSpec, TriggerStatus


class TriggerCapture:
    """The capture triggers of one database; see :class:`keystone_viaduct.triggers.Installer`."""

    def __init__(
        self,
        connection: Any,
        schema: Schema,
        *,
        wanted: bool = True,
        possible: bool = True,
        lock_seconds: float = 5.0,
    ) -> None:
        """``wanted``: False where events capture; ``possible``: False where there can be no trigger.

        On SQLite there are in either case those that keep references. ``lock_seconds``: how long writers may
        queue behind a table that an installation waits for.
        """
        self.specs: Sequence[TriggerSpec] = _specs(schema, wanted)
        self._installer = Installer(connection, PREFIX, lock_seconds=lock_seconds) if possible else None

    def install(self, *, dry_run: bool = False) -> list[Action]:
        """Create what is missing, replace what is outdated, drop orphans. Raises TriggerError."""
        return self._installer.install(self.specs, dry_run=dry_run) if self._installer else []

    def remove(self) -> list[Action]:
        """Drop all of them: nothing is captured any more."""
        return self._installer.prune() if self._installer else []

    def status(self) -> list[TriggerStatus]:
        """The state of every trigger, then the orphans."""
        return self._installer.status(self.specs) if self._installer else []

    def problems(self) -> list[PrivilegeProblem]:
        """Privileges that installing would need and the database user lacks."""
        return self._installer.check_privileges(self.specs) if self._installer and self.specs else []

    def complete(self) -> bool:
        """Whether every trigger is there as this release wants it."""
        return all(item.state is State.INSTALLED for item in self.status())


@lru_cache(maxsize=4)
def _specs(schema: Schema, wanted: bool) -> tuple[TriggerSpec, ...]:
    """What the database should have. The same objects for the same schema, so that each is compiled once."""
    return (*(capture_specs(schema) if wanted else ()), *upholding_specs(schema))
