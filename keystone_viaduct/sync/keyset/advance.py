"""When the fleet's keys may go a step further; pure decisions.

A key passes through four stages: *staged* (every site has it, none uses it), *primary* (new tokens are made
with it), *retired* (only old tokens need it), *pruned*. Each change of the set is a new generation. The next
one is made only when every site has confirmed the present one, so whatever is primary anywhere is known
everywhere; a key is pruned only when it has been retired at every site for as long as a token lives.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from keystone_viaduct.sync.keyset.model import Keyset, Retired, new_key


class Step(enum.Enum):
    """What was decided."""

    NOTHING = "nothing"
    WAITING = "waiting"
    RETIRED = "retired"
    PROMOTED = "promoted"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A site held exactly the keys of a digest at a time (microseconds)."""

    digest: str
    at: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The keyset from now on, what was done, and which sites it waits for."""

    keyset: Keyset
    step: Step
    missing: tuple[str, ...] = ()


def blocking(keyset: Keyset, sites: Iterable[str], confirmed: Mapping[str, Confirmation]) -> tuple[str, ...]:
    """The sites that have not confirmed the present generation."""
    digest = keyset.state.digest
    return tuple(sorted(site for site in sites if site not in confirmed or confirmed[site].digest != digest))


def advance(
    keyset: Keyset,
    sites: Iterable[str],
    confirmed: Mapping[str, Confirmation],
    *,
    now: int,
    lifetime: int,
    interval: int = 0,
) -> Verdict:
    """One step. ``lifetime``: how long a token may be shown; ``interval``: a rotation at least so often
    (0: only when asked for); both in microseconds.
    """
    missing = blocking(keyset, sites, confirmed)
    due = bool(interval) and now - keyset.promoted_at >= interval
    if missing:
        return Verdict(keyset, Step.WAITING, missing)
    retired = _retire(keyset, now)
    if retired != keyset:
        return Verdict(retired, Step.RETIRED)
    old = [o for o in keyset.others if o.since is not None and now - o.since >= lifetime]
    if old:
        kept = tuple(other for other in keyset.others if other not in old)
        return Verdict(replace(keyset, generation=keyset.generation + 1, others=kept), Step.PRUNED)
    if keyset.wanted or due:
        return Verdict(promoted(keyset, now), Step.PROMOTED)
    return Verdict(keyset, Step.NOTHING)


def promoted(keyset: Keyset, now: int) -> Keyset:
    """The staged key is used from now on, and a new one is staged."""
    return Keyset(
        keyset.generation + 1,
        new_key(),
        keyset.staged,
        (*keyset.others, Retired(keyset.primary)),
        wanted=False,
        promoted_at=now,
    )


def _retire(keyset: Keyset, now: int) -> Keyset:
    """Every site has the present generation, so nobody uses the others from now on."""
    others = tuple(replace(other, since=now) if other.since is None else other for other in keyset.others)
    return replace(keyset, others=others)
