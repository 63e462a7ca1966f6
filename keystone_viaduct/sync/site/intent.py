"""What an apply means to do with one record, before it is numbered and written."""

from __future__ import annotations

from dataclasses import dataclass, field

from keystone_viaduct.sync.model import Change, Conflict, Document, Record, Ref


@dataclass
class Intent:
    """One record of the set that is applied in one transaction.

    ``content`` is what it shall hold (None: deleted), ``old`` what it holds now (None: not there), both
    without defaults. ``record`` is the record to keep; its ``seq`` is given when the set is final.
    ``fresh`` asks for a dot of this site's own: the site adds an edit of the fields ``touched`` to what it
    received. ``ours``: the source has not touched it, it is an edit that another change makes necessary.
    ``answer``: it was deleted here long ago, and the source is told so.
    ``hollow``: its tombstone answers the source and is no news to anybody who has made the record
    meanwhile. ``release``: nobody has changed it, but what kept it out of the tables may be gone.
    """

    ref: Ref
    change: Change
    record: Record
    content: Document | None
    old: Document | None
    fresh: bool = False
    vacate: bool = False
    ours: bool = False
    answer: bool = False
    hollow: bool = False
    release: bool = False
    touched: set[str] = field(default_factory=set)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def deletes(self) -> bool:
        """Whether something that is there goes away."""
        return self.content is None
