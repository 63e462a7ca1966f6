"""The values that a comparison gives: what matches, what clashes, which ids would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .access import Access


@dataclass(frozen=True, slots=True)
class Match:
    """The same thing at both sites. ``differing``: fields whose contents are not equal (names only)."""

    kind: str
    here: str
    there: str
    label: str
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """One record that gets another id. ``outside``: other services may have stored the old one."""

    kind: str
    old: str
    new: str
    label: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Clash:
    """Records that can't be settled by rule. ``reason`` is one of:

    ``crossed``    name and id point to different records
    ``ambiguous``  several records hold the same name
    ``case``       names that differ in case only, while a database of the fleet folds it
    ``hashed``     user ids are made from the domain's id (LDAP)
    ``held``       another id for something that adopt does not re-key (an application credential, a trust)
    """

    kind: str
    reason: str
    here: tuple[str, ...]
    there: tuple[str, ...]
    label: str
    hint: str


@dataclass(frozen=True)
class Plan:
    """What adopting ``site`` means. Keys in ``only_here`` are the site's own; the maps go by kind.

    moves        re-keying in the site's own database
    hub_moves    re-keying to be done at the hub, where an override says that the site's id stays
    compared     number of records here, in all
    access       whose access changes, once an operator has chosen how
    along        how many of each kind hold at both sites from then on, with nothing to choose: credentials
                 and trusts of accounts that both have, and grants on what only one of the sites has
    secrets      whether the secrets of both could be compared
    """

    site: str
    hub: str
    folds: bool
    matches: tuple[Match, ...] = ()
    moves: tuple[Move, ...] = ()
    hub_moves: tuple[Move, ...] = ()
    clashes: tuple[Clash, ...] = ()
    apart: tuple[Match, ...] = ()
    only_here: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only_there: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    compared: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    access: tuple[Access, ...] = ()
    along: Mapping[str, int] = field(default_factory=dict)
    secrets: bool = True

    def due(self, *, rekey: bool) -> tuple[Move, ...]:
        """The moves that ``--apply`` makes with or without ``--rekey``."""
        return tuple(move for move in self.moves if rekey or not move.outside)

    def withheld(self, *, rekey: bool) -> tuple[Move, ...]:
        """The moves that wait for ``--rekey``."""
        return () if rekey else tuple(move for move in self.moves if move.outside)

    @property
    def settled(self) -> bool:
        """Whether no id is left to change here."""
        return not self.moves
