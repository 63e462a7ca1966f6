"""Finding the records that make a transaction fail in an unforeseen way, by halving what it is about.

Each try is a transaction of its own that is undone. What is found is put aside and named, the rest goes on:
one record that nobody has foreseen stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from keystone_viaduct.errors import Unreadable
from keystone_viaduct.kinds.registry import REGISTRY
from keystone_viaduct.sync.model import Page, Ref
from keystone_viaduct.sync.ports import Store, Transaction
from keystone_viaduct.sync.site.carrying import PASSING, releasable
from keystone_viaduct.sync.site.coverage import leaving
from keystone_viaduct.sync.site.reasons import passive

#: Records of another site's page that are put aside in one call; with more of them it fails as it did. Of its
#: own a site puts aside so many at a time.
MOST = 64
_LONGEST = 200


class Quarantine(NamedTuple):
    """What went wrong with a record; ``whole``: it is not even looked at, else its content is carried."""

    why: str
    whole: bool = True


#: Nothing is known to fail.
NONE: Mapping[Ref, Quarantine] = MappingProxyType({})


class _Undo(Exception):
    """Ends a transaction that only wanted to know."""


def failure(store: Store, work: Callable[[Transaction], object]) -> Exception | None:
    """What a record makes of this work; None where it would succeed. Nothing is kept of it.

    Raises what does not lie in any record.
    """

    def trial(tx: Transaction) -> None:
        work(tx)
        raise _Undo

    try:
        store.run(trial)
    except _Undo:
        return None
    except Exception as error:
        if not store.may_be_a_record(error):
            raise
        return error
    raise AssertionError("a trial was committed")


def culprits(
    refs: Iterable[Ref], fails: Callable[[frozenset[Ref]], Exception | None], *, some: bool = False
) -> dict[Ref, Exception] | None:
    """The records without which the work succeeds, each with its error.

    None if it lies in none of them, or in more than are put aside in one call; with ``some`` a part of these.

    ``fails`` tries the work with some records put aside.
    """
    found: dict[Ref, Exception] = {}
    others = list(dict.fromkeys(refs))
    if fails(frozenset(others)) is not None:
        return None
    while (error := fails(frozenset(found))) is not None:
        if named := _named(error, found, others):
            found.update(named)
            continue
        if len(found) >= MOST:
            return found if some else None
        candidates = [ref for ref in others if ref not in found]
        good, bad = 0, len(candidates)  # so many of them are harmless, so many are not
        while bad - good > 1:
            middle = (good + bad) // 2
            caught = fails(frozenset([*found, *candidates[middle:]]))
            good, bad, error = (middle, bad, error) if caught is None else (good, middle, caught)
        found[candidates[bad - 1]] = error
    return found


def _named(error: Exception, found: Mapping[Ref, Exception], others: Iterable[Ref]) -> dict[Ref, Exception]:
    """The records that an error names by itself: a thousand of them cost no more tries than one."""
    if not isinstance(error, Unreadable):
        return {}
    kind, keys = error.fields.get("kind"), frozenset(error.fields.get("keys", ()))
    return {ref: error for ref in others if ref.kind == kind and ref.key in keys and ref not in found}


def in_words(ref: Ref, error: Exception) -> str:
    """An error for the list: of a record that has secrets only its name and number."""
    cause = getattr(error, "orig", None) or error
    number = next((str(part) for part in getattr(cause, "args", ()) if isinstance(part, int)), "")
    name = f"{type(cause).__name__} {number}".strip()
    kind = REGISTRY.get(ref.kind)
    if kind is None or kind.secret:
        return name
    why = error.fields.get("why", {}).get(ref.key) if isinstance(error, Unreadable) else None
    lines = str(why or cause).splitlines()
    return f"{name}: {lines[0][:_LONGEST]}" if lines else name


def considered(tx: Transaction, page: Page, now: int) -> list[Ref]:
    """The records that the apply of a page deals with, as in :func:`tried`."""
    former = tx.state().former
    shown = [*(change.ref for change in page.changes), *leaving(tx, page)]
    return tried(tx, [page.source, *([former] if former else [])], shown, now)


def tried(
    tx: Transaction, sources: Iterable[str], shown: Sequence[Ref], now: int, *, as_hub: bool = False
) -> list[Ref]:
    """What is shown, what is tried again of what waits from these sites, and what is carried.

    ``as_hub``: this site is becoming the hub, which tries more. The last of several that fail only together
    is blamed: what has waited, and not what it has waited for.
    """
    untried = passive(as_hub or tx.state().is_hub)
    waiting = [e for source in sources for e in tx.pending(source) if e.reason not in untried]
    carried = [record.ref for record in releasable(tx, PASSING, now)]
    return [*shown, *(entry.change.ref for entry in waiting), *carried]


def gentler(
    found: dict[Ref, Exception], fails: Callable[[dict[Ref, Quarantine]], Exception | None]
) -> dict[Ref, Quarantine]:
    """Each put aside whole, or carried where that can be done."""
    result = {ref: Quarantine(in_words(ref, error)) for ref, error in found.items()}
    for ref in _first(list(result)):
        milder = {**result, ref: result[ref]._replace(whole=False)}
        if fails(milder) is None:
            result = milder
    return result


def _first(refs: Sequence[Ref]) -> Sequence[Ref]:
    """With many of them that would take too long."""
    return refs[:8]
