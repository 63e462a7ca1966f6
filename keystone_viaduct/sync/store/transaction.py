"""One transaction at one site: :class:`keystone_viaduct.sync.ports.Transaction` over SQL."""

from __future__ import annotations

from keystone_viaduct.sync.store.audit import AuditPart
from keystone_viaduct.sync.store.budgets import BudgetsPart
from keystone_viaduct.sync.store.choices import ChoicesPart
from keystone_viaduct.sync.store.documents import DocumentsPart
from keystone_viaduct.sync.store.drivers import DriversPart
from keystone_viaduct.sync.store.judging import JudgingPart
from keystone_viaduct.sync.store.keysets import KeysetsPart
from keystone_viaduct.sync.store.leases import LeasesPart
from keystone_viaduct.sync.store.marks import MarksPart
from keystone_viaduct.sync.store.overview import OverviewPart
from keystone_viaduct.sync.store.records import RecordsPart
from keystone_viaduct.sync.store.signing import SigningPart
from keystone_viaduct.sync.store.sweeping import SweepingPart


class SqlTransaction(
    DocumentsPart,
    DriversPart,
    MarksPart,
    RecordsPart,
    BudgetsPart,
    JudgingPart,
    ChoicesPart,
    SweepingPart,
    LeasesPart,
    KeysetsPart,
    OverviewPart,
    AuditPart,
    SigningPart,
):
    """Everything that one transaction at a site can do. Made by :class:`SqlStore` only."""
