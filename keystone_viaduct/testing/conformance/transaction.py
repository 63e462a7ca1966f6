"""What every implementation of ``sync.ports.Store`` and ``Transaction`` must do.

Subclass :class:`TransactionSuite` and give it a fixture ``store``: a fresh site called ``east``, its own hub,
over Keystone's tables as its migrations leave them, whose edits leave marks.
"""

from __future__ import annotations

from keystone_viaduct.testing.conformance.bookkeeping import BookkeepingSuite
from keystone_viaduct.testing.conformance.carried import CarriedSuite
from keystone_viaduct.testing.conformance.conflicts import ConflictsSuite
from keystone_viaduct.testing.conformance.documents import DocumentsSuite
from keystone_viaduct.testing.conformance.judging import JudgingSuite
from keystone_viaduct.testing.conformance.records import RecordsSuite
from keystone_viaduct.testing.conformance.signing import SigningSuite
from keystone_viaduct.testing.conformance.sweeping import SweepingSuite
from keystone_viaduct.testing.conformance.waiting import WaitingSuite


class TransactionSuite(
    CarriedSuite,
    RecordsSuite,
    DocumentsSuite,
    SweepingSuite,
    BookkeepingSuite,
    WaitingSuite,
    ConflictsSuite,
    JudgingSuite,
    SigningSuite,
):
    """Inherit it in a test module."""
