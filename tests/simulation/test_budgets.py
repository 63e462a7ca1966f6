"""What a limited site may have the hub keep: over a fleet in memory."""

from __future__ import annotations

from functools import partial

import pytest

from keystone_viaduct.errors import Refused
from keystone_viaduct.sync.ports import Transaction
from keystone_viaduct.sync.site import refusals
from tests.simulation.hostile.stage import LIMITED, Stage, staged


def _refused(s: Stage, value: str) -> None:
    """An edit of another domain's user, brought to the hub."""
    s.set("user", "boss", extra__email=value)
    s.site("hub").apply(s.read("west", "hub"))


def _listed(s: Stage) -> int:
    return sum(row.sort == "refused" for row in s.conflicts)


def _close(identifier: str, tx: Transaction) -> None:
    """An operator has looked at it."""
    tx.close_conflicts([identifier], "kept")


def test_beyond_what_a_person_can_look_at_no_more_refusals_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page is refused, and all else goes on: the same refusal again, and what is allowed."""
    monkeypatch.setattr(refusals, "MOST_REFUSED", 2)
    with staged(LIMITED) as s:
        _refused(s, "first")
        _refused(s, "second")
        with pytest.raises(Refused, match="2 changes of west were refused"):
            _refused(s, "third")
        assert _listed(s) == 2
        _refused(s, "second")
        assert _listed(s) == 2
        for row in s.conflicts:
            s.store("hub").run(partial(_close, row.id))
        _refused(s, "third")
        assert _listed(s) == 3


def test_the_bytes_of_what_was_refused_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST_REFUSED_BYTES", 5000)
    with staged(LIMITED) as s:
        _refused(s, "x" * 6000)
        with pytest.raises(Refused, match="nobody has looked at them"):
            _refused(s, "y" * 10)
        assert _listed(s) == 1
