"""Which drivers Keystone's configuration chooses, and whether any of them needs an SQL database."""

from __future__ import annotations

from typing import Any

CASSANDRA = "cassandra"
_WITHOUT_SQL = frozenset({CASSANDRA, "ldap"})

GROUPS = (
    "application_credential",
    "assignment",
    "catalog",
    "credential",
    "domain_config",
    "endpoint_policy",
    "federation",
    "identity",
    "identity_mapping",
    "oauth1",
    "policy",
    "resource",
    "revoke",
    "role",
    "shadow_users",
    "trust",
    "unified_limit",
)
"""The groups of Keystone's configuration that choose a driver with data in a database."""


def chosen(conf: Any) -> dict[str, str]:
    """Group to driver; that of roles is the assignment driver's where none is set, as Keystone has it."""
    drivers = {group: conf[group].driver for group in GROUPS}
    return {**drivers, "role": drivers["role"] or drivers["assignment"]}


def any_in_cassandra(conf: Any) -> bool:
    """Whether any data is in Cassandra."""
    return CASSANDRA in chosen(conf).values()


def without_sql(conf: Any) -> bool:
    """Whether no driver has anything in an SQL database."""
    return _WITHOUT_SQL.issuperset(chosen(conf).values())
