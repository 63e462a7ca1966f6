"""What an incoming change is to a site, judged by versions alone (PROTOCOL rules 2, 3, 6, 9)."""

from __future__ import annotations

import enum

from keystone_viaduct.sync.model import Change, Record, Version


class Verdict(enum.Enum):
    """The relation of a change to what the site has."""

    KNOWN = "known"
    ACCEPT = "accept"
    CONCURRENT = "concurrent"
    ZOMBIE = "zombie"


def judge(local: Record | None, change: Change, knowledge: Version, *, was_outside: bool = False) -> Verdict:
    """Compare versions; knowledge speaks only about records that are absent.

    A record that is absent here although its birth is known here was deleted here (ZOMBIE); of one born
    unnumbered in a restored backup (the zero dot) nobody can say so, and one that ``was_outside`` of what
    this site holds is new here. What was evicted is taken as it comes. Equal versions with different contents
    come from a restored backup and count as concurrent.
    """
    if local is not None and local.evicted:
        return Verdict.ACCEPT
    if local is None:
        if change.deleted:
            return Verdict.KNOWN if knowledge.covers(change.version) else Verdict.ACCEPT
        if change.birth.seq and knowledge.includes(change.birth) and not was_outside:
            return Verdict.ZOMBIE
        return Verdict.ACCEPT
    if local.version == change.version:
        return Verdict.KNOWN if local.digest == change.digest else Verdict.CONCURRENT
    if local.version.covers(change.version):
        return Verdict.KNOWN
    if change.version.covers(local.version):
        return Verdict.ACCEPT
    return Verdict.CONCURRENT
