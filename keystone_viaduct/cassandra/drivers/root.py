"""The root of all domains: a record that SQL databases get by a migration, and that every driver hides."""

from __future__ import annotations

from keystone.resource.backends import base, sql_model

from keystone_viaduct.cassandra.drivers.resource import CODEC, PROJECT
from keystone_viaduct.cassandra.records import Fields, Records

ROOT = str(base.NULL_DOMAIN_ID)


def is_there(records: Records) -> bool:
    """Whether it is."""
    return records.get_latest(PROJECT, ROOT) is not None


def make(records: Records) -> bool:
    """Make it, if it is not there; whether it was made."""
    made = False

    def decide(before: Fields | None) -> Fields:
        nonlocal made
        made = before is None
        return _fields() if before is None else before

    records.change(PROJECT, ROOT, decide)
    return made


def _fields() -> Fields:
    root = sql_model.Project(
        name=ROOT, domain_id=ROOT, description="", enabled=False, is_domain=True, parent_id=None, extra={}
    )
    return CODEC.fields(root)
