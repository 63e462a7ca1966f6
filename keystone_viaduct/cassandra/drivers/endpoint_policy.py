"""Namespace ``keystone.endpoint_policy``: the policies of endpoints, services, and services in regions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from keystone import exception
from keystone.endpoint_policy.backends import base

from keystone_viaduct.cassandra.drivers.base import Driver
from keystone_viaduct.cassandra.records import Fields, Listing, Shape
from keystone_viaduct.cassandra.records.shape import ALL, everywhere, field_of

ENDS = ("endpoint_id", "service_id", "region_id")
ASSOCIATION = Shape(
    "policy_association",
    listings=(
        Listing(ALL, everywhere),
        Listing("policy_id", field_of("policy_id")),
        *(Listing(name, field_of(name)) for name in ENDS),
    ),
)
"""Key: endpoint, service and region, of which some are empty: so each has one policy."""


class EndpointPolicy(Driver, base.EndpointPolicyDriverBase):  # type: ignore[misc]
    """See the base class."""

    def create_policy_association(
        self,
        policy_id: str,
        endpoint_id: str | None = None,
        service_id: str | None = None,
        region_id: str | None = None,
    ) -> None:
        """Give it a policy, in the place of the one that it has."""
        fields = {
            **dict(zip(ENDS, (endpoint_id, service_id, region_id), strict=True)),
            "policy_id": policy_id,
        }
        self._change(ASSOCIATION, key(endpoint_id, service_id, region_id), lambda _: fields)

    def check_policy_association(
        self,
        policy_id: str,
        endpoint_id: str | None = None,
        service_id: str | None = None,
        region_id: str | None = None,
    ) -> None:
        """Raise where it has not got that policy."""
        if self.get_policy_association(endpoint_id, service_id, region_id)["policy_id"] != policy_id:
            raise exception.PolicyAssociationNotFound()

    def delete_policy_association(
        self,
        policy_id: str,
        endpoint_id: str | None = None,
        service_id: str | None = None,
        region_id: str | None = None,
    ) -> None:
        """Take that policy from it; nothing happens where it has another one."""
        self._forget(key(endpoint_id, service_id, region_id), "policy_id", policy_id)

    def get_policy_association(
        self, endpoint_id: str | None = None, service_id: str | None = None, region_id: str | None = None
    ) -> dict[str, Any]:
        """The policy that it has."""
        fields = self._records.get(ASSOCIATION, key(endpoint_id, service_id, region_id))
        if fields is None:
            raise exception.PolicyAssociationNotFound()
        return {"policy_id": fields["policy_id"]}

    def list_associations_for_policy(self, policy_id: str) -> list[dict[str, Any]]:
        """What has a policy."""
        return [dict(fields) for _, fields in self._records.list(ASSOCIATION, "policy_id", policy_id)]

    def delete_association_by_endpoint(self, endpoint_id: str) -> None:
        """Take its policy from an endpoint."""
        self._clear("endpoint_id", endpoint_id)

    def delete_association_by_service(self, service_id: str) -> None:
        """Take its policies from a service, those for single regions too."""
        self._clear("service_id", service_id)

    def delete_association_by_region(self, region_id: str) -> None:
        """Take their policies from all services in a region."""
        self._clear("region_id", region_id)

    def delete_association_by_policy(self, policy_id: str) -> None:
        """Take a policy from all that has it."""
        self._clear("policy_id", policy_id)

    def _clear(self, path: str, target: str) -> None:
        """One by one: an interrupted one is done again."""
        for key, _fields in self._records.list(ASSOCIATION, path, target):
            self._forget(key, path, target)

    def _forget(self, key: str, name: str, value: str) -> None:
        def decide(before: Fields | None) -> Fields | None:
            return None if before is None or before[name] == value else before

        self._change(ASSOCIATION, key, decide)


def key(*ends: str | None) -> str:
    """The key of what these three name."""
    return "/".join(quote(end or "", safe="") for end in ends)
