"""What a policy is asked and what it answers."""

from __future__ import annotations

from typing import NamedTuple

from keystone_viaduct.sync.model import FieldState


class Contest(NamedTuple):
    """Both sides changed the same field (or life): the hub's state, and the one that came from ``source``."""

    ours: FieldState
    theirs: FieldState
    source: str


class Choice(NamedTuple):
    """Whether the incoming side wins, why, and whether an operator still has to confirm."""

    incoming_wins: bool
    why: str
    open: bool = False
