"""Where Keystone's tables live in a CockroachDB of several regions.

A ``GLOBAL`` table is read in every region without a round trip and written more slowly, by about the greatest
clock offset that the cluster allows (https://www.cockroachlabs.com/docs/stable/table-localities#global-tables).
A table ``REGIONAL BY TABLE`` is read and written fast in its home region and with a round trip elsewhere. So
what requests read all the time and few of them write is global; what ordinary requests write is regional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Locality(StrEnum):
    """As in ``ALTER TABLE … SET LOCALITY``."""

    GLOBAL = "GLOBAL"
    REGIONAL = "REGIONAL BY TABLE IN PRIMARY REGION"


_READ_MOSTLY: dict[str, str] = {
    "read with every token: projects, domains and their options": "project project_option project_tag",
    "read with every token: users, passwords, groups": "user user_option local_user nonlocal_user password"
    " federated_user group user_group_membership id_mapping",
    "read with every token: roles and grants": "role role_option implied_role assignment system_assignment",
    "read with every token: is it revoked; a log-out is written more slowly": "revocation_event",
    "read with every token: the catalog": "region service endpoint endpoint_group project_endpoint"
    " project_endpoint_group policy policy_association",
    "read at log-in: federation": "identity_provider idp_remote_ids mapping federation_protocol"
    " service_provider",
    "read at log-in: credentials": "application_credential application_credential_role"
    " application_credential_access_rule access_rule credential consumer",
    "read by services: limits": "registered_limit limit",
    "read at start: configuration of domains": "whitelisted_config sensitive_config config_register",
}
_WRITTEN: dict[str, str] = {
    "its uses are counted down": "trust trust_role",
    "made and dropped as OAuth1 goes on": "request_token access_token",
    "renewed at each federated log-in": "expiring_user_group_membership",
}
_OURS = "viaduct_"
_OURS_REASON = "written with every change, read by one agent"


@dataclass(frozen=True)
class Placement:
    """Where one table should live, and why."""

    table: str
    locality: Locality
    reason: str

    def statement(self) -> str:
        """The SQL that moves it there; by itself in its transaction."""
        quoted = self.table.replace('"', '""')
        return f'ALTER TABLE "{quoted}" SET LOCALITY {self.locality.value}'


PLACEMENTS: Mapping[str, Placement] = {
    table: Placement(table, locality, reason)
    for locality, reasons in ((Locality.GLOBAL, _READ_MOSTLY), (Locality.REGIONAL, _WRITTEN))
    for reason, tables in reasons.items()
    for table in tables.split()
}


def plan(tables: Iterable[str]) -> list[Placement]:
    """Where these tables should live; those that are not known here are left where they are."""
    found = (_placement(table) for table in sorted(tables))
    return [placement for placement in found if placement is not None]


def _placement(table: str) -> Placement | None:
    if table.startswith(_OURS):
        return Placement(table, Locality.REGIONAL, _OURS_REASON)
    return PLACEMENTS.get(table)
