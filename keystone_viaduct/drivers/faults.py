"""Which errors of a database mean that the transaction may be run again.

This package knows no engine. Each engine registers a function that looks at one exception (of its DBAPI, of
SQLAlchemy, of oslo.db) and says what it means, or None when it has no opinion.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator


class Fault(enum.Enum):
    """Why a transaction failed that may succeed when it is run again."""

    CONFLICT = "conflict"
    """Serialization failure, deadlock, lost certification, locked database: certainly rolled back."""
    LOST = "lost"
    """The connection was lost, or cannot be made, before the commit: certainly rolled back."""
    REFUSED = "refused"
    """The server answers, but serves nobody at the moment (a Galera node outside of the majority)."""
    FINAL = "final"
    """Whoever raises it has repeated what could be, until a deadline of its own: it is given up on at
    once.
    """
    AMBIGUOUS = "ambiguous"
    """The connection was lost while the commit was under way: it may have happened or not."""


Classifier = Callable[[BaseException], Fault | None]

IN_COMMIT = "viaduct_in_commit"
"""Attribute that ``commits.watch`` sets on a DBAPI exception that came out of a commit."""

_classifiers: dict[str, Classifier] = {}


def register(engine: str, classifier: Classifier) -> None:
    """Let ``engine`` (a dialect's name, or ``cassandra``) tell its errors; the last registration counts."""
    _classifiers[engine] = classifier


def classify(error: BaseException) -> Fault | None:
    """What ``error`` means for its transaction; None: running it again is no use."""
    chain = list(causes(error))
    found = {fault for link in chain for classifier in _classifiers.values() if (fault := classifier(link))}
    if Fault.FINAL in found:
        return Fault.FINAL
    if Fault.AMBIGUOUS in found:
        return Fault.AMBIGUOUS
    if Fault.CONFLICT in found:
        return Fault.CONFLICT
    if Fault.REFUSED in found:
        return Fault.REFUSED
    if Fault.LOST in found:
        in_commit = any(getattr(link, IN_COMMIT, False) for link in chain)
        return Fault.AMBIGUOUS if in_commit else Fault.LOST
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it wraps: oslo.db's ``inner_exception``, SQLAlchemy's ``orig``.

    ``__cause__`` and ``__context__`` are not followed: an error that was answered by another one is dealt
    with.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while isinstance(link, BaseException) and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = getattr(link, "inner_exception", None) or getattr(link, "orig", None)
