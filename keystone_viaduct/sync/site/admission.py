"""What the steps of an apply ask of who hears a spoke at the hub (``sync.site.trial`` answers it)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from keystone_viaduct.sync.model import Change, Ref
from keystone_viaduct.sync.site.intent import Intent


class AdmissionCheck(Protocol):
    """Of one page of a spoke: is it to be believed, and may it do that?"""

    refused: set[Ref]

    def believes(self, change: Change) -> bool:
        """Whether a change may be looked at; else it waits, or is refused at once."""
        ...

    def hear(self) -> bool:
        """Judge all that the source wants done until nothing more is refused; whether something was."""
        ...

    def refuses(self, intent: Intent) -> bool:
        """Judge one more intent, now that the source has nothing more to show; refused, it is reverted, or
        waits.
        """
        ...

    def refuses_instead(self, intent: Intent, becomes: Intent) -> bool:
        """Judge what an intent comes to at the hub, where that is a change of another record (a merge)."""
        ...

    def may(self, intent: Intent) -> bool:
        """Whether the source may have that done."""
        ...

    def others_wait(self, ref: Ref) -> bool:
        """Whether another site's version of a record waits here."""
        ...

    def look_for_others(self, refs: Collection[Ref]) -> None:
        """Read in one go what waits of these records from other sites."""
        ...

    def may_rename(self, rival: Intent) -> bool:
        """Whether the source may have the hub's record give its name away."""
        ...

    def may_change(self, rival: Intent, fields: frozenset[str]) -> bool:
        """Whether the source may have the hub's record give these of its values away."""
        ...
